package operate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/manage"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/story"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

type userData struct {
	User     *userView `json:"user"`
	Password string    `json:"password,omitempty"` // new; shown this once
	// Link logs them in, once, until LinkUntil.
	Link      string    `json:"link,omitempty"`
	LinkUntil time.Time `json:"link_until,omitzero"`
	// Mailed is what they can still use of what was mailed.
	Mailed *ticket.Live `json:"mailed,omitempty"`
}

// orNotFound replaces "not found" by a sentence of its own.
func orNotFound(err error, message, fix string) error {
	if errors.Is(err, store.ErrNotFound) {
		return notFound(message, fix)
	}
	return err
}

// user returns who a command is about, by address or id.
func (h *House) user(ctx context.Context, in *input) (u *store.User, err error) {
	if strings.Contains(in.who, "@") {
		u, err = h.Directory.FindByEmail(ctx, in.who)
	} else {
		u, err = h.Directory.FindByID(ctx, in.who)
	}
	if err == nil && in.value("account") != "" && in.value("account") != u.Account {
		err = store.ErrNotFound
	}
	if err != nil {
		return nil, orNotFound(err, fmt.Sprintf("there is no user %.70q", in.who), "look with why, or with users list")
	}
	return u, nil
}

// accountOf returns the account of u, nil when it does not exist.
func (h *House) accountOf(ctx context.Context, u *store.User) (*store.Account, error) {
	a, err := h.Directory.Account(ctx, u.Account)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return a, err
}

// userOutcome says what became of a user.
func (h *House) userOutcome(ctx context.Context, title string, u *store.User, password string) (outcome, error) {
	return h.userOutcomeWith(ctx, title, u, password, manage.Entrance{})
}

// userOutcomeWith is userOutcome with a link that lets them in, if there is one.
func (h *House) userOutcomeWith(ctx context.Context, title string, u *store.User, password string, in manage.Entrance) (outcome, error) {
	a, err := h.accountOf(ctx, u)
	if err != nil {
		return outcome{}, err
	}
	c := h.Directory.Rules().May(u, a, h.now())
	live, err := h.teller().Live(ctx, u)
	if err != nil {
		return outcome{}, err
	}
	o := outcome{data: userData{User: h.viewUser(u, c), Password: password, Link: in.Link, LinkUntil: in.Until, Mailed: live}}
	indent := ""
	if title != "" {
		o.text.line(title, u.Email)
		indent = "  "
	}
	h.describeUser(&o.text, indent, u, c)
	for _, line := range h.liveLines(live) {
		o.text.pairs(indent, "waiting", line)
	}
	if password != "" {
		o.text.line("")
		o.text.line("Password: %s", password)
		o.text.line("It is shown this once. Hand it over on a safe way.")
	}
	if in.Link != "" {
		o.text.line("")
		o.text.line("Link: %s", in.Link)
		o.text.line("It works once, until %s, for whoever types their address behind it. Hand it over on a safe way.", h.clock(in.Until))
	}
	return o, nil
}

func (h *House) describeUser(t *text, indent string, u *store.User, c cause.Cause) {
	may := "yes"
	if c != cause.None {
		may = "no: " + string(c)
	}
	userType := u.Type
	if userType == "" {
		userType = "none"
	}
	t.pairs(indent,
		"user", u.Email, "written", u.Display, "id", u.ID, "account", u.Account, "name", u.Name, "type", userType,
		"language", u.Locale, "password", h.passwordLine(u), "block", h.blockLine(u.Block), "created", h.clock(u.Created),
		"may log in", may)
}

func (h *House) passwordLine(u *store.User) string {
	line := story.PasswordKind(u)
	if !u.PasswordChanged.IsZero() {
		line += fmt.Sprintf(", %s old (%s)", left(h.now().Sub(u.PasswordChanged)), h.clock(u.PasswordChanged))
	}
	if u.SecondStep {
		line += "; second step on"
	}
	return line
}

func (h *House) blockLine(b *store.Block) string {
	if b == nil {
		return ""
	}
	line := "by " + b.By + " since " + h.clock(b.At)
	switch {
	case b.Until.IsZero():
		line += ", until it is lifted"
	case h.now().Before(b.Until):
		line += ", until " + h.clock(b.Until)
	default:
		line += ", over since " + h.clock(b.Until)
	}
	if b.Why != "" {
		line += ": " + b.Why
	}
	return line
}

func showUser(ctx context.Context, h *House, in *input) (outcome, error) {
	u, err := h.user(ctx, in)
	if err != nil {
		return outcome{}, err
	}
	return h.userOutcome(ctx, "", u, "")
}

func setUser(ctx context.Context, h *House, in *input) (outcome, error) {
	u, err := h.user(ctx, in)
	if err != nil {
		return outcome{}, err
	}
	name, named := in.given("name")
	userType, typed := in.given("type")
	locale, spoken := in.given("locale")
	address, moved := in.given("email")
	if !named && !typed && !spoken && !moved {
		return outcome{}, usage("", "there is nothing to change", "give the flags to set, e.g. --type teammate")
	}
	change := func(u *store.User) error {
		if named {
			u.Name = name
		}
		if typed {
			u.Type = userType
		}
		if spoken {
			u.Locale = locale
		}
		return nil
	}
	if typed && u.Type == directory.SuperadminType && userType != u.Type {
		// One has to stay, which is looked at there.
		if _, err := h.Manage.Edit(ctx, in.actor(ctx), u.Account, u.ID, manage.Edit{Type: &userType}); err != nil {
			return outcome{}, err
		}
	}
	if moved {
		// Both mailboxes are told, as when an admin does it.
		u, err = h.Manage.Move(ctx, in.actor(ctx), u.Account, u.ID, address, change)
	} else {
		u, err = h.Directory.UpdateUser(ctx, u.Account, u.ID, change)
	}
	if err != nil {
		return outcome{}, err
	}
	return h.userOutcome(ctx, "Changed user %s.", u, "")
}

func blockUser(ctx context.Context, h *House, in *input) (outcome, error) {
	end, err := h.moment("--until", in.value("until"))
	if err != nil {
		return outcome{}, err
	}
	u, err := h.user(ctx, in)
	if err != nil {
		return outcome{}, err
	}
	u, err = h.Manage.Block(ctx, in.actor(ctx), u.Account, u.ID, in.value("reason"), end)
	if err != nil {
		return outcome{}, err
	}
	o, err := h.userOutcome(ctx, "Blocked user %s.", u, "")
	if u.Type == directory.SuperadminType {
		o.warnings = append(o.warnings, "they are the superadmin of account "+u.Account)
	}
	return o, err
}

func unblockUser(ctx context.Context, h *House, in *input) (outcome, error) {
	u, err := h.user(ctx, in)
	if err != nil {
		return outcome{}, err
	}
	if u.Block == nil {
		return h.userOutcome(ctx, "User %s was not blocked.", u, "")
	}
	u, err = h.Manage.Unblock(ctx, in.actor(ctx), u.Account, u.ID)
	if err != nil {
		return outcome{}, err
	}
	return h.userOutcome(ctx, "Lifted the block of user %s.", u, "")
}

func endSessions(ctx context.Context, h *House, in *input) (outcome, error) {
	u, err := h.user(ctx, in)
	if err != nil {
		return outcome{}, err
	}
	if err := h.Manage.EndSessions(ctx, in.actor(ctx), u.Account, u.ID); err != nil {
		return outcome{}, err
	}
	return h.userOutcome(ctx, "Logged user %s out, everywhere.", u, "")
}
