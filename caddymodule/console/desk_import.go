package console

import (
	"cmp"
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/proof"
	"github.com/cliendo/gateway/caddymodule/target"
	"github.com/cliendo/gateway/caddymodule/transfer"
)

const (
	// maxUpload bounds what a page takes; the command line takes more.
	maxUpload = 64 << 20
	// uploadTime bounds upload and import together.
	uploadTime = 10 * time.Minute
	// shownProblems is how many lines that were not taken a page shows.
	shownProblems = 200
	// maxField bounds a field beside the file.
	maxField = 1 << 10
)

// importBody is what import.html sees.
type importBody struct {
	Prove bool // who it is has to be proved before a file is sent
	Done  *importDone
	MiB   int
}

// importDone is what came of an import, or of its rehearsal.
type importDone struct {
	transfer.Summary
	File    string
	Refused []refusedRow
	Lines   []importLine // that were not taken
	More    int
}

// importLine is a line that was not taken, in the words of whoever looks.
type importLine struct {
	Line                        int
	Record, Field, Problem, Fix string
}

func (v *visit) line(p transfer.Problem) importLine {
	problem, fix := p.Said()
	l := importLine{Line: p.Line, Field: p.Field, Problem: problem.Say(v.say), Fix: fix.Say(v.say)}
	if kind, who, ok := strings.Cut(p.Record, " "); ok {
		l.Record = v.say("import.of."+kind, "who", who)
	}
	return l
}

type refusedRow struct {
	Because string
	N       int
}

// importPage shows the form, or asks for a proof first: what is uploaded cannot be
// carried over one.
func (e *Errand) importPage(w http.ResponseWriter, r *http.Request, v *visit) {
	e.showImport(w, r, v, nil, page.AdminProblem{}, http.StatusOK)
}

func (e *Errand) showImport(w http.ResponseWriter, r *http.Request, v *visit, done *importDone, problem page.AdminProblem, status int) {
	e.show(w, r, v, page.Admin{Name: "import", Status: status, Title: v.say("import.title"), Problem: problem, Body: importBody{
		Prove: proof.Due(v.facts.AuthTime(), e.Now()), Done: done, MiB: maxUpload >> 20,
	}})
}

// importReady is where the proof is given.
func (e *Errand) importReady(w http.ResponseWriter, _ *http.Request, _ *visit) {
	target.Redirect(w, e.root()+"/import")
}

// imported takes a file. It rehearses unless it is told, before the file, to
// import; a rehearsal writes nothing.
func (e *Errand) imported(w http.ResponseWriter, r *http.Request, v *visit) {
	if proof.Due(v.facts.AuthTime(), e.Now()) {
		e.showImport(w, r, v, nil, v.trouble(cause.FreshProofRequired), cause.FreshProofRequired.Status())
		return
	}
	if !e.importing.CompareAndSwap(false, true) {
		e.showImport(w, r, v, nil, e.noImport(v, "import.busy"), http.StatusConflict)
		return
	}
	defer e.importing.Store(false)
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(time.Now().Add(uploadTime)) // where it cannot be set, the context ends it
	r.Body = http.MaxBytesReader(w, r.Body, maxUpload)
	ctx, cancel := context.WithTimeout(audit.As(r.Context(), v.actor.Actor), uploadTime)
	defer cancel()
	done, err := e.take(ctx, r, v)
	var tooLong *http.MaxBytesError
	var file *transfer.FileError
	switch {
	case err == nil:
		e.showImport(w, r, v, done, page.AdminProblem{}, http.StatusOK)
	case errors.As(err, &tooLong):
		e.showImport(w, r, v, nil, e.noImport(v, "import.too_long"), http.StatusRequestEntityTooLarge)
	case errors.As(err, &file):
		problem := e.noImport(v, "import.bad_file")
		what, fix := file.Said()
		problem.Text += " " + isolated(what.Say(v.say)+". ") + isolated(fix.Say(v.say))
		e.showImport(w, r, v, nil, problem, http.StatusBadRequest)
	case errors.Is(err, errForm):
		e.showImport(w, r, v, nil, e.noImport(v, "import.no_file"), http.StatusBadRequest)
	case errors.Is(err, context.DeadlineExceeded):
		e.showImport(w, r, v, nil, e.noImport(v, "import.too_slow"), http.StatusRequestTimeout)
	default:
		e.fail(w, r, v, err)
	}
}

func (e *Errand) noImport(v *visit, word string) page.AdminProblem {
	return page.AdminProblem{Cause: cause.BadRequest, Title: v.say("desk.not_done"), Text: v.say(word)}
}

// take reads the fields that stand before the file, then the file as it comes.
func (e *Errand) take(ctx context.Context, r *http.Request, v *visit) (*importDone, error) {
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, errors.Join(errForm, err)
	}
	fields := map[string]string{}
	for range 8 {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return nil, errForm
		}
		if err != nil {
			return nil, errors.Join(errForm, err)
		}
		if part.FormName() == "file" {
			if part.FileName() == "" {
				return nil, errForm
			}
			return e.importFile(ctx, part, v, fields)
		}
		value, err := io.ReadAll(io.LimitReader(part, maxField))
		if err != nil {
			return nil, errors.Join(errForm, err)
		}
		fields[part.FormName()] = string(value)
	}
	return nil, errForm
}

func (e *Errand) importFile(ctx context.Context, part *multipart.Part, v *visit, fields map[string]string) (*importDone, error) {
	format, err := transfer.FormatOf(part.FileName())
	if err != nil {
		return nil, err
	}
	o := transfer.Options{
		Directory: e.Desk.Directory, Format: format, DryRun: fields["mode"] != "import", NewOnly: fields["new_only"] != "",
		By: v.actor.Name, Now: e.Now,
	}
	name := isolated(part.FileName())
	if !o.DryRun {
		// Written before the first line: an import that breaks off was one too.
		entry := audit.Entry{Action: audit.Imported, Why: name, Actor: v.actor.Actor}
		if err := e.Desk.Audit.Add(ctx, v.facts.User.Account(), entry); err != nil {
			return nil, err
		}
	}
	summary, err := transfer.Import(ctx, part, o)
	if err != nil {
		return nil, err
	}
	done := &importDone{Summary: summary, File: name}
	for c, n := range summary.Refused {
		done.Refused = append(done.Refused, refusedRow{v.say("story.because." + string(c)), n})
	}
	slices.SortFunc(done.Refused, func(a, b refusedRow) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Because, b.Because)) })
	done.More = summary.MoreProblems
	if len(done.Problems) > shownProblems {
		done.More += len(done.Problems) - shownProblems
		done.Problems = done.Problems[:shownProblems]
	}
	for _, p := range done.Problems {
		done.Lines = append(done.Lines, v.line(p))
	}
	return done, nil
}
