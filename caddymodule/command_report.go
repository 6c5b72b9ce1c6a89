package caddymodule

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/cliendo/gateway/caddymodule/operate"
	"github.com/cliendo/gateway/caddymodule/store"
)

// The levels of findings, as stores use them.
const (
	levelOK      = "ok"
	levelWarning = "warning"
	levelError   = "error"
)

// report is the outcome of check.
type report struct {
	Findings []store.Finding `json:"findings"`
	Warnings int             `json:"warnings"`
	Errors   int             `json:"errors"`
}

func (r *report) add(findings ...store.Finding) {
	for _, f := range findings {
		switch f.Level {
		case levelWarning:
			r.Warnings++
		case levelError:
			r.Errors++
		}
		r.Findings = append(r.Findings, f)
	}
}

func (r *report) note(level, part, message, fix string) {
	r.add(store.Finding{Part: part, Level: level, Message: message, Fix: fix})
}

// flags makes a set of flags for the commands that are not operate's.
func (t *terminal) flags(name, summary string) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(t.err)
	f.Usage = func() {
		say(t.out, "%s.\n\n  %s [flags]\n\nFlags:\n", summary, name)
		f.SetOutput(t.out)
		f.PrintDefaults()
	}
	return f
}

// parse reads flags; done means that the command ends here, with code.
func (t *terminal) parse(f *flag.FlagSet, args []string) (code int, done bool) {
	err := f.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return operate.ExitOK, true
	case err != nil: // the set has said it
		return operate.ExitUsage, true
	case f.NArg() > 0:
		return t.fail(&operate.Error{Exit: operate.ExitUsage, Message: fmt.Sprintf("%s: %.40q is one word too many", f.Name(), f.Arg(0))}, false), true
	}
	return 0, false
}

// without drops the first appearance of word.
func without(args []string, word string) []string {
	for i, a := range args {
		if a == word {
			return append(append([]string{}, args[:i]...), args[i+1:]...)
		}
	}
	return args
}

func (r *report) write(w io.Writer, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(r)
	}
	for _, f := range r.Findings {
		line := fmt.Sprintf("%-8s %-12s %s", f.Level, f.Part, f.Message)
		if f.Fix != "" {
			line += "; " + f.Fix
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "\nerrors: %d, warnings: %d\n", r.Errors, r.Warnings)
	return err
}
