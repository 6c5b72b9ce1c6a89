package operate

import (
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/identity"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/story"
)

// What programs get of accounts and users is the same as in a story.
type (
	accountView = story.Account
	userView    = story.User
	budgetView  = story.Budget
	mailView    = story.Mail
)

func (h *House) viewAccount(a *store.Account) *accountView {
	return story.ViewAccount(a, h.Directory.Rules().Closed(a, h.now()))
}

func (h *House) viewUser(u *store.User, c cause.Cause) *userView { return story.ViewUser(u, c) }

func viewMail(m *store.Mail, ref store.MailRef) *mailView { return story.ViewMail(m, ref) }

// teller gathers the stories, for somebody who may know of everybody.
func (h *House) teller() *story.Teller {
	o := story.Options{
		Directory: h.Directory, Limits: h.Limits, Attempts: h.Attempts, Tickets: h.Tickets, Likely: h.Likely, Now: h.now,
	}
	if h.Engine != nil {
		o.Identities = identity.New(h.Engine, h.now)
	}
	if h.Outbox != nil {
		o.Mails = h.Outbox
	}
	return story.New(o)
}
