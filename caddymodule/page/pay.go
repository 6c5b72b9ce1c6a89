package page

import "github.com/cliendo/gateway/caddymodule/cause"

// PayLinks is the way out of a blocked account for its superadmin: the page where
// they pay or subscribe. Without a page there is none.
func PayLinks(c cause.Cause, payURL string) []Link {
	if payURL == "" {
		return nil
	}
	switch c {
	case cause.AccountTrialEnded, cause.AccountCancelled:
		return []Link{{Word: "link.subscribe", URL: payURL}}
	case cause.AccountArrears:
		return []Link{{Word: "link.pay", URL: payURL}}
	default: // suspended by support: paying does not lift that
		return nil
	}
}
