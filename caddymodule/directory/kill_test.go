package directory_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/boltstore"
	"github.com/cliendo/gateway/caddymodule/store/redisstore"
	"github.com/cliendo/gateway/caddymodule/store/storetest/redistest"
)

// killEnv tells the process that is killed where its store is.
const killEnv = "DIRECTORY_KILL_STORE"

func openAt(place string) (store.Engine, error) {
	if filepath.IsAbs(place) {
		return boltstore.Open(place, store.Options{})
	}
	return redisstore.Open(place, store.Options{})
}

// beKilled is the process that is killed: it gives a user one name after another
// and says which ones were acknowledged.
func beKilled() bool {
	place := os.Getenv(killEnv)
	if place == "" {
		return false
	}
	e, err := openAt(place)
	if err != nil {
		panic(err)
	}
	d := directory.New(e, directory.Options{})
	ctx := context.Background()
	for {
		u, err := d.UpdateUser(ctx, "acme", "jan", func(u *store.User) error {
			n := 0
			_, _ = fmt.Sscanf(u.Name, "Jan %d", &n)
			u.Name = fmt.Sprintf("Jan %d", n+1)
			return nil
		})
		if err != nil {
			panic(err)
		}
		_, _ = fmt.Fprintln(os.Stdout, u.Name)
	}
}

// A process is killed in the midst of changes, again and again: there are as many
// entries as there were changes.
func TestKilledInTheMidstOfChanges(t *testing.T) {
	for name, place := range map[string]func(*testing.T) string{
		"bolt":  func(t *testing.T) string { return filepath.Join(t.TempDir(), "store.db") },
		"redis": func(t *testing.T) string { return redistest.Start(t).URL() },
	} {
		t.Run(name, func(t *testing.T) {
			at := place(t)
			inStore(t, at, func(d *directory.Directory, _ *audit.Log) {
				must(t, d.CreateAccount(t.Context(), &store.Account{ID: "acme", Name: "Acme", State: "active"}))
				must(t, d.CreateUser(t.Context(), &store.User{ID: "jan", Account: "acme", Email: "jan@demo.test", Name: "Jan 0", Type: "client"}))
			})
			for range 5 {
				acknowledged := killOnce(t, at)
				inStore(t, at, func(d *directory.Directory, l *audit.Log) {
					u, err := d.User(t.Context(), "acme", "jan")
					must(t, err)
					var n int
					_, err = fmt.Sscanf(u.Name, "Jan %d", &n)
					must(t, err)
					r, err := l.Verify(t.Context(), "acme")
					must(t, err)
					// The account and the user were created as well.
					if !r.OK() || r.Lines != n+2 || n < acknowledged {
						t.Errorf("acknowledged %d, now %d, %d lines: %v", acknowledged, n, r.Lines, r.Problems)
					}
				})
			}
		})
	}
}

func inStore(t *testing.T, at string, do func(*directory.Directory, *audit.Log)) {
	t.Helper()
	e, err := openAt(at)
	must(t, err)
	defer e.Close()
	do(directory.New(e, directory.Options{}), audit.New(e, audit.Options{}))
}

// killOnce runs the process and kills it; it returns the last change that was
// acknowledged.
func killOnce(t *testing.T, at string) (last int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), killEnv+"="+at)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	lines := bufio.NewScanner(out)
	for more := 5 + rand.IntN(20); more > 0 && lines.Scan(); more-- {
		_, err := fmt.Sscanf(lines.Text(), "Jan %d", &last)
		must(t, err)
	}
	time.Sleep(rand.N(5 * time.Millisecond)) // anywhere within a change
	must(t, cmd.Process.Kill())
	_ = cmd.Wait()
	return last
}
