package console

import (
	"context"
	"net/http"
	"time"

	"github.com/cliendo/gateway/caddymodule/apikey"
	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/manage"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/story"
	"github.com/cliendo/gateway/caddymodule/tally"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

// Desk is what the support desk, reports, audit log, import and keys work with.
type Desk struct {
	Stories   *story.Teller
	Audit     *audit.Log
	Tally     *tally.Counter
	Keys      *apikey.Book
	Directory *directory.Directory
	Limits    Budgets
	// Mails tries a mail again; nil where no mail is configured.
	Mails Mails
	// Doubts tells why the addresses of visitors may not be known, in words of the
	// pages; nil: there is never a doubt.
	Doubts func() []string
}

// Budgets are what makes people wait. *limit.Limiter is one.
type Budgets interface {
	Show(ctx context.Context, subject string) ([]limit.State, error)
	ShowNetwork(ctx context.Context, network string) ([]limit.State, error)
	Clear(ctx context.Context, subject string) error
	ClearNetwork(ctx context.Context, network string) error
}

// Mails are the mails that were written. *outbox.Outbox is one.
type Mails interface {
	Mail(ctx context.Context, id string) (*store.Mail, store.MailRef, error)
	Retry(ctx context.Context, id string) error
}

// deskRoutes are those of the support desk, reports, audit, import and keys.
func deskRoutes() []Route {
	get, post := http.MethodGet, http.MethodPost
	return []Route{
		{Method: get, Path: "/find", Who: Both, Nav: "desk.nav.find", handle: (*Errand).desk},
		{Method: post, Path: "/find", Who: Both, handle: (*Errand).search},
		{Method: get, Path: "/attempts/{reference}", Who: Both, handle: (*Errand).attemptStory},
		{Method: get, Path: "/accounts/{account}/users/{user}/why", Who: Both, Action: manage.LookUser, handle: (*Errand).userStory},
		{Method: post, Path: "/accounts/{account}/users/{user}/mails/{mail}/retry", Who: Both, Action: manage.MailLogin, handle: (*Errand).retryMail},

		{Method: get, Path: "/accounts", Who: Support, Nav: "desk.nav.accounts", Action: manage.LookAccounts, handle: (*Errand).accounts},
		{Method: post, Path: "/accounts", Who: Support, Action: manage.CreateAccount, Sensitive: true, handle: (*Errand).createAccount},
		{Method: get, Path: "/accounts/{account}", Who: Support, Action: manage.LookAccount, handle: (*Errand).account},
		{Method: post, Path: "/accounts/{account}/state", Who: Support, Action: manage.SetState, Sensitive: true, handle: (*Errand).setState},
		{Method: post, Path: "/accounts/{account}/edit", Who: Support, Action: manage.EditAccount, Sensitive: true, handle: (*Errand).editAccount},
		{Method: post, Path: "/accounts/{account}/end-sessions", Who: Support, Action: manage.EndAccountSessions, Sensitive: true, handle: (*Errand).endAccountSessions},
		{Method: get, Path: "/locked-out", Who: Support, Nav: "desk.nav.locked_out", Action: manage.LookLockedOut, handle: (*Errand).lockedOut},

		{Method: get, Path: "/reports", Who: Support, Nav: "desk.nav.reports", Action: manage.LookAll, handle: (*Errand).reports},
		{Method: get, Path: "/reports/{file}", Who: Support, Action: manage.LookAll, handle: (*Errand).reportFile},
		{Method: get, Path: "/accounts/{account}/reports", Who: Both, Nav: "desk.nav.team_reports", Action: manage.LookReports, handle: (*Errand).reports},
		{Method: get, Path: "/accounts/{account}/reports/{file}", Who: Both, Action: manage.LookReports, handle: (*Errand).reportFile},
		{Method: post, Path: "/delays/clear", Who: Support, Action: manage.LookAll, handle: (*Errand).clearDelay},

		{Method: get, Path: "/accounts/{account}/audit", Who: Both, Nav: "desk.nav.audit", Action: manage.LookAudit, handle: (*Errand).audit},
		{Method: get, Path: "/accounts/{account}/audit/export", Who: Both, Action: manage.LookAudit, handle: (*Errand).exportAudit},

		{Method: get, Path: "/keys", Who: Support, Nav: "desk.nav.keys", Action: manage.ManageKeys, handle: (*Errand).keys},
		{Method: post, Path: "/keys", Who: Support, Action: manage.ManageKeys, Sensitive: true, handle: (*Errand).makeKey},
		{Method: get, Path: "/import", Who: Support, Nav: "desk.nav.import", Action: manage.Import, handle: (*Errand).importPage},
		{Method: post, Path: "/import/ready", Who: Support, Action: manage.Import, Sensitive: true, handle: (*Errand).importReady},
		{Method: post, Path: "/import", Who: Support, Action: manage.Import, Upload: true, handle: (*Errand).imported},
		{Method: post, Path: "/keys/{key}/revoke", Who: Support, Action: manage.ManageKeys, Sensitive: true, handle: (*Errand).revokeKey},
	}
}

// note writes into the log of an account that support looked. Nothing is shown
// before that is written. What a team looks at is its own.
func (e *Errand) note(r *http.Request, v *visit, account string, entry audit.Entry) error {
	if !v.support || account == "" {
		return nil
	}
	entry.Actor = v.actor.Actor
	return e.Desk.Audit.Add(context.WithoutCancel(r.Context()), account, entry)
}

// deskBody is what desk.html sees.
type deskBody struct {
	Support bool
	Address string   // of this visitor, as the gateway sees it; for support
	Doubts  []string // about the addresses of all visitors
	Asked   string
	Hits    []hit
	More    bool // there are more hits than are shown
	Nothing bool
}

// hit is somebody, or an account, that was found.
type hit struct{ Name, Detail, URL string }

// desk is where support begins: one box.
func (e *Errand) desk(w http.ResponseWriter, r *http.Request, v *visit) {
	e.showDesk(w, r, v, http.StatusOK, deskBody{})
}

func (e *Errand) showDesk(w http.ResponseWriter, r *http.Request, v *visit, status int, body deskBody) {
	body.Support = v.support
	title := "desk.title_team"
	if v.support {
		title = "desk.title"
		if ip := visitor.Of(r).IP; ip.IsValid() {
			body.Address = ip.Unmap().String()
		}
		if e.Desk.Doubts != nil {
			body.Doubts = e.Desk.Doubts()
		}
	}
	e.show(w, r, v, page.Admin{Name: "desk", Status: status, Title: v.say(title), Body: body})
}

// when says a moment, day a day, in the language of the visitor.
func (e *Errand) when(v *visit, at time.Time) string { return e.Pages.When(v.locale, at) }
