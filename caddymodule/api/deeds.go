package api

import (
	"context"
	"net/http"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

type blockUser struct {
	InUser
	MayMatch
	Body struct {
		Reason string    `json:"reason" minLength:"1" maxLength:"500"`
		Until  time.Time `json:"until,omitzero" doc:"default: until it is lifted"`
	}
}

type mayUser struct {
	InUser
	MayMatch
}

type moveUser struct {
	InUser
	MayMatch
	Body struct {
		Email string `json:"email" minLength:"3" maxLength:"320"`
	}
}

type movedUser struct {
	ETag string `header:"ETag"`
	Body struct {
		User    User `json:"user"`
		Pending bool `json:"pending" doc:"the new address counts once its mailbox is proved; until then the old one does"`
	}
}

type passwordUser struct {
	InUser
	MayMatch
	Body struct {
		How string `json:"how" enum:"mail,show" doc:"mail: as if they had asked for it, the old one works until the new one is used. show: in the answer, once; their second step is switched off and their sessions end."`
	}
}

type passwordOut struct {
	Body struct {
		Password string    `json:"password,omitempty" doc:"with show; it is shown this once"`
		Mail     string    `json:"mail,omitempty" doc:"with mail: the id of the mail"`
		Until    time.Time `json:"until,omitzero" doc:"with mail: until when it is good"`
	}
}

type mailedOut struct {
	Body struct {
		Mail  string    `json:"mail" doc:"the id of the mail"`
		Until time.Time `json:"until" doc:"until when it is good"`
	}
}

// deeds are what is done to a user besides changing plain fields.
func (r *Room) deeds() {
	deed := func(name, summary, about string, status int) route {
		return route{
			id: name, method: http.MethodPost, path: "/accounts/{account}/users/{user}/" + paths[name], scope: "users:write",
			status: status, summary: summary, about: about,
		}
	}
	add(r, deed("block-user", "Withdraw the access of a user", "From their next request on.", 0), r.blockUser)
	add(r, deed("unblock-user", "Lift the block of a user", "", 0), r.unblockUser)
	add(r, deed("change-email", "Give a user another e-mail address",
		"Both mailboxes are told. It counts once the new one is proved by its mailed link, at once in a domain that is verified"+
			" for the account. An address that is somebody else's in another account is answered like a free one.", 0), r.changeEmail)
	add(r, deed("reset-password", "Give a user a new generated password", "", 0), r.resetPassword)
	add(r, deed("mail-login", "Mail a user a link that logs them in", "", 0), r.mailLogin)
	add(r, deed("invite-again", "Mail a fresh link to somebody who was invited", "The one before ends.", 0), r.inviteAgain)
	add(r, deed("end-sessions", "Log a user out, everywhere", "", http.StatusNoContent), r.endSessions)
	add(r, deed("clear-delays", "Forget the failed attempts of a user", "Their next try is possible at once.",
		http.StatusNoContent), r.clearDelays)
}

var paths = map[string]string{
	"block-user": "block", "unblock-user": "unblock", "change-email": "email", "reset-password": "password",
	"mail-login": "login-mail", "invite-again": "invitation", "end-sessions": "end-sessions", "clear-delays": "clear-delays",
}

// shown shows what became of a user.
func (r *Room) shown(ctx context.Context, u *store.User, err error) (*oneUser, error) {
	if err != nil {
		return nil, err
	}
	return r.oneUser(ctx, u)
}

func (r *Room) blockUser(ctx context.Context, in *blockUser) (*oneUser, error) {
	u, err := r.Manage.Block(ifUser(ctx, in.IfMatch), callerOf(ctx).actor, in.Account, in.User, in.Body.Reason, in.Body.Until)
	return r.shown(ctx, u, err)
}

func (r *Room) unblockUser(ctx context.Context, in *mayUser) (*oneUser, error) {
	u, err := r.Manage.Unblock(ifUser(ctx, in.IfMatch), callerOf(ctx).actor, in.Account, in.User)
	return r.shown(ctx, u, err)
}

func (r *Room) changeEmail(ctx context.Context, in *moveUser) (*movedUser, error) {
	c, err := r.Manage.ChangeEmail(ifUser(ctx, in.IfMatch), callerOf(ctx).actor, in.Account, in.User, in.Body.Email)
	one, err := r.shown(ctx, c.User, err)
	if err != nil {
		return nil, err
	}
	out := &movedUser{ETag: one.ETag}
	out.Body.User, out.Body.Pending = one.Body, c.Pending
	return out, nil
}

func (r *Room) resetPassword(ctx context.Context, in *passwordUser) (*passwordOut, error) {
	ctx, c, out := ifUser(ctx, in.IfMatch), callerOf(ctx), &passwordOut{}
	if in.Body.How == "show" {
		password, err := r.Manage.NewPassword(ctx, c.actor, in.Account, in.User)
		out.Body.Password = password
		return out, err
	}
	m, err := r.Manage.MailPassword(ctx, c.actor, in.Account, in.User)
	out.Body.Mail, out.Body.Until = m.ID, m.Until
	return out, err
}

func (r *Room) mailLogin(ctx context.Context, in *InUser) (*mailedOut, error) {
	m, err := r.Manage.MailLogin(ctx, callerOf(ctx).actor, in.Account, in.User)
	out := &mailedOut{}
	out.Body.Mail, out.Body.Until = m.ID, m.Until
	return out, err
}

func (r *Room) inviteAgain(ctx context.Context, in *InUser) (*oneUser, error) {
	u, err := r.Manage.InviteAgain(ctx, callerOf(ctx).actor, in.Account, in.User)
	return r.shown(ctx, u, err)
}

func (r *Room) endSessions(ctx context.Context, in *mayUser) (*struct{}, error) {
	return nil, r.Manage.EndSessions(ifUser(ctx, in.IfMatch), callerOf(ctx).actor, in.Account, in.User)
}

func (r *Room) clearDelays(ctx context.Context, in *InUser) (*struct{}, error) {
	return nil, r.Manage.ClearDelays(ctx, callerOf(ctx).actor, in.Account, in.User)
}
