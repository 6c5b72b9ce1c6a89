package api

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/cliendo/gateway/caddymodule/manage"
	"github.com/cliendo/gateway/caddymodule/store"
)

// errChanged: it is not as the client read it any more.
var errChanged = errors.New("changed meanwhile")

// Match is the condition of a change.
type Match struct {
	IfMatch string `header:"If-Match" maxLength:"200" doc:"the ETag that was read, or * for whatever it is now; needed"`
}

// MayMatch is the same where no condition is needed.
type MayMatch struct {
	IfMatch string `header:"If-Match" maxLength:"200" doc:"the ETag that was read: only then it is done"`
}

// etag names the state of a record. What belongs to the caller is not in it, and
// the hash of the password is not either, though that it changed is.
func etag(record any) string {
	switch v := record.(type) {
	case *store.User:
		u := *v
		u.Password = ""
		record = u
	case *store.Account:
		record = *v
	}
	body, _ := json.Marshal(record) // plain records
	return `"` + digest(string(body))[:22] + `"`
}

// given tells whether a condition is there.
func given(ifMatch string) error {
	if strings.TrimSpace(ifMatch) == "" {
		return problem(reasonIfMatch, `Send the ETag that you read, or * for whatever it is now.`)
	}
	return nil
}

func met(ifMatch, tag string) error {
	tags := strings.Split(ifMatch, ",")
	for i := range tags {
		tags[i] = strings.TrimSpace(tags[i])
	}
	if strings.TrimSpace(ifMatch) == "" || slices.Contains(tags, "*") || slices.Contains(tags, tag) {
		return nil
	}
	return errChanged
}

// ifUser has the next change of a user made only if they are as they were read.
// It is looked at in the step that makes the change.
func ifUser(ctx context.Context, ifMatch string) context.Context {
	return manage.ProvidedUser(ctx, func(u *store.User) error { return met(ifMatch, etag(u)) })
}

func ifAccount(ctx context.Context, ifMatch string) context.Context {
	return manage.ProvidedAccount(ctx, func(a *store.Account) error { return met(ifMatch, etag(a)) })
}
