package audit

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"

	"github.com/cliendo/gateway/caddymodule/store"
)

// keyPurpose is what the key of checkpoints and seals is derived for.
const keyPurpose = "audit checkpoint"

// What a signature is for. A seal says how far a log had come, a trim that what
// is gone up to there was taken out on purpose.
const (
	trimForm = "cliendo gateway audit trim 1"
	sealForm = "cliendo audit seal 1"
)

// ErrBroken is returned where lines are missing or altered. Verify says which.
var ErrBroken = errors.New("the audit log does not hold together")

// errNoKeys: without the secret nothing can be signed.
var errNoKeys = errors.New("there is no secret to sign with")

func mac(key []byte, form, account string, c *store.AuditCheck) string {
	var d digester
	d.add(form, account, strconv.FormatUint(c.Seq, 10), c.Hash, moment(c.At), moment(c.Last))
	m := hmac.New(sha256.New, key)
	m.Write(d.buf)
	return hex.EncodeToString(m.Sum(nil))
}

// sign signs with the current secret.
func (l *Log) sign(form, account string, c *store.AuditCheck) error {
	if l.Keys == nil {
		return errNoKeys
	}
	c.MAC = mac(l.Keys.Derive(keyPurpose), form, account, c)
	return nil
}

// signed tells whether c is signed with the current or an older secret.
func (l *Log) signed(form, account string, c *store.AuditCheck) bool {
	if l.Keys == nil {
		return false
	}
	for _, key := range l.Keys.DeriveAll(keyPurpose) {
		if hmac.Equal([]byte(mac(key, form, account, c)), []byte(c.MAC)) {
			return true
		}
	}
	return false
}

// follow checks that lines, oldest first, go on after the line number seq with
// that hash, and returns where they lead.
func follow(account string, seq uint64, prev string, lines []*store.AuditLine) (uint64, string, error) {
	for _, line := range lines {
		if line.Seq != seq+1 || line.Prev != prev {
			return 0, "", fmt.Errorf("line %d: %w", seq+1, ErrBroken)
		}
		seq, prev = line.Seq, hash(account, line)
	}
	return seq, prev, nil
}

// seal reads the seal of a log, nil when there is none.
func (l *Log) seal(ctx context.Context, account string) (*store.AuditCheck, error) {
	c, err := store.AuditSeals.Get(ctx, l.store, store.AccountTag(account), "")
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the seal of the audit log: %w", err)
	}
	return c, nil
}

// Seal signs how far the log of an account has come, after a look at the lines
// since the seal before. Whoever can write to the store, but does not have the
// secret, cannot cut off or rewrite what is sealed without it showing.
func (l *Log) Seal(ctx context.Context, account string) error {
	s, err := l.span(ctx, account)
	if err != nil {
		return err
	}
	old, err := l.seal(ctx, account)
	if err != nil || s.head.Seq == 0 || old != nil && old.Seq == s.head.Seq {
		return err
	}
	next := &store.AuditCheck{At: l.Now().UTC()}
	if s.check != nil && l.signed(trimForm, account, s.check) {
		next.Seq, next.Hash, next.Last = s.check.Seq, s.check.Hash, s.check.Last
	}
	if old != nil && old.Seq >= next.Seq {
		if !l.signed(sealForm, account, old) {
			return fmt.Errorf("sealing the audit log of %s: its seal is not ours: %w", account, ErrBroken)
		}
		next.Seq, next.Hash, next.Last = old.Seq, old.Hash, old.Last
	}
	if err := l.advance(ctx, account, s, next); err != nil {
		return fmt.Errorf("sealing the audit log of %s: %w", account, err)
	}
	if err := l.sign(sealForm, account, next); err != nil {
		return fmt.Errorf("sealing the audit log of %s: %w", account, err)
	}
	return l.update(ctx, account, func(tx store.Tx) error {
		there, err := store.AuditSeals.Read(tx, "")
		if err == nil && there.Seq >= next.Seq || err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		return store.AuditSeals.Put(tx, "", next, never)
	})
}

// advance leads c over the lines up to the end of the log.
func (l *Log) advance(ctx context.Context, account string, s span, c *store.AuditCheck) error {
	for c.Seq < s.head.Seq {
		lines, err := l.up(ctx, account, c.Seq+1, s.head.Seq)
		if err != nil {
			return err
		}
		if len(lines) == 0 {
			return fmt.Errorf("line %d: %w", c.Seq+1, ErrBroken)
		}
		if c.Seq, c.Hash, err = follow(account, c.Seq, c.Hash, lines); err != nil {
			return err
		}
		c.Last = lines[len(lines)-1].At
	}
	if c.Seq != s.head.Seq || c.Hash != s.head.Hash {
		return fmt.Errorf("line %d: %w", s.head.Seq, ErrBroken)
	}
	return nil
}
