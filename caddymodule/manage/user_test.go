package manage_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/manage"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// why returns why something is forbidden, or the error in words.
func why(err error) string {
	var f *manage.Forbidden
	switch {
	case err == nil:
		return ""
	case errors.As(err, &f):
		return f.Why
	case errors.Is(err, store.ErrNotFound):
		return "not found"
	}
	return err.Error()
}

func TestATeamAdminManagesTheirOwn(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		ctx, admin := t.Context(), w.as("acme", "admin")
		u, err := w.Block(ctx, admin, "acme", "acme-teammate", "left us", w.Now().Add(time.Hour))
		w.must(err)
		if u.Block == nil || u.Block.By != "admin" || u.Block.Why != "left us" || !directory.Blocked(w.read("acme", u.ID), w.Now()) {
			t.Errorf("block is %+v", u.Block)
		}
		u, err = w.Unblock(ctx, admin, "acme", u.ID)
		w.must(err)
		if u.Block != nil {
			t.Error("still blocked")
		}
		name, typ := "Piet", "client"
		u, err = w.Edit(ctx, admin, "acme", u.ID, manage.Edit{Name: &name, Type: &typ})
		w.must(err)
		if u.Name != "Piet" || u.Type != "client" {
			t.Errorf("user is %+v", u)
		}
		before := w.read("acme", u.ID).Epoch
		w.must(w.EndSessions(ctx, admin, "acme", u.ID))
		if w.read("acme", u.ID).Epoch != before+1 {
			t.Error("sessions go on")
		}
		w.must(w.EndSession(ctx, admin, "acme", u.ID, "h"))
		if len(w.sessions.ended) != 1 || w.sessions.ended[0] != "acme/acme-teammate/h" {
			t.Errorf("ended %v", w.sessions.ended)
		}
		w.must(w.Delete(ctx, admin, "acme", u.ID))
		if _, err := w.dir.FindByEmail(ctx, "teammate@acme.test"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("after deleting: %v", err)
		}
	})
}

func TestWhatIsInAnotherAccountIsNotThere(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		ctx, name := t.Context(), "x"
		for _, a := range []manage.Actor{w.as("acme", "superadmin"), w.as("acme", "admin"), w.as("acme", "teammate"), key("acme")} {
			for _, at := range [][2]string{{"rival", "rival-teammate"}, {"acme", "rival-teammate"}, {"acme", "nobody"}, {"nowhere", "nobody"}, {"staff", "staff-desk"}} {
				account, id := at[0], at[1]
				for what, err := range map[string]error{
					"User":           second(w.User(ctx, a, account, id)),
					"Edit":           second(w.Edit(ctx, a, account, id, manage.Edit{Name: &name})),
					"Block":          second(w.Block(ctx, a, account, id, "", time.Time{})),
					"Unblock":        second(w.Unblock(ctx, a, account, id)),
					"EndSessions":    w.EndSessions(ctx, a, account, id),
					"EndSession":     w.EndSession(ctx, a, account, id, "h"),
					"ClearDelays":    w.ClearDelays(ctx, a, account, id),
					"SecondStepOff":  second(w.SecondStepOff(ctx, a, account, id)),
					"NewPassword":    second(w.NewPassword(ctx, a, account, id)),
					"ChosenPassword": second(w.ChosenPassword(ctx, a, account, id, "Eddydebeste")),
					"MailPassword":   second(w.MailPassword(ctx, a, account, id)),
					"MailLogin":      second(w.MailLogin(ctx, a, account, id)),
					"ChangeEmail":    second(w.ChangeEmail(ctx, a, account, id, "new@acme.test")),
					"InviteAgain":    second(w.InviteAgain(ctx, a, account, id)),
					"Delete":         w.Delete(ctx, a, account, id),
				} {
					if err != store.ErrNotFound { //nolint:errorlint // the very same, whatever is behind it
						t.Errorf("%s of %s by %s %s: %v", what, at, a.Kind, a.Type, err)
					}
				}
			}
		}
		if mails := w.post.Take(); len(mails) > 0 {
			t.Errorf("mailed %v", mails)
		}
	})
}

func second[T any](_ T, err error) error { return err }

func TestOnlyASuperadminTouchesAdmins(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		ctx, admin := t.Context(), w.as("acme", "admin")
		w.user("acme", "admin2", "admin")
		for _, id := range []string{"acme-admin2", "acme-superadmin"} {
			for what, err := range map[string]error{
				"block":  second(w.Block(ctx, admin, "acme", id, "", time.Time{})),
				"delete": w.Delete(ctx, admin, "acme", id),
				"reset":  second(w.NewPassword(ctx, admin, "acme", id)),
				"step":   second(w.SecondStepOff(ctx, admin, "acme", id)),
				"email":  second(w.ChangeEmail(ctx, admin, "acme", id, "mine@evil.test")),
			} {
				if why(err) != manage.WhyAdmin {
					t.Errorf("%s of %s: %v", what, id, err)
				}
			}
		}
		for _, typ := range []string{"admin", "superadmin"} {
			if _, err := w.Edit(ctx, admin, "acme", "acme-teammate", manage.Edit{Type: &typ}); why(err) != manage.WhyAdmin {
				t.Errorf("an admin made a %s: %v", typ, err)
			}
			if _, err := w.Edit(ctx, admin, "acme", "acme-admin", manage.Edit{Type: &typ}); typ == "superadmin" && why(err) != manage.WhySelf {
				t.Errorf("an admin made themselves a superadmin: %v", err)
			}
		}
		owner := w.as("acme", "superadmin")
		if _, err := w.Block(ctx, owner, "acme", "acme-admin2", "", time.Time{}); err != nil {
			t.Error(err)
		}
		typ := "support"
		if _, err := w.Edit(ctx, owner, "acme", "acme-teammate", manage.Edit{Type: &typ}); !errors.Is(err, directory.ErrInvalid) {
			t.Errorf("a team made somebody support: %v", err)
		}
	})
}

func TestNobodyDoesItToThemselves(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		ctx, owner, typ := t.Context(), w.as("acme", "superadmin"), "teammate"
		w.user("acme", "owner2", "superadmin")
		for what, err := range map[string]error{
			"block":  second(w.Block(ctx, owner, "acme", owner.ID, "", time.Time{})),
			"delete": w.Delete(ctx, owner, "acme", owner.ID),
			"demote": second(w.Edit(ctx, owner, "acme", owner.ID, manage.Edit{Type: &typ})),
			"step":   second(w.SecondStepOff(ctx, owner, "acme", owner.ID)),
			"reset":  second(w.NewPassword(ctx, owner, "acme", owner.ID)),
		} {
			if why(err) != manage.WhySelf {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}

func TestOneSuperadminStays(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		ctx, typ := t.Context(), "admin"
		for _, a := range []manage.Actor{w.support(), key(""), key("acme"), manage.Operator("op")} {
			for what, err := range map[string]error{
				"block":  second(w.Block(ctx, a, "acme", "acme-superadmin", "", time.Time{})),
				"delete": w.Delete(ctx, a, "acme", "acme-superadmin"),
				"demote": second(w.Edit(ctx, a, "acme", "acme-superadmin", manage.Edit{Type: &typ})),
			} {
				if why(err) != manage.WhyLast {
					t.Errorf("%s by %s: %v", what, a.Kind, err)
				}
			}
		}
		// Who is blocked, or has not come yet, is none who stays.
		w.user("acme", "owner2", "superadmin")
		w.set("acme", "acme-owner2", func(u *store.User) { u.Block = &store.Block{By: "x", At: w.Now()} })
		if _, err := w.Block(ctx, w.support(), "acme", "acme-superadmin", "", time.Time{}); why(err) != manage.WhyLast {
			t.Errorf("the other one is blocked: %v", err)
		}
		w.set("acme", "acme-owner2", func(u *store.User) { u.Block, u.Invited = nil, &store.Invited{By: "x"} })
		if _, err := w.Block(ctx, w.support(), "acme", "acme-superadmin", "", time.Time{}); why(err) != manage.WhyLast {
			t.Errorf("the other one has not come: %v", err)
		}
		force := manage.Operator("op")
		force.Force = true
		if _, err := w.Block(ctx, force, "acme", "acme-superadmin", "", time.Time{}); err != nil {
			t.Errorf("an operator who must: %v", err)
		}
	})
}

func TestTwoSuperadminsCannotRemoveEachOther(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		for round := range 6 {
			one, two := fmt.Sprintf("one%d", round), fmt.Sprintf("two%d", round)
			account := fmt.Sprintf("duo%d", round)
			w.must(w.dir.CreateAccount(ctx, &store.Account{ID: account, Name: account, State: directory.Active}))
			w.user(account, one, "superadmin")
			w.user(account, two, "superadmin")
			typ := "teammate"
			acts := []func(a manage.Actor, id string) error{
				func(a manage.Actor, id string) error {
					return second(w.Edit(ctx, a, account, id, manage.Edit{Type: &typ}))
				},
				func(a manage.Actor, id string) error { return second(w.Block(ctx, a, account, id, "", time.Time{})) },
				func(a manage.Actor, id string) error { return w.Delete(ctx, a, account, id) },
			}
			actors := []manage.Actor{w.as(account, one), w.as(account, two)}
			if round%2 == 1 {
				actors = []manage.Actor{w.support(), key("")}
			}
			targets := []string{account + "-" + two, account + "-" + one}
			var wg sync.WaitGroup
			for i := range 2 {
				wg.Go(func() { _ = acts[(round+i)%3](actors[i], targets[i]) })
			}
			wg.Wait()
			users, err := w.dir.Users(ctx, account, "", 10)
			w.must(err)
			stay := 0
			for _, u := range users {
				if u.Type == "superadmin" && u.Block == nil {
					stay++
				}
			}
			if stay != 1 {
				t.Errorf("round %d: %d superadmins are left", round, stay)
			}
		}
	})
}

func TestADemotionCountsForWhatIsUnderWay(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		ctx, admin := t.Context(), w.as("acme", "admin") // as the request that is under way saw them
		w.set("acme", "acme-admin", func(u *store.User) { u.Type = "teammate" })
		if _, err := w.Block(ctx, admin, "acme", "acme-teammate", "", time.Time{}); why(err) != manage.WhyNotYours {
			t.Errorf("a demoted admin: %v", err)
		}
		w.set("acme", "acme-admin", func(u *store.User) { u.Type, u.Block = "admin", &store.Block{By: "x", At: w.Now()} })
		if _, err := w.NewPassword(ctx, admin, "acme", "acme-teammate"); why(err) != manage.WhyNotYours {
			t.Errorf("a blocked admin: %v", err)
		}
		if err := w.Delete(ctx, admin, "acme", "acme-teammate"); why(err) != manage.WhyNotYours {
			t.Errorf("a blocked admin: %v", err)
		}
		if mails := w.post.Take(); len(mails) > 0 {
			t.Errorf("mailed %v", mails)
		}
	})
}

func TestANewPasswordSwitchesTheSecondStepOffAndTells(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.set("acme", "acme-teammate", func(u *store.User) { u.SecondStep = true })
		before := w.read("acme", "acme-teammate")
		mailed, err := w.MailPassword(ctx, w.as("acme", "admin"), "acme", "acme-teammate")
		w.must(err)
		pending := w.post.Take()[0].Letter.Password
		w.Push(time.Second)
		place, err := w.limits.Reserve(ctx, limit.Try{Subject: "u:acme-teammate"})
		w.must(err)
		w.must(second(place.Failed(ctx)))
		password, err := w.NewPassword(ctx, w.as("acme", "admin"), "acme", "acme-teammate")
		w.must(err)
		u := w.read("acme", "acme-teammate")
		if u.Password != "hash of "+password || u.SecondStep || u.Epoch != before.Epoch+1 || u.PasswordChosen {
			t.Errorf("user is %+v", u)
		}
		kinds := map[string]bool{}
		mails := w.post.Take()
		for _, d := range mails {
			kinds[d.Letter.Kind] = true
			if d.To != u.Email || d.Letter.By != "admin" || d.Letter.Password != "" {
				t.Errorf("mail is %+v", d.Letter)
			}
		}
		if len(mails) != 2 || !kinds[letter.PasswordChanged] || !kinds[letter.SecondStepOff] {
			t.Errorf("mailed %v", kinds)
		}
		if states, err := w.limits.Show(ctx, "u:acme-teammate"); err != nil || len(states) > 0 {
			t.Errorf("delays stay: %v %v", states, err)
		}
		found, err := w.book.Pending(ctx, mails[0].Owner, pending)
		if err != nil || found.Cause == "" || found.Ticket.ID != mailed.ID {
			t.Errorf("the mailed password before it still opens: %+v %v", found, err)
		}
		// "This was not me" takes the password back.
		for _, d := range mails {
			if d.Letter.Kind == letter.PasswordChanged {
				w.must(second(w.book.Revoke(ctx, token(d.Letter.NotMe))))
			}
		}
		if u := w.read("acme", "acme-teammate"); u.Password != "" {
			t.Error("a password that its owner did not want still opens")
		}
	})
}

func TestSwitchingTheSecondStepOffTells(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.set("acme", "acme-teammate", func(u *store.User) { u.SecondStep = true })
		u, err := w.SecondStepOff(ctx, w.support(), "acme", "acme-teammate")
		w.must(err)
		mails := w.post.Take()
		if u.SecondStep || len(mails) != 1 || mails[0].Letter.Kind != letter.SecondStepOff || mails[0].Letter.By != "desk" || mails[0].Letter.NotMe == "" {
			t.Errorf("%+v %+v", u, mails)
		}
		_, err = w.SecondStepOff(ctx, w.support(), "acme", "acme-teammate")
		w.must(err)
		if mails := w.post.Take(); len(mails) != 0 {
			t.Errorf("told of nothing: %+v", mails)
		}
	})
}

// Their own password goes with the second step: they are mailed another.
func TestSwitchingTheSecondStepOffOfAnOwnPassword(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		w.set("acme", "acme-teammate", func(u *store.User) {
			u.SecondStep, u.Password, u.PasswordChosen, u.PasswordChanged, u.PasswordOwn = true, "own", true, w.Now(), w.Now()
		})
		_, err := w.SecondStepOff(t.Context(), w.support(), "acme", "acme-teammate")
		w.must(err)
		mails := w.post.Take()
		if len(mails) != 2 || mails[0].Letter.Kind != letter.SecondStepOff || mails[1].Letter.Kind != letter.NewPassword || mails[1].Letter.Password == "" {
			t.Errorf("%+v", mails)
		}
		if u := w.read("acme", "acme-teammate"); u.Password != "" || u.PasswordChosen || directory.OwnPassword(u) {
			t.Errorf("%+v", u)
		}
	})
}

func TestMailingALoginHasNoCode(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		ctx, admin := t.Context(), w.as("acme", "admin")
		mailed, err := w.MailLogin(ctx, admin, "acme", "acme-teammate")
		w.must(err)
		d := w.post.Take()[0]
		if d.ID != mailed.ID || d.Letter.Link == "" || d.Letter.Code != "" || d.To != "teammate@acme.test" || d.Letter.Network != "" {
			t.Errorf("mailed %+v", d)
		}
		found, err := w.book.Find(ctx, token(d.Letter.Link))
		if err != nil || found.Ticket.Purpose != ticket.Magic || found.User != "acme-teammate" || !found.Ticket.Until.Equal(mailed.Until) {
			t.Errorf("found %+v %v", found, err)
		}
		for range 2 {
			w.must(second(w.MailLogin(ctx, admin, "acme", "acme-teammate")))
		}
		if _, err := w.MailLogin(ctx, admin, "acme", "acme-teammate"); err == nil {
			t.Error("mails without end")
		}
	})
}

func TestCreatingTakesOverNothingThatOpens(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		u := &store.User{
			Account: "acme", Email: "new@acme.test", Name: "New", Type: "teammate", Password: "hash of mine", SecondStep: true, Epoch: 9,
			Block: &store.Block{By: "x"}, Created: w.Now().Add(-time.Hour),
		}
		made, err := w.Create(ctx, key(""), u)
		w.must(err)
		got := w.read("acme", made.User.ID)
		if got.Password != "hash of "+made.Password || got.SecondStep || got.Epoch != 0 || got.Block != nil || !got.Created.Equal(w.Now()) {
			t.Errorf("made %+v", got)
		}
		if _, err := w.Create(ctx, key(""), &store.User{Account: "rival", Email: "new@acme.test", Name: "N", Type: "teammate"}); !errors.Is(err, directory.ErrTaken) {
			t.Errorf("an address that is taken: %v", err)
		}
		for _, a := range []manage.Actor{w.as("acme", "superadmin"), key("acme"), key("", "users:read")} {
			if _, err := w.Create(ctx, a, &store.User{Account: "acme", Email: "b@acme.test", Name: "B", Type: "teammate"}); !errors.Is(err, manage.ErrForbidden) {
				t.Errorf("created by %s: %v", a.Kind, err)
			}
		}
		if _, err := w.Create(ctx, w.support(), &store.User{Account: "staff", Email: "b@acme.test", Name: "B", Type: "support"}); why(err) != manage.WhyStaff {
			t.Errorf("support made support: %v", err)
		}
	})
}
