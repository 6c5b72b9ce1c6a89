package operate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/transfer"
)

// FileUse says what a command does with a file.
type FileUse int

// The uses of files.
const (
	NoFile FileUse = iota
	FileRead
	FileWritten
)

// Stream is what travels with a request besides it. The request names the file;
// opening it is the business of where the command was typed.
type Stream struct {
	// In is the content of a file that is read. Restore needs one that can seek.
	In io.Reader
	// Out takes the content of a file that is written.
	Out io.Writer
	// Line is told lines for people as they come, safe on a terminal. Optional.
	Line func(line string)
	// Progress is told how far it is. Optional.
	Progress func(Progress)
}

// Progress says how far a command is.
type Progress struct {
	// What is being counted: "lines" or "records".
	What string `json:"what"`
	Done int    `json:"done"`
	// Bytes of the file that were read so far.
	Bytes  int64 `json:"bytes,omitempty"`
	Failed int   `json:"failed,omitempty"`
}

// Engine is the store itself, as backups need it.
type Engine interface {
	store.Reader
	store.Updater
}

// Find returns the command that a request asks for.
func Find(r Request) (*Command, error) { return find(r.Group, r.Verb) }

// Check says what is wrong with a request before its file is opened.
func (c *Command) Check(r Request) error {
	if _, err := c.bind(r); err != nil {
		return c.explain(err)
	}
	return nil
}

// RunStream is Run for commands with a File.
func (h *House) RunStream(ctx context.Context, r Request, s Stream) (Result, error) {
	c, err := find(r.Group, r.Verb)
	if err != nil {
		return Result{}, err
	}
	if c.stream == nil {
		return Result{}, c.explain(usage("", "no file travels with this command", ""))
	}
	if s.Line == nil {
		s.Line = func(string) {}
	}
	if s.Progress == nil {
		s.Progress = func(Progress) {}
	}
	in, err := c.bind(r)
	if err == nil {
		var o outcome
		ctx = audit.As(ctx, audit.Actor{Kind: audit.ByOperator, Name: in.by})
		if o, err = c.stream(ctx, h, in, s); err == nil {
			return o.result()
		}
	}
	return Result{}, c.explain(err)
}

func (in *input) format(otherwise transfer.Format) (transfer.Format, error) {
	if v, ok := in.given("format"); ok {
		return transfer.ParseFormat(v)
	}
	if otherwise != "" && (in.who == "" || in.who == "-") {
		return otherwise, nil
	}
	return transfer.FormatOf(in.who)
}

func (in *input) on(name string) bool { _, ok := in.given(name); return ok }

func importFile(ctx context.Context, h *House, in *input, s Stream) (outcome, error) {
	f, err := in.format("")
	if err != nil {
		return outcome{}, err
	}
	sum, err := transfer.Import(ctx, s.In, transfer.Options{
		Directory: h.Directory, Format: f, DryRun: in.on("dry-run"), NewOnly: in.on("new-only"), Staff: in.on("staff"),
		By: in.by, Now: h.now,
		Problem: func(p transfer.Problem) { s.Line(safe(p.String())) },
		Progress: func(p transfer.Progress) {
			s.Progress(Progress{What: "lines", Done: p.Rows, Bytes: p.Bytes, Failed: p.Failed})
		},
	})
	var file *transfer.FileError
	switch {
	case errors.As(err, &file):
		return outcome{}, err
	case err != nil:
		e := (&Command{Group: "import"}).explain(err)
		e.Fix = fmt.Sprintf("%d lines were done; run it again to go on", sum.Rows)
		return outcome{}, e
	}
	o := outcome{data: sum}
	o.text.summary(sum)
	if sum.Failed > 0 {
		o.exit = ExitFailed
	}
	return o, nil
}

// summary writes what came of an import.
func (t *text) summary(s transfer.Summary) {
	t.line("%d lines: %d accounts, %d users, %d not taken.", s.Rows, s.Accounts.Sum(), s.Users.Sum(), s.Failed)
	t.table("  ", [][]string{
		{"", "NEW", "CHANGED", "AS THEY WERE"},
		{"accounts", fmt.Sprint(s.Accounts.Created), fmt.Sprint(s.Accounts.Changed), fmt.Sprint(s.Accounts.Unchanged)},
		{"users", fmt.Sprint(s.Users.Created), fmt.Sprint(s.Users.Changed), fmt.Sprint(s.Users.Unchanged)},
	})
	t.line("%d of the users may log in; %d of them have no password yet and get in by mail.", s.CanLogIn, s.NoPassword)
	for _, c := range slices.Sorted(maps.Keys(s.Refused)) {
		t.line("%d may not: %s.", s.Refused[c], c)
	}
	changes := s.Accounts.Created + s.Accounts.Changed + s.Users.Created + s.Users.Changed
	switch {
	case s.DryRun:
		t.line("This was a rehearsal: nothing was written.")
	case changes == 0:
		t.line("Nothing was to be changed.")
	}
}

func exportFile(ctx context.Context, h *House, in *input, s Stream) (outcome, error) {
	f, err := in.format(transfer.CSV)
	if err != nil {
		return outcome{}, err
	}
	if in.on("passwords") && (in.who == "" || in.who == "-") {
		return outcome{}, usage("--passwords", "hashes go into a file only", "name a FILE")
	}
	done, err := transfer.Export(ctx, s.Out, transfer.ExportOptions{
		Directory: h.Directory, Format: f, Passwords: in.on("passwords"), Staff: in.on("staff"),
		Progress: func(n int) { s.Progress(Progress{What: "lines", Done: n}) },
	})
	if err != nil {
		return outcome{}, err
	}
	o := outcome{data: done}
	o.text.line("Exported %d accounts and %d users.", done.Accounts, done.Users)
	return o, nil
}

func backupFile(ctx context.Context, h *House, _ *input, s Stream) (outcome, error) {
	d, ok := h.Engine.(store.Dumper)
	if !ok {
		return outcome{}, errors.New("this sort of store cannot be backed up")
	}
	if err := transfer.Unfinished(ctx, h.Engine); err != nil {
		return outcome{}, err
	}
	done, err := transfer.Backup(ctx, s.Out, transfer.BackupOptions{
		Store: d, Now: h.now, Progress: func(n int) { s.Progress(Progress{What: "records", Done: n}) },
	})
	if err != nil {
		return outcome{}, err
	}
	return *backed("Backed up %d records.", done), nil
}

func backed(title string, done transfer.Backed) *outcome {
	o := &outcome{data: done}
	o.text.line(title, done.Records)
	kinds := make([]string, 0, len(done.Kinds))
	for _, k := range slices.Sorted(maps.Keys(done.Kinds)) {
		kinds = append(kinds, fmt.Sprintf("%s %d", k, done.Kinds[k]))
	}
	o.text.pairs("  ", "made", done.Created.Format("2006-01-02 15:04:05 MST"), "holds", strings.Join(kinds, ", "), "sha-256", done.Digest)
	return o
}

func restoreFile(ctx context.Context, h *House, in *input, s Stream) (outcome, error) {
	records, ok := h.Engine.(transfer.Records)
	if !ok {
		return outcome{}, errors.New("this sort of store cannot be restored")
	}
	file, ok := s.In.(io.ReadSeeker)
	if !ok || in.who == "-" {
		return outcome{}, usage("", "a backup is read twice", "name the FILE")
	}
	done, err := transfer.Restore(ctx, file, transfer.RestoreOptions{
		Store: records, Replace: in.on("replace"), Now: h.now,
		Progress: func(checking bool, n int) {
			what := "records"
			if checking {
				what = "records checked"
			}
			s.Progress(Progress{What: what, Done: n})
		},
	})
	if err != nil {
		return outcome{}, err
	}
	o := backed("Restored %d records.", done)
	o.text.line("The gateway can start on this store now.")
	return *o, nil
}
