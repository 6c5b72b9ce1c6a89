// Package operate is what operators and the support desk can do from a command
// line: accounts, users, passwords, attempts, and the story why somebody cannot
// log in. It owns the table of commands, from which parsing, help and the
// documentation are made, what each does, and how the outcome reads.
//
// The same code runs on a store the command opened itself and inside a running
// gateway: a Request goes in, a Result or an *Error comes out, and all three can
// travel as JSON. Who may ask is decided by whoever calls Run. The rules, the
// budgets and the records belong to directory, limit and attempt.
package operate

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/manage"
	"github.com/cliendo/gateway/caddymodule/person"
	"github.com/cliendo/gateway/caddymodule/store"
)

// House is what the commands work on. Directory, Limits, Attempts and Hasher
// are needed.
type House struct {
	Directory *directory.Directory
	Limits    Limits
	Attempts  Attempts
	Hasher    Hasher
	// Outbox holds the mails; needed by the commands about them.
	Outbox Outbox
	// Keys are those of the JSON API; needed by the commands about them.
	Keys Keys
	// Engine is the store itself; needed by backup and restore.
	Engine Engine
	// Manage does what is done to users under the rules that hold for everybody:
	// one superadmin stays, and who is changed is told.
	Manage *manage.Manager
	// Audit is the log of who did what; needed by the commands about it.
	Audit *audit.Log
	// People knows what is kept about one person; needed to export and erase them.
	People *person.Keeper
	// Tickets know what was mailed and can still be used. Optional.
	Tickets Tickets
	// Sites decides about requests; needed by explain.
	Sites Sites
	// Now is the clock; default time.Now.
	Now func() time.Time
	// Likely returns the mail domain that was probably meant by one that nobody
	// has, or the empty string. Optional.
	Likely func(domain string) string
	// Program is how the commands are called, for the lines that people copy;
	// default "cliendo gateway".
	Program string
}

// Limits are the budgets of attempts. *limit.Limiter is one.
type Limits interface {
	Show(ctx context.Context, subject string) ([]limit.State, error)
	ShowNetwork(ctx context.Context, network string) ([]limit.State, error)
	Clear(ctx context.Context, subject string) error
	ClearNetwork(ctx context.Context, network string) error
}

// Attempts are the recorded attempts. *attempt.Recorder is one.
type Attempts interface {
	Find(ctx context.Context, reference string) (*store.Attempt, error)
	Of(ctx context.Context, subject string, limit int) ([]*store.Attempt, error)
}

// Hasher hashes passwords. *passhash.Hasher is one.
type Hasher interface {
	Hash(ctx context.Context, password string) (string, error)
}

// Request is a command as it was asked for.
type Request struct {
	// Group and Verb name the command, e.g. "users" and "add"; "why" has no verb.
	Group string `json:"group"`
	Verb  string `json:"verb,omitempty"`
	// Args are what is not a flag.
	Args []string `json:"args,omitempty"`
	// Flags by name, without dashes.
	Flags map[string]string `json:"flags,omitempty"`
	// By is who asks, for the record of a block; default "operator".
	By string `json:"by,omitempty"`
}

// Result is what came of a command.
type Result struct {
	// Data is the outcome for programs: a JSON object.
	Data json.RawMessage `json:"data"`
	// Text is the same for people, ready to print on a terminal: nothing in it
	// can move the cursor or turn the direction of text.
	Text string `json:"text"`
	// Warnings are sentences for people about what they may not have meant.
	Warnings []string `json:"warnings,omitempty"`
	// Exit is the exit code; it is not 0 where the answer of a question is a no.
	Exit int `json:"exit,omitempty"`
}

// WriteText writes the outcome for people, warnings last.
func (r Result) WriteText(w io.Writer) error {
	text := r.Text
	for _, warning := range r.Warnings {
		text += "Warning: " + warning + "\n"
	}
	_, err := io.WriteString(w, text)
	return err
}

// WriteJSON writes the outcome for programs, indented.
func (r Result) WriteJSON(w io.Writer) error {
	out, err := json.MarshalIndent(r.Data, "", "  ")
	if err != nil {
		return fmt.Errorf("writing outcome: %w", err)
	}
	_, err = w.Write(append(out, '\n'))
	return err
}

// Run does what r asks for. Its errors are *Error.
func (h *House) Run(ctx context.Context, r Request) (Result, error) {
	c, err := find(r.Group, r.Verb)
	if err != nil {
		return Result{}, err
	}
	in, err := c.bind(r)
	if err == nil && c.run == nil {
		err = usage("", "a file travels with this command", "give it on the command line")
	}
	if err == nil {
		var o outcome
		ctx = audit.As(ctx, audit.Actor{Kind: audit.ByOperator, Name: in.by})
		if o, err = c.run(ctx, h, in); err == nil {
			return o.result()
		}
	}
	return Result{}, c.explain(err)
}

// outcome is a Result before it is written down.
type outcome struct {
	data     any
	text     text
	warnings []string
	exit     int
}

func (o outcome) result() (Result, error) {
	data, err := json.Marshal(o.data)
	if err != nil {
		return Result{}, &Error{Exit: ExitFailed, Message: "writing outcome: " + err.Error()}
	}
	warnings := make([]string, len(o.warnings))
	for i, w := range o.warnings {
		warnings[i] = safe(w)
	}
	return Result{Data: data, Text: o.text.String(), Warnings: warnings, Exit: o.exit}, nil
}

func (h *House) now() time.Time {
	if h.Now == nil {
		return time.Now()
	}
	return h.Now()
}

func (h *House) program() string {
	if h.Program == "" {
		return "cliendo gateway"
	}
	return h.Program
}
