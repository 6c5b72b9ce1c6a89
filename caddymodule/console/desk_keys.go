package console

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/apikey"
	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/store"
)

// keysBody is what keys.html sees.
type keysBody struct {
	Rows   []keyRow
	Scopes []scopeBox
	Values map[string]string
	Wrong  string
	// Made is a key that is shown this once.
	Made, MadeName string
}

type scopeBox struct {
	Name, Field, Text string
	On                bool
}

type keyRow struct {
	ID, Name, Account, By, RevokedBy string
	Scopes                           []string
	Created, Revoked                 time.Time
	Used                             *store.APIKeyUse
	Live                             bool
	Revoke                           string
}

// keys lists the keys of the JSON API.
func (e *Errand) keys(w http.ResponseWriter, r *http.Request, v *visit) {
	e.showKeys(w, r, v, keysBody{}, page.AdminProblem{}, http.StatusOK)
}

func (e *Errand) showKeys(w http.ResponseWriter, r *http.Request, v *visit, body keysBody, problem page.AdminProblem, status int) {
	list, err := e.Desk.Keys.List(r.Context(), "")
	if err != nil {
		e.away(w, r, err)
		return
	}
	for _, k := range list {
		body.Rows = append(body.Rows, keyRow{
			ID: k.ID, Name: k.Name, Account: k.Account, By: k.By, RevokedBy: k.RevokedBy, Scopes: k.Scopes, Created: k.Created,
			Revoked: k.Revoked, Used: k.Used, Live: k.Live(), Revoke: e.root() + "/keys/" + url.PathEscape(k.ID) + "/revoke",
		})
	}
	for _, scope := range apikey.Scopes() {
		field := scopeField(scope)
		body.Scopes = append(body.Scopes, scopeBox{scope, field, v.say("keys.scope." + strings.ReplaceAll(scope, ":", "_")), body.Values[field] != ""})
	}
	e.show(w, r, v, page.Admin{Name: "keys", Status: status, Title: v.say("keys.title"), Problem: problem, Body: body})
}

// scopeField is the field of a scope: each has its own, since a field is posted once.
func scopeField(scope string) string { return "scope_" + strings.ReplaceAll(scope, ":", "_") }

// makeKey makes a key and shows it this once.
func (e *Errand) makeKey(w http.ResponseWriter, r *http.Request, v *visit) {
	wanted := apikey.Wanted{Name: v.form.Get("name"), Account: strings.TrimSpace(v.form.Get("account")), By: v.facts.User.Email()}
	for _, scope := range apikey.Scopes() {
		if v.form.Has(scopeField(scope)) {
			wanted.Scopes = append(wanted.Scopes, scope)
		}
	}
	ctx := context.WithoutCancel(r.Context())
	made, key, err := e.Desk.Keys.Make(ctx, wanted)
	if err != nil {
		f := &form{}
		problem, status := e.accountProblem(v, f, err)
		if problem.Title == "" {
			e.fail(w, r, v, err)
			return
		}
		body := keysBody{Values: map[string]string{}, Wrong: f.Wrong}
		for name, values := range v.form {
			body.Values[name] = values[0]
		}
		e.showKeys(w, r, v, body, problem, status)
		return
	}
	after := map[string]string{"key": made.ID, "name": made.Name, "scopes": strings.Join(made.Scopes, " ")}
	if err := e.keyEntry(ctx, v, made, audit.Entry{Action: audit.KeyMade, After: after}); err != nil {
		// A key that no log knows of opens nothing.
		if _, revoked := e.Desk.Keys.Revoke(ctx, made.ID, v.facts.User.Email()); revoked != nil {
			e.Log.Error("a key that could not be logged could not be revoked either", "key", made.ID, "error", revoked)
		}
		e.away(w, r, err)
		return
	}
	e.showKeys(w, r, v, keysBody{Made: key, MadeName: made.Name}, page.AdminProblem{}, http.StatusOK)
}

// keyEntry writes into the log of the staff, and of the account that a key is for.
func (e *Errand) keyEntry(ctx context.Context, v *visit, k *store.APIKey, entry audit.Entry) error {
	entry.Actor = v.actor.Actor
	err := e.Desk.Audit.Add(ctx, v.facts.User.Account(), entry)
	if err == nil && k.Account != "" {
		err = e.Desk.Audit.Add(ctx, k.Account, entry)
	}
	return err
}

// revokeKey ends a key, on every node at once.
func (e *Errand) revokeKey(w http.ResponseWriter, r *http.Request, v *visit) {
	ctx := context.WithoutCancel(r.Context())
	k, err := e.Desk.Keys.Revoke(ctx, r.PathValue("key"), v.facts.User.Email())
	if err == nil {
		err = e.keyEntry(ctx, v, k, audit.Entry{Action: audit.KeyRevoked, Before: map[string]string{"key": k.ID, "name": k.Name}})
	}
	if err != nil {
		e.fail(w, r, v, err)
		return
	}
	e.redirect(w, e.root()+"/keys", "key-revoked")
}
