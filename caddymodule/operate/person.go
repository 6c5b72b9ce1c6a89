package operate

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/cliendo/gateway/caddymodule/person"
)

// exportPerson prints what is kept about somebody. It is JSON for people too:
// they hand it over as it is.
func exportPerson(ctx context.Context, h *House, in *input) (outcome, error) {
	u, err := h.user(ctx, in)
	if err != nil {
		return outcome{}, err
	}
	f, err := h.People.Export(ctx, u.Account, u.ID)
	if err != nil {
		return outcome{}, err
	}
	body, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return outcome{}, fmt.Errorf("writing the export: %w", err)
	}
	o := outcome{data: f}
	o.text.b.WriteString(escaped(string(body)) + "\n")
	return o, nil
}

type erasedData struct {
	User    string        `json:"user"`
	Account string        `json:"account"`
	Erased  person.Erased `json:"erased"`
}

func erasePerson(ctx context.Context, h *House, in *input) (outcome, error) {
	data := erasedData{User: in.who, Account: in.value("account")}
	u, err := h.user(ctx, in)
	switch {
	case err == nil:
		data.User, data.Account = u.ID, u.Account
		// The rules that hold for everybody, as that the last superadmin stays.
		if err := h.Manage.Depart(ctx, in.actor(ctx), u.Account, u.ID); err != nil {
			return outcome{}, err
		}
	case strings.Contains(in.who, "@") || data.Account == "":
		return outcome{}, err
	}
	// Of somebody who is gone already what an erasure left is removed.
	if data.Erased, err = h.People.Erase(ctx, data.Account, data.User); err != nil {
		return outcome{}, orNotFound(err, fmt.Sprintf("there is and was no user %.70q in this account", in.who), "look with users list")
	}
	o := outcome{data: data}
	e := data.Erased
	o.text.line("Erased user %s of account %s: %d sessions, %d attempts, %d mails, what is personal in %d lines of the audit log.",
		data.User, data.Account, e.Sessions, e.Attempts, e.Mails, e.Lines)
	o.text.line("Backups and exports made before still hold it.")
	return o, nil
}
