package transfer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/transfer"
)

// records returns all that is in a store.
func (h *house) records(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := h.engine.(store.Dumper).Dump(t.Context(), func(r store.Record) error {
		all[fmt.Sprintf("%q %s %q", r.Key.Tag, r.Key.Kind.Name, r.Key.ID)] = fmt.Sprintf("%s %s", r.Value, r.Expires)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// furnish gives a store people, and records of every other kind.
func (h *house) furnish(t *testing.T) {
	t.Helper()
	h.imports(t, transfer.CSV, small)
	h.imports(t, transfer.JSONL, odd, staff)
	for i, k := range store.Kinds() {
		if k.Name == "restore" {
			continue
		}
		tag, expires := fmt.Sprintf("x:%d", i%5), time.Time{}
		if i%3 == 0 {
			expires = time.Now().Add(time.Duration(i+1) * time.Hour).Truncate(time.Millisecond)
		}
		err := h.engine.Update(t.Context(), tag, func(tx store.Tx) error {
			return tx.Put(k, "id "+k.Name, bytes.Repeat([]byte{byte(i), 0, '\n'}, i*100), expires)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func (h *house) backup(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	done, err := transfer.Backup(t.Context(), &b, transfer.BackupOptions{Store: h.engine.(store.Dumper), Name: h.kind, Now: now})
	if err != nil || done.Records != len(h.records(t)) || done.Store != h.kind {
		t.Fatalf("%+v, %v", done, err)
	}
	return b.Bytes()
}

func (h *house) restore(ctx context.Context, backup io.ReadSeeker, replace bool) (transfer.Backed, error) {
	return transfer.Restore(ctx, backup, transfer.RestoreOptions{Store: h.engine.(transfer.Records), Replace: replace})
}

// From bolt to redis and back: the same records, and lists that still list.
func TestABackupGoesFromStoreToStore(t *testing.T) {
	first := newHouse(t, "bolt")
	first.furnish(t)
	want := first.records(t)
	from := first
	for _, kind := range []string{"redis", "bolt", "redis"} {
		to := newHouse(t, kind)
		if _, err := to.restore(t.Context(), bytes.NewReader(from.backup(t)), false); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, to.records(t)); diff != "" {
			t.Fatalf("%s: %s", kind, diff)
		}
		if to.people(t) != first.people(t) {
			t.Errorf("%s lists other people", kind)
		}
		if err := transfer.Unfinished(t.Context(), to.engine); err != nil {
			t.Error(err)
		}
		from = to
	}
}

func TestABackupIsMadeWhileTheStoreIsInUse(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.furnish(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			for n := 0; ctx.Err() == nil; n++ {
				_ = h.engine.Update(ctx, "a:zuid", func(tx store.Tx) error {
					value := fmt.Append(nil, n)
					return errors.Join(tx.Put(store.Formers.Kind, "left", value, time.Time{}), tx.Put(store.Sessions.Kind, "right", value, time.Time{}))
				})
			}
		}()
		for range 5 {
			var b bytes.Buffer
			if _, err := transfer.Backup(t.Context(), &b, transfer.BackupOptions{Store: h.engine.(store.Dumper)}); err != nil {
				t.Fatal(err)
			}
			to := newHouse(t, "bolt")
			if _, err := to.restore(t.Context(), bytes.NewReader(b.Bytes()), false); err != nil {
				t.Fatal(err)
			}
			got := to.records(t)
			if left, right := got[`"a:zuid" former "left"`], got[`"a:zuid" session "right"`]; left != right {
				t.Errorf("one tag at two moments: %s and %s", left, right)
			}
		}
		cancel()
		<-done
	})
}

func TestARestoreNeedsAnEmptyStore(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		other := newHouse(t, "bolt")
		other.furnish(t)
		backup := other.backup(t)
		h.imports(t, transfer.CSV, "account,name\noud,Oud\n")
		before := h.records(t)
		if _, err := h.restore(t.Context(), bytes.NewReader(backup), false); !errors.Is(err, transfer.ErrNotEmpty) {
			t.Errorf("a store with records: %v", err)
		}
		if diff := cmp.Diff(before, h.records(t)); diff != "" {
			t.Error(diff)
		}
		if _, err := h.restore(t.Context(), bytes.NewReader(backup), true); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(other.records(t), h.records(t)); diff != "" {
			t.Error(diff)
		}
	})
}

// What a gateway keeps for itself when it first starts does not count, and is
// replaced by that of the backup: what is sealed opens with its secret only.
func TestTheSecretTravels(t *testing.T) {
	from, to := newHouse(t, "bolt"), newHouse(t, "redis")
	for value, h := range map[string]*house{"old": from, "new": to} {
		err := h.engine.Update(t.Context(), store.GatewayTag, func(tx store.Tx) error {
			return store.Secrets.Put(tx, "gateway", &store.Secret{Value: value}, time.Time{})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := to.restore(t.Context(), bytes.NewReader(from.backup(t)), false); err != nil {
		t.Fatal(err)
	}
	s, err := store.Secrets.Get(t.Context(), to.engine, store.GatewayTag, "gateway")
	if err != nil || s.Value != "old" {
		t.Errorf("%+v, %v", s, err)
	}
}

// Nothing is taken of a file that is not whole and as it was written.
func TestDamagedBackupsAreRefusedWhole(t *testing.T) {
	from, to := newHouse(t, "bolt"), newHouse(t, "bolt")
	from.furnish(t)
	good := from.backup(t)
	refused := func(name string, file []byte) {
		t.Helper()
		_, err := to.restore(t.Context(), bytes.NewReader(file), false)
		var wrong *transfer.FileError
		if !errors.As(err, &wrong) {
			t.Fatalf("%s: %v", name, err)
		}
	}
	for cut := 0; cut < len(good); cut += 1 + len(good)/150 {
		refused(fmt.Sprintf("cut at %d of %d", cut, len(good)), good[:cut])
	}
	for range 150 {
		at, bit := rand.IntN(len(good)), byte(1)<<rand.IntN(8)
		bad := bytes.Clone(good)
		bad[at] ^= bit
		if _, err := to.restore(t.Context(), bytes.NewReader(bad), true); err == nil {
			// Some bits only say how it was packed.
			if diff := cmp.Diff(from.records(t), to.records(t)); diff != "" {
				t.Fatalf("bit %#x of byte %d of %d is turned: %s", bit, at, len(good), diff)
			}
			if err := to.engine.(store.Dumper).Clear(t.Context(), store.Key{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	refused("more behind it", append(bytes.Clone(good), good...))
	refused("something else", []byte("this is a text of some length, and not a backup"))
	refused("a newer version", append([]byte("cliendo gateway backup 2\n"), good[25:]...))
	for name, body := range map[string]string{
		"a newer schema":   "H\x1a" + `{"version":1,"schema":999}`,
		"no header":        "E\x00",
		"no JSON":          "H\x01{",
		"a header of GiB":  "H\xff\xff\xff\xff\x0f",
		"an unknown kind":  "H\x18" + `{"version":1,"schema":1}` + "R\x01a\x05weird\x01i\x00\x00",
		"an empty tag":     "H\x18" + `{"version":1,"schema":1}` + "R\x00\x04user\x01i\x00\x00",
		"a NUL":            "H\x18" + `{"version":1,"schema":1}` + "R\x01\x00\x04user\x01i\x00\x00",
		"a value of GiB":   "H\x18" + `{"version":1,"schema":1}` + "R\x01a\x04user\x01i\xff\xff\xff\xff\x0f",
		"a value of 64MiB": "H\x18" + `{"version":1,"schema":1}` + "R\x01a\x04user\x01i\x80\x80\x80\x20",
		"a strange part":   "H\x18" + `{"version":1,"schema":1}` + "X",
	} {
		refused(name, packed(t, strings.NewReader(body)))
	}
	refused("a gigabyte that packs well", packed(t, endless('H')))
	if got := to.records(t); len(got) != 0 {
		t.Errorf("written: %v", slices.Collect(maps.Keys(got)))
	}
}

// packed makes the outside of a backup around anything.
func packed(t *testing.T, body io.Reader) []byte {
	t.Helper()
	var b bytes.Buffer
	b.WriteString("cliendo gateway backup 1\n")
	z, err := zstd.NewWriter(&b)
	if err == nil {
		_, err = io.Copy(z, body)
	}
	if err = errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestOlderBackupsAreMigrated(t *testing.T) {
	add := func(from int, text string) store.Migration {
		return store.Migration{From: from, Value: func(_ store.Key, v []byte) ([]byte, error) { return append(v, text...), nil }}
	}
	all := []store.Migration{add(2, " two"), add(1, " one")}
	got, err := transfer.Migrated(all, 1, 3, store.Key{}, []byte("v"))
	if err != nil || string(got) != "v one two" {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := transfer.Migrated(all, 1, 4, store.Key{}, nil); err == nil {
		t.Error("a step is missing")
	}
}

// A restore that is killed leaves a mark, and the same backup mends it.
func TestAKilledRestoreIsKnownAndCanBeDoneAgain(t *testing.T) {
	from := newHouse(t, "bolt")
	from.furnish(t)
	for a := range 4 {
		err := from.engine.Update(t.Context(), fmt.Sprintf("a:%d", a), func(tx store.Tx) error {
			for n := range 5000 {
				if err := tx.Put(store.Sessions.Kind, fmt.Sprint(n), bytes.Repeat([]byte{byte(n)}, 300), time.Time{}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(t.TempDir(), "backup")
	if err := os.WriteFile(file, from.backup(t), 0o600); err != nil {
		t.Fatal(err)
	}
	want := from.records(t)
	for _, kind := range []string{"bolt", "redis"} {
		t.Run(kind, func(t *testing.T) {
			h := newHouse(t, kind)
			for n := range 8 {
				if err := h.engine.Close(); err != nil {
					t.Fatal(err)
				}
				done := kill(t, "restore", h.target, file, time.Duration(n+1)*50*time.Millisecond)
				h.open(t)
				got, mark := h.records(t), transfer.Unfinished(t.Context(), h.engine)
				whole := cmp.Equal(got, want)
				if done && !whole || !whole && len(got) > 0 && !errors.Is(mark, transfer.ErrUnfinished) || whole && mark != nil {
					t.Fatalf("after kill %d: %d of %d records, done %v, %v", n, len(got), len(want), done, mark)
				}
				if done {
					break
				}
			}
			if errors.Is(transfer.Unfinished(t.Context(), h.engine), transfer.ErrUnfinished) {
				other := newHouse(t, "bolt")
				other.furnish(t)
				if _, err := h.restore(t.Context(), bytes.NewReader(other.backup(t)), false); !errors.Is(err, transfer.ErrUnfinished) {
					t.Errorf("another backup on top: %v", err)
				}
			}
			f, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if len(h.records(t)) < len(want) {
				if _, err := h.restore(t.Context(), f, false); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(want, h.records(t)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func FuzzBackups(f *testing.F) {
	f.Add([]byte("H\x18{\"version\":1,\"schema\":1}R\x01a\x04user\x01i\x00\x00E\x01"))
	h := &fakeRecords{}
	f.Fuzz(func(t *testing.T, body []byte) {
		var b bytes.Buffer
		b.WriteString("cliendo gateway backup 1\n")
		z, _ := zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1))
		_, _ = z.Write(body)
		_ = z.Close()
		if _, err := transfer.Restore(t.Context(), bytes.NewReader(b.Bytes()), transfer.RestoreOptions{Store: h}); err == nil && h.loaded > 0 {
			t.Error("loaded what nobody wrote")
		}
	})
}

// fakeRecords is a store that counts.
type fakeRecords struct {
	transfer.Records
	loaded int
}

func (f *fakeRecords) Get(context.Context, store.Key) ([]byte, error) { return nil, store.ErrNotFound }

func (f *fakeRecords) Update(context.Context, string, func(store.Tx) error) error { return nil }

func (f *fakeRecords) Dump(context.Context, func(store.Record) error) error { return nil }

func (f *fakeRecords) Load(_ context.Context, r []store.Record) error {
	f.loaded += len(r)
	return nil
}
