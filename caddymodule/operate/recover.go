package operate

import (
	"context"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/manage"
	"github.com/cliendo/gateway/caddymodule/store"
)

// actor is whoever gave the command.
func (in *input) actor(ctx context.Context) manage.Actor {
	return manage.Actor{Actor: audit.Who(ctx), Force: in.value("force") == "yes"}
}

// recoverUser prints a link for somebody who cannot be helped otherwise.
func recoverUser(ctx context.Context, h *House, in *input) (outcome, error) {
	u, err := h.user(ctx, in)
	if err != nil {
		return outcome{}, err
	}
	return h.letIn(ctx, in, u, "A link for user %s. Their second step is off and their sessions have ended.")
}

// letIn makes the link and says how to use it.
func (h *House) letIn(ctx context.Context, in *input, u *store.User, title string) (outcome, error) {
	entrance, err := h.Manage.LetIn(ctx, in.actor(ctx), u.Account, u.ID)
	if err != nil {
		return outcome{}, err
	}
	if u, err = h.Directory.User(ctx, u.Account, u.ID); err != nil {
		return outcome{}, err
	}
	o, err := h.userOutcomeWith(ctx, title, u, "", entrance)
	if c := h.Directory.Rules().May(u, &store.Account{ID: u.Account, State: directory.Active}, h.now()); c != "" {
		o.warnings = append(o.warnings, "it will not let them in: "+string(c))
	}
	return o, err
}

// addByLink adds somebody of the support desk who gets a password by a link.
func (h *House) addByLink(ctx context.Context, in *input) (outcome, error) {
	u := &store.User{
		Account: directory.StaffAccount, Email: in.who, Name: in.value("name"), Type: directory.SupportType, Locale: in.value("locale"),
	}
	if err := h.Directory.CreateUser(ctx, u); err != nil {
		return outcome{}, noAccount(u.Account, err)
	}
	return h.letIn(ctx, in, u, "Added user %s.")
}

// inviteUser mails somebody an invitation.
func inviteUser(ctx context.Context, h *House, in *input) (outcome, error) {
	u, err := h.Manage.Invite(ctx, in.actor(ctx), in.value("account"), manage.Invitation{
		Email: in.who, Name: in.value("name"), Type: in.value("type"), Locale: in.value("locale"),
	})
	if err != nil {
		return outcome{}, noAccount(in.value("account"), err)
	}
	return h.userOutcome(ctx, "Invited %s.", u, "")
}
