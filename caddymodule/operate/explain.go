package operate

import (
	"context"
	"fmt"
	"strings"

	"github.com/cliendo/gateway/caddymodule/store"
)

// Sites says what a site decides about requests, offline and without a trace.
type Sites interface {
	Explain(q Question) (*Decision, error)
}

// Question is a request that nobody makes.
type Question struct {
	Method, Target string
	Site           string // host; empty: the only one
	// User and Account of who has just logged in; nil: nobody.
	User    *store.User
	Account *store.Account
}

// Decision is what would be decided about it, for programs and people alike.
type Decision struct {
	Site      string   `json:"site"`
	Method    string   `json:"method"`
	Path      string   `json:"path"`
	Sort      string   `json:"sort"` // plain, ambiguous or malformed
	Own       bool     `json:"own"`  // one of the gateway's own pages
	Opens     []string `json:"opens"`
	Overruled bool     `json:"overruled"` // what opens counts for nothing, because of Asks
	API       []string `json:"api"`
	Repairs   []string `json:"repairs"`
	Asks      []string `json:"asks"`
	As        string   `json:"as,omitempty"`
	Amr       string   `json:"amr,omitempty"`
	Cause     string   `json:"cause,omitempty"` // why the session may not go on
	Page      Answer   `json:"page"`
	Program   Answer   `json:"program"`
	Headers   []Header `json:"headers"`
}

// Answer is what a browser that opens a page, or a program, gets.
type Answer struct {
	Passes bool   `json:"passes"`
	Status int    `json:"status,omitempty"`
	Reason string `json:"reason,omitempty"`
	To     string `json:"to,omitempty"`
}

// Header is one that the app gets.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func explain(ctx context.Context, h *House, in *input) (outcome, error) {
	q := Question{Method: "GET", Target: in.who, Site: in.value("site")}
	if method, target, both := strings.Cut(in.who, " "); both {
		q.Method, q.Target = strings.ToUpper(method), target
	}
	if !strings.HasPrefix(q.Target, "/") {
		return outcome{}, usage("", fmt.Sprintf("%.70q is no path", q.Target), "write it as GET /clients?id=1")
	}
	if who, given := in.given("as"); given {
		var err error
		if q.User, err = h.user(ctx, &input{who: who}); err != nil {
			return outcome{}, err
		}
		if q.Account, err = h.accountOf(ctx, q.User); err != nil {
			return outcome{}, err
		}
		if q.Account == nil {
			return outcome{}, notFound(fmt.Sprintf("the account %s of that user is not there", q.User.Account), "look with why")
		}
	}
	if h.Sites == nil {
		return outcome{}, usage("", "no site is known here", "give the config with --config")
	}
	d, err := h.Sites.Explain(q)
	if err != nil {
		return outcome{}, err
	}
	if q.User != nil {
		d.As = q.User.Email
	}
	o := outcome{data: d}
	o.text.decision(d)
	return o, nil
}

// The sentences about the sorts of paths.
var sorts = map[string]string{
	"plain":     "plain: it means one thing to every server",
	"ambiguous": "ambiguous: servers differ about what it names, so it is opened by no rule and protected by all",
	"malformed": "malformed: it is refused, whoever asks",
}

func (t *text) decision(d *Decision) {
	t.line("%s %s at %s", d.Method, d.Path, d.Site)
	t.line("  Path: %s.", sorts[d.Sort])
	if d.Own {
		t.line("  Rules: none count. It is one of the gateway's own pages, which look after themselves.")
		return
	}
	t.rules("opens to everybody", d.Opens)
	if d.Overruled {
		t.line("  But a rule that protects comes first, so it is not open.")
	}
	t.rules("asks for more than a session", d.Asks)
	t.rules("answers as an API, never with a page", d.API)
	t.rules("opens to the superadmin of a blocked account", d.Repairs)
	if len(d.Opens)+len(d.Asks)+len(d.API)+len(d.Repairs) == 0 {
		t.line("  Rules: none matches, so a session is needed.")
	}
	switch {
	case d.As == "":
		t.line("  Session: none.")
	case d.Cause != "":
		t.line("  Session: of %s, which may not go on: %s.", d.As, d.Cause)
	default:
		t.line("  Session: of %s, just begun (%s).", d.As, d.Amr)
	}
	t.line("  A browser that opens it: %s", d.Page)
	t.line("  A program: %s", d.Program)
	for _, h := range d.Headers {
		t.line("    %s: %s", h.Name, h.Value)
	}
	if d.Program.Passes && len(d.Headers) == 0 {
		t.line("    without any identity header")
	}
}

func (t *text) rules(what string, rules []string) {
	for _, r := range rules {
		t.line("  Rule: `%s` %s.", r, what)
	}
}

// String says what is answered in one sentence.
func (a Answer) String() string {
	if a.Passes {
		return "reaches the app."
	}
	s := fmt.Sprint(a.Status)
	if a.Reason != "" {
		s += ", " + a.Reason
	}
	if a.To != "" {
		s += ", to " + a.To
	}
	return s + "."
}
