package transfer_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/transfer"
)

// as says what the test binary is to be instead of the tests, and on which store
// and file.
const (
	as       = "TRANSFER_TEST_AS"
	asTarget = "TRANSFER_TEST_TARGET"
	asFile   = "TRANSFER_TEST_FILE"
)

// child does one thing until it is killed.
func child(role string) int {
	engine, err := openTarget(os.Getenv(asTarget))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer engine.Close()
	f, err := os.Open(os.Getenv(asFile))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer f.Close()
	switch role {
	case "restore":
		_, err = transfer.Restore(context.Background(), f, transfer.RestoreOptions{Store: engine.(transfer.Records)})
	case "import":
		_, err = transfer.Import(context.Background(), f, transfer.Options{
			Directory: directory.New(engine, directory.Options{}), Format: transfer.CSV, Workers: 8,
		})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// kill starts a child and kills it after a while; it reports whether it was done
// before.
func kill(t *testing.T, role, target, file string, after time.Duration) (done bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), as+"="+role, asTarget+"="+target, asFile+"="+file)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(after, func() { cmd.Process.Kill() })
	defer timer.Stop()
	err := cmd.Wait()
	if err != nil && cmd.ProcessState.ExitCode() != -1 {
		t.Fatalf("the child failed: %v", err)
	}
	return err == nil
}

// An import that is killed, at whatever moment, goes on when it is run again.
func TestAKilledImportGoesOn(t *testing.T) {
	for _, kind := range []string{"bolt", "redis"} {
		t.Run(kind, func(t *testing.T) {
			h := newHouse(t, kind)
			h.engine.Close()
			const accounts, each = 10, 60
			file := filepath.Join(t.TempDir(), "people.csv")
			text := "account,id,email,name,type\n"
			for a := range accounts {
				text += fmt.Sprintf("a%d,,,Account %d,\n", a, a)
				for u := range each {
					text += fmt.Sprintf("a%d,,u%d@a%d.nl,User %d,client\n", a, u, a, u)
				}
			}
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			killed := 0
			for n := 1; n <= 6; n++ {
				if kill(t, "import", h.target, file, time.Duration(n)*40*time.Millisecond) {
					break
				}
				killed++
			}
			h.open(t)
			defer h.engine.Close()
			// A claim that the last kill left behind is respected for a minute.
			later := func() time.Time { return time.Now().Add(2 * time.Minute) }
			h.Directory = directory.New(h.engine, directory.Options{Now: later})
			s := h.imports(t, transfer.CSV, text)
			if s.Failed != 0 || s.Users.Sum() != accounts*each || s.Accounts.Sum() != accounts {
				t.Fatalf("after %d kills: %s\n%s", killed, counts(s), problems(s))
			}
			if s = h.imports(t, transfer.CSV, text); s.Users.Unchanged != accounts*each {
				t.Errorf("again: %s", counts(s))
			}
			for a := range accounts {
				users, err := h.Users(t.Context(), fmt.Sprintf("a%d", a), "", 1000)
				if err != nil || len(users) != each {
					t.Errorf("account a%d has %d users, %v", a, len(users), err)
				}
			}
		})
	}
}
