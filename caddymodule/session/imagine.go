package session

import (
	"time"

	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/store"
)

// imagined stands where a session would have its handle.
const imagined = "(a new session)"

// Imagine returns the facts about a session that a user would begin at this
// moment, at a site that shares its cookies over that domain: what would be
// decided about them, without logging anybody in.
func Imagine(rules directory.Rules, u *store.User, a *store.Account, amr []string, domain string, now time.Time) *Facts {
	l := DefaultLimits()
	rec := record(&store.Session{
		Handle: imagined, User: u.ID, Account: u.Account, Created: now, LastSeen: now, AuthTime: now, Amr: amr, Scope: domain,
		Idle: int64(l.Idle / time.Second), Absolute: int64(l.Absolute / time.Second), Epoch: u.Epoch, AccEpoch: a.Epoch,
	})
	return judge(rules, rec, NewPerson(u), a, now.Unix(), now)
}
