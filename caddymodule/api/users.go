package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/manage"
	"github.com/cliendo/gateway/caddymodule/store"
)

// InUser is the user in the path.
type InUser struct {
	InAccount
	User string `path:"user" maxLength:"100" doc:"id of the user"`
}

type oneUser struct {
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Body     User
}

type manyUsers struct {
	Body struct {
		Users []User `json:"users"`
		Next  string `json:"next,omitempty" doc:"where to go on; absent at the end"`
	}
}

type listUsers struct {
	InAccount
	Page
}

type findUser struct {
	Email string `query:"email" required:"true" minLength:"3" maxLength:"320" doc:"in whatever form it is written"`
}

// NewUser is somebody to be added.
type NewUser struct {
	Email  string `json:"email" minLength:"3" maxLength:"320"`
	Name   string `json:"name" minLength:"1" maxLength:"200"`
	Type   string `json:"type" maxLength:"64" doc:"superadmin, admin, teammate, client, or one that is configured"`
	Locale string `json:"locale,omitempty" maxLength:"5" doc:"nl or en; default: that of the first login"`
}

type createUser struct {
	InAccount
	Body struct {
		NewUser
		ID string `json:"id,omitempty" maxLength:"63" pattern:"^[a-z0-9][a-z0-9-]*$" doc:"lower-case letters, digits and dashes; default: a generated one"`
	}
}

type createdUser struct {
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Body     struct {
		User     User   `json:"user"`
		Password string `json:"password" doc:"generated; it is shown this once"`
	}
}

type inviteUser struct {
	InAccount
	Body NewUser
}

type patchUser struct {
	InUser
	Match
	Body struct {
		Name   *string `json:"name,omitempty" minLength:"1" maxLength:"200"`
		Type   *string `json:"type,omitempty" maxLength:"64"`
		Locale *string `json:"locale,omitempty" maxLength:"5"`
	}
}

type deleteUser struct {
	InUser
	MayMatch
}

func (r *Room) users() {
	const many, one = "/accounts/{account}/users", "/accounts/{account}/users/{user}"
	add(r, route{
		id: "list-users", method: http.MethodGet, path: many, scope: "users:read", summary: "List users of an account by id",
	}, r.listUsers)
	add(r, route{
		id: "find-user", method: http.MethodGet, path: "/users", scope: "users:read", summary: "Find the user with an e-mail address",
		about: "The list has one user or none.",
	}, r.findUser)
	add(r, route{
		id: "create-user", method: http.MethodPost, path: many, scope: "users:write", status: http.StatusCreated,
		summary: "Add a user with a generated password",
		about:   "The address counts at once, unproved. Not for keys of one account: they invite.",
	}, r.createUser)
	add(r, route{
		id: "invite-user", method: http.MethodPost, path: "/accounts/{account}/invitations", scope: "users:write",
		status: http.StatusCreated, summary: "Add a user and mail them a link with which they come in",
		about: "They have no password until they come. The link is good for seven days.",
	}, r.inviteUser)
	add(r, route{
		id: "get-user", method: http.MethodGet, path: one, scope: "users:read", summary: "Read a user",
	}, r.getUser)
	add(r, route{
		id: "patch-user", method: http.MethodPatch, path: one, scope: "users:write", summary: "Change name, type or language of a user",
		about: "What is not given stays. It takes effect at their next request. Addresses and blocks have routes of their own.",
	}, r.patchUser)
	add(r, route{
		id: "delete-user", method: http.MethodDelete, path: one, scope: "users:write", status: http.StatusNoContent,
		summary: "Remove a user", about: "Their address and id are free again.",
	}, r.deleteUser)
}

func (r *Room) listUsers(ctx context.Context, in *listUsers) (*manyUsers, error) {
	after, err := in.at("users")
	if err != nil {
		return nil, err
	}
	list, err := r.Manage.Users(ctx, callerOf(ctx).actor, in.Account, after, in.Limit+1)
	if err != nil {
		return nil, err
	}
	a, err := r.Directory.Account(ctx, in.Account)
	if err != nil {
		return nil, err
	}
	out := &manyUsers{}
	list, out.Body.Next = cut(list, in.Limit, "users", func(u *store.User) string { return u.ID })
	out.Body.Users = make([]User, len(list))
	for i, u := range list {
		out.Body.Users[i] = r.user(u, a)
	}
	return out, nil
}

func (r *Room) findUser(ctx context.Context, in *findUser) (*manyUsers, error) {
	out := &manyUsers{}
	out.Body.Users = []User{}
	u, err := r.Directory.FindByEmail(ctx, in.Email)
	if err == nil {
		// Whether they may be seen is decided where it is for every other route.
		u, err = r.Manage.User(ctx, callerOf(ctx).actor, u.Account, u.ID)
	}
	var field *directory.FieldError
	switch {
	case errors.Is(err, store.ErrNotFound):
		return out, nil
	case errors.As(err, &field):
		return nil, invalid("query.email", field.Problem)
	case err != nil:
		return nil, err
	}
	one, err := r.oneUser(ctx, u)
	if err != nil {
		return nil, err
	}
	out.Body.Users = append(out.Body.Users, one.Body)
	return out, nil
}

// oneUser shows a user.
func (r *Room) oneUser(ctx context.Context, u *store.User) (*oneUser, error) {
	a, err := r.Directory.Account(ctx, u.Account)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	return &oneUser{ETag: etag(u), Body: r.user(u, a)}, nil
}

func (r *Room) place(u *store.User) string {
	return r.base + "/accounts/" + u.Account + "/users/" + u.ID
}

func (r *Room) createUser(ctx context.Context, in *createUser) (*createdUser, error) {
	b := in.Body
	made, err := r.Manage.Create(ctx, callerOf(ctx).actor, &store.User{
		ID: b.ID, Account: in.Account, Email: b.Email, Name: b.Name, Type: b.Type, Locale: b.Locale,
	})
	if err != nil {
		return nil, err
	}
	one, err := r.oneUser(ctx, made.User)
	if err != nil {
		return nil, err
	}
	out := &createdUser{ETag: one.ETag, Location: r.place(made.User)}
	out.Body.User, out.Body.Password = one.Body, made.Password
	return out, nil
}

func (r *Room) inviteUser(ctx context.Context, in *inviteUser) (*oneUser, error) {
	u, err := r.Manage.Invite(ctx, callerOf(ctx).actor, in.Account, manage.Invitation(in.Body))
	if err != nil {
		return nil, err
	}
	out, err := r.oneUser(ctx, u)
	if err != nil {
		return nil, err
	}
	out.Location = r.place(u)
	return out, nil
}

func (r *Room) getUser(ctx context.Context, in *InUser) (*oneUser, error) {
	u, err := r.Manage.User(ctx, callerOf(ctx).actor, in.Account, in.User)
	if err != nil {
		return nil, err
	}
	return r.oneUser(ctx, u)
}

func (r *Room) patchUser(ctx context.Context, in *patchUser) (*oneUser, error) {
	if err := given(in.IfMatch); err != nil {
		return nil, err
	}
	e := manage.Edit{Name: in.Body.Name, Type: in.Body.Type, Locale: in.Body.Locale}
	u, err := r.Manage.Edit(ifUser(ctx, in.IfMatch), callerOf(ctx).actor, in.Account, in.User, e)
	if err != nil {
		return nil, err
	}
	return r.oneUser(ctx, u)
}

func (r *Room) deleteUser(ctx context.Context, in *deleteUser) (*struct{}, error) {
	return nil, r.Manage.Delete(ifUser(ctx, in.IfMatch), callerOf(ctx).actor, in.Account, in.User)
}
