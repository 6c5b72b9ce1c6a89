package store

import "time"

// The collections of what is mailed. Mails and tickets lie under the tag of
// whoever they are for, so that both are written in one step: a:<account> for a
// user, n:<subject> for an address that nobody has. Their further tags:
//
//	outbox          which mails there are and which are still to send
//	l:<subject>     how many mails an address or network asked for
var (
	Mails     = Collection[Mail]{Kind{Name: "mail", Listed: true}} // id: owner, a dot, mail id
	MailRefs  = Collection[MailRef]{Kind{Name: "mailref", Listed: true}}
	MailQueue = Collection[MailRef]{Kind{Name: "maildue", Listed: true}}
	Quotas    = Collection[Quota]{Kind{Name: "mailquota"}}
	Books     = Collection[Book]{Kind{Name: "tickets"}} // id: owner
)

// OutboxTag is the tag of the lists of mails.
const OutboxTag = "outbox"

// NobodyTag returns the tag of what was mailed to an address that nobody has.
func NobodyTag(subject string) string { return "n:" + subject }

// Mail is one mail, from the moment it is asked for until nobody needs to know
// about it any more.
type Mail struct {
	ID      string    `json:"id"` // newest first in the order of ids
	Kind    string    `json:"kind"`
	To      string    `json:"to"`
	Locale  string    `json:"locale"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"` // what it carries is useless from then on
	// State is queued, sending, accepted, deferred, rejected or expired.
	State string    `json:"state"`
	Due   time.Time `json:"due,omitzero"` // no try before
	// Lease is until when the node that is sending it has it to itself.
	Lease time.Time `json:"lease,omitzero"`
	// Holder names the try that has, or had, the lease.
	Holder string       `json:"holder,omitempty"`
	Tries  []MailAnswer `json:"tries,omitempty"`
	// Sealed is what the letter says, secrets included. It is encrypted, bound to
	// the id, and gone when the mail is settled.
	Sealed string `json:"sealed,omitempty"`
}

// MailAnswer is what became of one try to hand a mail over.
type MailAnswer struct {
	At      time.Time `json:"at"`
	Server  string    `json:"server,omitempty"`
	Code    int       `json:"code,omitempty"`     // SMTP reply code, 0 when there was none
	Status  string    `json:"enhanced,omitempty"` // like 5.1.1
	Message string    `json:"message"`
}

// MailRef says where a mail lies.
type MailRef struct {
	Tag   string    `json:"tag"`
	Owner string    `json:"owner"`
	At    time.Time `json:"at"` // created
}

// Quota remembers when mails were asked for.
type Quota struct {
	Times []time.Time `json:"times,omitempty"` // oldest first
}

// Book holds what was mailed to one person and can still be used, and what was
// used lately, so that people can be told.
type Book struct {
	Tickets []Ticket `json:"tickets,omitempty"` // oldest first
	// Guesses are when codes were typed that did not fit.
	Guesses []time.Time `json:"guesses,omitempty"`
	// Fresh is the password that a person was shown and has not stored yet:
	// encrypted, bound to the user.
	Fresh string `json:"fresh,omitempty"`
	// FreshUntil is when it is forgotten.
	FreshUntil time.Time `json:"fresh_until,omitzero"`
}

// Ticket is one thing that was mailed: a login, a new password, or the means to
// say that it was not asked for. Its id is that of the mail.
type Ticket struct {
	ID      string    `json:"id"`
	Purpose string    `json:"purpose"`
	Mode    string    `json:"mode,omitempty"` // of a new password: one_time, keep, link; of a notice: the kind of letter
	Asked   time.Time `json:"asked"`
	Until   time.Time `json:"until"`
	// Secret is the digest of what the link ends with, Revoke that of the link
	// "this was not me", Password and Code keyed digests of what can be typed.
	Secret   string `json:"secret,omitempty"`
	Revoke   string `json:"revoke,omitempty"`
	Password string `json:"password,omitempty"`
	Code     string `json:"code,omitempty"`
	// Hash is what a new password that lasts hashes to.
	Hash string `json:"hash,omitempty"`
	// PasswordSince is when the password that came of it was in force.
	PasswordSince time.Time `json:"password_since,omitzero"`
	// CodeUntil is when the code dies, CodeTries how often it was guessed.
	CodeUntil time.Time `json:"code_until,omitzero"`
	CodeTries int       `json:"code_tries,omitempty"`
	// Browser is the digest of the flow cookie of the browser that asked, Match
	// what its tab shows, MatchTries how often that was guessed, Approved when
	// somebody let that tab in.
	Browser    string    `json:"browser,omitempty"`
	Match      string    `json:"match,omitempty"`
	MatchTries int       `json:"match_tries,omitempty"`
	Approved   time.Time `json:"approved,omitzero"`
	// AddressTries counts wrong addresses typed behind the link.
	AddressTries int `json:"address_tries,omitempty"`
	// State is open, used, superseded or revoked; Settled is since when.
	State   string    `json:"state"`
	Settled time.Time `json:"settled,omitzero"`
	// Sessions are the handles of sessions begun with it.
	Sessions []string `json:"sessions,omitempty"`
	Target   string   `json:"target,omitempty"`
	Remember bool     `json:"remember,omitempty"`
	Agent    string   `json:"agent,omitempty"`
	Network  string   `json:"network,omitempty"`
	Origin   string   `json:"origin,omitempty"` // of the links in the mail
	Typed    string   `json:"typed,omitempty"`  // the address that was asked for
	Locale   string   `json:"locale,omitempty"` // of the mail, and of the pages behind its links
	// Since is from when on "this was not me" takes back what was done; zero: Asked.
	// Other: somebody else than the person did what a notice tells of.
	Since time.Time `json:"since,omitzero"`
	Other bool      `json:"other,omitempty"`
}
