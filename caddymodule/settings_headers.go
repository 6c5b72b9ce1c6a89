package caddymodule

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/cliendo/gateway/caddymodule/guard"
	"github.com/cliendo/gateway/caddymodule/session"
)

// headerOff in place of a name: the header is not sent.
const headerOff = "off"

// identityHeaders lists what the app can be told. The default names are the guard's.
var identityHeaders = []struct {
	what  string
	value int // of session.Facts.Values
}{
	{"user", session.ValueUser},
	{"email", session.ValueEmail},
	{"name", session.ValueName},
	{"groups", session.ValueGroups},
	{"account", session.ValueAccount},
	{"account_state", session.ValueAccountState},
	{"session", session.ValueSession},
	{"amr", session.ValueAmr},
	{"auth_time", session.ValueAuthTime},
	{"assertion", session.ValueAssertion},
}

// headerNames lays the configured names over the defaults. Names that fold to
// the same are a collision: many apps cannot tell Remote-User from Remote_User.
func headerNames(configured map[string]string) (names [session.Values]string, err error) {
	var errs []error
	for _, what := range slices.Sorted(maps.Keys(configured)) {
		if !knownIdentity(what) {
			errs = append(errs, unknownIdentity(what))
		}
	}
	taken := map[string]string{}
	for _, i := range identityHeaders {
		name := orElse(configured[i.what], guard.DefaultHeaders[i.value])
		if name == headerOff {
			continue
		}
		errs = append(errs, checkHeader(i.what, name))
		if other, ok := taken[foldHeader(name)]; ok {
			fault, written := i.what, name
			if configured[fault] == "" { // what was not written is not at fault
				fault, written, other = other, configured[other], fault
			}
			errs = append(errs, fmt.Errorf("header %s %s: %s has that name already, or one that apps confuse with it",
				fault, written, other))
		}
		taken[foldHeader(name)] = i.what
		names[i.value] = name
	}
	return names, errors.Join(errs...)
}

// aboutHeader is what of the errors of headerNames is about one header.
func aboutHeader(what string, err error) error {
	var all interface{ Unwrap() []error }
	if !errors.As(err, &all) {
		return nil
	}
	return errors.Join(slices.DeleteFunc(slices.Clone(all.Unwrap()), func(one error) bool {
		return !strings.HasPrefix(one.Error(), "header "+what+" ")
	})...)
}

func knownIdentity(what string) bool { return slices.Contains(identityWords(), what) }

func unknownIdentity(what string) error {
	return fmt.Errorf("header %q: no such thing to tell the app%s", what, didYouMean(what, identityWords()))
}

func identityWords() []string {
	words := make([]string, len(identityHeaders))
	for i, id := range identityHeaders {
		words[i] = id.what
	}
	return words
}

// reserved are headers that mean something to a proxy, a browser or an app
// already, folded. Overwriting one breaks requests; stripping it from visitors
// does as well.
var reserved = []string{
	"host", "connection", "keepalive", "te", "trailer", "transferencoding", "upgrade", "proxyconnection",
	"proxyauthenticate", "proxyauthorization", "cookie", "setcookie", "authorization", "wwwauthenticate",
	"accept", "acceptcharset", "acceptencoding", "acceptlanguage", "cachecontrol", "date", "expect", "forwarded",
	"from", "ifmatch", "ifmodifiedsince", "ifnonematch", "ifrange", "ifunmodifiedsince", "lasteventid", "origin",
	"pragma", "priority", "range", "referer", "useragent", "via", "xrequestedwith", "xrealip", "xlogingateway",
	"http2settings", "xhttpmethodoverride",
}

// reservedStarts are families of such headers.
var reservedStarts = []string{"content", "secfetch", "secch", "secwebsocket", "xforwarded", "accesscontrol"}

func checkHeader(what, name string) error {
	folded := foldHeader(name)
	switch {
	case !httpguts.ValidHeaderFieldName(name) || folded == "" || len(name) > 64:
		return fmt.Errorf("header %s %q: a name has 1 to 64 letters, digits and dashes", what, name)
	case slices.Contains(reserved, folded),
		slices.ContainsFunc(reservedStarts, func(start string) bool { return strings.HasPrefix(folded, start) }):
		return fmt.Errorf("header %s %s: that name has a meaning of its own; take another, like X-Remote-User", what, name)
	}
	return nil
}

// foldHeader drops what servers of different make treat as the same.
func foldHeader(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z' || '0' <= r && r <= '9':
			return r
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		}
		return -1
	}, name)
}
