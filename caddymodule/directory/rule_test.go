package directory_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/store"
)

var base = time.Date(2026, 10, 20, 12, 0, 0, 0, time.UTC)

func TestMayTable(t *testing.T) {
	type user = store.User
	type account = store.Account
	active := account{State: "active"}
	for _, c := range []struct {
		name string
		u    user
		a    account
		want cause.Cause
	}{
		{"active", user{Type: "client"}, active, cause.None},
		{"no type", user{}, active, cause.TypeDenied},
		{"unknown type", user{Type: "wizard"}, active, cause.TypeDenied},
		{"type without login", user{Type: "archived"}, active, cause.TypeDenied},
		{"support outside the staff", user{Type: "support"}, active, cause.TypeDenied},
		{"type before block", user{Block: &store.Block{}}, account{State: "cancelled"}, cause.TypeDenied},
		{"block before account", user{Type: "client", Block: &store.Block{}}, account{State: "cancelled"}, cause.UserBlocked},
		{"block for a while", user{Type: "client", Block: &store.Block{Until: base.Add(1)}}, active, cause.UserBlocked},
		{"block over", user{Type: "client", Block: &store.Block{Until: base}}, active, cause.None},
		{"block over, account not", user{Type: "client", Block: &store.Block{Until: base}}, account{State: "suspended"}, cause.AccountSuspended},
		{"trial today", user{Type: "admin"}, account{State: "trial", TrialUntil: "2026-10-20"}, cause.None},
		{"trial over", user{Type: "admin"}, account{State: "trial", TrialUntil: "2026-10-19"}, cause.AccountTrialEnded},
		{"trial without a day", user{Type: "admin"}, account{State: "trial"}, cause.AccountTrialEnded},
		{"trial of nonsense", user{Type: "admin"}, account{State: "trial", TrialUntil: "soon"}, cause.AccountTrialEnded},
		{"one unpaid", user{Type: "admin"}, account{State: "arrears", UnpaidInvoices: 1}, cause.None},
		{"two unpaid", user{Type: "admin"}, account{State: "arrears", UnpaidInvoices: 2}, cause.AccountArrears},
		{"two unpaid, from tomorrow", user{Type: "admin"}, account{State: "arrears", UnpaidInvoices: 2, BlocksFrom: "2026-10-21"}, cause.None},
		{"two unpaid, from today", user{Type: "admin"}, account{State: "arrears", UnpaidInvoices: 2, BlocksFrom: "2026-10-20"}, cause.AccountArrears},
		{"one unpaid, from today", user{Type: "admin"}, account{State: "arrears", UnpaidInvoices: 1, BlocksFrom: "2026-10-20"}, cause.None},
		{"two unpaid, from nonsense", user{Type: "admin"}, account{State: "arrears", UnpaidInvoices: 2, BlocksFrom: "soon"}, cause.AccountArrears},
		{"cancelled", user{Type: "admin"}, account{State: "cancelled"}, cause.AccountCancelled},
		{"suspended", user{Type: "admin"}, account{State: "suspended"}, cause.AccountSuspended},
		{"unknown state", user{Type: "admin"}, account{State: "dreaming"}, cause.AccountSuspended},
		{"somebody else's account", user{Type: "admin", Account: "other"}, active, cause.AccountSuspended},
		{"staff", user{Type: "support", Account: "staff"}, account{ID: "staff", State: "cancelled"}, cause.None},
		{"client in the staff", user{Type: "client", Account: "staff"}, account{ID: "staff"}, cause.TypeDenied},
		{"blocked staff", user{Type: "support", Account: "staff", Block: &store.Block{}}, account{ID: "staff"}, cause.UserBlocked},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.u.Account == "" {
				c.u.Account = "acme"
			}
			if c.a.ID == "" {
				c.a.ID = "acme"
			}
			if got := rules().May(&c.u, &c.a, base); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func rules() directory.Rules {
	types := directory.BuiltinTypes()
	types["archived"] = directory.Type{Name: "archived", App: true}
	return directory.Rules{Types: types}
}

func TestMayWithoutRecords(t *testing.T) {
	u := &store.User{Type: "client", Account: "acme"}
	if got := rules().May(u, nil, base); got != cause.AccountSuspended {
		t.Errorf("without account: got %q", got)
	}
	if got := rules().May(nil, &store.Account{ID: "acme", State: "active"}, base); got != cause.TypeDenied {
		t.Errorf("without user: got %q", got)
	}
	if got := rules().Steady(u, nil, base); !got.IsZero() {
		t.Errorf("steady without account: got %v", got)
	}
	if got := rules().Steady(nil, nil, base); !got.IsZero() {
		t.Errorf("steady without user: got %v", got)
	}
}

func TestArrearsBlocksAtIsConfigurable(t *testing.T) {
	u := &store.User{Type: "client", Account: "acme"}
	for unpaid := range 6 {
		a := &store.Account{ID: "acme", State: "arrears", UnpaidInvoices: unpaid}
		got := directory.Rules{ArrearsBlocksAt: 4}.May(u, a, base) == cause.AccountArrears
		if want := unpaid >= 4; got != want {
			t.Errorf("%d unpaid: blocked %v", unpaid, got)
		}
	}
}

// Anything within a few days of base, close to each other and to midnights.
func drawMoment(t *rapid.T, label string) time.Time {
	hours := rapid.IntRange(-100, 200).Draw(t, label+" hours")
	return base.Add(time.Duration(hours)*time.Hour + time.Duration(rapid.IntRange(-1, 1).Draw(t, label+" ns")))
}

func drawDay(t *rapid.T, label string) string {
	if rapid.IntRange(0, 5).Draw(t, label+" kind") == 0 {
		return rapid.SampledFrom([]string{"", "soon", "2026-02-30"}).Draw(t, label+" odd")
	}
	return drawMoment(t, label).Format(time.DateOnly)
}

func drawCase(t *rapid.T) (directory.Rules, *store.User, *store.Account, time.Time) {
	r := rules()
	zone := rapid.SampledFrom([]string{"", "Europe/Amsterdam", "America/St_Johns", "Africa/Cairo", "Pacific/Apia"}).Draw(t, "zone")
	if zone != "" {
		r.Location = location(t, zone)
	}
	account := rapid.SampledFrom([]string{"acme", "acme", "acme", "staff"}).Draw(t, "account")
	u := &store.User{
		Account: account,
		Type:    rapid.SampledFrom([]string{"superadmin", "admin", "client", "support", "archived", "", "nobody"}).Draw(t, "type"),
	}
	if rapid.Bool().Draw(t, "blocked") {
		u.Block = &store.Block{}
		if rapid.Bool().Draw(t, "block ends") {
			u.Block.Until = drawMoment(t, "until")
		}
	}
	a := &store.Account{
		ID:             account,
		State:          rapid.SampledFrom(append(directory.States(), "", "dreaming")).Draw(t, "state"),
		TrialUntil:     drawDay(t, "trial"),
		UnpaidInvoices: rapid.IntRange(0, 3).Draw(t, "unpaid"),
		BlocksFrom:     drawDay(t, "blocks from"),
	}
	return r, u, a, drawMoment(t, "now")
}

func TestNothingChangesBeforeSteady(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, u, a, now := drawCase(t)
		steady := r.Steady(u, a, now)
		later := drawMoment(t, "later")
		if later.Before(now) {
			later, now = now, later
			steady = r.Steady(u, a, now)
		}
		if !steady.IsZero() && !steady.After(now) {
			t.Fatalf("steady until %v, which is not after now", steady)
		}
		if steady.IsZero() || later.Before(steady) {
			if was, is := r.May(u, a, now), r.May(u, a, later); was != is {
				t.Fatalf("steady until %v, yet %q became %q at %v", steady, was, is, later)
			}
		}
		if !steady.IsZero() { // and it is not too careful either
			if was, is := r.May(u, a, steady.Add(-1)), r.May(u, a, steady); was == is && was != cause.UserBlocked {
				t.Fatalf("steady until %v, but %q stays", steady, was)
			}
		}
	})
}

// The rule again, as one reads it in the design: the first that applies.
func TestPrecedence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, u, a, now := drawCase(t)
		got := r.May(u, a, now)
		badType := map[string]bool{"archived": true, "": true, "nobody": true}[u.Type] ||
			(u.Type == "support") != (u.Account == "staff")
		blocked := u.Block != nil && (u.Block.Until.IsZero() || u.Block.Until.After(now))
		switch {
		case badType:
			expect(t, got, cause.TypeDenied)
		case blocked:
			expect(t, got, cause.UserBlocked)
		case u.Account == "staff" || a.State == "active":
			expect(t, got, cause.None)
		case got == cause.TypeDenied || got == cause.UserBlocked:
			t.Fatalf("%q without a reason", got)
		case got == cause.None && a.State != "trial" && a.State != "arrears":
			t.Fatalf("state %q lets in", a.State)
		}
	})
}

func expect(t *rapid.T, got, want cause.Cause) {
	if got != want {
		t.Fatalf("got %q, want %q", got, want)
	}
}

func TestDaysBeginAndEndByTheClockOnTheWall(t *testing.T) {
	for _, c := range []struct{ zone, lastDay, end string }{
		{"", "2026-07-31", "2026-07-31T22:00:00Z"},                  // Amsterdam is the default
		{"Europe/Amsterdam", "2026-12-31", "2026-12-31T23:00:00Z"},  //
		{"Europe/Amsterdam", "2026-03-28", "2026-03-28T23:00:00Z"},  // before the short day
		{"Europe/Amsterdam", "2026-03-29", "2026-03-29T22:00:00Z"},  // the short day: 23 hours
		{"Europe/Amsterdam", "2026-10-24", "2026-10-24T22:00:00Z"},  // before the long day
		{"Europe/Amsterdam", "2026-10-25", "2026-10-25T23:00:00Z"},  // the long day: 25 hours
		{"America/Sao_Paulo", "2018-11-03", "2018-11-04T03:00:00Z"}, // the next day began at 01:00
		{"America/Sao_Paulo", "2018-02-17", "2018-02-18T03:00:00Z"}, // 23:00 came twice
		{"America/St_Johns", "2010-11-06", "2010-11-07T03:30:00Z"},  // 00:01 became 23:01 again
		{"Pacific/Apia", "2011-12-29", "2011-12-30T10:00:00Z"},      // the 30th never was
		{"Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z"},      // nor did it take time
		{"America/Toronto", "1919-03-30", "1919-03-31T04:30:00Z"},   // 23:30 became 00:30
		{"Asia/Kathmandu", "2026-01-01", "2026-01-01T18:15:00Z"},    //
		{"UTC", "2028-02-28", "2028-02-29T00:00:00Z"},               // leap year
		{"Africa/Cairo", "2026-04-23", "2026-04-23T22:00:00Z"},      // midnight jumped to 01:00
	} {
		t.Run(c.zone+" "+c.lastDay, func(t *testing.T) {
			r := directory.Rules{}
			if c.zone != "" {
				r.Location = location(t, c.zone)
			}
			end, ok := r.TrialEnd(&store.Account{TrialUntil: c.lastDay})
			if got := end.UTC().Format(time.RFC3339Nano); !ok || got != c.end {
				t.Errorf("ends at %s, want %s", got, c.end)
			}
		})
	}
}

func location(t interface{ Fatal(...any) }, zone string) *time.Location {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(fmt.Errorf("loading zone: %w", err))
	}
	return loc
}

func TestBuiltinTypes(t *testing.T) {
	type powers struct{ login, administer, app bool }
	want := map[string]powers{
		"superadmin": {true, true, true}, "admin": {true, true, true},
		"teammate": {true, false, true}, "client": {true, false, true}, "support": {true, true, false},
	}
	got := directory.BuiltinTypes()
	if len(got) != len(want) {
		t.Errorf("%d types, want %d", len(got), len(want))
	}
	for name, w := range want {
		g := got[name]
		if g.Name != name || (powers{g.Login, g.Administer, g.App}) != w {
			t.Errorf("%s: %+v", name, g)
		}
	}
	delete(got, "client")
	if len(directory.BuiltinTypes()) != len(want) {
		t.Error("the caller's map is shared")
	}
}
