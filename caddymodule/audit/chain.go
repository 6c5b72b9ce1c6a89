package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

// What hashes are made of. Every text is written as its length in bytes, a
// colon, itself and a comma, so that no two lists of texts look the same.
const (
	lineForm = "cliendo audit line 1"
	partForm = "cliendo audit part 1"
)

type digester struct{ buf []byte }

func (d *digester) add(texts ...string) {
	for _, t := range texts {
		d.buf = strconv.AppendInt(d.buf, int64(len(t)), 10)
		d.buf = append(d.buf, ':')
		d.buf = append(d.buf, t...)
		d.buf = append(d.buf, ',')
	}
}

func (d *digester) sum() string {
	sum := sha256.Sum256(d.buf)
	return hex.EncodeToString(sum[:])
}

// hash is what the next line names as Prev.
func hash(account string, l *store.AuditLine) string {
	var d digester
	d.add(lineForm, account, strconv.FormatUint(l.Seq, 10), moment(l.At), l.Action, l.User,
		l.ActorKind, l.ActorID, l.ActorAccount, l.ActorDigest, l.SubjectDigest, l.Prev)
	return d.sum()
}

// moment is how times are written: UTC, milliseconds.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// digest is what stays of a part when it is erased.
func digest(p *store.AuditPart) string {
	if p == nil {
		return ""
	}
	var d digester
	d.add(partForm, p.Salt)
	for _, name := range slices.Sorted(maps.Keys(p.Fields)) {
		d.add(name, p.Fields[name])
	}
	return d.sum()
}
