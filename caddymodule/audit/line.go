package audit

import (
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

// line is e as it is stored, after the line whose hash is prev.
func (e Entry) line(prev string, salt func() string) *store.AuditLine {
	l := &store.AuditLine{
		Seq: e.Seq, At: e.At.UTC().Truncate(time.Millisecond), Action: e.Action, User: e.User,
		ActorKind: e.Actor.Kind, ActorID: e.Actor.ID, ActorAccount: e.Actor.Account, Prev: prev,
		ByPart: part(salt, e.actorFields()), OnPart: part(salt, e.subjectFields()),
	}
	l.ActorDigest, l.SubjectDigest = digest(l.ByPart), digest(l.OnPart)
	return l
}

func part(salt func() string, fields map[string]string) *store.AuditPart {
	if len(fields) == 0 {
		return nil
	}
	return &store.AuditPart{Salt: salt(), Fields: fields}
}

func (e Entry) actorFields() map[string]string {
	return given(map[string]string{
		"name": e.Actor.Name, "network": e.Actor.Network, "agent": e.Actor.Agent, "session": e.Actor.Session,
	})
}

const (
	beforeField = "before."
	afterField  = "after."
)

func (e Entry) subjectFields() map[string]string {
	fields := given(map[string]string{"email": e.Email, "why": e.Why})
	for name, v := range e.Before {
		fields[beforeField+name] = v
	}
	for name, v := range e.After {
		fields[afterField+name] = v
	}
	return fields
}

func given(fields map[string]string) map[string]string {
	for name, v := range fields {
		if v == "" {
			delete(fields, name)
		}
	}
	return fields
}

// entry is a stored line as people read it.
func entry(account string, l *store.AuditLine) Entry {
	e := Entry{
		Seq: l.Seq, At: l.At, Action: l.Action, Account: account, User: l.User,
		Actor:       Actor{Kind: l.ActorKind, ID: l.ActorID, Account: l.ActorAccount},
		ActorErased: l.ActorDigest != "" && l.ByPart == nil,
		Erased:      l.SubjectDigest != "" && l.OnPart == nil,
	}
	if p := l.ByPart; p != nil {
		e.Actor.Name, e.Actor.Network = p.Fields["name"], p.Fields["network"]
		e.Actor.Agent, e.Actor.Session = p.Fields["agent"], p.Fields["session"]
	}
	if p := l.OnPart; p != nil {
		e.Email, e.Why = p.Fields["email"], p.Fields["why"]
		e.Before, e.After = sub(p.Fields, beforeField), sub(p.Fields, afterField)
	}
	return e
}

// sub returns the fields whose names begin with prefix, without it.
func sub(fields map[string]string, prefix string) (some map[string]string) {
	for name, v := range fields {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			if some == nil {
				some = map[string]string{}
			}
			some[rest] = v
		}
	}
	return some
}
