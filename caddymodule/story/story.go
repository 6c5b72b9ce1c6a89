// Package story gathers all that is known about why somebody can or cannot log
// in: the attempt, the person, the verdict of now, the budgets that make them
// wait, the mails with what the servers said, and the ways out. It owns what a
// viewer may know of that; how it reads is decided by those who show it, the
// commands and the admin pages. The rules, budgets and records belong to
// directory, limit, attempt, outbox and ticket.
package story

import (
	"context"
	"time"

	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// Limits are the budgets of attempts. *limit.Limiter is one.
type Limits interface {
	Show(ctx context.Context, subject string) ([]limit.State, error)
	ShowNetwork(ctx context.Context, network string) ([]limit.State, error)
}

// Attempts are the recorded attempts. *attempt.Recorder is one.
type Attempts interface {
	Find(ctx context.Context, reference string) (*store.Attempt, error)
	Of(ctx context.Context, subject string, limit int) ([]*store.Attempt, error)
}

// Mails are the mails that were written. *outbox.Outbox is one.
type Mails interface {
	Mail(ctx context.Context, id string) (*store.Mail, store.MailRef, error)
	Of(ctx context.Context, owner outbox.Owner, n int) ([]*store.Mail, error)
}

// Tickets say what somebody was mailed and can still use. *ticket.Book is one.
type Tickets interface {
	Live(ctx context.Context, owner outbox.Owner) (ticket.Live, error)
}

// Addresses calls fn with the address of every user of an account, until it
// returns false.
type Addresses func(ctx context.Context, account string, fn func(address string) bool) error

// Options are what a Teller works with. Directory, Limits and Attempts are needed.
type Options struct {
	Directory *directory.Directory
	Limits    Limits
	Attempts  Attempts
	// Mails and Tickets know what was mailed. Optional.
	Mails   Mails
	Tickets Tickets
	// Identities that are linked. Optional.
	Identities Identities
	// Addresses of an account, for what looks like one of them; default: read from
	// the store.
	Addresses Addresses
	// Likely returns the mail domain that was probably meant by one that nobody
	// has, or the empty string. Optional.
	Likely func(domain string) string
	// Now is the clock; default time.Now.
	Now func() time.Time
}

// Teller tells stories. It is safe for concurrent use.
type Teller struct{ Options }

// New returns a Teller.
func New(o Options) *Teller {
	t := &Teller{o}
	if t.Now == nil {
		t.Now = time.Now
	}
	if t.Addresses == nil {
		t.Addresses = t.scan
	}
	return t
}

// Viewer is who is told.
type Viewer struct {
	// Account is the only one whose people the viewer may know of; empty: all, for
	// support and operators.
	Account string
}

// team: the viewer knows of one account only.
func (v Viewer) team() bool { return v.Account != "" }

// sees is true when the viewer may know of a user.
func (v Viewer) sees(u *store.User) bool { return u != nil && (!v.team() || u.Account == v.Account) }

// Story is all that is known about why somebody can or cannot log in.
type Story struct {
	// Asked is what was asked about: a reference, a canonical address or a user id.
	Asked string `json:"asked"`
	// Attempt is the one with the reference that was asked about.
	Attempt *store.Attempt `json:"attempt,omitempty"`
	User    *User          `json:"user"`
	Account *Account       `json:"account"`
	Now     Verdict        `json:"now"`
	// Budgets in which failures are counted; those with time left make people wait.
	Budgets []Budget `json:"budgets"`
	// Attempts are the latest, newest first.
	Attempts []*store.Attempt `json:"attempts"`
	// Suggestions are users whose address looks like the unknown one.
	Suggestions []string `json:"suggestions,omitempty"`
	// FormerOwner had the address until a while ago.
	FormerOwner *FormerOwner `json:"former_owner,omitempty"`
	// Mails are those of the attempt that was asked about, else of the latest ones.
	Mails []*Mail `json:"mails,omitempty"`
	// Identities are the accounts with providers that log the user in.
	Identities []Identity `json:"linked_identities,omitempty"`
	// Mailed is what can still be used of what was mailed.
	Mailed *ticket.Live `json:"mailed,omitempty"`
	// Fixes are the ways out, the most pressing first.
	Fixes []Fix `json:"fixes"`

	// Subject is whose story it is. Its records hold what nobody is shown.
	Subject Subject `json:"-"`
}

// Subject is whose attempts are asked for: a user, or an address nobody has.
type Subject struct {
	User    *store.User    // nil: nobody
	Account *store.Account // of the user; nil: it does not exist
	Address string         // canonical
}

// Verdict says whether a login with the right password would succeed now.
type Verdict struct {
	CanLogIn bool `json:"can_log_in"`
	// HasToWait: a budget makes them wait, from some networks or browsers at least.
	HasToWait bool   `json:"has_to_wait,omitempty"`
	Cause     string `json:"cause,omitempty"`
	// Because says it in words where no cause does: one of the constants below.
	Because string `json:"because,omitempty"`
	// Until is when the answer changes by itself; zero: it does not.
	Until time.Time `json:"until,omitzero"`
}

// What a Verdict says where no cause does.
const (
	BecauseNobody     = "nobody has this address"
	BecauseUnknown    = "it is not known whose attempt it was"
	BecauseNoPassword = "they have no password"
)

// FormerOwner is who had an address that nobody has any more.
type FormerOwner struct {
	User  string    `json:"user"`
	Email string    `json:"email"` // now
	Name  string    `json:"name"`
	Until time.Time `json:"until"`

	Account string `json:"-"`
}

// recent is how many attempts a story shows.
const recent = 10
