package operate

import (
	"context"
	"fmt"

	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

// AddUser adds u with a generated password and returns it; it is kept nowhere.
// Errors are those of Directory.CreateUser.
func (h *House) AddUser(ctx context.Context, u *store.User) (password string, err error) {
	password = secret.Password()
	if u.Password, err = h.Hasher.Hash(ctx, password); err != nil {
		return "", fmt.Errorf("hashing password: %w", err)
	}
	u.PasswordChosen, u.PasswordChanged = false, h.now().UTC()
	if err := h.Directory.CreateUser(ctx, u); err != nil {
		return "", err
	}
	return password, nil
}

func addUser(ctx context.Context, h *House, in *input) (outcome, error) {
	return h.add(ctx, in, in.value("account"), in.value("type"))
}

func addSupport(ctx context.Context, h *House, in *input) (outcome, error) {
	if h.Manage != nil && h.Manage.Entrances() {
		return h.addByLink(ctx, in)
	}
	return h.add(ctx, in, directory.StaffAccount, directory.SupportType)
}

func (h *House) add(ctx context.Context, in *input, account, userType string) (outcome, error) {
	u := &store.User{Account: account, Email: in.who, Name: in.value("name"), Type: userType, Locale: in.value("locale")}
	password, err := h.AddUser(ctx, u)
	if err != nil {
		return outcome{}, noAccount(account, err)
	}
	return h.userOutcome(ctx, "Added user %s.", u, password)
}

func newPassword(ctx context.Context, h *House, in *input) (outcome, error) {
	u, err := h.user(ctx, in)
	if err != nil {
		return outcome{}, err
	}
	password, err := h.Manage.NewPassword(ctx, in.actor(ctx), u.Account, u.ID)
	if err != nil {
		return outcome{}, err
	}
	if u, err = h.Directory.User(ctx, u.Account, u.ID); err != nil {
		return outcome{}, err
	}
	return h.userOutcome(ctx, "New password for user %s. Their second step is off and their sessions have ended.", u, password)
}
