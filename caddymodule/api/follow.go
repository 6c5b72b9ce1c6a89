package api

import (
	"context"
	"time"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/manage"
)

// AuditLine is one line of an audit log.
type AuditLine struct {
	Seq         uint64            `json:"seq" doc:"counts from 1 within an account"`
	At          time.Time         `json:"at"`
	Actor       AuditActor        `json:"actor"`
	Action      string            `json:"action"`
	Account     string            `json:"account"`
	User        string            `json:"user,omitempty" doc:"id of whom it was done to"`
	Email       string            `json:"email,omitempty" doc:"of that user, at that time"`
	Before      map[string]string `json:"before,omitempty"`
	After       map[string]string `json:"after,omitempty"`
	Why         string            `json:"why,omitempty"`
	ActorErased bool              `json:"actor_erased,omitempty"`
	Erased      bool              `json:"erased,omitempty"`
}

// AuditActor is who did it.
type AuditActor struct {
	Kind    string `json:"kind" doc:"user, support, operator, key or gateway"`
	ID      string `json:"id,omitempty"`
	Account string `json:"account,omitempty"`
	Name    string `json:"name,omitempty"`
	Network string `json:"network,omitempty"`
	Agent   string `json:"agent,omitempty"`
	Session string `json:"session,omitempty"`
}

type listAudit struct {
	InAccount
	Page
	User   string    `query:"user" maxLength:"100" doc:"only lines about this user"`
	Action string    `query:"action" maxLength:"100" doc:"only lines with this action"`
	Since  time.Time `query:"since" doc:"only lines of this time or later"`
	Until  time.Time `query:"until" doc:"only lines before this time"`
}

type manyLines struct {
	Body struct {
		Lines []AuditLine `json:"lines" doc:"newest first"`
		Next  string      `json:"next,omitempty" doc:"where to go on, with older lines; absent at the end"`
	}
}

func (r *Room) listAudit(ctx context.Context, in *listAudit) (*manyLines, error) {
	before, err := in.at("audit")
	if err != nil {
		return nil, err
	}
	if err := r.Manage.May(callerOf(ctx).actor, manage.LookAudit, in.Account, nil); err != nil {
		return nil, err
	}
	if _, err := r.Directory.Account(ctx, in.Account); err != nil {
		return nil, err
	}
	page, err := r.Audit.List(ctx, in.Account, audit.Query{
		Before: before, N: in.Limit, User: in.User, Action: in.Action, Since: in.Since, Until: in.Until,
	})
	if err != nil {
		return nil, err
	}
	out := &manyLines{}
	out.Body.Lines = make([]AuditLine, len(page.Entries))
	for i, e := range page.Entries {
		out.Body.Lines[i] = viewLine(e)
	}
	if page.Older != "" {
		out.Body.Next = cursor("audit", page.Older)
	}
	return out, nil
}

func viewLine(e audit.Entry) AuditLine {
	a := e.Actor
	return AuditLine{
		Seq: e.Seq, At: e.At, Action: e.Action, Account: e.Account, User: e.User, Email: e.Email,
		Actor:  AuditActor{a.Kind, a.ID, a.Account, a.Name, a.Network, a.Agent, a.Session},
		Before: e.Before, After: e.After, Why: e.Why, ActorErased: e.ActorErased, Erased: e.Erased,
	}
}

// Event is one change of an account or user.
type Event struct {
	At      time.Time `json:"at"`
	Kind    string    `json:"kind" enum:"created,changed,deleted,state" doc:"state: the account's state changed, which may concern everybody in it"`
	Account string    `json:"account"`
	User    string    `json:"user,omitempty" doc:"absent: the account itself"`
	Action  string    `json:"action,omitempty" doc:"as in the audit log; several are separated by blanks. Absent: it may have changed or not"`
}

type listEvents struct {
	Page
	Account string `query:"account" maxLength:"100" doc:"only events of this account"`
}

type manyEvents struct {
	Body struct {
		Events []Event `json:"events" doc:"oldest first; may be empty although there are more, as long as next differs from what was given"`
		Next   string  `json:"next" doc:"where to go on, now or later"`
	}
}

func (r *Room) listEvents(ctx context.Context, in *listEvents) (*manyEvents, error) {
	c := callerOf(ctx)
	account := in.Account
	if account == "" {
		account = c.key.Account
	}
	if account != "" {
		if err := r.Manage.May(c.actor, manage.LookEvents, account, nil); err != nil {
			return nil, err
		}
		if _, err := r.Directory.Account(ctx, account); err != nil {
			return nil, err
		}
	}
	events, next, err := r.Events.After(ctx, in.After, account, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &manyEvents{}
	out.Body.Events, out.Body.Next = []Event{}, next
	for _, e := range events {
		if e.Account != directory.StaffAccount { // the staff is not there for keys
			out.Body.Events = append(out.Body.Events, Event{e.At, e.Kind, e.Account, e.User, e.Action})
		}
	}
	return out, nil
}
