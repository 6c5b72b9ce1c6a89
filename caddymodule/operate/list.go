package operate

import (
	"context"
	"fmt"
	"strings"

	"github.com/cliendo/gateway/caddymodule/store"
)

func listUsers(ctx context.Context, h *House, in *input) (outcome, error) {
	n, err := count(in)
	if err != nil {
		return outcome{}, err
	}
	only, cursor := in.value("account"), in.value("after")
	if only != "" {
		if _, err := h.Directory.Account(ctx, only); err != nil {
			return outcome{}, noAccount(only, err)
		}
	}
	if cursor != "" && !strings.Contains(cursor, "/") {
		return outcome{}, usage("--after", "it is not where a list ended", "take it from the list before: account/user")
	}
	l := userList{h: h, limit: n, data: usersData{Users: []*userView{}}, rows: [][]string{{"E-MAIL", "NAME", "TYPE", "ACCOUNT", "KEPT OUT", "ID"}}}
	if err := l.fill(ctx, only, cursor); err != nil {
		return outcome{}, err
	}
	o := outcome{data: l.data}
	o.list(l.rows, l.data.Next)
	return o, nil
}

type usersData struct {
	Users []*userView `json:"users"`
	Next  string      `json:"next,omitempty"`
}

// userList gathers users until there are enough.
type userList struct {
	h     *House
	limit int
	data  usersData
	rows  [][]string
}

// fill walks over the accounts, or the only one wanted, from the cursor on.
func (l *userList) fill(ctx context.Context, only, cursor string) error {
	at, user, _ := strings.Cut(cursor, "/")
	if only != "" {
		a, err := l.h.Directory.Account(ctx, only)
		if err != nil {
			return err
		}
		if at != only {
			user = ""
		}
		_, err = l.of(ctx, a, user)
		return err
	}
	if at != "" {
		a, err := l.h.Directory.Account(ctx, at)
		if err != nil {
			return noAccount(at, err)
		}
		if full, err := l.of(ctx, a, user); full || err != nil {
			return err
		}
	}
	for {
		accounts, err := l.h.Directory.Accounts(ctx, at, defaultLimit)
		if err != nil {
			return err
		}
		for _, a := range accounts {
			at = a.ID
			if full, err := l.of(ctx, a, ""); full || err != nil {
				return err
			}
		}
		if len(accounts) < defaultLimit {
			return nil
		}
	}
}

// of adds the users of one account. full: there are more than are wanted.
func (l *userList) of(ctx context.Context, a *store.Account, after string) (full bool, err error) {
	users, err := l.h.Directory.Users(ctx, a.ID, after, l.limit-len(l.data.Users)+1)
	if err != nil {
		return false, err
	}
	for _, u := range users {
		if len(l.data.Users) == l.limit {
			last := l.data.Users[l.limit-1]
			l.data.Next = fmt.Sprintf("%s/%s", last.Account, last.ID)
			return true, nil
		}
		v := l.h.viewUser(u, l.h.Directory.Rules().May(u, a, l.h.now()))
		l.data.Users = append(l.data.Users, v)
		l.rows = append(l.rows, []string{u.Email, u.Name, u.Type, u.Account, v.Cause, u.ID})
	}
	return false, nil
}
