package operate

import (
	"context"
	"fmt"
	"strconv"

	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/store"
)

type accountData struct {
	Account *accountView `json:"account"`
}

func addAccount(ctx context.Context, h *House, in *input) (outcome, error) {
	a := &store.Account{ID: in.who, Name: in.who, State: directory.Active}
	var notes []string
	if err := h.change(a, in, &notes); err != nil {
		return outcome{}, err
	}
	if err := h.Directory.CreateAccount(ctx, a); err != nil {
		return outcome{}, err
	}
	return h.accountOutcome("Added account %s.", a, notes), nil
}

func showAccount(ctx context.Context, h *House, in *input) (outcome, error) {
	a, err := h.Directory.Account(ctx, in.who)
	if err != nil {
		return outcome{}, noAccount(in.who, err)
	}
	return h.accountOutcome("", a, nil), nil
}

func setAccount(ctx context.Context, h *House, in *input) (outcome, error) {
	if len(in.flags) == 0 {
		return outcome{}, usage("", "there is nothing to change", "give the flags to set, e.g. --state active")
	}
	var notes []string
	a, err := h.Directory.UpdateAccount(ctx, in.who, func(a *store.Account) error {
		notes = nil
		return h.change(a, in, &notes)
	})
	if err != nil {
		return outcome{}, noAccount(in.who, err)
	}
	return h.accountOutcome("Changed account %s.", a, notes), nil
}

func endAccountSessions(ctx context.Context, h *House, in *input) (outcome, error) {
	if err := h.Directory.EndAccountSessions(ctx, in.who); err != nil {
		return outcome{}, noAccount(in.who, err)
	}
	a, err := h.Directory.Account(ctx, in.who)
	if err != nil {
		return outcome{}, noAccount(in.who, err)
	}
	return h.accountOutcome("Logged all users of account %s out.", a, nil), nil
}

// change applies the flags to a, and notes what the operator may not have meant.
func (h *House) change(a *store.Account, in *input, notes *[]string) error {
	if v, ok := in.given("name"); ok {
		a.Name = v
	}
	if v, ok := in.given("pay-url"); ok {
		a.PayURL = v
	}
	if v, ok := in.given("second-step"); ok {
		a.SecondStep = v
	}
	if v, ok := in.given("state"); ok && v != a.State {
		a.State, a.Reason = v, ""
	}
	if v, ok := in.given("reason"); ok {
		a.Reason = v
	}
	if err := h.changeTrial(a, in); err != nil {
		return err
	}
	return h.changeArrears(a, in, notes)
}

// changeTrial keeps the last day where there is a trial, and only there.
func (h *House) changeTrial(a *store.Account, in *input) error {
	v, given := in.given("until")
	switch {
	case a.State != directory.Trial && given:
		return usage("--until", "only a trial has a last day", "give it with --state trial")
	case a.State != directory.Trial:
		a.TrialUntil = ""
	case given:
		day, err := h.day("--until", v)
		a.TrialUntil = day
		return err
	case a.TrialUntil == "":
		return usage("--until", "a trial needs its last day", "give it, e.g. --until 30d")
	}
	return nil
}

// changeArrears keeps what is unpaid where there are arrears, and only there.
func (h *House) changeArrears(a *store.Account, in *input, notes *[]string) (err error) {
	number, counted := in.given("unpaid")
	day, dated := in.given("blocks-from")
	if a.State != directory.Arrears {
		a.UnpaidInvoices, a.BlocksFrom = 0, ""
		switch {
		case counted:
			return usage("--unpaid", "only an account in arrears has unpaid invoices", "give it with --state arrears")
		case dated:
			return usage("--blocks-from", "only arrears block from a day", "give it with --state arrears")
		}
		return nil
	}
	blocksAt := h.Directory.Rules().ArrearsBlocksAt
	switch {
	case counted:
		if a.UnpaidInvoices, err = unpaidCount(number); err != nil {
			return err
		}
	case a.UnpaidInvoices == 0:
		a.UnpaidInvoices = blocksAt
		*notes = append(*notes, fmt.Sprintf("--unpaid was not given; it is set to %d, which blocks", blocksAt))
	}
	if dated && day != "" {
		if day, err = h.day("--blocks-from", day); err != nil {
			return err
		}
	}
	if dated {
		a.BlocksFrom = day
	}
	if a.UnpaidInvoices < blocksAt {
		*notes = append(*notes, fmt.Sprintf("%d unpaid do not block yet; from %d on they do", a.UnpaidInvoices, blocksAt))
	}
	return nil
}

func noAccount(id string, err error) error {
	return orNotFound(err, fmt.Sprintf("there is no account %.70q", id), "look it up with accounts list")
}

func (h *House) accountOutcome(title string, a *store.Account, notes []string) outcome {
	o := outcome{data: accountData{h.viewAccount(a)}, warnings: notes}
	indent := ""
	if title != "" {
		o.text.line(title, a.ID)
		indent = "  "
	}
	h.describeAccount(&o.text, indent, a)
	return o
}

func (h *House) describeAccount(t *text, indent string, a *store.Account) {
	unpaid := ""
	if a.State == directory.Arrears {
		unpaid = strconv.Itoa(a.UnpaidInvoices)
	}
	t.pairs(indent,
		"account", a.ID, "name", a.Name, "state", h.stateLine(a), "reason", a.Reason, "trial", untilDay(a.TrialUntil),
		"unpaid", unpaid, "blocks", fromDay(a.BlocksFrom), "pay", a.PayURL, "created", h.clock(a.Created))
}

func (h *House) stateLine(a *store.Account) string {
	line := a.State + ", since " + h.clock(a.Since)
	if c := h.Directory.Rules().Closed(a, h.now()); c != "" {
		line += "; keeps its users out: " + string(c)
	}
	return line
}

func untilDay(day string) string {
	if day == "" {
		return ""
	}
	return "until the end of " + day
}

func fromDay(day string) string {
	if day == "" {
		return ""
	}
	return "from " + day
}

func listAccounts(ctx context.Context, h *House, in *input) (outcome, error) {
	n, err := count(in)
	if err != nil {
		return outcome{}, err
	}
	accounts, err := h.Directory.Accounts(ctx, in.value("after"), n+1)
	if err != nil {
		return outcome{}, err
	}
	data := struct {
		Accounts []*accountView `json:"accounts"`
		Next     string         `json:"next,omitempty"`
	}{Accounts: []*accountView{}}
	if len(accounts) > n {
		accounts = accounts[:n]
		data.Next = accounts[n-1].ID
	}
	rows := [][]string{{"ACCOUNT", "NAME", "STATE", "SINCE", "KEEPS OUT"}}
	for _, a := range accounts {
		v := h.viewAccount(a)
		data.Accounts = append(data.Accounts, v)
		rows = append(rows, []string{a.ID, a.Name, a.State, h.clock(a.Since), v.Cause})
	}
	o := outcome{data: data}
	o.list(rows, data.Next)
	return o, nil
}

// list prints rows under their head, and where to go on.
func (o *outcome) list(rows [][]string, next string) {
	if len(rows) == 1 {
		o.text.line("none")
		return
	}
	o.text.table("", rows)
	if next != "" {
		o.warnings = append(o.warnings, "there are more; go on with --after "+next)
	}
}
