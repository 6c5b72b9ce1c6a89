package security

import (
	"cmp"
	"context"
	"net/http"
	"strings"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/recent"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Recent tells what happened lately. *recent.List is one.
type Recent interface {
	Of(ctx context.Context, u *store.User, cursor string, n int) (recent.Page, error)
}

// pageful is how much of it is on one page.
const pageful = 30

func (e *Errand) activityRoutes() routes { return routes{"GET /activity": e.activity} }

func (e *Errand) activityCard(v *visit) (page.SecurityCard, error) {
	return page.SecurityCard{Key: "activity", Title: e.say(v, "activity.title"), Text: e.say(v, "activity.card"), URL: "activity"}, nil
}

func (e *Errand) activity(v *visit) {
	cursor := v.URL.Query().Get("before")
	found, err := e.Recent.Of(v.Context(), v.user, cursor, pageful)
	if err != nil {
		e.away(v, err)
		return
	}
	p := page.ActivitySecurity{Sub: e.sub(v, nil, page.Prove{}), Older: found.Older, Later: cursor != ""}
	for _, ev := range found.Events {
		item := page.ActivityItem{At: ev.At}
		switch {
		case ev.Attempt != nil:
			e.tried(v, &item, ev.Attempt)
		case ev.Mail != nil:
			item.Kind, item.To, item.Letter, item.State = page.ActivityMail, ev.Mail.To, ev.Mail.Kind, ev.Mail.State
		default:
			e.did(v, &item, ev.Line)
		}
		item.Place = e.place(v, item.Network)
		p.Items = append(p.Items, item)
	}
	e.Pages.ActivitySecurity(v.w, v.Request, http.StatusOK, p)
}

// tried tells of an attempt. What was typed is not shown: it led to this person.
func (e *Errand) tried(_ *visit, item *page.ActivityItem, a *store.Attempt) {
	item.Kind = page.ActivityIn
	switch {
	case a.Method == "not_me":
		item.Kind = page.ActivityNotMe
	case a.Cause != "":
		item.Kind = page.ActivityRefused
	case a.Asked:
		item.Kind = page.ActivityAsked
	}
	item.Method, item.Cause, item.Count, item.Last, item.Reference = a.Method, a.Cause, a.Count, a.Last, a.Reference
	item.Agent, item.Network, item.New = a.Agent, a.Network, !a.Known && item.Kind == page.ActivityIn
}

// did tells of a change. Where others sit who did it is nobody's business, and why
// somebody was blocked is between those who did it.
func (e *Errand) did(v *visit, item *page.ActivityItem, line *audit.Entry) {
	item.Kind, item.Did = page.ActivityDid, strings.ReplaceAll(line.Action, ".", "_")
	item.Email = cmp.Or(line.After["email"], line.Before["email"])
	switch by := line.Actor; {
	case by.Kind == audit.ByUser && by.ID == v.user.ID:
		item.By, item.Agent, item.Network = "you", by.Agent, by.Network
	case by.Kind == audit.ByUser && by.Name != "":
		item.By, item.Name = "name", by.Name
	case by.Kind == audit.ByUser:
		item.By = "team"
	default:
		item.By = by.Kind
	}
}
