package provider

import (
	"fmt"
	"regexp"
)

// Reason says in one word why a login at a provider came to nothing. It is safe
// in logs and metrics, and names no person.
type Reason string

// Reasons of a *RefusedError: this answer is not believed, or this person may not
// come this way.
const (
	ReasonCancelled Reason = "cancelled"        // the person went back, or did not agree
	ReasonTenant    Reason = "wrong_tenant"     // of an organisation that may not come
	ReasonPersonal  Reason = "personal_account" // a personal account, where organisations only may come
	ReasonDomain    Reason = "wrong_domain"     // of a domain that may not come
	ReasonState     Reason = "wrong_state"      // the answer belongs to another flow, or none
	ReasonIssuer    Reason = "wrong_issuer"     // the answer comes from somebody else
	ReasonCode      Reason = "wrong_code"       // the provider does not take the code: used, too old, or not ours
	ReasonToken     Reason = "wrong_token"      // the ID token does not say what it must
	ReasonAnswer    Reason = "wrong_answer"     // the answer in the browser is malformed
)

// Reasons of an *UnavailableError: the provider does not work, for anybody.
const (
	ReasonDiscovery Reason = "discovery"   // its document cannot be had, or not be used
	ReasonKeys      Reason = "keys"        // its keys cannot be had
	ReasonExchange  Reason = "exchange"    // it does not answer with a token
	ReasonConfig    Reason = "config"      // it refuses our client id, secret or redirect address
	ReasonAway      Reason = "unavailable" // it says itself that it does not work
)

// RefusedError says that somebody is not let in by what came from the provider:
// cause identity_refused.
type RefusedError struct {
	Provider string
	Reason   Reason
	// Identity is who it was, where that is proven and only may not come:
	// wrong_tenant, personal_account, wrong_domain. Else nil.
	Identity *Identity
	Err      error // for logs; holds no secret
}

// Error is for logs.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("provider %s: refused (%s): %v", e.Provider, e.Reason, e.Err)
}

// Unwrap returns what is behind it.
func (e *RefusedError) Unwrap() error { return e.Err }

// UnavailableError says that the provider cannot be used now: cause
// provider_unavailable.
type UnavailableError struct {
	Provider string
	Reason   Reason
	Err      error // for logs; holds no secret
}

// Error is for logs.
func (e *UnavailableError) Error() string {
	return fmt.Sprintf("provider %s: unavailable (%s): %v", e.Provider, e.Reason, e.Err)
}

// Unwrap returns what is behind it.
func (e *UnavailableError) Unwrap() error { return e.Err }

func (p *Provider) refused(why Reason, err error) error {
	return &RefusedError{Provider: p.Name(), Reason: why, Err: err}
}

func (p *Provider) unavailable(why Reason, err error) error {
	return &UnavailableError{Provider: p.Name(), Reason: why, Err: err}
}

var codePattern = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

// plainCode is an error code of a provider as it may stand in a log. What is
// something else could be anything, a secret that it sends back included.
func plainCode(code string) string {
	if codePattern.MatchString(code) {
		return code
	}
	return "(no plain code)"
}
