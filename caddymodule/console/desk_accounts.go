package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/manage"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/store"
)

// accountRow is an account in a list.
type accountRow struct {
	ID, Name, State, Closed, URL string
	Since                        time.Time
}

// accountsBody is what accounts.html sees.
type accountsBody struct {
	Asked         string
	Rows          []accountRow
	Before, After string
	States        []option
	Values        map[string]string // of the form to add one
	Wrong         string
	Open          bool
}

// accounts lists all accounts, or those with a part of a name.
func (e *Errand) accounts(w http.ResponseWriter, r *http.Request, v *visit) {
	e.showAccounts(w, r, v, accountsBody{}, page.AdminProblem{}, http.StatusOK)
}

func (e *Errand) showAccounts(w http.ResponseWriter, r *http.Request, v *visit, body accountsBody, problem page.AdminProblem, status int) {
	query := r.URL.Query()
	body.Asked, body.States = strings.TrimSpace(query.Get("q")), v.states()
	rows, next, err := e.accountRows(r.Context(), v, body.Asked, query.Get("after"))
	if err != nil {
		e.away(w, r, err)
		return
	}
	body.Rows = rows
	if next != "" {
		body.After = e.root() + "/accounts?" + url.Values{"q": {body.Asked}, "after": {next}}.Encode()
	}
	if query.Get("after") != "" {
		body.Before = e.root() + "/accounts?" + url.Values{"q": {body.Asked}}.Encode()
	}
	e.show(w, r, v, page.Admin{Name: "accounts", Status: status, Title: v.say("desk.accounts.title"), Problem: problem, Body: body})
}

// accountRows returns a page of accounts, and where the next one begins.
func (e *Errand) accountRows(ctx context.Context, v *visit, wanted, after string) (rows []accountRow, next string, err error) {
	ctx, cancel := context.WithTimeout(ctx, searchTime)
	defer cancel()
	wanted = strings.ToLower(wanted)
	for {
		accounts, err := e.Desk.Directory.Accounts(ctx, after, pageful)
		if err != nil {
			return nil, "", err
		}
		for _, a := range accounts {
			if wanted != "" && !strings.Contains(strings.ToLower(a.Name), wanted) && !strings.Contains(a.ID, wanted) {
				after = a.ID
				continue
			}
			if len(rows) == perPage {
				return rows, after, nil
			}
			after = a.ID
			rows = append(rows, e.accountRow(v, a))
		}
		if len(accounts) < pageful {
			return rows, "", nil
		}
	}
}

func (e *Errand) accountRow(v *visit, a *store.Account) accountRow {
	row := accountRow{ID: a.ID, Name: a.Name, State: v.say("desk.state." + a.State), Since: a.Since, URL: e.accountPath(a.ID, "")}
	if c := e.Rules.Closed(a, e.Now()); c != cause.None {
		row.Closed = v.say("story.because." + string(c))
	}
	return row
}

// accountPath is the page of an account, or one below it.
func (e *Errand) accountPath(account, below string) string {
	return e.root() + "/accounts/" + url.PathEscape(account) + below
}

// states are those an account can be in.
func (v *visit) states() []option {
	states := []string{directory.Active, directory.Trial, directory.Arrears, directory.Suspended, directory.Cancelled}
	all := make([]option, len(states))
	for i, state := range states {
		all[i] = option{state, v.say("desk.state." + state)}
	}
	return all
}

// accountBody is what account.html sees.
type accountBody struct {
	Row              accountRow
	Reason           string
	Trial, Blocks    string // days as records have them
	Unpaid           int
	PayURL           string
	Domains          string
	States           []option
	Values           map[string]string // of the form at hand
	Wrong            string
	Base             string
	Staff            bool
	Created          time.Time
	BlocksAt         int
	Users, Log, Rept string
}

// account shows one account. That support looked is in its log.
func (e *Errand) account(w http.ResponseWriter, r *http.Request, v *visit) {
	if err := e.note(r, v, v.account.ID, audit.Entry{Action: audit.LookedAccount}); err != nil {
		e.away(w, r, err)
		return
	}
	e.showAccount(w, r, v, nil, nil)
}

// showAccount shows the page of an account, with what was posted and why it was
// not done, if it was not.
func (e *Errand) showAccount(w http.ResponseWriter, r *http.Request, v *visit, posted map[string]string, failed error) {
	a := v.account
	body := accountBody{
		Row: e.accountRow(v, a), Reason: a.Reason, Trial: a.TrialUntil, Blocks: a.BlocksFrom, Unpaid: a.UnpaidInvoices,
		PayURL: a.PayURL, Domains: strings.Join(a.Domains, "\n"), States: v.states(), Base: e.accountPath(a.ID, ""),
		Staff: a.ID == directory.StaffAccount, Created: a.Created, BlocksAt: e.Rules.ArrearsBlocksAt,
		Users: e.accountPath(a.ID, "/users"), Log: e.accountPath(a.ID, "/audit"), Rept: e.accountPath(a.ID, "/reports"),
		Values: map[string]string{
			"state": a.State, "until": a.TrialUntil, "blocks_from": a.BlocksFrom, "reason": a.Reason, "name": a.Name, "pay_url": a.PayURL,
			"unpaid": strconv.Itoa(a.UnpaidInvoices), "domains": strings.Join(a.Domains, "\n"),
		},
	}
	status, problem := http.StatusOK, page.AdminProblem{}
	if failed != nil {
		for name, value := range posted {
			body.Values[name] = value
		}
		f := &form{}
		if problem, status = e.accountProblem(v, f, failed); problem.Title == "" {
			e.fail(w, r, v, failed)
			return
		}
		body.Wrong = f.Wrong
	}
	e.show(w, r, v, page.Admin{
		Name: "account", Status: status, Title: a.Name, Problem: problem, Body: body,
		Trail: []page.AdminLink{{Text: v.say("desk.nav.accounts"), URL: e.root() + "/accounts"}, {Text: a.Name}},
	})
}

// accountProblem words an error of an account's form.
func (e *Errand) accountProblem(v *visit, f *form, err error) (page.AdminProblem, int) {
	var field *directory.FieldError
	if !errors.As(err, &field) {
		return e.problem(v, f, err)
	}
	f.Wrong = field.Field
	id := "desk.wrong." + field.Field
	if v.say(id) == id {
		id = "desk.wrong.other"
	}
	return page.AdminProblem{Cause: cause.BadRequest, Title: v.say("desk.not_done"), Text: v.say(id)}, http.StatusBadRequest
}

// setState sets state, reason and dates. It counts at the next request of
// everybody in the account.
func (e *Errand) setState(w http.ResponseWriter, r *http.Request, v *visit) {
	s, err := stateOf(v.form)
	if err == nil {
		_, err = e.Manage.SetState(context.WithoutCancel(r.Context()), v.actor, v.account.ID, s)
	}
	e.accountDone(w, r, v, "account-state", err)
}

// stateOf reads the form. A field that does not belong to the chosen state is
// empty, or of no meaning: people see all of them without a script.
func stateOf(f url.Values) (s manage.State, err error) {
	s = manage.State{State: f.Get("state"), Reason: strings.TrimSpace(f.Get("reason"))}
	switch s.State {
	case directory.Trial:
		s.TrialUntil = strings.TrimSpace(f.Get("until"))
	case directory.Arrears:
		s.BlocksFrom = strings.TrimSpace(f.Get("blocks_from"))
		if n := strings.TrimSpace(f.Get("unpaid")); n != "" {
			if s.UnpaidInvoices, err = strconv.Atoi(n); err != nil || s.UnpaidInvoices < 0 {
				return s, &directory.FieldError{Field: "unpaid_invoices", Problem: "it is no number", Fix: "write it as 2"}
			}
		}
	}
	return s, nil
}

func (e *Errand) editAccount(w http.ResponseWriter, r *http.Request, v *visit) {
	edit := manage.AccountEdit{Name: given(v.form, "name"), PayURL: given(v.form, "pay_url")}
	if v.form.Has("domains") {
		domains := strings.FieldsFunc(v.form.Get("domains"), func(r rune) bool { return strings.ContainsRune(" ,;\r\n\t", r) })
		edit.Domains = &domains
	}
	_, err := e.Manage.EditAccount(context.WithoutCancel(r.Context()), v.actor, v.account.ID, edit)
	e.accountDone(w, r, v, "account-edited", err)
}

func (e *Errand) endAccountSessions(w http.ResponseWriter, r *http.Request, v *visit) {
	err := e.Manage.EndAccountSessions(context.WithoutCancel(r.Context()), v.actor, v.account.ID)
	e.accountDone(w, r, v, "account-sessions", err)
}

// accountDone leads back to the account, or shows the form again.
func (e *Errand) accountDone(w http.ResponseWriter, r *http.Request, v *visit, done string, err error) {
	if err == nil {
		e.redirect(w, e.accountPath(v.account.ID, ""), done)
		return
	}
	posted := map[string]string{}
	for name, values := range v.form {
		posted[name] = values[0]
	}
	e.showAccount(w, r, v, posted, err)
}

// createAccount adds an account.
func (e *Errand) createAccount(w http.ResponseWriter, r *http.Request, v *visit) {
	s, err := stateOf(v.form)
	a := &store.Account{
		ID: strings.TrimSpace(v.form.Get("id")), Name: strings.TrimSpace(v.form.Get("name")), State: s.State, Reason: s.Reason,
		TrialUntil: s.TrialUntil,
	}
	if err == nil {
		err = e.Manage.CreateAccount(context.WithoutCancel(r.Context()), v.actor, a)
	}
	if err == nil {
		e.redirect(w, e.accountPath(a.ID, ""), "account-made")
		return
	}
	f := &form{}
	problem, status := e.accountProblem(v, f, err)
	if errors.Is(err, directory.ErrTaken) {
		problem.Text = v.say("desk.wrong.account_taken")
	}
	if problem.Title == "" {
		e.fail(w, r, v, err)
		return
	}
	body := accountsBody{Values: map[string]string{}, Wrong: f.Wrong, Open: true}
	for name, values := range v.form {
		body.Values[name] = values[0]
	}
	e.showAccounts(w, r, v, body, problem, status)
}

// lockedOutBody is what lockedout.html sees.
type lockedOutBody struct {
	Day, Shown string
	Wrong      bool
	Rows       []lockedOutRow
	After      string
}

type lockedOutRow struct {
	Name, ID, Why, URL string
	From               time.Time
}

// lockedOut is the rehearsal of a day: whom trial ends and arrears will keep out.
func (e *Errand) lockedOut(w http.ResponseWriter, r *http.Request, v *visit) {
	query := r.URL.Query()
	body := lockedOutBody{Day: strings.TrimSpace(query.Get("day"))}
	if body.Day == "" {
		body.Day = e.Now().In(e.Location).AddDate(0, 0, 7).Format(time.DateOnly)
	}
	at, err := time.ParseInLocation(time.DateOnly, body.Day, e.Location)
	var problem page.AdminProblem
	status := http.StatusOK
	if err != nil {
		body.Wrong, status = true, http.StatusBadRequest
		problem = page.AdminProblem{Cause: cause.BadRequest, Title: v.say("desk.not_done"), Text: v.say("desk.wrong.day")}
	} else {
		body.Shown = e.Pages.Day(v.locale, at.Add(12*time.Hour))
		list, next, err := e.Manage.LockedOutOn(r.Context(), v.actor, body.Day, query.Get("after"), perPage)
		if err != nil {
			e.fail(w, r, v, err)
			return
		}
		for _, l := range list {
			body.Rows = append(body.Rows, lockedOutRow{
				Name: l.Account.Name, ID: l.Account.ID, Why: v.say("story.because." + string(l.Cause)), From: l.From, URL: e.accountPath(l.Account.ID, ""),
			})
		}
		if next != "" {
			body.After = e.root() + "/locked-out?" + url.Values{"day": {body.Day}, "after": {next}}.Encode()
		}
	}
	e.show(w, r, v, page.Admin{Name: "lockedout", Status: status, Title: v.say("desk.lockedout.title"), Problem: problem, Body: body})
}
