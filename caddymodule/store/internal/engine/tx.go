package engine

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

// errOver is returned by a Tx that outlived its Update.
var errOver = errors.New("this transaction is over")

// Write is one change an Update wants to make.
type Write struct {
	Kind    store.Kind
	ID      string
	Raw     []byte // sealed; nil deletes
	Expires time.Time
}

// Seen is what an Update read from the store: the sealed bytes, nil for none.
type Seen struct {
	Kind store.Kind
	ID   string
	Raw  []byte
}

type ref struct{ kind, id string }

// Tx is the store.Tx of one run of an Update. It keeps writes back, so that a
// run that fails leaves no trace, and answers reads with what was written
// before. The first failure of the store or of a key is kept: a run that ignores
// it cannot commit on half the knowledge.
type Tx struct {
	tag  string
	now  time.Time
	read func(kind store.Kind, id string) (raw []byte, err error)

	seen      map[ref]Seen
	writes    map[ref]int
	order     []Write
	announced []store.Change
	failed    error
	over      bool
}

// NewTx starts a run on the records of tag. read returns the sealed bytes in the
// store, nil when there are none; they are used until the run is over and are
// never changed.
func NewTx(tag string, now time.Time, read func(store.Kind, string) ([]byte, error)) *Tx {
	return &Tx{tag: tag, now: now, read: read, seen: map[ref]Seen{}, writes: map[ref]int{}}
}

// Run runs fn and ends the transaction, whatever becomes of fn.
func (t *Tx) Run(fn func(store.Tx) error) error {
	defer func() { t.over = true }()
	if err := fn(t); err != nil {
		return err
	}
	return t.failed
}

// Writes returns the changes, one per record, in the order they were first made.
func (t *Tx) Writes() []Write { return t.order }

// Reads returns what the run learned from the store.
func (t *Tx) Reads() []Seen {
	reads := make([]Seen, 0, len(t.seen))
	for _, s := range t.seen {
		reads = append(reads, s)
	}
	return reads
}

// Failed returns the failure of the store or of a key that the run met, if any.
func (t *Tx) Failed() error { return t.failed }

// Announced returns the changes to tell watchers about, each once.
func (t *Tx) Announced() []store.Change { return t.announced }

// Get implements store.Tx.
func (t *Tx) Get(kind store.Kind, id string) ([]byte, error) {
	if err := t.check(kind, id); err != nil {
		return nil, err
	}
	raw, err := t.current(kind, id)
	if err != nil {
		return nil, t.fail(err)
	}
	if raw == nil {
		return nil, store.ErrNotFound
	}
	value, _, live, err := Unseal(raw, t.now)
	if err != nil {
		return nil, t.fail(fmt.Errorf("reading %s: %w", kind.Name, err))
	}
	if !live {
		return nil, store.ErrNotFound
	}
	return bytes.Clone(value), nil
}

func (t *Tx) current(kind store.Kind, id string) ([]byte, error) {
	r := ref{kind.Name, id}
	if i, ok := t.writes[r]; ok {
		return t.order[i].Raw, nil
	}
	if s, ok := t.seen[r]; ok {
		return s.Raw, nil
	}
	raw, err := t.read(kind, id)
	if err != nil {
		return nil, err
	}
	t.seen[r] = Seen{kind, id, raw}
	return raw, nil
}

// Put implements store.Tx.
func (t *Tx) Put(kind store.Kind, id string, value []byte, expires time.Time) error {
	if err := t.check(kind, id); err != nil {
		return err
	}
	if at := Millis(expires); at != 0 && at <= t.now.UnixMilli() {
		t.write(Write{Kind: kind, ID: id})
		return nil
	}
	t.write(Write{Kind: kind, ID: id, Raw: Seal(value, expires), Expires: expires})
	return nil
}

// Delete implements store.Tx.
func (t *Tx) Delete(kind store.Kind, id string) error {
	if err := t.check(kind, id); err != nil {
		return err
	}
	t.write(Write{Kind: kind, ID: id})
	return nil
}

// Announce implements store.Tx. A bad key is reported by the Update.
func (t *Tx) Announce(kind store.Kind, id string) {
	if t.check(kind, id) != nil {
		return
	}
	change := store.Change{Tag: t.tag, Kind: kind.Name, ID: id}
	for _, c := range t.announced {
		if c == change {
			return
		}
	}
	t.announced = append(t.announced, change)
}

func (t *Tx) write(w Write) {
	r := ref{w.Kind.Name, w.ID}
	if i, ok := t.writes[r]; ok {
		t.order[i] = w
		return
	}
	t.writes[r] = len(t.order)
	t.order = append(t.order, w)
}

func (t *Tx) check(kind store.Kind, id string) error {
	if t.over {
		return errOver
	}
	if err := kind.CheckID(id); err != nil {
		return t.fail(err)
	}
	return nil
}

func (t *Tx) fail(err error) error {
	if t.failed == nil {
		t.failed = err
	}
	return err
}
