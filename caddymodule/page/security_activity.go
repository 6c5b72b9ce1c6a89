package page

import (
	"net/http"
	"strings"
	"time"
	"unicode/utf8"
)

// ActivitySecurity is the page on which people read what happened with their access.
type ActivitySecurity struct {
	Sub
	Items []ActivityItem
	// Older is the cursor of the next page, Later that this is not the first.
	Older string
	Later bool
}

// The kinds of ActivityItem.
const (
	ActivityIn      = "in"
	ActivityAsked   = "asked"
	ActivityRefused = "refused"
	ActivityNotMe   = "not_me"
	ActivityMail    = "mail"
	ActivityDid     = "did"
)

// ActivityItem is one thing that happened.
type ActivityItem struct {
	Kind string
	At   time.Time
	// Of an attempt: by which way, the cause of a refusal, how often and until when.
	Method, Cause string
	Count         int
	Last          time.Time
	New           bool // from a device that was not known
	Reference     string
	// Where it was done, as far as the person may know.
	Agent, Network, Place string
	// Of a mail: to whom, what, and what became of it.
	To, Letter, State string
	// Of a change: what, the address it is about, and who did it.
	Did, Email string
	By, Name   string
}

// activityLine is one as the template sees it.
type activityLine struct {
	Kind, When, Title string
	More              []string
	Warn              bool
}

// activityDay holds those of one day.
type activityDay struct {
	Day   string
	Lines []activityLine
}

// activityBody is what security_activity.html sees.
type activityBody struct {
	subBody
	Days                    []activityDay
	Older, Newest, Sessions string
}

// ActivitySecurity writes the page with the given status.
func (p *Renderer) ActivitySecurity(w http.ResponseWriter, r *http.Request, status int, v ActivitySecurity) {
	here, locale, sub := p.below(r, "activity", "activity", v.Sub)
	body := activityBody{subBody: sub, Sessions: p.own(here, "security/sessions")}
	for _, item := range v.Items {
		day := p.Day(locale, item.At)
		if n := len(body.Days); n == 0 || body.Days[n-1].Day != day {
			body.Days = append(body.Days, activityDay{Day: day})
		}
		last := &body.Days[len(body.Days)-1]
		last.Lines = append(last.Lines, p.happened(locale, item))
	}
	if v.Older != "" {
		body.Older = older(p.own(here, "security/activity"), v.Older)
	}
	if v.Later {
		body.Newest = p.own(here, "security/activity")
	}
	p.finish(w, here, status, "security_activity", p.Text(locale, "activity.title"), v.Sub, sub, body)
}

// older adds the cursor of a page to its address.
func older(address, cursor string) string {
	if strings.Contains(address, "?") {
		return address + "&before=" + cursor
	}
	return address + "?before=" + cursor
}

// happened words one thing.
func (p *Renderer) happened(locale string, i ActivityItem) activityLine {
	l := activityLine{Kind: i.Kind, When: p.clock(locale, i.At), Warn: i.Kind == ActivityRefused || i.State == "rejected"}
	add := func(text string) {
		if text != "" {
			l.More = append(l.More, text)
		}
	}
	switch i.Kind {
	case ActivityMail:
		l.Title = p.Text(locale, "activity.mail", "to", i.To, "kind", p.orElse(locale, "story.mail_kind.", i.Letter))
		add(p.Text(locale, "activity.mail_"+i.State))
	case ActivityDid:
		l.Title = p.Text(locale, "activity.did_"+i.Did, "email", i.Email)
		add(p.Text(locale, "activity.by_"+i.By, "name", i.Name, "brand", p.options.Brand.Name))
	default:
		l.Title = p.tried(locale, i)
		if i.Count > 1 {
			add(p.Text(locale, "activity.times", "n", i.Count, "when", p.moment(locale, "time.date", i.Last)))
		}
	}
	if i.Agent != "" || i.Network != "" {
		on := capital(p.agent(locale, i.Agent))
		if i.Network != "" {
			on = capital(p.where(locale, "activity.on", i.Network, i.Place, "device", p.agent(locale, i.Agent)))
		}
		if i.New {
			on += " (" + p.Text(locale, "activity.new_device") + ")"
		}
		add(on)
	}
	if i.Reference != "" && i.Kind == ActivityRefused {
		add(p.Text(locale, "activity.reference", "reference", i.Reference))
	}
	return l
}

// tried words an attempt.
func (p *Renderer) tried(locale string, i ActivityItem) string {
	switch {
	case i.Kind == ActivityIn:
		return p.Text(locale, "activity.in", "method", p.orElse(locale, "activity.method.", i.Method))
	case i.Kind == ActivityAsked && i.Method == "recover":
		return p.Text(locale, "activity.asked_password")
	case i.Kind == ActivityAsked:
		return p.Text(locale, "activity.asked")
	case i.Kind == ActivityNotMe:
		return p.Text(locale, "activity.not_me")
	case i.Method == "proof":
		return p.Text(locale, "activity.refused_proof", "why", p.Text(locale, "story.because."+i.Cause))
	}
	return p.Text(locale, "activity.refused", "why", p.Text(locale, "story.because."+i.Cause))
}

// orElse words one of a list that others add to; what it lacks is "other".
func (p *Renderer) orElse(locale, list, name string) string {
	if !p.words.has(locale, list+name) {
		name = "other"
	}
	return p.Text(locale, list+name)
}

// capital begins with a capital letter.
func capital(text string) string {
	_, first := utf8.DecodeRuneInString(text)
	return strings.ToUpper(text[:first]) + text[first:]
}
