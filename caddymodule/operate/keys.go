package operate

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/apikey"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Keys are the keys of the JSON API. *apikey.Book is one.
type Keys interface {
	Make(ctx context.Context, w apikey.Wanted) (*store.APIKey, string, error)
	List(ctx context.Context, account string) ([]apikey.Shown, error)
	Find(ctx context.Context, id string) (apikey.Shown, error)
	Revoke(ctx context.Context, id, by string) (*store.APIKey, error)
}

// keyView is a key as programs get it.
type keyView struct {
	ID      string           `json:"id"`
	Name    string           `json:"name"`
	Scopes  []string         `json:"scopes"`
	Account string           `json:"account,omitempty"` // empty: all
	Created time.Time        `json:"created"`
	By      string           `json:"by"`
	Used    *store.APIKeyUse `json:"used,omitempty"`
	Revoked time.Time        `json:"revoked,omitzero"`
	Ended   string           `json:"revoked_by,omitempty"`
}

func viewKey(k apikey.Shown) *keyView {
	return &keyView{
		ID: k.ID, Name: k.Name, Scopes: k.Scopes, Account: k.Account, Created: k.Created, By: k.By,
		Used: k.Used, Revoked: k.Revoked, Ended: k.RevokedBy,
	}
}

type keyData struct {
	Key    *keyView `json:"key"`
	Secret string   `json:"secret,omitempty"` // shown this once
}

func addKey(ctx context.Context, h *House, in *input) (outcome, error) {
	scopes := strings.FieldsFunc(in.value("scopes"), func(r rune) bool { return r == ',' || r == ' ' })
	k, secret, err := h.Keys.Make(ctx, apikey.Wanted{
		Name: in.who, Scopes: scopes, Account: in.value("account"), By: in.by,
	})
	if err != nil {
		return outcome{}, err
	}
	return h.keyOutcome("Made key %s.", apikey.Shown{APIKey: k}, secret), nil
}

func revokeKey(ctx context.Context, h *House, in *input) (outcome, error) {
	if _, err := h.Keys.Revoke(ctx, in.who, in.by); err != nil {
		return outcome{}, orNotFound(err, fmt.Sprintf("there is no key %.40q", in.who), "look it up with keys list")
	}
	k, err := h.Keys.Find(ctx, in.who)
	if err != nil {
		return outcome{}, err
	}
	return h.keyOutcome("Revoked key %s. It opens nothing any more.", k, ""), nil
}

func (h *House) keyOutcome(title string, k apikey.Shown, secret string) outcome {
	o := outcome{data: keyData{viewKey(k), secret}}
	o.text.line(title, k.ID)
	o.text.pairs("  ", "key", k.ID, "name", k.Name, "scopes", strings.Join(k.Scopes, ", "), "account", reach(k),
		"made", h.clock(k.Created)+" by "+k.By, "used", h.lastUse(k), "revoked", h.clock(k.Revoked))
	if secret != "" {
		o.text.line("")
		o.text.line("Key: %s", secret)
		o.text.line("It is shown this once. Programs send it as: Authorization: Bearer <key>")
	}
	return o
}

func reach(k apikey.Shown) string {
	if k.Account == "" {
		return "all"
	}
	return k.Account
}

func (h *House) lastUse(k apikey.Shown) string {
	if k.Used == nil {
		return "never"
	}
	return strings.TrimSpace(h.clock(k.Used.At) + " " + k.Used.Network)
}

func listKeys(ctx context.Context, h *House, in *input) (outcome, error) {
	if a := in.value("account"); a != "" {
		if _, err := h.Directory.Account(ctx, a); err != nil {
			return outcome{}, noAccount(a, err)
		}
	}
	keys, err := h.Keys.List(ctx, in.value("account"))
	if err != nil {
		return outcome{}, err
	}
	data := struct {
		Keys []*keyView `json:"keys"`
	}{Keys: []*keyView{}}
	rows := [][]string{{"KEY", "NAME", "ACCOUNT", "SCOPES", "MADE", "USED", "REVOKED"}}
	for _, k := range keys {
		data.Keys = append(data.Keys, viewKey(k))
		rows = append(rows, []string{
			k.ID, k.Name, reach(k), strings.Join(k.Scopes, " "), h.clock(k.Created), h.lastUse(k), h.clock(k.Revoked),
		})
	}
	o := outcome{data: data}
	o.list(rows, "")
	return o, nil
}
