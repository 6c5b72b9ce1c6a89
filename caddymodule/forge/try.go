package forge

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Finding is a header that reached an app though only the gateway may send it, or
// that an app did not get though the gateway sent it, or a request that reached an
// app without a login.
type Finding struct {
	Target Target
	Proxy  int
	How    string // the variant
	What   string // what is wrong, the header first
}

// Prober tries targets.
type Prober struct {
	Recorder *Recorder
	// Names of the identity headers.
	Names []string
	// Reached are the apps that any request reached.
	Reached map[int]bool
}

// Asked is a target, and what is right there.
type Asked struct {
	Target Target
	// Open: it may reach the app without a session.
	Open bool
	// Session: the cookie of the target opens one, of which the app is told these lines
	// of identity headers.
	Session bool
	Told    []string
}

// Try sends all variants to one target.
func (p *Prober) Try(ctx context.Context, a Asked) ([]Finding, error) {
	base, err := p.send(ctx, a.Target, Variant{}, false)
	if err != nil {
		return nil, err
	}
	t := trial{Prober: p, asked: a, found: map[string]Finding{}, usual: map[int][]string{}}
	for _, s := range base {
		t.usual[s.Proxy] = s.Claims(p.Names)
		more, _ := Differ(t.usual[s.Proxy], a.Told)
		for _, line := range more {
			t.note(s, "nothing forged", line)
		}
		t.reached(s, "nothing forged")
	}
	for _, v := range Variants(p.Names) {
		for _, http2 := range []bool{false, true} {
			if http2 && !v.HTTP2 {
				continue
			}
			seen, err := p.send(ctx, a.Target, v, http2)
			if err != nil {
				return nil, err
			}
			for _, s := range seen {
				t.judge(s, v)
			}
		}
	}
	return t.findings(), nil
}

func (p *Prober) send(ctx context.Context, t Target, v Variant, http2 bool) ([]Seen, error) {
	p.Recorder.Take() // what came late is not of this one
	var err error
	if http2 {
		err = t.SendHTTP2(ctx, v)
	} else {
		_, _, err = t.Send(ctx, v)
	}
	if err != nil {
		return nil, fmt.Errorf("trying %s: %w", t, err)
	}
	seen := p.Recorder.Take()
	for _, s := range seen {
		p.Reached[s.Proxy] = true
	}
	return seen, nil
}

// trial is what is found at one target.
type trial struct {
	*Prober
	asked Asked
	usual map[int][]string // claims of a request with nothing forged, by proxy
	found map[string]Finding
}

func (t *trial) judge(s Seen, v Variant) {
	t.reached(s, v.Name)
	usual, known := t.usual[s.Proxy]
	if !known {
		usual = t.asked.Told // another app than usual: a matcher looks at what was forged
	}
	more, missing := Differ(s.Claims(t.Names), usual)
	for _, line := range more {
		if !slices.Contains(t.asked.Told, line) || count(s.Claims(t.Names), line) > 1 {
			t.note(s, v.Name, line)
		}
	}
	if known && t.asked.Session {
		for _, line := range missing {
			name, _, _ := strings.Cut(line, ":")
			t.add(s, v.Name, name+" of the gateway is lost on the way to the app")
		}
	}
}

// note says which header reached the app.
func (t *trial) note(s Seen, how, line string) {
	name, value, _ := strings.Cut(line, ": ")
	whose := "which the gateway did not send"
	if strings.Contains(value, Marker) {
		whose = "as a visitor sent it"
	}
	who := "nobody is logged in"
	if t.asked.Session {
		who = "somebody is logged in"
	}
	t.add(s, how, fmt.Sprintf("%s reaches the app, %s, while %s", name, whose, who))
}

// reached says that the app was reached where it may not be.
func (t *trial) reached(s Seen, how string) {
	if !t.asked.Session && !t.asked.Open {
		t.add(s, how, "the app is reached without a login")
	}
}

// add keeps the first way in which something went wrong.
func (t *trial) add(s Seen, how, what string) {
	key := fmt.Sprint(s.Proxy, " ", what)
	if _, again := t.found[key]; !again {
		t.found[key] = Finding{Target: t.asked.Target, Proxy: s.Proxy, How: how, What: what}
	}
}

func (t *trial) findings() []Finding {
	all := make([]Finding, 0, len(t.found))
	for _, key := range sorted(t.found) {
		all = append(all, t.found[key])
	}
	slices.SortStableFunc(all, func(a, b Finding) int { return strings.Compare(a.What, b.What) })
	return all
}

// Echo sends all variants to a page that shows the headers it gets, and returns the
// names that it shows as forged. An error says where the page is none.
func Echo(ctx context.Context, t Target, names []string) ([]Finding, error) {
	const control = "X-Forge-Check: seen-by-the-page"
	status, body, err := t.Send(ctx, Variant{Lines: []string{control}})
	switch {
	case err != nil:
		return nil, fmt.Errorf("trying %s: %w", t, err)
	case !strings.Contains(body, "seen-by-the-page"):
		return nil, fmt.Errorf("%s answers %d and shows no header it was sent: "+
			"the page has to echo its headers, and be open without a login (`public`) while you check", t, status)
	}
	var found []Finding
	for _, v := range Variants(names) {
		if _, body, err = t.Send(ctx, v); err != nil {
			return nil, fmt.Errorf("trying %s: %w", t, err)
		}
		what := shownAs(body) + " reaches the app, as a visitor sent it"
		if strings.Contains(body, Marker) && !slices.ContainsFunc(found, func(f Finding) bool { return f.What == what }) {
			found = append(found, Finding{Target: t, How: v.Name, What: what})
		}
	}
	return found, nil
}

// shownAs is what stands before the marker on a page: the name of the header,
// however the page writes it.
func shownAs(body string) string {
	before, _, _ := strings.Cut(body, Marker)
	words := strings.FieldsFunc(before[max(0, len(before)-80):], func(r rune) bool {
		return r != '-' && r != '_' && r != '.' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
	if len(words) == 0 {
		return "a header"
	}
	return words[len(words)-1]
}
