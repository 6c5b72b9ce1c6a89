package identity

import (
	"net/http"
	"strings"

	"github.com/cliendo/gateway/caddymodule/provider"
)

// Ask is the question that a flow with this state asks a provider. Every one is
// somebody's explicit choice, so they choose the account, too: the only one that is
// signed in there may be the private one. hint is the address they typed.
func (f Flow) Ask(state, redirect, hint string) provider.Flow {
	return provider.Flow{
		State: state, Nonce: f.Nonce(), Verifier: f.Verifier(), Redirect: redirect, Prompt: provider.SelectAccount, LoginHint: hint,
	}
}

// Callback is the address at which a provider answers, exactly as it is registered
// there. origin is the public URL with the prefix; where it is empty, on a machine of
// one's own, it is that of the request.
func Callback(r *http.Request, origin, prefix string, https bool, name string) string {
	if origin == "" {
		scheme := "http"
		if https || r.TLS != nil {
			scheme = "https"
		}
		origin = scheme + "://" + r.Host + prefix
	}
	return strings.TrimSuffix(origin, "/") + "/provider/" + name + "/callback"
}
