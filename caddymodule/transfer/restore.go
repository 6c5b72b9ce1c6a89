package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

// Records is what Restore asks of a store.
type Records interface {
	store.Reader
	store.Updater
	store.Dumper
}

// RestoreOptions are those of Restore. Store is needed.
type RestoreOptions struct {
	Store Records
	// Replace removes what is in the store first.
	Replace bool
	// Now is the clock; default time.Now.
	Now func() time.Time
	// Progress is told how far it is: checking first, then writing. Optional.
	Progress func(checking bool, records int)
}

// Errors of Restore, and of those who look before they use a store.
var (
	// ErrNotEmpty: there are records that would be mixed with those of the backup.
	ErrNotEmpty = errors.New("the store is not empty")
	// ErrUnfinished: a restore was cut short, so the records are not whole.
	ErrUnfinished = errors.New("a restore of this store was cut short")
)

// Restore fills a store that nobody uses from a backup. The whole file is
// checked before anything is written. While it writes, the store bears a mark
// that keeps gateways from using it; when it is cut short the mark stays, and
// the same backup can be restored again.
//
// Errors about the file are *FileError; nothing was written then, unless the
// file changed after it was checked.
func Restore(ctx context.Context, file io.ReadSeeker, o RestoreOptions) (Backed, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Progress == nil {
		o.Progress = func(bool, int) {}
	}
	r := restorer{RestoreOptions: o}
	done, err := r.run(ctx, file)
	if err != nil {
		return done, fmt.Errorf("restoring: %w", err)
	}
	return done, nil
}

type restorer struct {
	RestoreOptions
	batch []store.Record
	bytes int
}

func (r *restorer) run(ctx context.Context, file io.ReadSeeker) (Backed, error) {
	checked, err := r.check(ctx, file)
	if err != nil {
		return checked, err
	}
	if err := unused(ctx, r.Store); err != nil {
		return checked, err
	}
	mark, err := r.prepare(ctx, checked)
	if err != nil {
		return checked, err
	}
	if err := r.mark(ctx, mark); err != nil {
		return checked, err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return checked, err
	}
	written, err := r.write(ctx, file)
	if err != nil {
		return written, err
	}
	if written.Digest != checked.Digest {
		return written, badFile("the file changed while it was restored", "restore again")
	}
	return written, r.mark(ctx, nil)
}

// check reads the whole file and writes nothing.
func (r *restorer) check(ctx context.Context, file io.Reader) (Backed, error) {
	n := 0
	return readBackup(file, func(store.Record) error {
		if n++; n%page == 0 {
			r.Progress(true, n)
		}
		return ctx.Err()
	})
}

// prepare sees that the store is empty, or holds the beginning of the same
// backup, or may be cleared.
func (r *restorer) prepare(ctx context.Context, b Backed) (*store.RestoreMark, error) {
	fresh := &store.RestoreMark{Digest: b.Digest, Begun: r.Now().UTC()}
	before, err := markOf(ctx, r.Store)
	if err != nil {
		return nil, err
	}
	if before != nil && before.Digest == b.Digest {
		return before, nil
	}
	if r.Replace {
		// The mark first: half cleared is not whole either.
		if err := r.mark(ctx, fresh); err != nil {
			return nil, err
		}
		return fresh, r.Store.Clear(ctx, store.Key{Tag: store.GatewayTag, Kind: store.Restores.Kind, ID: restoreID})
	}
	if before != nil {
		return nil, fmt.Errorf("%w, of another backup", ErrUnfinished)
	}
	return fresh, empty(ctx, r.Store)
}

var errFound = errors.New("found one")

// empty passes over what a gateway keeps for itself as soon as it has started.
func empty(ctx context.Context, d store.Dumper) error {
	err := d.Dump(ctx, func(r store.Record) error {
		if r.Key.Tag == store.GatewayTag {
			return nil
		}
		return errFound
	})
	if errors.Is(err, errFound) {
		return ErrNotEmpty
	}
	return err
}

// restoreID: the mark is alone of its kind.
const restoreID = ""

func (r *restorer) mark(ctx context.Context, m *store.RestoreMark) error {
	return r.Store.Update(ctx, store.GatewayTag, func(tx store.Tx) error {
		if m == nil {
			return store.Restores.Delete(tx, restoreID)
		}
		return store.Restores.Put(tx, restoreID, m, time.Time{})
	})
}

// Unfinished is nil, or ErrUnfinished where a restore was cut short: the store
// must not be used then.
func Unfinished(ctx context.Context, r store.Reader) error {
	m, err := markOf(ctx, r)
	if err == nil && m != nil {
		err = ErrUnfinished
	}
	return err
}

func markOf(ctx context.Context, r store.Reader) (*store.RestoreMark, error) {
	m, err := store.Restores.Get(ctx, r, store.GatewayTag, restoreID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil //nolint:nilnil // no mark
	}
	return m, err
}

// What is loaded together.
const (
	batchRecords = 2000
	batchBytes   = 8 << 20
)

func (r *restorer) write(ctx context.Context, file io.Reader) (Backed, error) {
	n := 0
	done, err := readBackup(file, func(rec store.Record) error {
		n++
		if rec.Key.Kind.Name == store.Restores.Kind.Name {
			return nil // a backup of half a store would bring the mark along
		}
		if rec.Key.Tag == store.GatewayTag && rec.Key.Kind.Name == store.Pulses.Kind.Name {
			return nil // one of a store in use, who used it then
		}
		r.batch = append(r.batch, rec)
		r.bytes += len(rec.Value)
		if len(r.batch) < batchRecords && r.bytes < batchBytes {
			return nil
		}
		r.Progress(false, n)
		return r.flush(ctx)
	})
	if err != nil {
		return done, err
	}
	return done, r.flush(ctx)
}

func (r *restorer) flush(ctx context.Context) error {
	err := r.Store.Load(ctx, r.batch)
	r.batch, r.bytes = r.batch[:0], 0
	return err
}
