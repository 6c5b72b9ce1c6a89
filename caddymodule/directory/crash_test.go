package directory_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/boltstore"
)

// Whatever step a process dies at, nobody ever shares an address, and after a
// minute everything that belongs to nobody can be had again.
func TestCrashWhileCreating(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.account(t, "acme")
		for step := range 5 {
			email := fmt.Sprintf("jan%d@demo.test", step)
			u := &store.User{ID: fmt.Sprintf("jan%d", step), Account: "acme", Email: email, Name: "Jan", Type: "client"}
			h.engine.crashAt(step)
			err := h.CreateUser(t.Context(), u)
			h.engine.crashAt(-1)
			if step == 4 { // both claims, the announcement and the user were written
				must(t, err)
				continue
			}
			wantError(t, err, errCrash)
			_, err = h.FindByEmail(t.Context(), email)
			wantError(t, err, store.ErrNotFound)
			again := *u
			if err := h.second.CreateUser(t.Context(), &again); step > 0 {
				wantError(t, err, directory.ErrTaken) // it might still be on the way
				h.Push(time.Minute)
				err = h.second.CreateUser(t.Context(), &again)
				must(t, err)
			} else {
				must(t, err)
			}
			found, err := h.FindByEmail(t.Context(), email)
			must(t, err)
			if found.ID != u.ID || len(h.owners(t, "acme", email)) != 1 {
				t.Errorf("step %d: %+v", step, found)
			}
		}
	})
}

func TestFindingMendsAClaimLeftBehind(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.account(t, "acme")
		h.engine.crashAt(2)
		u := &store.User{ID: "jan", Account: "acme", Email: "jan@demo.test", Name: "Jan", Type: "client"}
		wantError(t, h.CreateUser(t.Context(), u), errCrash)
		h.engine.crashAt(-1)
		claimed := func() bool {
			_, err := store.Claims.Get(t.Context(), h.engine, "e:jan@demo.test", "")
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				t.Fatal(err)
			}
			return err == nil
		}
		for _, wait := range []time.Duration{59 * time.Second, time.Second} {
			if !claimed() {
				t.Fatal("the claim went too early")
			}
			h.Push(wait)
			_, err := h.FindByEmail(t.Context(), "jan@demo.test")
			wantError(t, err, store.ErrNotFound)
		}
		if claimed() {
			t.Error("the claim is still there")
		}
	})
}

func TestCrashWhileChangingEmail(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.account(t, "acme")
		for step := range 6 {
			from, to := fmt.Sprintf("from%d@demo.test", step), fmt.Sprintf("to%d@demo.test", step)
			u := h.user(t, "acme", from)
			h.Push(time.Hour)
			h.engine.crashAt(step)
			_, err := h.ChangeEmail(t.Context(), "acme", u.ID, to)
			h.engine.crashAt(-1)
			has, lacks := from, to
			if step >= 4 { // new claim, announcement and user were written; the old claim is mended later
				must(t, err)
				has, lacks = to, from
			} else {
				wantError(t, err, errCrash)
			}
			found, err := h.second.FindByEmail(t.Context(), has)
			must(t, err)
			if found.ID != u.ID {
				t.Errorf("step %d: somebody else answers", step)
			}
			_, err = h.second.FindByEmail(t.Context(), lacks)
			wantError(t, err, store.ErrNotFound)
			h.Push(time.Minute)
			h.user(t, "acme", lacks) // free for others
			if _, err := h.FindByEmail(t.Context(), has); err != nil {
				t.Errorf("step %d: lost its address: %v", step, err)
			}
		}
	})
}

func TestCrashWhileDeleting(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.account(t, "acme")
		u := h.user(t, "acme", "jan@demo.test")
		h.engine.crashAt(2)
		must(t, h.DeleteUser(t.Context(), "acme", u.ID)) // the claims are mended later
		h.engine.crashAt(-1)
		_, err := h.FindByEmail(t.Context(), "jan@demo.test")
		wantError(t, err, store.ErrNotFound)
		h.Push(time.Minute)
		h.user(t, "acme", "jan@demo.test")
	})
}

func TestChangeEmail(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.account(t, "acme")
		jan, piet := h.user(t, "acme", "jan@demo.test"), h.user(t, "acme", "piet@demo.test")
		_, err := h.ChangeEmail(t.Context(), "acme", jan.ID, "Piet@demo.test")
		wantError(t, err, directory.ErrTaken)
		_, err = h.ChangeEmail(t.Context(), "acme", jan.ID, "no address")
		wantError(t, err, directory.ErrInvalid)
		_, err = h.ChangeEmail(t.Context(), "acme", "nobody", "new@demo.test")
		wantError(t, err, store.ErrNotFound)
		got, err := h.ChangeEmail(t.Context(), "acme", jan.ID, "New@demo.test")
		must(t, err)
		if got.Email != "new@demo.test" || got.Display != "New@demo.test" {
			t.Errorf("%+v", got)
		}
		got, err = h.ChangeEmail(t.Context(), "acme", jan.ID, "new@demo.test") // only written otherwise
		must(t, err)
		if got.Email != "new@demo.test" || got.Display != "" {
			t.Errorf("%+v", got)
		}
		got, err = h.ChangeEmail(t.Context(), "acme", piet.ID, "jan@demo.test") // free at once
		must(t, err)
		found, err := h.FindByEmail(t.Context(), "jan@demo.test")
		must(t, err)
		if found.ID != piet.ID || got.ID != piet.ID {
			t.Errorf("%+v", found)
		}
	})
}

func TestChangeUserIsAllOrNothing(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.account(t, "acme")
		u := h.user(t, "acme", "jan@demo.test")
		_, err := h.ChangeUser(t.Context(), "acme", u.ID, "new@demo.test", func(u *store.User) error { u.Type = "wizard"; return nil })
		wantField(t, err, "type")
		if found, err := h.FindByEmail(t.Context(), "jan@demo.test"); err != nil || found.ID != u.ID {
			t.Errorf("%+v, %v", found, err)
		}
		h.user(t, "acme", "new@demo.test") // the claim was given back
	})
}

// Many change addresses at once, among few addresses: in the end every user has
// exactly one, finds their way by it, and nobody shares.
func TestManyChangeAddressesAtOnce(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.account(t, "acme")
		var users []*store.User
		for i := range 4 {
			users = append(users, h.user(t, "acme", fmt.Sprintf("a%d@demo.test", i)))
		}
		var wg sync.WaitGroup
		for n := range 24 {
			wg.Go(func() {
				d := []*directory.Directory{h.Directory, h.second}[n%2]
				_, err := d.ChangeEmail(t.Context(), "acme", users[n%4].ID, fmt.Sprintf("a%d@demo.test", (n*7)%6))
				if err != nil && !errors.Is(err, directory.ErrTaken) {
					t.Errorf("changing: %v", err)
				}
			})
		}
		wg.Wait()
		seen := map[string]bool{}
		for _, u := range users {
			now, err := h.User(t.Context(), "acme", u.ID)
			must(t, err)
			found, err := h.FindByEmail(t.Context(), now.Email)
			if err != nil || found.ID != u.ID || seen[now.Email] {
				t.Errorf("%s has %s, which leads to %+v, %v", u.ID, now.Email, found, err)
			}
			seen[now.Email] = true
		}
	})
}

// between runs do right before the n-th Update of a tag from now on.
func (e *engine) between(tag string, n int, do func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var count atomic.Int32
	e.before = func(t string) error {
		if t == tag && int(count.Add(1)) == n {
			do()
		}
		return nil
	}
}

// The worst moments for somebody else to change the address of the same user.
func TestTwoChangeTheAddressOfOneUser(t *testing.T) {
	change := func(t *testing.T, d *directory.Directory, id, email string) {
		t.Helper()
		_, err := d.ChangeEmail(t.Context(), "acme", id, email)
		must(t, err)
	}
	leadsTo := func(t *testing.T, h *house, id, email string) {
		t.Helper()
		if u, err := h.FindByEmail(t.Context(), email); err != nil || u.ID != id {
			t.Errorf("%s leads to %+v, %v", email, u, err)
		}
	}
	t.Run("back before the old one is given up", func(t *testing.T) {
		onEngines(t, func(t *testing.T, h *house) {
			h.account(t, "acme")
			u := h.user(t, "acme", "x@demo.test")
			h.engine.between("e:x@demo.test", 1, func() { change(t, h.second, u.ID, "x@demo.test") })
			change(t, h.Directory, u.ID, "y@demo.test")
			leadsTo(t, h, u.ID, "x@demo.test")
		})
	})
	t.Run("elsewhere after the new one is claimed", func(t *testing.T) {
		onEngines(t, func(t *testing.T, h *house) {
			h.account(t, "acme")
			u := h.user(t, "acme", "x@demo.test")
			h.engine.between("a:acme", 1, func() { change(t, h.second, u.ID, "y@demo.test") })
			change(t, h.Directory, u.ID, "z@demo.test")
			leadsTo(t, h, u.ID, "z@demo.test")
			for _, free := range []string{"x@demo.test", "y@demo.test"} {
				h.user(t, "acme", free) // at once
			}
		})
	})
	t.Run("in vain to the same one", func(t *testing.T) {
		onEngines(t, func(t *testing.T, h *house) {
			h.account(t, "acme")
			u := h.user(t, "acme", "x@demo.test")
			h.engine.between("a:acme", 1, func() {
				_, err := h.second.ChangeUser(t.Context(), "acme", u.ID, "y@demo.test", func(u *store.User) error { u.Name = ""; return nil })
				wantField(t, err, "name")
			})
			change(t, h.Directory, u.ID, "y@demo.test")
			leadsTo(t, h, u.ID, "y@demo.test")
		})
	})
}

// A store that does not answer is no "not found", and nothing is given back
// that might have been written.
func TestStoreAway(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.account(t, "acme")
		must(t, h.engine.Close())
		_, err := h.FindByEmail(t.Context(), "jan@demo.test")
		if err == nil || errors.Is(err, store.ErrNotFound) {
			t.Errorf("finding on a closed store: %v", err)
		}
		_, err = h.Account(t.Context(), "acme")
		if err == nil || errors.Is(err, store.ErrNotFound) {
			t.Errorf("reading on a closed store: %v", err)
		}
		err = h.CreateUser(t.Context(), &store.User{Account: "acme", Email: "jan@demo.test", Name: "Jan", Type: "client"})
		if err == nil || errors.Is(err, store.ErrNotFound) {
			t.Errorf("creating on a closed store: %v", err)
		}
	})
}

// Who dawdles between claim and record for so long that others may take the
// claim over must not write the record any more.
func TestWritingTooLateIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := boltstore.Open(filepath.Join(t.TempDir(), "store.db"), store.Options{})
		slow := &engine{Engine: opened(t, s, err)}
		o := directory.Options{}
		h := &house{Directory: directory.New(slow, o), engine: slow, second: directory.New(s, o)}
		h.account(t, "acme")
		jan := h.user(t, "acme", "jan@demo.test")
		dawdle := func(tag string) error {
			if tag == "a:acme" {
				time.Sleep(31 * time.Second)
			}
			return nil
		}
		slow.before, slow.deaf = dawdle, true // only the check at the last moment can help
		late := &store.User{Account: "acme", Email: "piet@demo.test", Name: "Piet", Type: "client"}
		wantError(t, h.CreateUser(t.Context(), late), context.DeadlineExceeded)
		_, err = h.ChangeEmail(t.Context(), "acme", jan.ID, "klaas@demo.test")
		wantError(t, err, context.DeadlineExceeded)
		time.Sleep(time.Minute)
		for _, email := range []string{"piet@demo.test", "klaas@demo.test"} {
			must(t, h.second.CreateUser(t.Context(), &store.User{Account: "acme", Email: email, Name: "Other", Type: "client"}))
		}
		if n := len(h.owners(t, "acme", "piet@demo.test")); n != 1 {
			t.Errorf("%d have the address", n)
		}
	})
}
