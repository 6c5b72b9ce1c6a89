package console

import (
	"cmp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/story"
)

// telling puts a story into words.
type telling struct {
	e    *Errand
	v    *visit
	s    *story.Story
	here string // the path of the page
}

func (t *telling) when(at time.Time) string { return t.e.when(t.v, at) }

// because says a cause in words that go on after "because".
func (t *telling) because(c string) string { return t.v.say("story.because." + c) }

// who is how the person is called.
func (t *telling) who() string {
	if t.s.User != nil {
		return isolated(cmp.Or(t.s.User.Name, t.s.User.Email))
	}
	return t.v.say("story.somebody")
}

// lines tell the story, the answer first.
func (t *telling) lines() []string {
	lines := t.verdict()
	if t.s.Attempt != nil {
		lines = append(lines, t.attempt(t.s.Attempt)...)
	} else if a := t.latest(); a != nil {
		lines = append(lines, t.attempt(a)...)
	}
	lines = append(lines, t.waits()...)
	lines = append(lines, t.mailLines()...)
	return append(lines, t.live()...)
}

// latest is the newest attempt that says something: the last one that failed, and
// what came before the last login is settled.
func (t *telling) latest() *store.Attempt {
	for _, a := range t.s.Attempts {
		if a.Cause != string(cause.TooManyAttempts) {
			return a
		}
	}
	return nil
}

// verdict says whether they can log in now, and if not why.
func (t *telling) verdict() []string {
	s, v := t.s, t.v
	switch {
	case s.Subject.Address == "":
		return []string{v.say("story.unknown")}
	case s.User == nil:
		return t.nobody()
	case s.Now.CanLogIn && s.Now.HasToWait:
		return []string{v.say("story.waits", "name", t.who(), "email", isolated(s.User.Email))}
	case s.Now.CanLogIn:
		return []string{v.say("story.can", "name", t.who(), "email", isolated(s.User.Email))}
	case s.Now.Because == story.BecauseNoPassword:
		return []string{v.say("story.no_password", "name", t.who())}
	}
	return append([]string{v.say("story.cannot", "name", t.who(), "because", t.because(s.Now.Cause))}, t.details()...)
}

// details are the who, since when and why of a cause that stands in the way.
func (t *telling) details() (lines []string) {
	v, u, a := t.v, t.s.User, t.s.Account
	switch {
	case t.s.Now.Cause == string(cause.UserBlocked) && u.Block != nil:
		lines = append(lines, v.say("story.block", "by", isolated(u.Block.By), "when", t.when(u.Block.At)))
		if u.Block.Why != "" {
			lines = append(lines, v.say("story.reason", "reason", isolated(u.Block.Why)))
		}
		if !u.Block.Until.IsZero() {
			lines = append(lines, v.say("story.until", "when", t.when(u.Block.Until)))
		}
	case a != nil && cause.Cause(t.s.Now.Cause).OfAccount():
		switch a.State {
		case directory.Trial:
			lines = append(lines, v.say("story.trial", "day", t.day(a.TrialUntil)))
		case directory.Arrears:
			lines = append(lines, v.say("story.arrears", "n", a.UnpaidInvoices, "account", isolated(a.Name)))
			if a.BlocksFrom != "" {
				lines = append(lines, v.say("story.blocks_from", "day", t.day(a.BlocksFrom)))
			}
		default:
			lines = append(lines, v.say("story.since", "when", t.when(a.Since)))
		}
		if a.Reason != "" {
			lines = append(lines, v.say("story.reason", "reason", isolated(a.Reason)))
		}
	}
	return lines
}

// day writes a day of a record as people do.
func (t *telling) day(day string) string {
	at, err := time.ParseInLocation(time.DateOnly, day, t.e.Rules.Location)
	if err != nil {
		return day
	}
	return t.e.Pages.Day(t.v.locale, at.Add(12*time.Hour))
}

// nobody tells of an address that nobody has.
func (t *telling) nobody() []string {
	s, v := t.s, t.v
	lines := []string{v.say("story.nobody", "address", isolated(s.Subject.Address))}
	if f := s.FormerOwner; f != nil {
		lines = append(lines, v.say("story.moved", "name", isolated(f.Name), "email", isolated(f.Email), "when", t.when(f.Until)))
	}
	for _, address := range s.Suggestions {
		lines = append(lines, v.say("story.perhaps", "address", isolated(address)))
	}
	return lines
}

// attempt tells of one attempt: when, from where, and what came of it.
func (t *telling) attempt(a *store.Attempt) []string {
	v := t.v
	args := []any{
		"name", t.who(), "when", t.when(a.Last), "typed", isolated(a.Typed), "n", a.Count,
		"browser", cmp.Or(v.device(a.Agent), v.say("story.some_browser")), "because", t.because(cmp.Or(a.Cause, "none")),
	}
	id := "story.attempt.failed"
	switch {
	case a.Cause == "" && a.Asked:
		id = "story.attempt.asked"
	case a.Cause == "":
		id = "story.attempt.ok"
	case a.Count > 1:
		id = "story.attempt.failed_often"
	}
	lines := []string{v.say(id, args...)}
	if u := t.s.User; u != nil && a.Typed != "" && a.Typed != u.Email && a.User == "" {
		lines = append(lines, v.say("story.old_address", "typed", isolated(a.Typed), "name", t.who(), "email", isolated(u.Email)))
	}
	if !a.Former.IsZero() {
		lines = append(lines, v.say("story.old_password", "name", t.who(), "when", t.when(a.Former)))
	}
	return lines
}

// waits says where somebody has to wait.
func (t *telling) waits() (lines []string) {
	for _, b := range t.s.Budgets {
		if b.Waits() {
			lines = append(lines, t.v.say("story.wait."+b.Budget, "until", t.clock(b.Until), "n", b.Failures, "network", b.Network))
		}
	}
	return lines
}

func (t *telling) clock(at time.Time) string {
	return at.In(t.e.Rules.Location).Format(t.v.say("time.clock"))
}

// budgets says where failures are counted, waiting or not.
func (t *telling) budgets() (lines []string) {
	for _, b := range t.s.Budgets {
		if b.Waits() {
			continue
		}
		id := "story.budget." + b.Budget
		if b.Budget == limit.AllOfNetwork && !t.v.support {
			continue
		}
		lines = append(lines, t.v.say(id, "n", b.Failures, "free", b.Free, "network", b.Network))
	}
	return append(lines, t.waits()...)
}

// mailLines says what became of mails that did not arrive yet.
func (t *telling) mailLines() (lines []string) {
	for _, m := range t.s.Mails {
		said := ""
		if len(m.Tries) > 0 {
			said = answered(m.Tries[len(m.Tries)-1])
		}
		lines = append(lines, t.v.say("story.mail."+m.State,
			"when", t.when(m.Created), "to", isolated(m.To), "said", isolated(said), "kind", t.v.say("story.mail_kind."+mailKind(t.v, m.Kind))))
	}
	return lines
}

// mailKind is the kind of a mail if there is a word for it.
func mailKind(v *visit, kind string) string {
	if id := "story.mail_kind." + kind; v.say(id) == id {
		return "other"
	}
	return kind
}

// live says what of what was mailed can still be used.
func (t *telling) live() (lines []string) {
	l := t.s.Mailed
	if l == nil {
		return nil
	}
	if l.Passwords > 0 {
		lines = append(lines, t.v.say("story.live.password", "n", l.Passwords, "when", t.when(l.PasswordsUntil)))
	}
	if l.Logins > 0 {
		lines = append(lines, t.v.say("story.live.login", "n", l.Logins, "when", t.when(l.LoginsUntil)))
	}
	if !l.FreshUntil.IsZero() {
		lines = append(lines, t.v.say("story.live.fresh", "when", t.when(l.FreshUntil)))
	}
	return lines
}

func (t *telling) attempts() (rows []storyAttempt) {
	for _, a := range t.s.Attempts {
		row := storyAttempt{
			At: a.Last, Method: t.word("story.method.", a.Method), Browser: t.v.device(a.Agent), Network: a.Network, Refers: a.Reference,
			Times: a.Count, URL: t.e.root() + "/attempts/" + a.Reference, Bad: a.Cause != "",
		}
		if a.Known {
			row.Browser = t.v.say("story.known", "browser", cmp.Or(t.v.device(a.Agent), t.v.say("story.some_browser")))
		}
		switch {
		case a.Cause == "" && a.Asked:
			row.Outcome = t.v.say("story.outcome.asked")
		case a.Cause == "":
			row.Outcome = t.v.say("story.outcome.ok")
		default:
			row.Outcome = t.because(a.Cause)
		}
		rows = append(rows, row)
	}
	return rows
}

// word is the word for a code, or the code where there is none.
func (t *telling) word(prefix, code string) string {
	if word := t.v.say(prefix + code); word != prefix+code {
		return word
	}
	return code
}

func (t *telling) mails() (rows []storyMail) {
	for _, m := range t.s.Mails {
		row := storyMail{
			At: m.Created, Kind: t.v.say("story.mail_kind." + mailKind(t.v, m.Kind)), To: m.To, State: t.v.say("story.mail_state." + m.State),
			Bad: m.State == outbox.Rejected || m.State == outbox.Expired,
		}
		for _, try := range m.Tries {
			row.Tries = append(row.Tries, mailTry{try.At, try.Server, answered(try)})
		}
		rows = append(rows, row)
	}
	return rows
}

// answered is what a server said, in one line.
func answered(a store.MailAnswer) string {
	var parts []string
	if a.Code != 0 {
		parts = append(parts, number(a.Code))
	}
	return strings.Join(append(parts, slices.DeleteFunc([]string{a.Status, a.Message}, func(s string) bool { return s == "" })...), " ")
}

func (t *telling) suggestions() (hits []hit) {
	if f := t.s.FormerOwner; f != nil {
		hits = append(hits, hit{f.Name, f.Email, t.e.whyPath(f.Account, f.User)})
	}
	return hits
}

// isolated is a text of people inside a sentence of ours that is read aloud: kept
// apart from what stands around it only where it is written from right to left.
func isolated(text string) string {
	turned := false
	text = shown(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		turned = turned || unicode.In(r, unicode.Hebrew, unicode.Arabic, unicode.Syriac, unicode.Thaana, unicode.Nko)
		return r
	}, text))
	if turned {
		return within(text)
	}
	return text
}
