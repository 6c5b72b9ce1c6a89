package store

import (
	"context"
	"fmt"
	"time"
)

// Record is one record and where it lies.
type Record struct {
	Key     Key
	Value   []byte
	Expires time.Time // zero: never
}

// Dumper is what a backup asks of a store. Both engines are one.
type Dumper interface {
	// Dump calls fn for every record that had not expired when it began, once each, in no
	// order to rely on, while others read and write. All are as they were at the moment
	// when it began. Only on a Redis Cluster that is so for the records of each tag,
	// up to MaxMoment of them, and of those that are made while it runs it may tell
	// some and not others there. Of the kind only the name is set; the
	// bytes of the value are good until fn returns. fn must not call the store.
	Dump(ctx context.Context, fn func(Record) error) error
	// Load writes records, in place of what is there, and leaves out those that
	// have expired. Their kinds are whole. It announces nothing: nobody else uses
	// the store meanwhile. An error leaves some written.
	Load(ctx context.Context, records []Record) error
	// Clear removes all records but the one at keep, and has watchers forget
	// everything. An error leaves some. The zero Key keeps none.
	Clear(ctx context.Context, keep Key) error
}

// MaxMoment is how many records of one tag a Dump of a Redis Cluster takes at one
// moment.
const MaxMoment = 5000

// Kinds lists all kinds of records, in no order. Who adds a collection adds its
// kind: a backup refuses a kind that is not here, as it could not be restored.
func Kinds() []Kind {
	return []Kind{
		Accounts.Kind, Roll.Kind, Users.Kind, Claims.Kind, Sessions.Kind, Budgets.Kind, Attempts.Kind, AttemptIndex.Kind,
		Formers.Kind, Moved.Kind, Secrets.Kind,
		Mails.Kind, MailRefs.Kind, MailQueue.Kind, Quotas.Kind, Books.Kind,
		APIKeys.Kind, APIKeyUses.Kind,
		AuditLines.Kind, AuditHeads.Kind, AuditChecks.Kind, AuditSeals.Kind, Logins.Kind, Events.Kind, EventHeads.Kind, Upkeeps.Kind,
		Factors.Kind, HalfLogins.Kind, Identities.Kind, Passkeys.Kind, UsedFlows.Kind, ShownIdentities.Kind, Tallies.Kind, Delays.Kind,
		Invitees.Kind,
		APIAnswers.Kind,
		ParkedForms.Kind, ParkedLists.Kind,
		Restores.Kind, Pulses.Kind,
	}
}

// KindNamed returns the kind with a name.
func KindNamed(name string) (Kind, error) {
	for _, k := range Kinds() {
		if k.Name == name {
			return k, nil
		}
	}
	return Kind{}, fmt.Errorf("%w: there is no kind %.70q", ErrKey, name)
}

// Restores has one record as long as a restore is under way or was cut short:
// who finds it knows that the records are not whole.
var Restores = Collection[RestoreMark]{Kind{Name: "restore"}}

// RestoreMark says what is being restored.
type RestoreMark struct {
	Digest string    `json:"digest"` // of the backup
	Begun  time.Time `json:"begun"`
}
