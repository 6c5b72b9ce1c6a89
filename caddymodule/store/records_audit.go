package store

import "time"

// The collections of what was done and seen. Their tags:
//
//	a:<account>     the audit log of an account, and when its users last logged in
//	events          what changed, over all accounts, in one order
var (
	// AuditLines are the audit log, newest first in the order of ids.
	AuditLines  = Collection[AuditLine]{Kind{Name: "audit", Listed: true}}
	AuditHeads  = Collection[AuditHead]{Kind{Name: "audithead"}}
	AuditChecks = Collection[AuditCheck]{Kind{Name: "auditcheck"}}
	AuditSeals  = Collection[AuditCheck]{Kind{Name: "auditseal"}}
	// Logins are the last login of each user, under the user's id.
	Logins     = Collection[LastLogin]{Kind{Name: "login", Listed: true}}
	Events     = Collection[Event]{Kind{Name: "event", Listed: true}}
	EventHeads = Collection[EventHead]{Kind{Name: "eventhead"}}
	Upkeeps    = Collection[Upkeep]{Kind{Name: "upkeep"}}
)

// EventsTag is the tag of the feed of changes.
const EventsTag = "events"

// AuditLine is one line of the audit log of an account. The fields up to Prev
// are what the chain is made of; the two parts behind them can be erased, and
// only their digests are in the chain.
type AuditLine struct {
	Seq    uint64    `json:"seq"` // from 1, without gaps
	At     time.Time `json:"at"`  // UTC, whole milliseconds
	Action string    `json:"action"`
	User   string    `json:"user,omitempty"` // whom it was done to
	// ActorKind is user, support, operator, key or gateway; ActorID and
	// ActorAccount say which one.
	ActorKind     string `json:"actor_kind"`
	ActorID       string `json:"actor_id,omitempty"`
	ActorAccount  string `json:"actor_account,omitempty"`
	ActorDigest   string `json:"actor_digest,omitempty"`   // of ByPart
	SubjectDigest string `json:"subject_digest,omitempty"` // of OnPart
	// Prev is the hash of the line before, empty for the first.
	Prev string `json:"prev,omitempty"`

	ByPart *AuditPart `json:"by,omitempty"`
	OnPart *AuditPart `json:"on,omitempty"`
}

// AuditPart is what a line says about one person. Salt keeps its digest from
// being guessed once the rest is erased.
type AuditPart struct {
	Salt   string            `json:"salt"`
	Fields map[string]string `json:"fields"`
}

// AuditHead is the end of the chain of an account.
type AuditHead struct {
	Seq  uint64 `json:"seq"`
	Hash string `json:"hash"`
}

// AuditCheck vouches for a chain up to a line: signed with a key that follows
// from the gateway's secret.
type AuditCheck struct {
	Seq  uint64    `json:"seq"`
	Hash string    `json:"hash"` // of the line Seq
	At   time.Time `json:"at"`   // when it was made
	// Last is the moment of the line Seq.
	Last time.Time `json:"last"`
	MAC  string    `json:"mac"`
}

// LastLogin is when and how a user last logged in.
type LastLogin struct {
	At     time.Time `json:"at"`
	Method string    `json:"method"`
}

// Event is one change of an account or user. It names nobody but by id.
type Event struct {
	Seq     uint64    `json:"seq"`
	At      time.Time `json:"at"`
	State   string    `json:"state"` // pending, done, void
	Kind    string    `json:"kind"`  // created, changed, deleted, state
	Account string    `json:"account"`
	User    string    `json:"user,omitempty"`
	Actions []string  `json:"actions,omitempty"`
}

// EventHead is the end of the feed.
type EventHead struct {
	Seq uint64 `json:"seq"`
	// Life names this feed: a store that was put back has another one, so that
	// nobody goes on where they were in a feed that is gone.
	Life string `json:"life"`
}

// Upkeep is what the nodes share about work that one of them does for all.
type Upkeep struct {
	Lease time.Time `json:"lease,omitzero"` // until when somebody is at it
	Done  time.Time `json:"done,omitzero"`  // when it was last finished
}
