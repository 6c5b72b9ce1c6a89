package guard

import (
	"context"
	"time"
)

// SignalLogout is the header by which the app, in any response, ends the session
// of the request ("session") or all of its user ("user"). It never reaches the
// browser.
const SignalLogout = "Gateway-Logout"

// The values of SignalLogout.
const (
	logoutSession = "session"
	logoutUser    = "user"
)

// signalPatience bounds what an app's wish costs its response.
const signalPatience = 5 * time.Second

// logout does what the app asks for, before the browser has the response: its
// next request is one of somebody who is logged out.
func (x *exchange) logout(signal []string) {
	g, f := x.guard, x.facts
	if f == nil {
		g.Log.Debug("the app asks to log out, but nobody is logged in")
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), signalPatience)
	defer cancel()
	var err error
	switch {
	case len(signal) == 1 && signal[0] == logoutSession:
		err = g.Sessions.End(ctx, x.cookie)
	case len(signal) == 1 && signal[0] == logoutUser:
		err = g.Users.EndSessions(ctx, f.User.Account(), f.User.ID())
	default:
		g.Log.Error("the app sends a "+SignalLogout+" that means nothing: write session or user", "value", signal)
		return
	}
	if err != nil {
		g.Log.Error("the app asks to log out, and it failed", "what", signal[0], "user", f.User.ID(), "error", err)
		return
	}
	g.Log.Info("logged out by the app", "what", signal[0], "user", f.User.ID(), "account", f.User.Account(),
		"session", f.Session.Handle())
}
