package security

import (
	"net/http"

	"github.com/cliendo/gateway/caddymodule/page"
)

// card says one thing that a person has or can do, and leads to the page of it. One
// without a key is left out: what cannot be had here.
type card func(v *visit) (page.SecurityCard, error)

// cards are what the hub shows, in this order.
func (e *Errand) cards(v *visit) ([]page.SecurityCard, error) {
	var shown []page.SecurityCard
	for _, make := range []card{
		e.secondCard,
		e.passkeyCard,
		e.passwordCard,
		e.emailCard,
		e.sessionCard,
		e.activityCard,
		e.identityCard,
	} {
		c, err := make(v)
		if err != nil {
			return nil, err
		}
		if c.Key != "" {
			shown = append(shown, c)
		}
	}
	return shown, nil
}

func (e *Errand) hub(v *visit) {
	cards, err := e.cards(v)
	if err != nil {
		e.away(v, err)
		return
	}
	p := page.Security{Name: v.user.Name, Cards: cards, On: v.user.SecondStep, Target: e.to(v), Locale: v.locale}
	p.Required, p.By = e.required(v)
	e.Pages.Security(v.w, v.Request, http.StatusOK, p)
}
