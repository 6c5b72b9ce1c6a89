package directory_test

import (
	"errors"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/store"
)

func TestWhoNeedsASecondStep(t *testing.T) {
	now := time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		typ, account string
		on           bool
		owes, asked  bool
	}{
		{typ: "", account: ""},
		{typ: "optional", account: "optional"},
		{typ: "required", owes: true, asked: true},
		{typ: "required", on: true},
		{typ: "2027-03-01", owes: true, asked: true},
		{typ: "2027-03-02", asked: true},
		{typ: "2027-03-02", on: true},
		{account: "required", owes: true, asked: true},
		{account: "2027-02-28", owes: true, asked: true},
		{typ: "2027-12-31", account: "2027-03-01", owes: true, asked: true}, // the earlier counts
		{typ: "2027-03-01", account: "2027-12-31", owes: true, asked: true},
		{typ: "required", account: "2027-12-31", owes: true, asked: true},
		{typ: "2027-12-31", account: "optional", asked: true}, // an account does not lift it
		{typ: "no day", owes: true, asked: true},              // what is not understood requires
	} {
		types := directory.BuiltinTypes()
		kind := types["teammate"]
		kind.SecondStep = c.typ
		types["teammate"] = kind
		rules := directory.Rules{Types: types}
		u := &store.User{Account: "acme", Type: "teammate", SecondStep: c.on}
		a := &store.Account{ID: "acme", State: directory.Active, SecondStep: c.account}
		if owes, asked := rules.Owes(u, a, now), rules.Asked(u, a); owes != c.owes || asked != c.asked {
			t.Errorf("%+v: owes %v, asked %v", c, owes, asked)
		}
	}
	// The day begins where the rules have their clock.
	rules := directory.Rules{}
	u, a := &store.User{Account: "acme", Type: "teammate"}, &store.Account{ID: "acme", SecondStep: "2027-03-02"}
	midnight := time.Date(2027, 3, 1, 23, 0, 0, 0, time.UTC)
	if rules.Owes(u, a, midnight.Add(-time.Second)) || !rules.Owes(u, a, midnight) {
		t.Error("the day begins at another moment than in Amsterdam")
	}
	for word, good := range map[string]bool{"": true, "optional": true, "required": true, "2027-01-31": true, "2027-02-30": false, "soon": false, "on": false} {
		if err := directory.CheckSecondStep(word); (err == nil) != good || err != nil && !errors.Is(err, directory.ErrInvalid) {
			t.Errorf("%q: %v", word, err)
		}
	}
}
