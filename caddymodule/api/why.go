package api

import (
	"context"
	"net/http"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/manage"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/story"
)

// Attempt is one try to log in, or several alike.
type Attempt struct {
	Reference string    `json:"reference"`
	Cause     string    `json:"cause,omitempty" doc:"absent: they were let in, or only asked for a mail"`
	Method    string    `json:"method"`
	First     time.Time `json:"first"`
	Last      time.Time `json:"last"`
	Count     int       `json:"count"`
	Typed     string    `json:"typed,omitempty" doc:"only what is an address"`
	User      string    `json:"user,omitempty"`
	Account   string    `json:"account,omitempty"`
	Network   string    `json:"network,omitempty"`
	Agent     string    `json:"agent,omitempty"`
	Known     bool      `json:"known_device,omitempty"`
	Locale    string    `json:"locale,omitempty"`
	Session   string    `json:"session,omitempty" doc:"public handle"`
	RetryAt   time.Time `json:"retry_at,omitzero"`
	Asked     bool      `json:"asked,omitempty" doc:"nobody logged in, a mail was asked for"`
	Mail      string    `json:"mail,omitempty" doc:"id of the mail"`
	Former    time.Time `json:"password_right_until,omitzero" doc:"until when the password that was typed was right"`
}

func viewAttempt(a *store.Attempt) Attempt {
	return Attempt{
		Reference: a.Reference, Cause: a.Cause, Method: a.Method, First: a.First, Last: a.Last, Count: a.Count, Typed: a.Typed,
		User: a.User, Account: a.Account, Network: a.Network, Agent: a.Agent, Known: a.Known, Locale: a.Locale,
		Session: a.Session, RetryAt: a.RetryAt, Asked: a.Asked, Mail: a.Mail, Former: a.Former,
	}
}

// Why is all that is known about why somebody can or cannot log in.
type Why struct {
	Asked   string   `json:"asked" doc:"a reference, a canonical address or a user id"`
	Attempt *Attempt `json:"attempt,omitempty" doc:"the one with the reference that was asked about"`
	User    *User    `json:"user,omitempty" doc:"absent: nobody"`
	Account *Account `json:"account,omitempty"`
	Now     Verdict  `json:"now"`
	// Budgets with time left make people wait.
	Budgets     []Budget     `json:"budgets"`
	Attempts    []Attempt    `json:"attempts" doc:"the latest, newest first"`
	Suggestions []string     `json:"suggestions,omitempty" doc:"users whose address looks like the unknown one"`
	FormerOwner *FormerOwner `json:"former_owner,omitempty" doc:"who had the address until a while ago"`
	Mails       []Mail       `json:"mails,omitempty"`
	Identities  []Identity   `json:"linked_identities,omitempty" doc:"accounts with providers that log the user in"`
	Fixes       []Fix        `json:"fixes" doc:"the ways out, the most pressing first"`
}

// Identity is an account with a provider that logs a user in.
type Identity struct {
	Provider string    `json:"provider"`
	Address  string    `json:"address,omitempty" doc:"masked"`
	Linked   time.Time `json:"linked"`
	LastUsed time.Time `json:"last_used,omitzero"`
}

// Verdict says whether a login with the right password would succeed now.
type Verdict struct {
	CanLogIn  bool      `json:"can_log_in"`
	HasToWait bool      `json:"has_to_wait,omitempty" doc:"from some networks or browsers at least"`
	Cause     string    `json:"cause,omitempty"`
	Because   string    `json:"because,omitempty" doc:"in words, where there is no cause"`
	Until     time.Time `json:"until,omitzero" doc:"when this changes by itself"`
}

// Budget counts failures.
type Budget struct {
	Budget   string    `json:"budget"`
	Network  string    `json:"network,omitempty"`
	Failures int       `json:"failures"`
	Free     int       `json:"free" doc:"failures that cost nothing"`
	Until    time.Time `json:"until,omitzero" doc:"no try before"`
}

// FormerOwner is who had an address that nobody has any more.
type FormerOwner struct {
	User  string    `json:"user"`
	Email string    `json:"email" doc:"now"`
	Name  string    `json:"name"`
	Until time.Time `json:"until"`
}

// Mail is one mail with the answer to every try; never what it says.
type Mail struct {
	ID      string    `json:"id"`
	Kind    string    `json:"kind"`
	To      string    `json:"to"`
	State   string    `json:"state"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
	Tries   []Try     `json:"tries"`
}

// Try is one try to hand a mail over.
type Try struct {
	At       time.Time `json:"at"`
	Server   string    `json:"server,omitempty"`
	Code     int       `json:"code,omitempty" doc:"SMTP reply code"`
	Enhanced string    `json:"enhanced,omitempty"`
	Message  string    `json:"message"`
}

// Fix is a way out.
type Fix struct {
	Code    string `json:"code"`
	Cause   string `json:"cause,omitempty"`
	Mail    string `json:"mail,omitempty"`
	To      string `json:"to,omitempty"`
	Network string `json:"network,omitempty"`
	Address string `json:"address,omitempty"`
}

type askWhy struct {
	Who string `query:"who" required:"true" minLength:"1" maxLength:"320" doc:"a reference, an e-mail address or a user id"`
}

type oneWhy struct{ Body Why }

type getAttempt struct {
	Reference string `path:"reference" maxLength:"20" doc:"as people read it out, like K7Q-4MD"`
}

type oneAttempt struct{ Body Attempt }

type listAttempts struct {
	InUser
	Limit int `query:"limit" minimum:"1" maximum:"500" default:"100" doc:"how many at most"`
}

type manyAttempts struct {
	Body struct {
		Attempts []Attempt `json:"attempts" doc:"newest first"`
	}
}

// viewer is what a key may know: what support may, or what its team may.
func (c caller) viewer() story.Viewer { return story.Viewer{Account: c.key.Account} }

func (r *Room) why(ctx context.Context, in *askWhy) (*oneWhy, error) {
	c := callerOf(ctx)
	s, err := r.Stories.Tell(ctx, c.viewer(), in.Who)
	if err != nil {
		return nil, err
	}
	if u := s.Subject.User; u != nil && u.Account == directory.StaffAccount || s.Attempt != nil && s.Attempt.Account == directory.StaffAccount {
		return nil, store.ErrNotFound // people of the staff are not there for keys
	}
	return &oneWhy{r.viewWhy(s)}, nil
}

func (r *Room) viewWhy(s *story.Story) Why {
	v := Why{
		Asked: s.Asked, Now: Verdict{s.Now.CanLogIn, s.Now.HasToWait, s.Now.Cause, s.Now.Because, s.Now.Until},
		Budgets: []Budget{}, Attempts: viewAttempts(s.Attempts), Suggestions: s.Suggestions, Fixes: []Fix{},
	}
	if s.Attempt != nil {
		a := viewAttempt(s.Attempt)
		v.Attempt = &a
	}
	if s.Subject.User != nil {
		u := r.user(s.Subject.User, s.Subject.Account)
		v.User = &u
	}
	if s.Subject.Account != nil {
		a := r.account(s.Subject.Account)
		v.Account = &a
	}
	for _, b := range s.Budgets {
		v.Budgets = append(v.Budgets, Budget{b.Budget, b.Network, b.Failures, b.Free, b.Until})
	}
	if f := s.FormerOwner; f != nil {
		v.FormerOwner = &FormerOwner{f.User, f.Email, f.Name, f.Until}
	}
	for _, m := range s.Mails {
		v.Mails = append(v.Mails, viewMail(m))
	}
	for _, l := range s.Identities {
		v.Identities = append(v.Identities, Identity(l))
	}
	for _, f := range s.Fixes {
		v.Fixes = append(v.Fixes, Fix{string(f.Code), f.Cause, f.Mail, f.To, f.Network, f.Address})
	}
	return v
}

func viewMail(m *story.Mail) Mail {
	v := Mail{ID: m.ID, Kind: m.Kind, To: m.To, State: m.State, Created: m.Created, Expires: m.Expires, Tries: []Try{}}
	for _, t := range m.Tries {
		v.Tries = append(v.Tries, Try{t.At, t.Server, t.Code, t.Status, t.Message})
	}
	return v
}

func viewAttempts(list []*store.Attempt) []Attempt {
	views := make([]Attempt, len(list))
	for i, a := range list {
		views[i] = viewAttempt(a)
	}
	return views
}

func (r *Room) getAttempt(ctx context.Context, in *getAttempt) (*oneAttempt, error) {
	s, err := r.Stories.OfAttempt(ctx, callerOf(ctx).viewer(), in.Reference)
	if err != nil {
		return nil, err
	}
	if s.Attempt == nil || s.Attempt.Account == directory.StaffAccount {
		return nil, store.ErrNotFound
	}
	return &oneAttempt{viewAttempt(s.Attempt)}, nil
}

func (r *Room) listAttempts(ctx context.Context, in *listAttempts) (*manyAttempts, error) {
	c := callerOf(ctx)
	if err := r.Manage.May(c.actor, manage.LookAttempt, in.Account, nil); err != nil {
		return nil, err
	}
	u, err := r.Directory.User(ctx, in.Account, in.User)
	if err != nil {
		return nil, err
	}
	list, err := r.Attempts.Of(ctx, attempt.Subject(u.ID, u.Email), in.Limit)
	if err != nil {
		return nil, err
	}
	out := &manyAttempts{}
	out.Body.Attempts = viewAttempts(list)
	return out, nil
}

// reading are the routes that change nothing and are about more than records.
func (r *Room) reading() {
	add(r, route{
		id: "why", method: http.MethodGet, path: "/why", scope: "attempts:read",
		summary: "Tell why somebody can or cannot log in",
		about:   "A key of one account is told what an admin of that account is.",
	}, r.why)
	add(r, route{
		id: "get-attempt", method: http.MethodGet, path: "/attempts/{reference}", scope: "attempts:read",
		summary: "Read the attempt to log in with a reference",
	}, r.getAttempt)
	add(r, route{
		id: "list-attempts", method: http.MethodGet, path: "/accounts/{account}/users/{user}/attempts", scope: "attempts:read",
		summary: "List the attempts of a user to log in",
	}, r.listAttempts)
	add(r, route{
		id: "list-audit", method: http.MethodGet, path: "/accounts/{account}/audit", scope: "audit:read",
		summary: "Read the audit log of an account", about: "Newest first. It names who did what to whom, from where and when.",
	}, r.listAudit)
	add(r, route{
		id: "list-events", method: http.MethodGet, path: "/events", scope: "events:read",
		summary: "Follow what changes",
		about: "Oldest first, over all accounts the key may be used for; kept for 30 days. Ask again with next, for ever: it is" +
			" there also when nothing happened. Events name accounts and users by id; read them to see what they are like now. One" +
			" event may come for several changes, and one without an action may have changed nothing.",
	}, r.listEvents)
}
