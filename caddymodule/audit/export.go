package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/cliendo/gateway/caddymodule/store"
)

// Exported is a line of an export: what people read, and what the chain is made
// of, so that somebody else can check it too.
type Exported struct {
	Entry
	ActorDigest   string `json:"actor_digest,omitempty"`
	ActorSalt     string `json:"actor_salt,omitempty"`
	SubjectDigest string `json:"subject_digest,omitempty"`
	SubjectSalt   string `json:"subject_salt,omitempty"`
	Prev          string `json:"prev,omitempty"`
	Hash          string `json:"hash"`
}

// Export writes the log of an account as JSON Lines, oldest first. The log says
// from then on that it was exported, and by whom.
func (l *Log) Export(ctx context.Context, account string, w io.Writer) error {
	if err := l.Add(ctx, account, Entry{Action: AuditExported}); err != nil {
		return fmt.Errorf("exporting the audit log: %w", err)
	}
	s, err := l.span(ctx, account)
	if err != nil {
		return err
	}
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	for from := s.from; from <= s.to; from += step {
		lines, err := l.up(ctx, account, from, s.to)
		if err != nil {
			return err
		}
		for _, line := range lines {
			if err := out.Encode(exported(account, line)); err != nil {
				return fmt.Errorf("exporting the audit log: %w", err)
			}
		}
	}
	return nil
}

func exported(account string, line *store.AuditLine) Exported {
	x := Exported{
		Entry: entry(account, line), ActorDigest: line.ActorDigest, SubjectDigest: line.SubjectDigest,
		Prev: line.Prev, Hash: hash(account, line),
	}
	if line.ByPart != nil {
		x.ActorSalt = line.ByPart.Salt
	}
	if line.OnPart != nil {
		x.SubjectSalt = line.OnPart.Salt
	}
	return x
}
