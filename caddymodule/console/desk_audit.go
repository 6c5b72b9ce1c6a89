package console

import (
	"bytes"
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/page"
)

// auditBody is what audit.html sees.
type auditBody struct {
	Rows          []auditRow
	Before, After string // of the list: newer and older lines
	Export        string
	Actions       []option
	Action, User  string
	Base          string
	Filtered      bool
}

// auditRow is one line of the log in words.
type auditRow struct {
	At                                time.Time
	What, By, Kind, On, Why, From     string
	Changes                           []auditChange
	URL                               string // of the user it was done to
	ByErased, OnErased                bool
	Before, After, Session, ByAccount string
}

// auditChange is a field before and after.
type auditChange struct{ Field, Before, After string }

// audit shows the log of an account, the newest line first. That support read it is
// a line of it.
func (e *Errand) audit(w http.ResponseWriter, r *http.Request, v *visit) {
	query := r.URL.Query()
	if err := e.note(r, v, v.account.ID, audit.Entry{Action: audit.LookedAudit}); err != nil {
		e.away(w, r, err)
		return
	}
	q := audit.Query{N: perPage, Before: query.Get("older"), After: query.Get("newer"), User: query.Get("user")}
	if q.Before != "" {
		q.After = ""
	}
	if action := query.Get("action"); slices.Contains(audit.Actions(), action) {
		q.Action = action
	}
	list, err := e.Desk.Audit.List(r.Context(), v.account.ID, q)
	if err != nil {
		e.fail(w, r, v, err)
		return
	}
	base := e.accountPath(v.account.ID, "/audit")
	body := auditBody{Base: base, Export: base + "/export", Action: q.Action, User: q.User, Filtered: q.Action != "" || q.User != ""}
	for _, entry := range list.Entries {
		body.Rows = append(body.Rows, e.auditRow(v, entry))
	}
	turn := func(name, cursor string) string {
		if cursor == "" {
			return ""
		}
		return base + "?" + url.Values{name: {cursor}, "action": {q.Action}, "user": {q.User}}.Encode()
	}
	body.Before, body.After = turn("newer", list.Newer), turn("older", list.Older)
	body.Actions = append(body.Actions, option{"", v.say("desk.audit.all")})
	for _, action := range audit.Actions() {
		body.Actions = append(body.Actions, option{action, v.say(audit.WordID(action))})
	}
	e.show(w, r, v, page.Admin{Name: "audit", Title: v.say("desk.audit.title"), Body: body})
}

func (e *Errand) auditRow(v *visit, entry audit.Entry) auditRow {
	a := entry.Actor
	row := auditRow{
		At: entry.At, What: v.say(audit.WordID(entry.Action)), By: cmp.Or(a.Name, a.ID), Kind: v.say("desk.audit.by." + a.Kind),
		On: cmp.Or(entry.Email, entry.User), Why: entry.Why, ByErased: entry.ActorErased, OnErased: entry.Erased,
		From: strings.Join(slices.DeleteFunc([]string{a.Network, v.device(a.Agent)}, func(s string) bool { return s == "" }), ", "),
	}
	if entry.User != "" {
		row.URL = e.userPath(entry.Account, entry.User, "")
	}
	fields := map[string]bool{}
	for name := range entry.Before {
		fields[name] = true
	}
	for name := range entry.After {
		fields[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		row.Changes = append(row.Changes, auditChange{v.field(name), entry.Before[name], entry.After[name]})
	}
	return row
}

// field is how people call a field of a record.
func (v *visit) field(name string) string {
	id := "desk.field." + name
	if text := v.say(id); text != id {
		return text
	}
	return name
}

// exportAudit hands the whole log over as JSON Lines. That it was is a line of it.
func (e *Errand) exportAudit(w http.ResponseWriter, r *http.Request, v *visit) {
	h := w.Header()
	out := &late{w: w, begin: func() {
		h.Set("Content-Type", "application/jsonl; charset=utf-8")
		h.Set("Content-Disposition", `attachment; filename="audit-`+v.account.ID+`.jsonl"`)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	}}
	err := e.Desk.Audit.Export(audit.As(r.Context(), v.actor.Actor), v.account.ID, out)
	switch {
	case err == nil:
		out.flush()
	case !out.begun:
		e.away(w, r, err)
	default:
		// Half a file must not look like a whole one.
		e.Log.Error("exporting an audit log broke off", "account", v.account.ID, "error", err)
		panic(http.ErrAbortHandler)
	}
}

// late holds back the beginning of an answer, so that an error at once still gets
// a page.
type late struct {
	w     http.ResponseWriter
	begin func()
	begun bool
	held  bytes.Buffer
}

const held = 64 << 10

func (l *late) Write(b []byte) (int, error) {
	if !l.begun && l.held.Len()+len(b) <= held {
		return l.held.Write(b)
	}
	l.flush()
	return l.w.Write(b)
}

func (l *late) flush() {
	if l.begun {
		return
	}
	l.begun = true
	l.begin()
	_, _ = l.w.Write(l.held.Bytes()) // a visitor who is gone is no error of ours
}
