package transfer

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/cliendo/gateway/caddymodule/store"
)

// readBackup reads a backup to its end and gives each record to fn. What it says
// is true only when it returns no error: the digest comes last.
func readBackup(r io.Reader, fn func(store.Record) error) (Backed, error) {
	b := &backupReader{done: Backed{Kinds: map[string]int{}}, sum: sha256.New()}
	line := make([]byte, len(backupLine))
	if _, err := io.ReadFull(r, line); err != nil || string(line) != backupLine {
		if bytes.HasPrefix(line, []byte(backupLine[:len(backupLine)-2])) {
			return b.done, badFile("this backup is of a newer version", "use the gateway that made it, or a newer one")
		}
		return b.done, badFile("this is no backup of a gateway", "name a file that `backup` wrote")
	}
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(2*backupWindow))
	if err != nil {
		return b.done, err
	}
	defer z.Close()
	b.in = bufio.NewReaderSize(z, 256<<10)
	if err := b.read(fn); err != nil {
		return b.done, err
	}
	return b.done, nil
}

type backupReader struct {
	in   *bufio.Reader
	sum  hash.Hash
	done Backed
}

// damaged says that a backup is not as it was written.
func damaged(what string, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		what, err = "the file ends too early", nil
	}
	if err != nil {
		what += ": " + err.Error()
	}
	return badFile("the backup is damaged: {what}", "nothing of it is taken; use another one", "what", what)
}

func (b *backupReader) read(fn func(store.Record) error) error {
	if err := b.header(); err != nil {
		return err
	}
	for {
		kind, err := b.byte()
		switch {
		case err != nil:
			return damaged("a part cannot be read", err)
		case kind == partEnd:
			return b.end()
		case kind != partRecord:
			return damaged(fmt.Sprintf("a part begins with %#x", kind), nil)
		}
		r, err := b.record()
		if err != nil {
			return err
		}
		b.done.Records++
		b.done.Kinds[r.Key.Kind.Name]++
		if err := fn(r); err != nil {
			return err
		}
	}
}

func (b *backupReader) header() error {
	kind, err := b.byte()
	if err != nil || kind != partHeader {
		return damaged("it has no header", err)
	}
	text, err := b.text(maxHeader)
	if err != nil {
		return damaged("its header cannot be read", err)
	}
	if err := json.Unmarshal(text, &b.done.BackupHeader); err != nil {
		return damaged("its header cannot be read", err)
	}
	if b.done.Version != backupVersion || b.done.Schema > store.SchemaVersion {
		return badFile("the records have schema {schema}, this gateway knows up to {known}",
			"use the gateway that made the backup, or a newer one", "schema", b.done.Schema, "known", store.SchemaVersion)
	}
	return nil
}

const maxHeader = 64 << 10

func (b *backupReader) record() (r store.Record, err error) {
	var texts [4][]byte
	for i, longest := range []int{store.MaxKeyPart, store.MaxKeyPart, store.MaxKeyPart, maxValue} {
		if texts[i], err = b.text(longest); err != nil {
			return r, damaged("a record cannot be read", err)
		}
	}
	expires, err := b.number()
	if err != nil {
		return r, damaged("a record cannot be read", err)
	}
	kind, err := store.KindNamed(string(texts[1]))
	if err != nil {
		return r, badFile("the backup has records of a kind {kind} that this gateway does not know", "use the gateway that made it, or a newer one", "kind", fmt.Sprintf("%.60q", texts[1]))
	}
	r.Key = store.Key{Tag: string(texts[0]), Kind: kind, ID: string(texts[2])}
	if err := r.Key.Check(); err != nil {
		return r, damaged("a record has a key that cannot be", nil)
	}
	if r.Value, err = migrated(store.Migrations, b.done.Schema, store.SchemaVersion, r.Key, texts[3]); err != nil {
		return r, err
	}
	if expires != 0 {
		r.Expires = time.UnixMilli(int64(expires)).UTC() //nolint:gosec // any moment will do
	}
	return r, nil
}

// migrated brings the value of an older backup up to date, as opening an older
// store does.
func migrated(all []store.Migration, from, to int, key store.Key, value []byte) ([]byte, error) {
	for v := from; v < to; v++ {
		i := slices.IndexFunc(all, func(m store.Migration) bool { return m.From == v })
		if i < 0 {
			return nil, badFile("no way leads from the records of schema {old} to {new}", "go through an older gateway first", "old", v, "new", to)
		}
		var err error
		if value, err = all[i].Value(key, value); err != nil {
			return nil, fmt.Errorf("migrating %s: %w", key.Kind.Name, err)
		}
	}
	return value, nil
}

// end compares the digest, and wants nothing behind it.
func (b *backupReader) end() error {
	n, err := b.number()
	if err != nil {
		return damaged("its end cannot be read", err)
	}
	want := b.sum.Sum(nil)
	have := make([]byte, len(want))
	if _, err := io.ReadFull(b.in, have); err != nil {
		return damaged("its end cannot be read", err)
	}
	if !bytes.Equal(have, want) || n != uint64(b.done.Records) { //nolint:gosec // a count
		return damaged("its digest does not fit", nil)
	}
	if _, err := b.in.ReadByte(); !errors.Is(err, io.EOF) {
		return damaged("something follows its end", nil)
	}
	b.done.Digest = fmt.Sprintf("%x", want)
	return nil
}

func (b *backupReader) byte() (byte, error) {
	c, err := b.in.ReadByte()
	if err == nil {
		b.sum.Write([]byte{c})
	}
	return c, err
}

func (b *backupReader) number() (uint64, error) {
	n, err := binary.ReadUvarint(b.in)
	if err == nil {
		b.sum.Write(binary.AppendUvarint(nil, n))
	}
	return n, err
}

// text reads in steps, so that a length that lies costs no more memory than the
// file has bytes.
func (b *backupReader) text(longest int) ([]byte, error) {
	n, err := b.number()
	if err != nil {
		return nil, err
	}
	if n > uint64(longest) { //nolint:gosec // a constant
		return nil, fmt.Errorf("a text of %d bytes", n)
	}
	var text bytes.Buffer
	if _, err := io.CopyN(&text, b.in, int64(n)); err != nil { //nolint:gosec // bounded above
		return nil, err
	}
	b.sum.Write(text.Bytes())
	return text.Bytes(), nil
}
