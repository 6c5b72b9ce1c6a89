package operate_test

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cliendo/gateway/caddymodule/operate"
)

func TestParse(t *testing.T) {
	asJSON := operate.Flag{Name: "json"}
	address := operate.Flag{Name: "address", Value: "HOST"}
	for _, c := range []struct {
		line string
		want operate.Request
		own  map[string]string
	}{
		{"users show jan@demo.test", operate.Request{Group: "users", Verb: "show", Args: []string{"jan@demo.test"}}, nil},
		{"users show --email=jan@demo.test", operate.Request{Group: "users", Verb: "show", Flags: map[string]string{"email": "jan@demo.test"}}, nil},
		{"--json why K7Q-4MD --address localhost:2019", operate.Request{Group: "why", Args: []string{"K7Q-4MD"}}, map[string]string{"json": "true", "address": "localhost:2019"}},
		{"users block jan --reason a=b --until=", operate.Request{Group: "users", Verb: "block", Args: []string{"jan"}, Flags: map[string]string{"reason": "a=b", "until": ""}}, nil},
		{"users show -- --jan", operate.Request{Group: "users", Verb: "show", Args: []string{"--jan"}}, nil},
		{"why users", operate.Request{Group: "why", Args: []string{"users"}}, nil},
		{"accounts list", operate.Request{Group: "accounts", Verb: "list"}, nil},
		{"users block jan --reason -1", operate.Request{Group: "users", Verb: "block", Args: []string{"jan"}, Flags: map[string]string{"reason": "-1"}}, nil},
	} {
		got, own, err := operate.Parse(strings.Split(c.line, " "), asJSON, address)
		if err != nil {
			t.Errorf("%s: %v", c.line, err)
			continue
		}
		if len(got.Args) == 0 {
			got.Args = nil
		}
		if len(got.Flags) == 0 {
			got.Flags = nil
		}
		if len(own) == 0 {
			own = nil
		}
		if diff := cmp.Diff(c.want, got) + cmp.Diff(c.own, own); diff != "" {
			t.Errorf("%s: %s", c.line, diff)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for line, part := range map[string]string{
		"":                               "take one of accounts, users, support, keys, attempts, audit, mail, import, export, backup, restore, compact, why",
		"wizards add":                    `no command "wizards"; take one of accounts`,
		"users show jan\xff":             "word 3 is not valid UTF-8; write it in UTF-8",
		"users":                          "users: say what to do; take one of add, list",
		"users fly":                      `users: no command "fly"; take one of add, list`,
		"users show --email":             "--email: its value is missing",
		"users show --email a --email b": "--email: it is given twice",
		"users show -email a":            "flags begin with two dashes",
		"users show ---- a":              "flags begin with two dashes",
		"users show --json --json":       "--json: it is given twice",
		"\x1b[2J":                        `no command "\x1b[2J"`,
	} {
		_, _, err := operate.Parse(strings.Fields(line), operate.Flag{Name: "json"})
		var e *operate.Error
		if !errors.As(err, &e) || e.Exit != operate.ExitUsage || !strings.Contains(e.Error(), part) || strings.ContainsAny(e.Error(), "\x1b") {
			t.Errorf("%q: %v, want %q", line, err, part)
		}
	}
}

func TestRunRefusesWhatNobodyParsed(t *testing.T) {
	h := onBolt(t)
	for _, r := range []operate.Request{
		{},
		{Group: "users"},
		{Group: "why", Verb: "not"},
		{Group: "users", Verb: "show", Args: []string{"a@b.cd", "c@d.ef"}},
		{Group: "accounts", Verb: "list", Args: []string{"a"}},
		{Group: "users", Verb: "list", Flags: map[string]string{"json": "true"}},
		{Group: "users", Verb: "list", Flags: map[string]string{"\x1b[2J" + strings.Repeat("x", 1<<20): ""}},
	} {
		_, err := h.Run(t.Context(), r)
		var e *operate.Error
		if !errors.As(err, &e) || e.Exit != operate.ExitUsage || len(e.Error()) > 500 || strings.Contains(e.Error(), "\x1b") {
			t.Errorf("%.80v: %.200v", r, err)
		}
	}
}

// Requests, results and errors reach a running gateway and come back as JSON.
func TestAllTravelsAsJSON(t *testing.T) {
	h := onBolt(t)
	h.ok("accounts", "add", "acme")
	r, _, err := operate.Parse([]string{"users", "add", "jan@demo.test", "--account", "acme", "--name", "J", "--type", "client"})
	must(t, err)
	there := travel(t, r)
	res, err := h.Run(t.Context(), there)
	must(t, err)
	var near, far strings.Builder
	must(t, res.WriteJSON(&near))
	back := travel(t, res)
	must(t, back.WriteJSON(&far))
	if diff := cmp.Diff(near.String(), far.String()); diff != "" {
		t.Error(diff)
	}
	_, err = h.Run(t.Context(), there)
	var e *operate.Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	if far := travel(t, *e); far.Error() != e.Error() || far.Exit != operate.ExitRefused {
		t.Errorf("%q became %q", e.Error(), far.Error())
	}
}

func travel[T any](t *testing.T, v T) (there T) {
	t.Helper()
	b, err := json.Marshal(v)
	must(t, err)
	must(t, json.Unmarshal(b, &there))
	return there
}

func TestEveryCommandIsExplained(t *testing.T) {
	usage, reference := operate.Usage(), operate.Markdown()
	for _, c := range operate.Commands() {
		help, ok := operate.HelpFor([]string{c.Group, c.Verb, "--help"})
		if !ok || !strings.Contains(usage, c.Name()) || !strings.Contains(help, c.Summary) || !strings.Contains(reference, c.Summary) {
			t.Errorf("%s is not explained", c.Name())
		}
		for _, f := range c.Flags {
			if f.Meaning == "" || !strings.Contains(help, "--"+f.Name) {
				t.Errorf("%s --%s is not explained", c.Name(), f.Name)
			}
		}
		if c.Arg.Flag != "" && !slices.ContainsFunc(c.Flags, func(f operate.Flag) bool { return f.Name == c.Arg.Flag }) {
			t.Errorf("%s has no flag for its argument", c.Name())
		}
	}
	for _, args := range [][]string{nil, {"help"}, {"--help"}, {"users", "-h"}, {"help", "nonsense"}} {
		if help, ok := operate.HelpFor(args); !ok || help != usage {
			t.Errorf("%v: %v %q", args, ok, help)
		}
	}
	if help, ok := operate.HelpFor([]string{"help", "why"}); !ok || !strings.Contains(help, "REFERENCE") {
		t.Error(help)
	}
	for _, args := range [][]string{{"users", "list"}, {"why", "--", "--help"}} {
		if _, ok := operate.HelpFor(args); ok {
			t.Errorf("%v asks for no help", args)
		}
	}
}

func TestReferenceIsUpToDate(t *testing.T) {
	const path = "../../docs/commands.md"
	file, err := os.ReadFile(path)
	must(t, err)
	const begin, end = "<!-- made from the table of commands -->\n\n", "\n<!-- end -->\n"
	before, rest, ok := strings.Cut(string(file), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s lacks its marks", path)
	}
	want := before + begin + operate.Markdown() + end + after
	if *update {
		must(t, os.WriteFile(path, []byte(want), 0o600))
	} else if diff := cmp.Diff(want, string(file)); diff != "" {
		t.Errorf("%s: run the tests of this package with -update\n%s", path, diff)
	}
}
