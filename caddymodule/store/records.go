package store

import "time"

// The collections, one for each kind of record. Their tags:
//
//	a:<account>     what belongs to an account: itself, users, their former
//	                passwords and second steps, sessions, half-finished logins, indexes
//	directory       the roll of account ids
//	p:<digest>      the claim on an account with a provider: whom it logs in
//	e:<address>     the claim on an e-mail address (canonical form), and who had it before
//	u:<user id>     the claim on a user id: which account it is in
//	l:<subject>     the budgets of attempts of one user, device or network
//	r:<reference>   one attempt
//	t:<subject>     the attempts of one typed address or user, newest first
//	gateway         what the gateway keeps for itself
var (
	Accounts     = Collection[Account]{Kind{Name: "account"}}
	Roll         = Collection[RollEntry]{Kind{Name: "roll", Listed: true}}
	Users        = Collection[User]{Kind{Name: "user", Listed: true}}
	Claims       = Collection[Claim]{Kind{Name: "claim"}}
	Sessions     = Collection[Session]{Kind{Name: "session", Listed: true}}
	Budgets      = Collection[Budget]{Kind{Name: "budget", Listed: true}}
	Attempts     = Collection[Attempt]{Kind{Name: "attempt"}}
	AttemptIndex = Collection[AttemptRef]{Kind{Name: "attemptref", Listed: true}}
	// Formers and Moved are what was right once: passwords of a user, under the
	// user's id, and whose an address was.
	Formers = Collection[Former]{Kind{Name: "former"}}
	Moved   = Collection[MovedAddress]{Kind{Name: "movedaddress"}}
	// Invitees say who is invited under an address, by its digest, in one account.
	Invitees = Collection[Invitee]{Kind{Name: "invitee"}}
	Secrets  = Collection[Secret]{Kind{Name: "secret"}}
)

// Tags of the records that stand alone.
const (
	DirectoryTag = "directory"
	GatewayTag   = "gateway"
)

// AccountTag returns the tag of everything that belongs to an account.
func AccountTag(account string) string { return "a:" + account }

// EmailTag returns the tag of the claim on a canonical e-mail address.
func EmailTag(address string) string { return "e:" + address }

// UserTag returns the tag of the claim on a user id.
func UserTag(user string) string { return "u:" + user }

// LimitTag returns the tag of the budgets of one subject.
func LimitTag(subject string) string { return "l:" + subject }

// AttemptTag returns the tag of one attempt.
func AttemptTag(reference string) string { return "r:" + reference }

// SubjectTag returns the tag of the list of attempts of one subject.
func SubjectTag(subject string) string { return "t:" + subject }

// Account is a customer organisation.
type Account struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	State   string    `json:"state"` // trial, active, arrears, cancelled, suspended
	Reason  string    `json:"reason,omitempty"`
	Since   time.Time `json:"since"` // of the state
	Created time.Time `json:"created"`
	// TrialUntil is the last day of the trial, as "2006-01-02"; it ends when that
	// day ends in the configured time zone.
	TrialUntil string `json:"trial_until,omitempty"`
	// UnpaidInvoices of an account in arrears.
	UnpaidInvoices int `json:"unpaid_invoices,omitempty"`
	// BlocksFrom is the day ("2006-01-02") from which arrears block; empty: at once.
	BlocksFrom string `json:"blocks_from,omitempty"`
	// PayURL leads the superadmin to the page where they pay or subscribe.
	PayURL string `json:"pay_url,omitempty"`
	// SecondStep says whether its users need one: "optional" or empty, "required", or
	// the day ("2006-01-02") from which it is.
	SecondStep string `json:"second_step,omitempty"`
	// Epoch grows when all sessions of the account are ended.
	Epoch int `json:"epoch,omitempty"`
	// Domains are mail domains that are known to be the account's own: addresses in
	// them need no proof of the mailbox. Set by support and operators only.
	Domains []string `json:"domains,omitempty"`
}

// RollEntry says that an account exists.
type RollEntry struct {
	Created time.Time `json:"created"`
}

// User is one person in one account.
type User struct {
	ID      string    `json:"id"`
	Account string    `json:"account"`
	Email   string    `json:"email"`             // canonical
	Display string    `json:"display,omitempty"` // the address as it was given, where that differs
	Name    string    `json:"name"`
	Type    string    `json:"type"`
	Locale  string    `json:"locale,omitempty"` // nl, en; empty until the first login
	Created time.Time `json:"created"`
	Block   *Block    `json:"block,omitempty"`
	// Password is the encoded hash, empty when the user has none.
	Password        string    `json:"password,omitempty"`
	PasswordChosen  bool      `json:"password_chosen,omitempty"` // false: generated
	PasswordChanged time.Time `json:"password_changed,omitzero"`
	// PasswordOwn is when they chose it themselves. It is that password for as long
	// as the two moments are the same.
	PasswordOwn time.Time `json:"password_own,omitzero"`
	// Epoch grows when all sessions of the user are ended; a session of an older
	// epoch is over.
	Epoch int `json:"epoch,omitempty"`
	// SecondStep is true when a second step is on.
	SecondStep bool `json:"second_step,omitempty"`
	// Invited is set until somebody invited has come. Until then they have no
	// password, and their address is theirs in name only: another may take it.
	Invited *Invited `json:"invited,omitempty"`
	// Moving is the address they are about to get, until its mailbox is proved.
	Moving *Moving `json:"moving,omitempty"`
}

// Invited says by whom somebody was invited, and how long the mail is good.
type Invited struct {
	By    string    `json:"by"`
	At    time.Time `json:"at"`
	Until time.Time `json:"until"`
}

// Invitee is who is invited under an address.
type Invitee struct {
	User string `json:"user"`
}

// Moving is a change of address under way.
type Moving struct {
	Email   string    `json:"email"` // canonical
	Display string    `json:"display,omitempty"`
	By      string    `json:"by"`
	At      time.Time `json:"at"`
	Until   time.Time `json:"until"`
	// Own: they asked for it themselves, in the session with that handle.
	Own     bool   `json:"own,omitempty"`
	Session string `json:"session,omitempty"`
}

// Block is the withdrawal of a user's access by an admin.
type Block struct {
	By    string    `json:"by"`
	At    time.Time `json:"at"`
	Why   string    `json:"why,omitempty"`
	Until time.Time `json:"until,omitzero"` // zero: until lifted
}

// Claim holds a unique name for its owner.
type Claim struct {
	Account string    `json:"account"`
	User    string    `json:"user"`
	At      time.Time `json:"at"`
	// Held keeps an address that was theirs for them until then, so that they can
	// have it back: from other accounts, and where HeldAll is set from everybody.
	Held    time.Time `json:"held,omitzero"`
	HeldAll bool      `json:"held_all,omitempty"`
}

// Session is one browser logged in. Its id in the store is the user id, a dot
// and the digest of the secret in the cookie.
type Session struct {
	Handle   string    `json:"handle"` // public
	User     string    `json:"user"`
	Account  string    `json:"account"`
	Created  time.Time `json:"created"`
	LastSeen time.Time `json:"last_seen"`
	AuthTime time.Time `json:"auth_time"`
	Idle     int64     `json:"idle"`     // seconds
	Absolute int64     `json:"absolute"` // seconds after Created
	Remember bool      `json:"remember,omitempty"`
	Amr      []string  `json:"amr"`
	Epoch    int       `json:"epoch,omitempty"`         // of the user at login
	AccEpoch int       `json:"account_epoch,omitempty"` // of the account at login
	Agent    string    `json:"agent,omitempty"`         // browser and system in words
	Network  string    `json:"network,omitempty"`
	Site     string    `json:"site,omitempty"`  // the host where they came in
	Scope    string    `json:"scope,omitempty"` // the domain over which it counts; empty: at that host
	// Ended is set when the session was ended on purpose; the record stays for a
	// while so that the person can be told why.
	Ended     time.Time `json:"ended,omitzero"`
	EndReason string    `json:"end_reason,omitempty"`
}

// Budget counts failures of one subject.
type Budget struct {
	Failures    int       `json:"failures,omitempty"`
	WindowStart time.Time `json:"window_start,omitzero"`
	Last        time.Time `json:"last,omitzero"`
	Until       time.Time `json:"until,omitzero"` // no try before
	// Reserved are tries under way: token and when it lapses.
	Reserved map[string]time.Time `json:"reserved,omitempty"`
}

// Attempt is one try to log in, or several alike that came shortly after each
// other. It never holds a secret.
type Attempt struct {
	Reference string    `json:"reference"`
	Cause     string    `json:"cause,omitempty"` // empty: logged in
	Method    string    `json:"method"`
	First     time.Time `json:"first"`
	Last      time.Time `json:"last"`
	Count     int       `json:"count"`
	Typed     string    `json:"typed,omitempty"` // only what parses as an address
	User      string    `json:"user,omitempty"`
	Account   string    `json:"account,omitempty"`
	Network   string    `json:"network,omitempty"`
	Agent     string    `json:"agent,omitempty"`
	Known     bool      `json:"known_device,omitempty"`
	Locale    string    `json:"locale,omitempty"`
	Session   string    `json:"session,omitempty"` // public handle
	RetryAt   time.Time `json:"retry_at,omitzero"`
	// Asked: nobody logged in, a mail was asked for. Mail is its id.
	Asked bool   `json:"asked,omitempty"`
	Mail  string `json:"mail,omitempty"`
	// Former is until when the password that was typed was the right one.
	Former time.Time `json:"password_right_until,omitzero"`
	// DeviceUsers are users who logged in with that browser last, where the attempt is
	// nobody's: it says whose colleague may have mistyped.
	DeviceUsers []string `json:"device_users,omitempty"`
}

// AttemptRef points from a subject to an attempt.
type AttemptRef struct {
	Reference string    `json:"reference"`
	At        time.Time `json:"at"`
}

// Secret is a key the gateway made for itself.
type Secret struct {
	Value   string    `json:"value"` // base64
	Created time.Time `json:"created"`
}

// Former are passwords that a user had, the latest first. They open nothing:
// they are there to tell somebody who still types one what is the matter.
type Former struct {
	Passwords []FormerPassword `json:"passwords"`
}

// FormerPassword is one of them.
type FormerPassword struct {
	Hash  string    `json:"hash"`
	Until time.Time `json:"until"` // since when it is right no more
}

// MovedAddress remembers whose an address was.
type MovedAddress struct {
	Account string    `json:"account"`
	User    string    `json:"user"`
	Until   time.Time `json:"until"`
}
