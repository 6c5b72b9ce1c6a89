// Package cause is the closed list of reasons why a request or an attempt to
// log in was refused. It owns the codes, their HTTP status and what they mean
// for logs and metrics; the sentences people read live in assets/words under
// "cause.<code>.title", "cause.<code>.text" and "cause.<code>.way".
//
// A cause says what is the matter to whoever may know it. What a stranger may
// not learn is folded by Public: an unknown address looks like a wrong password.
package cause

import "net/http"

// Cause is a code of the closed list. The zero value means "nothing is wrong".
type Cause string

// The codes. Their text never changes once released: the app, dashboards and
// the support desk rely on it.
const (
	None Cause = ""

	NotLoggedIn    Cause = "not_logged_in"   // no session came with the request
	SessionExpired Cause = "session_expired" // the session reached its idle or absolute limit
	SessionEnded   Cause = "session_ended"   // somebody ended the session: log-out, password change, block

	WrongPassword   Cause = "wrong_password"    // the password is not that of the address
	UnknownEmail    Cause = "unknown_email"     // nobody has the address; strangers see WrongPassword
	TooManyAttempts Cause = "too_many_attempts" // a budget of failures is used up; wait

	SecondStepRequired Cause = "second_step_required" // the first factor was right, the second is still due
	SecondStepFailed   Cause = "second_step_failed"   // the first factor was right, the code of the second is not

	PasskeyRefused Cause = "passkey_refused" // nobody has the passkey, it came too late, or there is a copy of it

	PasswordPendingExpired Cause = "password_pending_expired" // a mailed password that is too old
	LinkExpired            Cause = "link_expired"             // a mailed link or code that is too old
	LinkUsed               Cause = "link_used"                // a mailed link or code that was used already
	LinkSuperseded         Cause = "link_superseded"          // a newer one was mailed, or it was withdrawn
	InviteExpired          Cause = "invite_expired"           // an invitation that is too old
	OtherBrowser           Cause = "other_browser"            // a mailed link in another browser than the one that asked
	TooManyMails           Cause = "too_many_mails"           // enough mails were asked for; wait

	AccountTrialEnded Cause = "account_trial_ended" // the trial of the account is over
	AccountArrears    Cause = "account_arrears"     // the account has too many unpaid invoices
	AccountCancelled  Cause = "account_cancelled"   // the account was cancelled
	AccountSuspended  Cause = "account_suspended"   // support suspended the account
	UserBlocked       Cause = "user_blocked"        // an admin withdrew the access of the user
	TypeDenied        Cause = "type_denied"         // the user type is empty, unknown or may not log in

	IdentityNotLinked   Cause = "identity_not_linked"  // an account with a provider that logs nobody in
	IdentityRefused     Cause = "identity_refused"     // what came back from a provider is not taken
	ProviderUnavailable Cause = "provider_unavailable" // a provider does not work; the other ways do

	// FreshProofRequired: logged in, and it is too long ago that they showed it is them
	FreshProofRequired Cause = "fresh_proof_required"

	Forbidden  Cause = "forbidden"   // known and logged in, but this is not for them
	CrossSite  Cause = "cross_site"  // a state change that did not come from our own pages
	BadRequest Cause = "bad_request" // malformed input

	CookiesBlocked Cause = "cookies_blocked" // the browser does not send our cookies back
	RedirectLoop   Cause = "redirect_loop"   // gateway and app send the browser to and fro

	Busy             Cause = "busy"              // more work than fits; in a moment
	StoreUnavailable Cause = "store_unavailable" // the store does not answer; sessions already known go on
)

// Info is what the code knows of a cause besides its words.
type Info struct {
	// Status is the HTTP status of a page or API answer that carries the cause.
	Status int
	// Proven is true for causes that are told only to somebody who proved who
	// they are, by a factor or a session; to others they would say that an
	// account or user exists.
	Proven bool
	// Retry is true where coming back later helps; such answers carry Retry-After.
	Retry bool
}

var list = []struct {
	cause Cause
	info  Info
}{
	{NotLoggedIn, Info{Status: http.StatusUnauthorized}},
	{SessionExpired, Info{Status: http.StatusUnauthorized}},
	{SessionEnded, Info{Status: http.StatusUnauthorized}},
	{WrongPassword, Info{Status: http.StatusUnauthorized}},
	{UnknownEmail, Info{Status: http.StatusUnauthorized}},
	{TooManyAttempts, Info{Status: http.StatusTooManyRequests, Retry: true}},
	{SecondStepRequired, Info{Status: http.StatusUnauthorized, Proven: true}},
	{SecondStepFailed, Info{Status: http.StatusUnauthorized, Proven: true}},
	{PasskeyRefused, Info{Status: http.StatusUnauthorized}},
	{PasswordPendingExpired, Info{Status: http.StatusUnauthorized}},
	{LinkExpired, Info{Status: http.StatusGone}},
	{LinkUsed, Info{Status: http.StatusGone}},
	{LinkSuperseded, Info{Status: http.StatusGone}},
	{InviteExpired, Info{Status: http.StatusGone}},
	{OtherBrowser, Info{Status: http.StatusConflict}},
	{TooManyMails, Info{Status: http.StatusTooManyRequests, Retry: true}},
	{AccountTrialEnded, Info{Status: http.StatusForbidden, Proven: true}},
	{AccountArrears, Info{Status: http.StatusForbidden, Proven: true}},
	{AccountCancelled, Info{Status: http.StatusForbidden, Proven: true}},
	{AccountSuspended, Info{Status: http.StatusForbidden, Proven: true}},
	{UserBlocked, Info{Status: http.StatusForbidden, Proven: true}},
	{TypeDenied, Info{Status: http.StatusForbidden, Proven: true}},
	{IdentityNotLinked, Info{Status: http.StatusForbidden}},
	{IdentityRefused, Info{Status: http.StatusForbidden}},
	{ProviderUnavailable, Info{Status: http.StatusBadGateway, Retry: true}},
	{FreshProofRequired, Info{Status: http.StatusUnauthorized, Proven: true}},
	{Forbidden, Info{Status: http.StatusForbidden, Proven: true}},
	{CrossSite, Info{Status: http.StatusForbidden}},
	{BadRequest, Info{Status: http.StatusBadRequest}},
	{CookiesBlocked, Info{Status: http.StatusOK}},
	{RedirectLoop, Info{Status: http.StatusOK}},
	{Busy, Info{Status: http.StatusServiceUnavailable, Retry: true}},
	{StoreUnavailable, Info{Status: http.StatusServiceUnavailable, Retry: true}},
}

var byCause = func() map[Cause]Info {
	m := make(map[Cause]Info, len(list))
	for _, c := range list {
		m[c.cause] = c.info
	}
	return m
}()

// All returns every cause, in the order of the documentation.
func All() []Cause {
	all := make([]Cause, len(list))
	for i, c := range list {
		all[i] = c.cause
	}
	return all
}

// Info returns what is known of c. ok is false for a code that is not in the list.
func (c Cause) Info() (info Info, ok bool) {
	info, ok = byCause[c]
	return info, ok
}

// Status returns the HTTP status of c, 500 for a code that is not in the list.
func (c Cause) Status() int {
	if info, ok := byCause[c]; ok {
		return info.Status
	}
	return http.StatusInternalServerError
}

// OfAccount tells whether c lies with the account and not with the user: the
// superadmin can mend it.
func (c Cause) OfAccount() bool {
	switch c {
	case AccountTrialEnded, AccountArrears, AccountCancelled, AccountSuspended:
		return true
	default:
		return false
	}
}

// Public returns the cause a stranger may see: an unknown address is shown as
// a wrong password, so that nobody learns who is a customer.
func (c Cause) Public() Cause {
	if c == UnknownEmail {
		return WrongPassword
	}
	return c
}
