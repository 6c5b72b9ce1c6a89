package transfer

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/cliendo/gateway/caddymodule/store"
)

// A backup is one line of text, and behind it, compressed with zstd: a header
// (JSON), records, and an end with their number and a SHA-256 of all before it.
// Each begins with a byte that says what it is; texts and numbers have their
// length before them.
const (
	backupLine    = "cliendo gateway backup 1\n"
	backupVersion = 1

	partHeader = 'H'
	partRecord = 'R'
	partEnd    = 'E'

	// maxValue is the longest value that is read, in bytes.
	maxValue = 64 << 20
	// backupWindow bounds the memory that reading needs.
	backupWindow = 4 << 20
)

// BackupHeader says what a backup is.
type BackupHeader struct {
	Version int       `json:"version"`
	Schema  int       `json:"schema"`
	Created time.Time `json:"created"`
	// Store is what it was made of, e.g. "bolt"; for people.
	Store string `json:"store,omitempty"`
}

// Backed is what is in a backup.
type Backed struct {
	BackupHeader
	Records int            `json:"records"`
	Kinds   map[string]int `json:"kinds"`
	// Digest is the SHA-256 of what is in it, in hex.
	Digest string `json:"digest"`
}

// BackupOptions are those of Backup. Store is needed.
type BackupOptions struct {
	Store store.Dumper
	// Name says what sort of store it is, for people.
	Name string
	// Now is the clock; default time.Now.
	Now func() time.Time
	// Progress is told how many records were written, now and then. Optional.
	Progress func(records int)
}

// Backup writes all records, while others read and write the store. What is in
// it opens everything: hashes of passwords, sealed seeds, and the secret where
// the store keeps it. w must be fast: see store.Dumper.
func Backup(ctx context.Context, w io.Writer, o BackupOptions) (Backed, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	b := &backupWriter{sum: sha256.New(), done: Backed{Kinds: map[string]int{}, BackupHeader: BackupHeader{
		Version: backupVersion, Schema: store.SchemaVersion, Created: o.Now().UTC(), Store: o.Name,
	}}}
	if err := b.write(ctx, w, o); err != nil {
		return b.done, fmt.Errorf("making a backup: %w", err)
	}
	return b.done, nil
}

type backupWriter struct {
	out  *bufio.Writer
	sum  hash.Hash
	done Backed
}

func (b *backupWriter) write(ctx context.Context, w io.Writer, o BackupOptions) error {
	if _, err := io.WriteString(w, backupLine); err != nil {
		return err
	}
	z, err := zstd.NewWriter(w, zstd.WithWindowSize(backupWindow), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	b.out = bufio.NewWriterSize(io.MultiWriter(z, b.sum), 256<<10)
	header, err := json.Marshal(b.done.BackupHeader)
	if err != nil {
		return err
	}
	if err := b.part(partHeader, header); err != nil {
		return err
	}
	if err := o.Store.Dump(ctx, func(r store.Record) error { return b.record(r, o.Progress) }); err != nil {
		return err
	}
	if err := b.end(); err != nil {
		return err
	}
	return z.Close()
}

func (b *backupWriter) part(kind byte, texts ...[]byte) error {
	if err := b.out.WriteByte(kind); err != nil {
		return err
	}
	for _, t := range texts {
		if err := b.number(uint64(len(t))); err != nil {
			return err
		}
		if _, err := b.out.Write(t); err != nil {
			return err
		}
	}
	return nil
}

func (b *backupWriter) number(n uint64) error {
	_, err := b.out.Write(binary.AppendUvarint(nil, n))
	return err
}

// record refuses what Restore could not bring back.
func (b *backupWriter) record(r store.Record, progress func(int)) error {
	if _, err := store.KindNamed(r.Key.Kind.Name); err != nil {
		return err
	}
	if len(r.Value) > maxValue {
		return fmt.Errorf("a record of kind %s has %d bytes; at most %d can be kept", r.Key.Kind.Name, len(r.Value), maxValue)
	}
	if err := b.part(partRecord, []byte(r.Key.Tag), []byte(r.Key.Kind.Name), []byte(r.Key.ID), r.Value); err != nil {
		return err
	}
	expires := uint64(0)
	if !r.Expires.IsZero() {
		expires = uint64(r.Expires.UnixMilli()) // stores keep it between 1970 and 9999
	}
	b.done.Records++
	b.done.Kinds[r.Key.Kind.Name]++
	if progress != nil && b.done.Records%page == 0 {
		progress(b.done.Records)
	}
	return b.number(expires)
}

func (b *backupWriter) end() error {
	if err := b.out.WriteByte(partEnd); err != nil {
		return err
	}
	if err := b.number(uint64(b.done.Records)); err != nil { //nolint:gosec // a count
		return err
	}
	if err := b.out.Flush(); err != nil {
		return err
	}
	digest := b.sum.Sum(nil)
	b.done.Digest = fmt.Sprintf("%x", digest)
	if _, err := b.out.Write(digest); err != nil {
		return err
	}
	return b.out.Flush()
}
