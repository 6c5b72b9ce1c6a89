package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

// Report is what Verify found.
type Report struct {
	Account string `json:"account"`
	// Lines are how many there are, First and Last the numbers of them.
	Lines int    `json:"lines"`
	First uint64 `json:"first,omitempty"`
	Last  uint64 `json:"last,omitempty"`
	// Trimmed is the number of the last line that was trimmed and is vouched for.
	Trimmed uint64 `json:"trimmed,omitempty"`
	// Sealed is the number of the last line that is signed, SealedAt since when.
	// What came later is chained, but could be rewritten by who writes the store.
	Sealed   uint64    `json:"sealed,omitempty"`
	SealedAt time.Time `json:"sealed_at,omitzero"`
	// Erased are lines of which a personal part was erased.
	Erased int `json:"erased,omitempty"`
	// Problems are what is wrong; none: the log is whole.
	Problems []Problem `json:"problems,omitempty"`
}

// Problem is one thing that is wrong with a log.
type Problem struct {
	Seq     uint64 `json:"seq,omitempty"` // of the line
	Message string `json:"message"`
}

// OK tells whether the log is whole.
func (r Report) OK() bool { return len(r.Problems) == 0 }

// maxProblems is how many are listed; a log that is all wrong needs no more.
const maxProblems = 100

func (r *Report) note(seq uint64, format string, args ...any) {
	if len(r.Problems) < maxProblems {
		r.Problems = append(r.Problems, Problem{seq, fmt.Sprintf(format, args...)})
	}
}

// Verify reads the whole log of an account, newest line first, and says whether
// it is whole: each line has the hash that the one after it, or the end of the
// log, names; personal parts are as they were written, or were erased on the
// record; what is missing at the beginning was trimmed, and the gateway signed
// that; and the log reaches at least as far as the gateway once signed it had.
func (l *Log) Verify(ctx context.Context, account string) (Report, error) {
	for range 3 {
		s, err := l.span(ctx, account)
		if err != nil {
			return Report{}, err
		}
		w := &walk{Report: Report{Account: account}, seq: s.to, want: s.head.Hash, known: true, erased: map[string]bool{}}
		if w.seal, err = l.seal(ctx, account); err != nil {
			return Report{}, err
		}
		err = l.down(ctx, account, s.to+1, func(lines []store.Item[store.AuditLine]) (bool, error) {
			for _, item := range lines {
				w.line(item)
			}
			return true, nil
		})
		if err != nil {
			return Report{}, err
		}
		l.ends(w, s)
		newest, err := store.AuditLines.Scan(ctx, l.store, store.AccountTag(account), "", "", 1)
		if err != nil {
			return Report{}, fmt.Errorf("reading the audit log: %w", err)
		}
		now, err := l.span(ctx, account)
		if err != nil {
			return Report{}, err
		}
		if len(newest) > 0 && newest[0].Value.Seq > now.to {
			w.note(newest[0].Value.Seq, "it lies behind the end of the log")
		}
		if !w.OK() && now.from != s.from {
			continue // it was trimmed while we read
		}
		return w.Report, nil
	}
	return Report{}, fmt.Errorf("verifying the audit log of %s: %w", account, store.ErrConflict)
}

// walk is a Verify under way.
type walk struct {
	Report
	seq    uint64 // of the line that should come next
	want   string // its hash
	known  bool   // want is known: the line after it was there
	seal   *store.AuditCheck
	erased map[string]bool // users of whom the log, so far, says that they were erased
}

func (w *walk) line(item store.Item[store.AuditLine]) {
	line := item.Value
	if lineID(line.Seq) != item.ID {
		w.note(line.Seq, "it lies in the place of another line")
		return
	}
	w.Lines++
	if w.Last == 0 {
		w.Last = line.Seq
	}
	w.First = line.Seq
	if line.Seq < w.seq {
		w.note(w.seq, "%s missing", lines(line.Seq+1, w.seq))
		w.known = false
	}
	sum := hash(w.Account, line)
	if w.known && sum != w.want {
		w.note(line.Seq, "it is not the line that was written: it, or the one after it, was altered")
	}
	if w.seal != nil && w.seal.Seq == line.Seq && w.seal.Hash != sum {
		w.note(line.Seq, "it is not the line that the gateway signed at %s", moment(w.seal.At))
	}
	if line.Action == UserErased {
		w.erased[line.User] = true
	}
	w.parts(line)
	w.seq, w.want, w.known = line.Seq-1, line.Prev, true
}

// parts looks at what can be erased.
func (w *walk) parts(line *store.AuditLine) {
	gone := false
	for _, p := range []struct {
		part         *store.AuditPart
		digest, user string
		what         string
	}{
		{line.ByPart, line.ActorDigest, line.ActorID, "who did it"},
		{line.OnPart, line.SubjectDigest, line.User, "whom it was done to"},
	} {
		switch {
		case p.part != nil && digest(p.part) != p.digest:
			w.note(line.Seq, "what it says about %s was altered", p.what)
		case p.part == nil && p.digest != "":
			gone = true
			if p.user == "" || !w.erased[p.user] {
				w.note(line.Seq, "what it says about %s was removed, and no erasure is on record", p.what)
			}
		}
	}
	if gone {
		w.Erased++
	}
}

// ends looks at what vouches for the beginning and the end of a log.
func (l *Log) ends(w *walk, s span) {
	switch {
	case s.check == nil && w.seq > 0:
		w.note(1, "%s missing, and no checkpoint vouches for that", lines(1, w.seq))
	case s.check == nil && w.known && w.want != "":
		w.note(w.seq+1, "it is not the first line")
	case s.check == nil:
	case !l.signed(trimForm, w.Account, s.check):
		w.note(s.check.Seq, "the checkpoint is not signed with a secret of this gateway; was a secret taken out of old_secrets?")
	case w.seq > s.check.Seq:
		w.note(w.seq, "%s missing; the checkpoint vouches for those up to %d", lines(s.check.Seq+1, w.seq), s.check.Seq)
	case w.seq < s.check.Seq || w.known && w.want != s.check.Hash:
		w.note(s.check.Seq, "the checkpoint does not fit what follows it")
	default:
		w.Trimmed = s.check.Seq
	}
	switch {
	case w.seal == nil:
	case !l.signed(sealForm, w.Account, w.seal):
		w.note(w.seal.Seq, "the seal is not signed with a secret of this gateway; was a secret taken out of old_secrets?")
	case w.seal.Seq > s.to:
		w.note(s.to+1, "%s missing: at %s the gateway signed that they were there", lines(s.to+1, w.seal.Seq), moment(w.seal.At))
	default:
		w.Sealed, w.SealedAt = w.seal.Seq, w.seal.At
	}
}

// lines names lines in a sentence about them.
func lines(from, to uint64) string {
	if from == to {
		return fmt.Sprintf("line %d is", from)
	}
	return fmt.Sprintf("lines %d to %d are", from, to)
}

func isGone(err error) bool { return errors.Is(err, store.ErrNotFound) }
