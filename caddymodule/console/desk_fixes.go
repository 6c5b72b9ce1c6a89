package console

import (
	"net/url"
	"slices"

	"github.com/cliendo/gateway/caddymodule/story"
)

// The actions on a user that a story offers: where TEAM's pages do them.
const (
	actMailPassword = "mail-password"
	actNewPassword  = "password"
	actMailLogin    = "mail-login"
	actEmail        = "email"
	actUnblock      = "unblock"
	actDelays       = "clear-delays"
	actSecondStep   = "second-step-off"
	actType         = "type"
)

// offers says which buttons a way out has, the best first.
var offers = map[story.Code][]string{
	story.NewPassword:   {actMailLogin, actMailPassword, actNewPassword},
	story.NoPassword:    {actMailPassword, actNewPassword},
	story.ClearDelays:   {actDelays, actMailLogin},
	story.SecondStepOff: {actSecondStep},
	story.Unblock:       {actUnblock},
	story.SetType:       {actType},
	story.MailFailed:    {actEmail, actNewPassword},
}

// asks are actions that need something filled in first: they lead to a form.
var asks = map[string]bool{actEmail: true, actType: true}

// fixes are the ways out, with their buttons.
func (t *telling) fixes() (all []fixBody) {
	for _, f := range t.s.Fixes {
		body := fixBody{Text: t.fixText(f)}
		if u := t.s.User; u != nil {
			for _, action := range offers[f.Code] {
				body.Buttons = append(body.Buttons, t.button(action))
			}
			switch f.Code {
			case story.OpenAccount:
				if t.v.support {
					body.Buttons = append(body.Buttons, fixButton{
						Text: t.v.say("story.do.account"), URL: t.e.root() + "/accounts/" + url.PathEscape(u.Account) + "#state",
					})
				}
			case story.MailRetry:
				body.Buttons = append(body.Buttons, fixButton{
					Text: t.v.say("story.do.retry"), Post: true,
					URL: t.e.userPath(u.Account, u.ID, "mails/"+url.PathEscape(f.Mail)+"/retry"),
				})
			default:
			}
		} else if owner := t.s.FormerOwner; owner != nil && f.Code == story.FindAddress {
			body.Buttons = append(body.Buttons,
				fixButton{Text: t.v.say("story.do.owner", "name", isolated(owner.Name)), URL: t.e.whyPath(owner.Account, owner.User)},
				fixButton{
					Text: t.v.say("story.do.owner_login", "email", isolated(owner.Email)), Post: true,
					URL: t.e.userPath(owner.Account, owner.User, actMailLogin),
				})
		}
		all = append(all, body)
	}
	return append(all, t.lostPhone()...)
}

// lostPhone is offered to everybody with a second step: who lost their phone never
// gets as far as a wrong code.
func (t *telling) lostPhone() []fixBody {
	if u := t.s.User; u == nil || !u.SecondStep ||
		slices.ContainsFunc(t.s.Fixes, func(f story.Fix) bool { return f.Code == story.SecondStepOff }) {
		return nil
	}
	return []fixBody{{Text: t.fixText(story.Fix{Code: story.SecondStepOff}), Buttons: []fixButton{t.button(actSecondStep)}}}
}

func (t *telling) button(action string) fixButton {
	u := t.s.User
	b := fixButton{Text: t.v.say("story.do." + action), URL: t.e.userPath(u.Account, u.ID, action), Post: !asks[action]}
	if asks[action] {
		b.URL = t.e.userPath(u.Account, u.ID, "") + "#" + action
	}
	return b
}

// fixText says what to do.
func (t *telling) fixText(f story.Fix) string {
	for _, id := range []string{"story.fix." + string(f.Code) + "." + f.Cause, "story.fix." + string(f.Code)} {
		if text := t.v.say(id, "to", isolated(f.To), "network", f.Network); text != id {
			return text
		}
	}
	return t.because(f.Cause)
}
