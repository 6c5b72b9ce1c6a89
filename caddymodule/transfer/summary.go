package transfer

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/phrase"
)

// Problem is a line that was not taken, and why.
type Problem struct {
	Line int `json:"line"`
	// Record says what it is about, as far as that is known.
	Record string `json:"record,omitempty"`
	// Field is the column at fault.
	Field   string `json:"field,omitempty"`
	Problem string `json:"problem"`
	Fix     string `json:"fix,omitempty"`

	// The same, to be said in another language.
	problem, fix phrase.Phrase
}

// Said returns problem and fix as phrases.
func (p Problem) Said() (problem, fix phrase.Phrase) { return p.problem, p.fix }

// problemOf puts into p what is wrong.
func problemOf(p *Problem, problem, fix phrase.Phrase) *Problem {
	p.Problem, p.Fix, p.problem, p.fix = problem.String(), fix.String(), problem, fix
	return p
}

// String returns one line for people. It holds what was in the file: whoever
// shows it on a terminal makes it safe first.
func (p Problem) String() string {
	parts := []string{fmt.Sprintf("line %d", p.Line)}
	for _, part := range []string{p.Record, p.Field} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	text := strings.Join(append(parts, p.Problem), ": ")
	if p.Fix != "" {
		text += "; " + p.Fix
	}
	return text
}

// Counts say what became of lines. In a rehearsal: what would.
type Counts struct {
	Created   int `json:"created"`
	Changed   int `json:"changed"`
	Unchanged int `json:"unchanged"`
}

// Sum returns how many there are.
func (c Counts) Sum() int { return c.Created + c.Changed + c.Unchanged }

func (c *Counts) add(o outcome) {
	switch o {
	case created:
		c.Created++
	case changed:
		c.Changed++
	case unchanged:
		c.Unchanged++
	}
}

// Summary is what came of an import.
type Summary struct {
	DryRun   bool   `json:"dry_run"`
	Rows     int    `json:"rows"`
	Accounts Counts `json:"accounts"`
	Users    Counts `json:"users"`
	// Failed is how many lines were not taken.
	Failed int `json:"failed"`
	// CanLogIn is how many people of the file may log in afterwards, at this
	// moment and by the rules in force; NoPassword of them have none yet, and get
	// in by mail. Refused counts the others by cause.
	CanLogIn   int                 `json:"can_log_in"`
	NoPassword int                 `json:"no_password"`
	Refused    map[cause.Cause]int `json:"refused"`
	// Problems are the first ones; MoreProblems is how many follow.
	Problems     []Problem `json:"problems"`
	MoreProblems int       `json:"more_problems,omitempty"`
}

// keptProblems bounds Summary.Problems.
const keptProblems = 10_000

func (s *Summary) add(r result) {
	s.Rows++
	if r.problem != nil {
		s.Failed++
		if len(s.Problems) < keptProblems {
			s.Problems = append(s.Problems, *r.problem)
		} else {
			s.MoreProblems++
		}
		return
	}
	if r.record == recordAccount {
		s.Accounts.add(r.outcome)
		return
	}
	s.Users.add(r.outcome)
	if r.cause != cause.None {
		s.Refused[r.cause]++
		return
	}
	s.CanLogIn++
	if !r.password {
		s.NoPassword++
	}
}

// outcome is what became of a line.
type outcome int

const (
	unchanged outcome = iota
	created
	changed
)

// result is an outcome with what is counted about it.
type result struct {
	record   string
	outcome  outcome
	problem  *Problem
	cause    cause.Cause
	password bool
	// fatal ends the import: the store does not answer.
	fatal error
}

// asProblem says what is wrong with a line, and nothing where the error is not
// about the line.
func asProblem(r row, err error) (*Problem, bool) {
	p := &Problem{Line: r.line, Record: r.label()}
	var line *rowError
	var field *directory.FieldError
	switch {
	case errors.As(err, &line):
		p.Field = line.field
		problemOf(p, line.problem, line.fix)
	case errors.As(err, &field):
		p.Field = columnOf(field.Field)
		problem, fix := field.Said()
		problemOf(p, problem, fix)
	case errors.Is(err, directory.ErrTaken):
		problemOf(p, phrase.Of("the address or id was taken at this very moment"), phrase.Of("run the import again"))
	default:
		return nil, false
	}
	return p, true
}

// columnOf names the column of a field of a record.
func columnOf(field string) string {
	switch field {
	case "until":
		return colBlockEnd
	case "by":
		return colBlockBy
	}
	return field
}
