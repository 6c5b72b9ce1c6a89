package operate_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/operate"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/passhash"
	"github.com/cliendo/gateway/caddymodule/store"
)

func (h *house) jan() {
	h.t.Helper()
	h.ok("accounts", "add", "acme", "--name", "Acme BV")
	h.ok("users", "add", "jan@demo.test", "--account", "acme", "--name", "Jan Jansen", "--type", "superadmin")
}

// opens tells whether a password is that of a user.
func (h *house) opens(email, password string) bool {
	h.t.Helper()
	u, err := h.dir.FindByEmail(h.t.Context(), email)
	must(h.t, err)
	r, err := h.hasher.Verify(h.t.Context(), u.Password, password, passhash.Place{})
	must(h.t, err)
	return r.OK
}

func TestUsersAreAddedWithAGeneratedPassword(t *testing.T) {
	onEngines(t, func(h *house) {
		h.ok("accounts", "add", "acme")
		data, text := h.ok("users", "add", "--account=acme", "--email= Jan@Demo.test", "--name", "Jan", "--type", "client", "--locale", "nl")
		password := at(data, "password").(string)
		if len(password) < 12 || !strings.Contains(text, "Password: "+password+"\n") || !h.opens("jan@demo.test", password) {
			t.Errorf("password %q in\n%s", password, text)
		}
		h.want(data, "user.email", "jan@demo.test")
		h.want(data, "user.display", "Jan@Demo.test")
		h.want(data, "user.password", "generated")
		h.want(data, "user.cause", nil)
		u, err := h.dir.FindByEmail(t.Context(), "jan@demo.test")
		must(t, err)
		for _, line := range [][]string{{"users", "show", "jan@demo.test"}, {"users", "list"}, {"why", "jan@demo.test"}} {
			data, text := h.ok(line...)
			if all := fmt.Sprint(data, text); strings.Contains(all, password) || strings.Contains(all, u.Password) {
				t.Errorf("%v shows the password or its hash", line)
			}
		}
		data, _ = h.ok("users", "show", u.ID) // by id
		h.want(data, "user.email", "jan@demo.test")
	})
}

func TestSupportIsAddedToTheStaff(t *testing.T) {
	onEngines(t, func(h *house) {
		data, _ := h.ok("support", "add", "desk@demo.test", "--name", "Desk")
		h.want(data, "user.account", "staff")
		h.want(data, "user.type", "support")
		h.want(data, "user.cause", nil)
		if !h.opens("desk@demo.test", at(data, "password").(string)) {
			t.Error("the password does not open")
		}
		h.refused(operate.ExitRefused, "taken", "support", "add", "desk@demo.test", "--name", "Desk")
		h.refused(operate.ExitUsage, "--name", "support", "add", "other@demo.test")
		h.refused(operate.ExitUsage, "--email", "support", "add", "--name", "Desk")
	})
}

func TestUsersAreChanged(t *testing.T) {
	onEngines(t, func(h *house) {
		h.jan()
		data, _ := h.ok("users", "set", "--email", "jan@demo.test", "--name", "Jan de Vries", "--type", "teammate", "--locale", "en", "--force", "yes")
		h.want(data, "user.name", "Jan de Vries")
		h.want(data, "user.type", "teammate")
		h.want(data, "user.locale", "en")
		data, text := h.ok("users", "set", "jan@demo.test", "--email", "J.deVries@demo.test")
		h.want(data, "user.email", "j.devries@demo.test")
		h.want(data, "user.display", "J.deVries@demo.test")
		if !strings.HasPrefix(text, "Changed user j.devries@demo.test.") {
			t.Error(text)
		}
		h.refused(operate.ExitNotFound, "no user", "users", "show", "jan@demo.test")
		h.ok("users", "add", "jan@demo.test", "--account", "acme", "--name", "Other Jan", "--type", "client")
		h.refused(operate.ExitRefused, "taken", "users", "set", "jan@demo.test", "--email", "j.devries@demo.test", "--name", "Lost")
		h.refused(operate.ExitUsage, "--type", "users", "set", "jan@demo.test", "--email", "new@demo.test", "--type", "wizard")
		data, _ = h.ok("users", "show", "jan@demo.test")
		h.want(data, "user.name", "Other Jan") // all or nothing
	})
}

// An operator's change of an address is told to both mailboxes, and the one that was
// theirs can take it back: as when an admin does it.
func TestBothMailboxesAreToldOfAnAddressThatAnOperatorChanged(t *testing.T) {
	onEngines(t, func(h *house) {
		post := h.postOffice()
		h.jan()
		h.refused(operate.ExitUsage, "--locale", "users", "set", "jan@demo.test", "--email", "new@demo.test", "--locale", "Nederlands")
		if mails := post.Take(); len(mails) != 0 {
			t.Fatalf("nothing was changed, and told: %v", mails)
		}
		data, _ := h.ok("users", "set", "jan@demo.test", "--email", "jansen@demo.test", "--name", "Jan Jansen")
		h.want(data, "user.email", "jansen@demo.test")
		h.want(data, "user.name", "Jan Jansen")
		told := map[string]string{}
		for _, m := range post.Take() {
			told[m.To] = m.Letter.Kind
			if m.To == "jan@demo.test" && m.Letter.NotMe == "" {
				t.Error("who had the address cannot take it back")
			}
		}
		want := map[string]string{"jan@demo.test": letter.AddressChanged, "jansen@demo.test": letter.AddressYours}
		if diff := cmp.Diff(want, told); diff != "" {
			t.Error(diff)
		}
	})
}

// One superadmin stays, also where everything about one is to go; force says otherwise.
func TestErasingKeepsTheLastSuperadmin(t *testing.T) {
	onEngines(t, func(h *house) {
		h.jan()
		h.refused(operate.ExitRefused, "--force", "users", "erase", "jan@demo.test")
		h.ok("users", "show", "jan@demo.test")
		h.ok("users", "erase", "jan@demo.test", "--force", "yes")
		h.refused(operate.ExitNotFound, "no user", "users", "show", "jan@demo.test")
	})
}

func TestBlockAndUnblock(t *testing.T) {
	onEngines(t, func(h *house) {
		h.jan()
		r, _, err := operate.Parse([]string{"users", "block", "jan@demo.test", "--reason", "left us", "--until", "3d", "--force", "yes"})
		must(t, err)
		r.By = "root on host"
		res, err := h.Run(t.Context(), r)
		must(t, err)
		if diff := cmp.Diff([]string{"they are the superadmin of account acme"}, res.Warnings); diff != "" {
			t.Error(diff)
		}
		data, text := h.ok("users", "show", "jan@demo.test")
		h.want(data, "user.cause", "user_blocked")
		h.want(data, "user.block.by", "root on host")
		h.want(data, "user.block.why", "left us")
		h.want(data, "user.block.until", "2026-10-23T12:00:00Z")
		if !strings.Contains(text, "by root on host since 2026-10-20 14:00:00 CEST, until 2026-10-23 14:00:00 CEST: left us") {
			t.Error(text)
		}
		h.push(3 * 24 * time.Hour)
		data, text = h.ok("users", "show", "jan@demo.test")
		h.want(data, "user.cause", nil)
		if !strings.Contains(text, "over since") {
			t.Error(text)
		}
		h.refused(operate.ExitRefused, "--force", "users", "block", "jan@demo.test", "--reason", "for good")
		data, _ = h.ok("users", "block", "--email", "jan@demo.test", "--reason", "for good", "--force", "yes")
		h.want(data, "user.block.until", nil)
		h.want(data, "user.block.by", "operator")
		data, text = h.ok("users", "unblock", "jan@demo.test")
		h.want(data, "user.block", nil)
		if !strings.HasPrefix(text, "Lifted the block of user jan@demo.test.") {
			t.Error(text)
		}
		_, text = h.ok("users", "unblock", "jan@demo.test")
		if !strings.HasPrefix(text, "User jan@demo.test was not blocked.") {
			t.Error(text)
		}
	})
}

func TestUntilIsADayATimeOrATimeFromNow(t *testing.T) {
	h := onBolt(t)
	h.jan()
	for given, want := range map[string]string{
		"2026-10-20":                "2026-10-20T22:00:00Z", // to the end of the day, in summer time
		"2026-10-25":                "2026-10-25T23:00:00Z",
		"2026-10-21T09:00:00+02:00": "2026-10-21T07:00:00Z",
		"90m":                       "2026-10-20T13:30:00Z",
		"12h":                       "2026-10-21T00:00:00Z",
		"3d":                        "2026-10-23T12:00:00Z",
		"2w":                        "2026-11-03T12:00:00Z",
	} {
		data, _ := h.ok("users", "block", "jan@demo.test", "--reason", "x", "--until", given, "--force", "yes")
		h.want(data, "user.block.until", want)
	}
	for _, given := range []string{"2026-10-19", "-3d", "0d", "tomorrow", "3", "99999999d", "2026-10-21 09:00", "\x00"} {
		h.refused(operate.ExitUsage, "--until", "users", "block", "jan@demo.test", "--reason", "x", "--until", given)
	}
}

func TestNewPassword(t *testing.T) {
	onEngines(t, func(h *house) {
		h.jan()
		u, err := h.dir.FindByEmail(t.Context(), "jan@demo.test")
		must(t, err)
		_, err = h.dir.UpdateUser(t.Context(), "acme", u.ID, func(u *store.User) error {
			u.SecondStep, u.PasswordChosen = true, true
			return nil
		})
		must(t, err)
		for range 6 {
			h.push(time.Hour / 60)
			h.fail("u:"+u.ID, "192.0.2.7/32")
		}
		h.push(time.Second)
		data, text := h.ok("users", "password", "jan@demo.test")
		password := at(data, "password").(string)
		if !h.opens("jan@demo.test", password) || !strings.Contains(text, password) {
			t.Errorf("password %q in\n%s", password, text)
		}
		after, err := h.dir.FindByEmail(t.Context(), "jan@demo.test")
		must(t, err)
		if after.SecondStep || after.PasswordChosen || after.Epoch != u.Epoch+1 || !after.PasswordChanged.Equal(h.now()) {
			t.Errorf("%+v", after)
		}
		try := limit.Try{Subject: "u:" + u.ID, Network: "192.0.2.7/32"}
		if _, waits, err := h.limits.Peek(t.Context(), try); err != nil || waits {
			t.Errorf("the new password has to wait: %v", err)
		}
		again, _ := h.ok("users", "password", "jan@demo.test")
		if at(again, "password") == password {
			t.Error("the same password twice")
		}
	})
}

func TestEndSessions(t *testing.T) {
	onEngines(t, func(h *house) {
		h.jan()
		h.ok("users", "end-sessions", "jan@demo.test", "--account", "acme")
		u, err := h.dir.FindByEmail(t.Context(), "jan@demo.test")
		must(t, err)
		if u.Epoch != 1 {
			t.Errorf("epoch %d", u.Epoch)
		}
		h.refused(operate.ExitNotFound, "no user", "users", "end-sessions", "jan@demo.test", "--account", "other")
		h.refused(operate.ExitNotFound, "no user", "users", "end-sessions", "nobody@demo.test")
	})
}

func TestUsersRefused(t *testing.T) {
	onEngines(t, func(h *house) {
		h.jan()
		add := func(flags ...string) []string {
			return append([]string{"users", "add", "piet@demo.test", "--account", "acme"}, flags...)
		}
		for _, c := range []struct {
			exit int
			part string
			line []string
		}{
			{operate.ExitUsage, "--email", []string{"users", "add", "--account", "acme", "--name", "X", "--type", "client"}},
			{operate.ExitUsage, "--account", []string{"users", "add", "piet@demo.test", "--name", "X", "--type", "client"}},
			{operate.ExitUsage, "--name", add("--type", "client")},
			{operate.ExitUsage, "--type", add("--name", "X")},
			{operate.ExitUsage, "superadmin, teammate", add("--name", "X", "--type", "wizard")},
			{operate.ExitUsage, "--type", add("--name", "X", "--type", "support")},
			{operate.ExitUsage, "--locale", add("--name", "X", "--type", "client", "--locale", "klingon")},
			{operate.ExitUsage, "--name", add("--name", strings.Repeat("x", 2000), "--type", "client")},
			{operate.ExitUsage, "--name", add("--name", "a\x00b", "--type", "client")},
			{operate.ExitUsage, "--name", add("--name", "a\u202eb", "--type", "client")},
			{operate.ExitUsage, "--password: there is no such flag", add("--name", "X", "--type", "client", "--password", "hunter2")},
			{operate.ExitUsage, "--email", []string{"users", "add", "piet", "--account", "acme", "--name", "X", "--type", "client"}},
			{operate.ExitNotFound, `no account "other"`, []string{"users", "add", "piet@demo.test", "--account", "other", "--name", "X", "--type", "client"}},
			{operate.ExitRefused, "taken", []string{"users", "add", "JAN@demo.test", "--account", "acme", "--name", "X", "--type", "client"}},
			{operate.ExitNotFound, "no user", []string{"users", "show", "piet@demo.test"}},
			{operate.ExitNotFound, "no user", []string{"users", "show", "piet"}},
			{operate.ExitNotFound, "no user", []string{"users", "set", "piet@demo.test", "--name", "X"}},
			{operate.ExitNotFound, "no user", []string{"users", "block", "piet@demo.test", "--reason", "X"}},
			{operate.ExitNotFound, "no user", []string{"users", "unblock", "piet@demo.test"}},
			{operate.ExitNotFound, "no user", []string{"users", "password", "piet@demo.test"}},
			{operate.ExitUsage, "--email", []string{"users", "show", "a@b@c"}},
			{operate.ExitUsage, "--email", []string{"users", "show"}},
			{operate.ExitUsage, "nothing to change", []string{"users", "set", "jan@demo.test"}},
			{operate.ExitUsage, "--reason: it is missing", []string{"users", "block", "jan@demo.test"}},
			{operate.ExitUsage, "--reason", []string{"users", "block", "jan@demo.test", "--reason", "a\nb", "--force", "yes"}},
			{operate.ExitUsage, "--after", []string{"users", "list", "--after", "nonsense"}},
			{operate.ExitNotFound, `no account "other"`, []string{"users", "list", "--account", "other"}},
		} {
			h.refused(c.exit, c.part, c.line...)
		}
		if users, err := h.dir.Users(t.Context(), "acme", "", 10); err != nil || len(users) != 1 || users[0].Block != nil {
			t.Errorf("something was written: %v, %v", users, err)
		}
	})
}

func TestUsersList(t *testing.T) {
	onEngines(t, func(h *house) {
		for a, users := range map[string][]string{"acme": {"a1", "a2", "a3"}, "beta": {}, "gamma": {"g1"}} {
			h.ok("accounts", "add", a)
			for _, id := range users {
				must(t, h.dir.CreateUser(t.Context(), &store.User{ID: id, Account: a, Email: id + "@demo.test", Name: strings.Repeat("<b>"+id, 20), Type: "client"}))
			}
		}
		h.ok("users", "block", "a2@demo.test", "--reason", "x")
		h.golden("users_list", "users", "list", "--account", "acme")
		h.golden("users_list_page", "users", "list", "--limit", "1", "--after", "acme/a1")
		data, _ := h.ok("users", "list", "--account", "gamma", "--after", "acme/zzz")
		h.want(data, "users.0.id", "g1")
		for _, limit := range []string{"1", "2", "3", "100"} {
			var ids []any
			for after := any("/"); after != nil; {
				data, _ := h.ok("users", "list", "--limit", limit, "--after", after.(string))
				for _, u := range at(data, "users").([]any) {
					ids = append(ids, at(u, "id"))
				}
				after = at(data, "next")
			}
			if diff := cmp.Diff([]any{"a1", "a2", "a3", "g1"}, ids); diff != "" {
				t.Errorf("pages of %s: %s", limit, diff)
			}
		}
	})
}

func TestUsersShow(t *testing.T) {
	onEngines(t, func(h *house) {
		h.jan()
		h.ok("users", "block", "jan@demo.test", "--reason", "<i>left</i> \u05d3\u05d5\u05d3", "--force", "yes")
		h.push(40 * 24 * time.Hour)
		h.golden("users_show", "users", "show", "jan@demo.test")
	})
}
