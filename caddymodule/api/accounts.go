package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/manage"
	"github.com/cliendo/gateway/caddymodule/store"
)

// InAccount is the account in the path.
type InAccount struct {
	Account string `path:"account" maxLength:"100" doc:"id of the account"`
}

type oneAccount struct {
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Body     Account
}

type manyAccounts struct {
	Body struct {
		Accounts []Account `json:"accounts"`
		Next     string    `json:"next,omitempty" doc:"where to go on; absent at the end"`
	}
}

// State is the state of an account with what belongs to it. Arrears without
// unpaid_invoices count as as many as block.
type State struct {
	State          *string `json:"state,omitempty" enum:"trial,active,arrears,cancelled,suspended"`
	Reason         *string `json:"reason,omitempty" maxLength:"500" doc:"why; it is forgotten when the state changes without one"`
	TrialUntil     *string `json:"trial_until,omitempty" maxLength:"10" doc:"last day of a trial, as 2026-12-31; needed for one"`
	UnpaidInvoices *int    `json:"unpaid_invoices,omitempty" minimum:"0" maximum:"1000000" doc:"with the state arrears only; default: as many as block"`
	BlocksFrom     *string `json:"blocks_from,omitempty" maxLength:"10" doc:"day from which arrears block, as 2026-12-31; default: at once"`
}

type createAccount struct {
	Body struct {
		ID     string  `json:"id" maxLength:"63" pattern:"^[a-z0-9][a-z0-9-]*$" doc:"lower-case letters, digits and dashes; it stays"`
		Name   string  `json:"name" minLength:"1" maxLength:"200"`
		PayURL *string `json:"pay_url,omitempty" maxLength:"2000" doc:"where the superadmin pays or subscribes"`
		State
	}
}

type patchAccount struct {
	InAccount
	Match
	Body struct {
		Name   *string `json:"name,omitempty" minLength:"1" maxLength:"200"`
		PayURL *string `json:"pay_url,omitempty" maxLength:"2000" doc:"where the superadmin pays or subscribes; empty: nowhere"`
		State
	}
}

func (r *Room) accounts() {
	add(r, route{
		id: "list-accounts", method: http.MethodGet, path: "/accounts", scope: "accounts:read",
		summary: "List accounts by id",
	}, r.listAccounts)
	add(r, route{
		id: "create-account", method: http.MethodPost, path: "/accounts", scope: "accounts:write", status: http.StatusCreated,
		summary: "Add an account", about: "In the state active unless another one is given. Not for keys of one account.",
	}, r.createAccount)
	add(r, route{
		id: "get-account", method: http.MethodGet, path: "/accounts/{account}", scope: "accounts:read",
		summary: "Read an account",
	}, r.getAccount)
	add(r, route{
		id: "patch-account", method: http.MethodPatch, path: "/accounts/{account}", scope: "accounts:write",
		summary: "Change an account",
		about: "What is not given stays. A new state forgets reason, dates and number of the one before. It takes effect at the" +
			" next request of everybody in the account.",
	}, r.patchAccount)
	add(r, route{
		id: "end-account-sessions", method: http.MethodPost, path: "/accounts/{account}/end-sessions", scope: "accounts:write",
		status: http.StatusNoContent, summary: "Log everybody of an account out, everywhere",
	}, r.endAccountSessions)
	add(r, route{
		id: "list-locked-out", method: http.MethodGet, path: "/locked-out", scope: "accounts:read",
		summary: "Which accounts would keep their users out on a day",
		about:   "Those that are open now: trials that end by then, and arrears that begin to block. Not for keys of one account.",
	}, r.lockedOut)
}

func (r *Room) listAccounts(ctx context.Context, in *Page) (*manyAccounts, error) {
	after, err := in.at("accounts")
	if err != nil {
		return nil, err
	}
	out := &manyAccounts{}
	out.Body.Accounts = []Account{}
	var list []*store.Account
	if c := callerOf(ctx); c.key.Account != "" {
		only, err := r.Manage.Account(ctx, c.actor, c.key.Account)
		if err != nil {
			return nil, err
		}
		if only.ID > after {
			list = []*store.Account{only}
		}
	} else if list, err = r.Manage.Accounts(ctx, c.actor, after, in.Limit+1); err != nil {
		return nil, err
	}
	list, out.Body.Next = cut(list, in.Limit, "accounts", func(a *store.Account) string { return a.ID })
	for _, a := range list {
		if a.ID != directory.StaffAccount { // it is there for no key
			out.Body.Accounts = append(out.Body.Accounts, r.account(a))
		}
	}
	return out, nil
}

func (r *Room) createAccount(ctx context.Context, in *createAccount) (*oneAccount, error) {
	a := &store.Account{ID: in.Body.ID, Name: in.Body.Name, State: directory.Active}
	if in.Body.PayURL != nil {
		a.PayURL = *in.Body.PayURL
	}
	state, err := in.Body.onto(a)
	if err != nil {
		return nil, err
	}
	a.State, a.Reason, a.TrialUntil = state.State, state.Reason, state.TrialUntil
	a.UnpaidInvoices, a.BlocksFrom = state.UnpaidInvoices, state.BlocksFrom
	err = r.Manage.CreateAccount(ctx, callerOf(ctx).actor, a)
	var field *directory.FieldError
	if errors.As(err, &field) && field.Field == "account" {
		return nil, invalid("body.id", field.Problem)
	}
	if err != nil {
		return nil, err
	}
	out := r.oneAccount(a)
	out.Location = r.base + "/accounts/" + a.ID
	return out, nil
}

func (r *Room) oneAccount(a *store.Account) *oneAccount {
	return &oneAccount{ETag: etag(a), Body: r.account(a)}
}

func (r *Room) getAccount(ctx context.Context, in *InAccount) (*oneAccount, error) {
	a, err := r.Manage.Account(ctx, callerOf(ctx).actor, in.Account)
	if err != nil {
		return nil, err
	}
	return r.oneAccount(a), nil
}

func (r *Room) patchAccount(ctx context.Context, in *patchAccount) (*oneAccount, error) {
	if err := given(in.IfMatch); err != nil {
		return nil, err
	}
	c := callerOf(ctx)
	a, err := r.Manage.Account(ctx, c.actor, in.Account)
	if err != nil {
		return nil, err
	}
	if err := met(in.IfMatch, etag(a)); err != nil {
		return nil, err
	}
	b := &in.Body
	edit := manage.AccountEdit{Name: b.Name, PayURL: b.PayURL}
	switch {
	case b.given():
		a, err = r.Manage.PatchAccount(ifAccount(ctx, in.IfMatch), c.actor, a.ID, edit, b.onto)
	case b.Name != nil || b.PayURL != nil:
		a, err = r.Manage.EditAccount(ifAccount(ctx, in.IfMatch), c.actor, a.ID, edit)
	}
	if err != nil {
		return nil, err
	}
	return r.oneAccount(a), nil
}

func (s *State) given() bool { return *s != State{} }

// onto is what comes of the state of an account when what was given is put onto it.
func (s *State) onto(a *store.Account) (manage.State, error) {
	to := manage.State{
		State: a.State, Reason: a.Reason, TrialUntil: a.TrialUntil, UnpaidInvoices: a.UnpaidInvoices, BlocksFrom: a.BlocksFrom,
	}
	if s.State != nil && *s.State != a.State {
		to = manage.State{State: *s.State}
	}
	for _, field := range []struct{ from, to *string }{
		{s.Reason, &to.Reason}, {s.TrialUntil, &to.TrialUntil}, {s.BlocksFrom, &to.BlocksFrom},
	} {
		if field.from != nil {
			*field.to = *field.from
		}
	}
	if s.UnpaidInvoices != nil {
		to.UnpaidInvoices = *s.UnpaidInvoices
	}
	for field, day := range map[string]string{"trial_until": to.TrialUntil, "blocks_from": to.BlocksFrom} {
		if _, ok := (directory.Rules{}).EndOfDay(day); day != "" && !ok {
			return to, invalid("body."+field, "it is not a day; write it as 2026-12-31")
		}
	}
	switch {
	case to.State == directory.Trial && to.TrialUntil == "":
		return to, invalid("body.trial_until", "a trial needs its last day; write it as 2026-12-31")
	case to.State != directory.Trial && to.TrialUntil != "":
		return to, invalid("body.trial_until", "only a trial has a last day; give it with the state trial")
	case to.State != directory.Arrears && to.BlocksFrom != "":
		return to, invalid("body.blocks_from", "only arrears block from a day; give it with the state arrears")
	case to.State != directory.Arrears && to.UnpaidInvoices != 0:
		return to, invalid("body.unpaid_invoices", "only an account in arrears has unpaid invoices; give it with the state arrears")
	}
	return to, nil
}

func (r *Room) endAccountSessions(ctx context.Context, in *InAccount) (*struct{}, error) {
	return nil, r.Manage.EndAccountSessions(ctx, callerOf(ctx).actor, in.Account)
}

// LockedOut is an account that would keep its users out.
type LockedOut struct {
	Account Account   `json:"account"`
	Cause   string    `json:"cause"`
	From    time.Time `json:"from"`
}

type onDay struct {
	Page
	On string `query:"on" required:"true" maxLength:"10" doc:"the day, as 2026-12-31"`
}

type manyLockedOut struct {
	Body struct {
		LockedOut []LockedOut `json:"locked_out"`
		Next      string      `json:"next,omitempty" doc:"where to go on; absent at the end"`
	}
}

func (r *Room) lockedOut(ctx context.Context, in *onDay) (*manyLockedOut, error) {
	after, err := in.at("locked-out")
	if err != nil {
		return nil, err
	}
	list, next, err := r.Manage.LockedOutOn(ctx, callerOf(ctx).actor, in.On, after, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &manyLockedOut{}
	out.Body.LockedOut = []LockedOut{}
	for _, l := range list {
		out.Body.LockedOut = append(out.Body.LockedOut, LockedOut{r.account(l.Account), string(l.Cause), l.From})
	}
	if next != "" {
		out.Body.Next = cursor("locked-out", next)
	}
	return out, nil
}
