// Package outbox sends mails. It owns the records of mails, the worker that hands
// them to a mailer, and how many may be asked for. What a mail says is the
// business of letter; how it travels that of the mailers.
//
// A mail is written in the same step as what it carries. From then on it is tried
// until a server took or refused it, or what it carries is useless: over restarts,
// by one node at a time. It can go out twice only when the connection was cut
// after the whole mail was sent and before the server answered.
package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/store"
)

// States of a mail.
const (
	Queued   = "queued"
	Sending  = "sending"
	Accepted = "accepted" // the server took it
	Deferred = "deferred" // not now; tried again
	Rejected = "rejected" // the server will never take it
	Expired  = "expired"  // what it carries is useless by now
)

// Owner is who a mail is for: a user, or an address that nobody has.
type Owner struct{ Tag, Name string }

// OfUser returns the owner that a user is.
func OfUser(account, user string) Owner { return Owner{store.AccountTag(account), user} }

// OfNobody returns the owner of mails to an address that nobody has, by the
// subject that attempt.Subject gives such an address.
func OfNobody(subject string) Owner { return Owner{store.NobodyTag(subject), "nobody"} }

// Draft is a mail to be sent.
type Draft struct {
	ID     string // by secret.NewTicketID
	Owner  Owner
	To     string    // exactly one address, the stored one
	Until  time.Time // when what it carries becomes useless
	Letter letter.Letter
}

// Message is a mail as a mailer hands it over: rendered, with all headers.
type Message struct {
	ID, From, FromName, To, Subject, Text, HTML, Locale string
	MessageID                                           string // without angle brackets; the same at every try
	Date                                                time.Time
}

// Answer is what a server said.
type Answer struct {
	Server  string
	Code    int    // SMTP reply code, 0 when there was none
	Status  string // enhanced status code
	Message string
}

// Mailer hands a message over. A nil error means that somebody took it and is
// responsible from now on; an error that wraps ErrRejected that nobody ever will;
// any other that a later try may succeed. It is used by many goroutines.
type Mailer interface {
	Send(ctx context.Context, m Message) (Answer, error)
	Close() error
}

// ErrRejected is wrapped by errors of a Mailer that are final.
var ErrRejected = errors.New("rejected")

// TooMany is the error of asking for more mails than is allowed.
type TooMany struct {
	Sent  int       // within the window; 0 where the network asked too often
	Until time.Time // when the next one may be asked for
}

// Error says it in words.
func (e *TooMany) Error() string {
	return fmt.Sprintf("too many mails: the next at %s", e.Until.Format(time.RFC3339))
}
