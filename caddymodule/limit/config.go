package limit

import (
	"fmt"
	"time"
)

// Names of the budgets.
const (
	UserNetwork  = "user_network"
	User         = "user"
	AllOfNetwork = "network"
	Device       = "device"
	SecondStep   = "second_step"
)

// Budget says how many failures are free and what follows.
type Budget struct {
	// Free failures cost nothing.
	Free int
	// Window is the time within which Free failures must happen to be too many;
	// zero: no matter how far apart, until they are forgotten.
	Window time.Duration
	// Delay follows the failure that uses up the last free one, and doubles with
	// each further one, up to MaxDelay. After it one try at a time is let through.
	Delay, MaxDelay time.Duration
	// Forget is how long after the last failure all is forgotten; zero: never by
	// time.
	Forget time.Duration
	// ResetOnSuccess: being right forgets the failures.
	ResetOnSuccess bool
}

// Config are the budgets. A zero Budget stands for its default.
type Config struct {
	// UserNetwork counts one user from one network.
	UserNetwork Budget
	// User counts one user from all unknown devices together.
	User Budget
	// Network counts all users from one network.
	Network Budget
	// Device counts one known device for one user it belongs to.
	Device Budget
	// SecondStep counts the codes of one user.
	SecondStep Budget
	// Exempt tells of a network, as Network returns it, that it has no Network budget
	// either, as private ones have none: that of a trusted proxy. Nil: none is.
	Exempt func(network string) bool
}

// Defaults returns the budgets as documented.
func Defaults() Config {
	return Config{
		UserNetwork: Budget{
			Free: 5, Delay: 30 * time.Second, MaxDelay: 15 * time.Minute,
			Forget: time.Hour, ResetOnSuccess: true,
		},
		// Being right on one network says nothing about the guesses on others, so
		// success does not reset User and Network.
		User: Budget{Free: 20, Delay: time.Minute, MaxDelay: 15 * time.Minute, Forget: 6 * time.Hour},
		Network: Budget{
			Free: 100, Window: 10 * time.Minute, Delay: 30 * time.Second, MaxDelay: 5 * time.Minute,
			Forget: time.Hour,
		},
		Device: Budget{
			Free: 10, Delay: 30 * time.Second, MaxDelay: 5 * time.Minute,
			Forget: time.Hour, ResetOnSuccess: true,
		},
		SecondStep: Budget{Free: 5, Delay: time.Minute, MaxDelay: 15 * time.Minute, ResetOnSuccess: true},
	}
}

func (c Config) withDefaults() Config {
	d := Defaults()
	for _, b := range []struct{ own, otherwise *Budget }{
		{&c.UserNetwork, &d.UserNetwork},
		{&c.User, &d.User},
		{&c.Network, &d.Network},
		{&c.Device, &d.Device},
		{&c.SecondStep, &d.SecondStep},
	} {
		if *b.own == (Budget{}) {
			*b.own = *b.otherwise
		}
	}
	return c
}

// Validate returns an error that names the budget and the option of it that cannot
// be meant so, as they are written.
func (c Config) Validate() error {
	c = c.withDefaults()
	for _, n := range []struct {
		name string
		b    Budget
	}{
		{UserNetwork, c.UserNetwork},
		{User, c.User},
		{AllOfNetwork, c.Network},
		{Device, c.Device},
		{SecondStep, c.SecondStep},
	} {
		if err := n.b.validate(); err != nil {
			return fmt.Errorf("%s %w", n.name, err)
		}
	}
	return nil
}

func (b Budget) validate() error {
	switch {
	case b.Free < 1:
		return fmt.Errorf("free %d: at least 1", b.Free)
	case b.Delay <= 0:
		return fmt.Errorf("delay %s: more than zero", b.Delay)
	case b.MaxDelay < b.Delay:
		return fmt.Errorf("max_delay %s: at least delay, which is %s", b.MaxDelay, b.Delay)
	case b.MaxDelay > 24*time.Hour:
		return fmt.Errorf("max_delay %s: at most a day, nobody is locked out for good", b.MaxDelay)
	case b.Window < 0:
		return fmt.Errorf("window %s: not below zero", b.Window)
	case b.Forget != 0 && b.Forget < b.MaxDelay:
		return fmt.Errorf("forget %s: at least max_delay, which is %s", b.Forget, b.MaxDelay)
	}
	return nil
}
