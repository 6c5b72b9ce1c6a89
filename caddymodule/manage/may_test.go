package manage_test

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/cliendo/gateway/caddymodule/apikey"
	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/manage"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

var (
	accounts = []string{"acme", "rival", directory.StaffAccount, "nowhere"}
	types    = []string{"superadmin", "admin", "teammate", "client", directory.SupportType, "", "odd"}
)

func drawUser(rt *rapid.T, label string) *store.User {
	return &store.User{
		ID:      rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, label+" id"),
		Account: rapid.SampledFrom(accounts).Draw(rt, label+" account"),
		Type:    rapid.SampledFrom(types).Draw(rt, label+" type"),
	}
}

func drawActor(rt *rapid.T) manage.Actor {
	switch rapid.IntRange(0, 3).Draw(rt, "kind") {
	case 0:
		return manage.Operator("op")
	case 1:
		k := &store.APIKey{
			ID: "k", Account: rapid.SampledFrom([]string{"", "acme", "rival"}).Draw(rt, "key of"),
			Scopes: rapid.SliceOfDistinct(rapid.SampledFrom(apikey.Scopes()), rapid.ID[string]).Draw(rt, "scopes"),
		}
		return manage.OfKey(k, visitor.Visitor{})
	}
	return manage.OfUser(drawUser(rt, "actor"), directory.Rules{})
}

func drawAction(rt *rapid.T) manage.Action {
	return rapid.SampledFrom(append(manage.Actions(), "odd")).Draw(rt, "action")
}

// The rules in words, over everything that can be asked.
func TestWhatNobodyMay(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a, what, account := drawActor(rt), drawAction(rt), rapid.SampledFrom(accounts).Draw(rt, "account")
		var target *store.User
		if rapid.Bool().Draw(rt, "aimed") {
			target = drawUser(rt, "target")
		}
		err := manage.May(directory.Rules{}, a, what, account, target)
		if err != nil {
			if !errors.Is(err, manage.ErrForbidden) && err != store.ErrNotFound { //nolint:errorlint // the very same
				rt.Fatalf("an error that nobody knows: %v", err)
			}
			return
		}
		if what == "odd" {
			rt.Fatal("what is in no table is allowed")
		}
		switch a.Kind {
		case audit.ByOperator:
			return
		case audit.ByKey:
			if a.Account != "" && a.Account != account {
				rt.Fatal("a key reaches beyond its account")
			}
			if account == directory.StaffAccount && target != nil && target.Account == account && what != manage.CreateAccount {
				switch what {
				case manage.LookAccounts, manage.LookLockedOut: // about no account
				default:
					rt.Fatal("a key touches the staff")
				}
			}
			if len(a.Key.Scopes) == 0 {
				rt.Fatal("a key without scopes does something")
			}
			return
		}
		if !a.Administers {
			rt.Fatalf("%q does not administer and does %s", a.Type, what)
		}
		if a.Kind == audit.ByUser {
			if a.Account != account {
				rt.Fatal("a team reaches into another account")
			}
			switch what {
			case manage.CreateUser, manage.CreateAccount, manage.EditAccount, manage.SetState, manage.EndAccountSessions,
				manage.LookAccounts, manage.LookAll, manage.ManageKeys, manage.Import, manage.ChosenPassword, manage.Erase, manage.Export:
				rt.Fatalf("a team does %s", what)
			default:
			}
		}
		if target == nil || target.Account != account {
			return
		}
		self := a.ID == target.ID && a.Account == target.Account
		switch what {
		case manage.Block, manage.Delete, manage.Erase, manage.SetType, manage.NewPassword, manage.ChosenPassword, manage.SecondStepOff:
			if self {
				rt.Fatalf("somebody does %s to themselves", what)
			}
			admin := target.Type == "admin" || target.Type == "superadmin"
			if a.Kind == audit.ByUser && a.Type != "superadmin" && admin {
				rt.Fatalf("%s does %s to %s", a.Type, what, target.Type)
			}
		default:
		}
	})
}

// Whatever lies in another account is answered like what does not exist.
func TestWhatIsElsewhereLooksUnknown(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a := drawActor(rt)
		if a.Wide() {
			return
		}
		what, target := drawAction(rt), drawUser(rt, "target")
		if target.Account == a.Account {
			return
		}
		there := manage.May(directory.Rules{}, a, what, target.Account, target)
		nowhere := manage.May(directory.Rules{}, a, what, "does-not-exist", nil)
		if there == nil || nowhere == nil || there.Error() != nowhere.Error() {
			rt.Fatalf("%s of what is elsewhere: %v, of what is not there: %v", what, there, nowhere)
		}
	})
}

func TestOnlySuperadminsMakeAdmins(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a, typ := drawActor(rt), rapid.SampledFrom(types).Draw(rt, "type")
		err := manage.MayGrant(directory.Rules{}, a, a.Account, typ)
		if a.Kind == audit.ByUser && a.Type != "superadmin" && (typ == "admin" || typ == "superadmin") && a.Account != directory.StaffAccount && err == nil {
			rt.Fatalf("%s made a %s", a.Type, typ)
		}
	})
}
