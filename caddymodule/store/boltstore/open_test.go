package boltstore_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/boltstore"
)

// TestLocked has another process hold the file: the error must say who, and what
// to do.
func TestLocked(t *testing.T) {
	path := file(t)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "STORETEST_WRITER="+path)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	if !bufio.NewScanner(out).Scan() {
		t.Fatal("the other process did not start writing")
	}
	_, err = boltstore.Open(path, store.Options{})
	if !errors.Is(err, store.ErrLocked) {
		t.Fatalf("opening a locked file: %v", err)
	}
	for _, part := range []string{path, fmt.Sprintf("pid %d", cmd.Process.Pid), "caddy reload"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not name %q", err, part)
		}
	}
}

func TestLockedByItself(t *testing.T) {
	path := file(t)
	open(t, path, store.Options{})
	_, err := boltstore.Open(path, store.Options{})
	if !errors.Is(err, store.ErrLocked) || !strings.Contains(err.Error(), "this process itself") {
		t.Errorf("opening a file twice: %v", err)
	}
}

func TestFileMode(t *testing.T) {
	path := file(t)
	s := open(t, path, store.Options{})
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	findings, err := s.Inspect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		if f.Part == "file mode" {
			if f.Level != "warning" || f.Fix != "chmod 600 "+path {
				t.Errorf("finding %+v", f)
			}
			return
		}
	}
	t.Error("the file mode was not looked at")
}

// TestUnusableFiles opens what is no store. Nothing may be changed by that.
func TestUnusableFiles(t *testing.T) {
	dir := t.TempDir()
	foreign := filepath.Join(dir, "foreign.db")
	db, err := bbolt.Open(foreign, 0o600, nil)
	if err == nil {
		err = errors.Join(db.Update(func(tx *bbolt.Tx) error {
			_, err := tx.CreateBucket([]byte("theirs"))
			return err
		}), db.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	text := filepath.Join(dir, "text.db")
	if err := os.WriteFile(text, []byte(strings.Repeat("not a database\n", 5000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		foreign:                             "another program",
		text:                                "restore a backup",
		dir:                                 "is a directory",
		filepath.Join(dir, "none", "gw.db"): "no such file",
	} {
		before, _ := os.ReadFile(path)
		_, err := boltstore.Open(path, store.Options{})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("opening %s: %v; want it to say %q", path, err, want)
		}
		if after, _ := os.ReadFile(path); string(after) != string(before) {
			t.Errorf("opening %s changed it", path)
		}
	}
}

// TestDamagedFile cuts and overwrites a store: that is an error, not a panic, and
// an Open afterwards does not hang.
func TestDamagedFile(t *testing.T) {
	path := file(t)
	s := open(t, path, store.Options{})
	for i := range 200 {
		put(t, s, "t", fmt.Sprint(i), strings.Repeat("v", 300), time.Time{})
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, broken := range map[string][]byte{
		"no first pages": append(make([]byte, 2*os.Getpagesize()), whole[2*os.Getpagesize():]...),
		"a page of it":   whole[:os.Getpagesize()],
		"a few bytes":    whole[:100],
		"zeros inside":   append(whole[:2*os.Getpagesize():2*os.Getpagesize()], make([]byte, len(whole)-2*os.Getpagesize())...),
	} {
		damaged := filepath.Join(t.TempDir(), "damaged.db")
		if err := os.WriteFile(damaged, broken, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := boltstore.Open(damaged, store.Options{})
		if err == nil || errors.Is(err, store.ErrLocked) {
			t.Errorf("opening a file with %s: %v", name, err)
		}
		if got != nil {
			_ = got.Close()
		}
	}
}
