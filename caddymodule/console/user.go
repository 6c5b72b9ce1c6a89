package console

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/manage"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/story"
)

// userBody is what user.html sees.
type userBody struct {
	User    *store.User
	Can     bool
	Verdict string
	More    []string // what else there is to know first
	Facts   []fact
	Actions []actionLink

	Attempts []attemptRow
	Mails    []mailRow
	Sessions []sessionRow
	Delays   []string
	Clear    string // forgets the delays; empty: not this visitor
	End      string // ends one session; likewise
}

// fact is one line of what is known of a user.
type fact struct {
	Name, Text string
	Code       bool // not to be translated, from left to right
}

// actionLink is a button of the page of a user.
type actionLink struct {
	Name, Text, URL string
	Post, Hurts     bool
}

type attemptRow struct {
	At                              time.Time
	OK                              bool
	Outcome, Method, Agent, Network string
	Reference, More                 string
}

type mailRow struct {
	At                      time.Time
	Kind, To, State, Answer string
	Bad                     bool
}

type sessionRow struct {
	Handle, Agent, Network string
	Since, Seen            time.Time
	Mine                   bool
}

// shownMails is how many mails the page of a user shows.
const shownMails = 10

// person is the page of one user: the story, and what can be done about it.
func (e *Errand) person(w http.ResponseWriter, r *http.Request, v *visit) {
	b, err := e.userBody(r.Context(), v)
	if err != nil {
		e.fail(w, r, v, err)
		return
	}
	e.show(w, r, v, page.Admin{Name: "user", Title: shown(v.user.Name), Body: b})
}

func (e *Errand) userBody(ctx context.Context, v *visit) (*userBody, error) {
	u, err := e.Manage.User(ctx, v.actor, v.account.ID, v.user.ID) // writes down that support looked
	if err != nil {
		return nil, err
	}
	told, err := e.Stories.OfUser(ctx, v.viewer(), v.account.ID, u.ID)
	if err != nil {
		return nil, err
	}
	mails, err := e.Stories.MailsOf(ctx, u, shownMails)
	if err != nil {
		return nil, err
	}
	sessions, err := e.Sessions.Of(ctx, v.account.ID, u.ID)
	if err != nil {
		return nil, err
	}
	now := e.Now()
	why := e.Rules.May(u, v.account, now)
	b := &userBody{User: u, Can: why == cause.None && u.Invited == nil, Actions: e.actions(v, u, len(told.Budgets) > 0), Facts: e.facts(v, u, told)}
	b.Verdict, b.More = e.verdict(v, u, why)
	for _, a := range told.Attempts {
		b.Attempts = append(b.Attempts, v.attemptRow(a))
	}
	for _, m := range mails {
		b.Mails = append(b.Mails, v.mailRow(m))
	}
	for _, s := range sessions {
		b.Sessions = append(b.Sessions, sessionRow{s.Handle, v.device(s.Agent), network(s.Network), s.Created, s.LastSeen, s.Handle == v.facts.Session.Handle()})
	}
	for _, d := range told.Budgets {
		if d.Waits() {
			b.Delays = append(b.Delays, e.delay(v, d))
		}
	}
	if manage.May(e.Rules, v.actor, manage.ClearDelays, v.account.ID, u) == nil {
		b.Clear = e.path(v, pathUser+"/clear-delays", u.ID)
	}
	if manage.May(e.Rules, v.actor, manage.EndSessions, v.account.ID, u) == nil {
		b.End = e.path(v, pathUser+"/end-session", u.ID)
	}
	return b, nil
}

// viewer is what a visitor may know of attempts.
func (v *visit) viewer() story.Viewer {
	if v.support {
		return story.Viewer{}
	}
	return story.Viewer{Account: v.actor.Account}
}

// actions are the buttons for what this visitor may do to this user.
func (e *Errand) actions(v *visit, u *store.User, failed bool) []actionLink {
	var all []actionLink
	for i := range acts {
		a := &acts[i]
		if a.who&v.who() == 0 || a.fits != nil && !a.fits(u, e.Now()) || manage.May(e.Rules, v.actor, a.what, v.account.ID, u) != nil {
			continue
		}
		if a.what == manage.ClearDelays && !failed {
			continue // there are none
		}
		all = append(all, actionLink{
			Name: a.name, Text: v.say("admin.act." + a.name + ".button"), URL: e.path(v, a.path(), u.ID), Post: a.direct, Hurts: a.hurts,
		})
	}
	return all
}

// verdict says whether somebody can log in, and what else is to be known first.
func (e *Errand) verdict(v *visit, u *store.User, why cause.Cause) (verdict string, more []string) {
	switch {
	case why == cause.UserBlocked:
		verdict = v.say("admin.user.blocked", "by", within(u.Block.By), "day", e.Pages.Day(v.locale, u.Block.At))
		if !u.Block.Until.IsZero() {
			more = append(more, v.say("admin.user.blocked_until", "day", e.lastDay(v, u.Block.Until)))
		}
		if u.Block.Why != "" {
			more = append(more, v.say("admin.user.blocked_why", "why", within(u.Block.Why)))
		}
	case why != cause.None:
		verdict = v.say("admin.user.cannot", "because", v.because(why))
		if v.account.Reason != "" && why.OfAccount() {
			more = append(more, v.say("admin.user.account_why", "why", within(v.account.Reason)))
		}
	case u.Invited != nil:
		verdict = v.say("admin.user.invited", "by", within(u.Invited.By), "day", e.Pages.Day(v.locale, u.Invited.At))
		id := "admin.user.invited_until"
		if !e.Now().Before(u.Invited.Until) {
			id = "admin.user.invited_over"
		}
		more = append(more, v.say(id, "when", e.Pages.When(v.locale, u.Invited.Until)))
	default:
		verdict = v.say("admin.user.can")
	}
	if u.Moving != nil && e.Now().Before(u.Moving.Until) {
		more = append(more, v.say("admin.user.moving", "email", within(u.Moving.Email), "when", e.Pages.When(v.locale, u.Moving.Until)))
	}
	return verdict, more
}

// facts are what is known of a user.
func (e *Errand) facts(v *visit, u *store.User, told *story.Story) []fact {
	address := u.Email
	if u.Display != "" {
		address = u.Display
	}
	language := v.say("admin.locale.none")
	if id := "admin.locale." + u.Locale; u.Locale != "" && v.say(id) != id {
		language = v.say(id)
	}
	second := v.say("admin.user.second_off")
	if u.SecondStep {
		second = v.say("admin.user.second_on")
	}
	all := []fact{
		{v.say("admin.user.email"), shown(address), true},
		{v.say("admin.user.type"), shown(v.typeName(u.Type)), false},
		{v.say("admin.user.password"), e.passwordFact(v, u), false},
		{v.say("admin.user.second"), second, false},
		{v.say("admin.user.language"), language, false},
		{v.say("admin.user.since"), e.Pages.Day(v.locale, u.Created), false},
		{v.say("admin.user.id"), u.ID, true},
	}
	for _, l := range told.Identities {
		all = append(all, fact{v.say("admin.user.linked"), v.say("admin.user.linked_text", "provider", l.Provider, "address", l.Address, "date", e.Pages.Day(v.locale, l.Linked)), false})
	}
	if m := told.Mailed; m != nil {
		for _, one := range []struct {
			n     int
			until time.Time
			word  string
		}{{m.Passwords, m.PasswordsUntil, "admin.user.pending_password"}, {m.Logins, m.LoginsUntil, "admin.user.pending_login"}} {
			if one.n > 0 {
				all = append(all, fact{v.say(one.word), v.say("admin.user.pending", "n", one.n, "when", e.Pages.When(v.locale, one.until)), false})
			}
		}
		if !m.FreshUntil.IsZero() {
			all = append(all, fact{v.say("admin.user.fresh"), v.say("admin.user.fresh_text", "when", e.Pages.When(v.locale, m.FreshUntil)), false})
		}
	}
	return all
}

func (e *Errand) passwordFact(v *visit, u *store.User) string {
	kind := story.PasswordKind(u)
	if kind == "none" || u.PasswordChanged.IsZero() {
		return v.say("admin.user.password_" + kind)
	}
	return v.say("admin.user.password_"+kind+"_since", "day", e.Pages.Day(v.locale, u.PasswordChanged))
}

// delay says which budget makes somebody wait.
func (e *Errand) delay(v *visit, d story.Budget) string {
	minutes := int((d.Left() + time.Minute - 1) / time.Minute)
	return v.say("admin.delay."+d.Budget, "n", minutes, "network", network(d.Network), "failures", strconv.Itoa(d.Failures),
		"when", e.Pages.When(v.locale, d.Until))
}

// attemptRow words one attempt.
func (v *visit) attemptRow(a *store.Attempt) attemptRow {
	row := attemptRow{
		At: a.Last, OK: a.Cause == "" && !a.Asked, Method: v.method(a.Method), Agent: v.device(a.Agent), Network: network(a.Network), Reference: a.Reference,
	}
	switch {
	case a.Cause == "" && a.Asked:
		row.Outcome = v.say("admin.attempt.asked")
	case a.Cause == "":
		row.Outcome = v.say("admin.attempt.ok")
	default:
		row.Outcome = v.because(cause.Cause(a.Cause))
	}
	if a.Count > 1 {
		row.More = v.say("admin.attempt.times", "n", a.Count)
	}
	return row
}

// network is a network as people read it: one address is written without its mask.
func network(n string) string { return strings.TrimSuffix(n, "/32") }

// method is how people call a way to log in.
func (v *visit) method(name string) string {
	id := "admin.method." + name
	if text := v.say(id); text != id {
		return text
	}
	return name
}

// mailRow words one mail, with the last answer of the server it was handed to.
func (v *visit) mailRow(m *story.Mail) mailRow {
	row := mailRow{At: m.Created, To: m.To, Kind: v.word("admin.mail.kind.", m.Kind), State: v.word("admin.mail.state.", m.State)}
	row.Bad = slices.Contains([]string{"rejected", "expired", "deferred"}, m.State)
	if n := len(m.Tries); n > 0 {
		last := m.Tries[n-1]
		if last.Code != 0 {
			row.Answer = strconv.Itoa(last.Code) + " "
		}
		if last.Status != "" {
			row.Answer += last.Status + " "
		}
		row.Answer += last.Message
	}
	return row
}

// word is the sentence for a code, or the code itself where there is none.
func (v *visit) word(prefix, code string) string {
	if text := v.say(prefix + code); text != prefix+code {
		return text
	}
	return code
}
