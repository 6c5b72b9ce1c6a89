package caddymodule

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/passhash"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// typeName is what a user type may be called: it becomes a header value, a label
// of a metric and an argument of a command.
var typeName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`)

func checkTypeName(name string) error {
	if !typeName.MatchString(name) {
		return fmt.Errorf("type %q: a name has 1 to 32 lower-case letters, digits, - and _, a letter first", name)
	}
	return nil
}

// rules merges the declared types into the built-in ones.
func (a *App) rules(zone *time.Location) (directory.Rules, error) {
	types := directory.BuiltinTypes()
	for _, name := range slices.Sorted(maps.Keys(a.Types)) {
		if err := checkTypeName(name); err != nil {
			return directory.Rules{}, err
		}
		t, ok := types[name]
		if !ok {
			t = directory.Type{Name: name, Login: true, App: true}
		}
		if err := directory.CheckSecondStep(a.Types[name].SecondStep); err != nil {
			return directory.Rules{}, fmt.Errorf("type %s: %w", name, err)
		}
		types[name] = a.Types[name].over(t)
	}
	if t := types[directory.SupportType]; t.SecondStep == "" {
		// They see the users of everybody.
		t.SecondStep = directory.SecondStepRequired
		types[directory.SupportType] = t
	}
	if a.ArrearsBlocksAt < 0 {
		return directory.Rules{}, fmt.Errorf("arrears_blocks_at %d: at least 1", a.ArrearsBlocksAt)
	}
	return directory.Rules{
		Types: types, Location: zone,
		ArrearsBlocksAt: orElse(a.ArrearsBlocksAt, directory.DefaultArrearsBlocksAt),
	}, nil
}

func (r TypeRule) over(t directory.Type) directory.Type {
	for _, f := range []struct {
		from *bool
		to   *bool
	}{{r.Login, &t.Login}, {r.Administer, &t.Administer}, {r.App, &t.App}} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	t.SecondStep = orElse(r.SecondStep, t.SecondStep)
	return t
}

// settings lays what was configured over the defaults, field by field.
func (l Limits) settings() limit.Config {
	c := limit.Defaults()
	c.UserNetwork = l.UserNetwork.over(c.UserNetwork)
	c.User = l.User.over(c.User)
	c.Network = l.Network.over(c.Network)
	c.Device = l.Device.over(c.Device)
	c.SecondStep = l.SecondStep.over(c.SecondStep)
	return c
}

// settings lays what was configured over the defaults. Whoever allows more by one mail
// than an hour has by default means that for the hour too.
func (c MailedCode) settings() ticket.Codes {
	d := ticket.DefaultCodes()
	perMail := orElse(c.PerMail, d.PerMail)
	return ticket.Codes{PerMail: perMail, PerHour: orElse(c.PerHour, max(d.PerHour, perMail))}
}

func (b Budget) over(d limit.Budget) limit.Budget {
	d.Free = orElse(b.Free, d.Free)
	d.Window = orElse(time.Duration(b.Window), d.Window)
	d.Delay = orElse(time.Duration(b.Delay), d.Delay)
	d.MaxDelay = orElse(time.Duration(b.MaxDelay), d.MaxDelay)
	d.Forget = orElse(time.Duration(b.Forget), d.Forget)
	if b.ResetOnSuccess != nil {
		d.ResetOnSuccess = *b.ResetOnSuccess
	}
	return d
}

func (l Limits) hash() passhash.Options {
	return passhash.Options{
		Params: passhash.Params{
			Memory:  orElse(l.Argon2.Memory, passhash.DefaultParams.Memory),
			Time:    orElse(l.Argon2.Time, passhash.DefaultParams.Time),
			Threads: orElse(l.Argon2.Threads, passhash.DefaultParams.Threads),
		},
		Workers: l.HashWorkers,
		Queue:   orElse(l.HashQueue, passhash.DefaultQueue),
	}
}

const maxWorkers = 1024

func (l Limits) check() error {
	errs := []error{l.checkArgon2()}
	if err := l.settings().Validate(); err != nil {
		errs = append(errs, fmt.Errorf("limits %w", err))
	}
	if err := l.MailedCode.settings().Validate(); err != nil {
		errs = append(errs, fmt.Errorf("limits mailed_code %w", err))
	}
	if l.HashWorkers < 0 || l.HashWorkers > maxWorkers {
		errs = append(errs, fmt.Errorf("limits hash_workers %d: from 1 to %d", l.HashWorkers, maxWorkers))
	}
	if l.HashQueue < 0 {
		errs = append(errs, fmt.Errorf("limits hash_queue %d: at least 1", l.HashQueue))
	}
	return errors.Join(errs...)
}

// checkArgon2 keeps to the two smallest settings that are recommended for logins
// and still spare the memory of a small machine.
func (l Limits) checkArgon2() error {
	p := l.hash().Params
	if err := p.Validate(); err != nil {
		return fmt.Errorf("limits argon2: %w", err)
	}
	if (p.Memory < 19*1024 || p.Time < 2) && p.Memory < 46*1024 {
		return fmt.Errorf("limits argon2 %s: too weak; memory of at least 19456 with time 2, or 47104 with time 1", p)
	}
	return nil
}

func (s SessionLimits) settings() session.Limits {
	d := session.DefaultLimits()
	return session.Limits{
		Idle:             orElse(time.Duration(s.Idle), d.Idle),
		Absolute:         orElse(time.Duration(s.Absolute), d.Absolute),
		RememberIdle:     orElse(time.Duration(s.RememberIdle), d.RememberIdle),
		RememberAbsolute: orElse(time.Duration(s.RememberAbsolute), d.RememberAbsolute),
	}
}

// The bounds of sessions: shorter ones log people out while they type, longer
// ones outlive browsers, and the cache must hold those who are at work.
const (
	shortestIdle    = time.Minute
	longestAbsolute = 366 * 24 * time.Hour
	smallestCache   = 100
)

func (s SessionLimits) check() error {
	l := s.settings()
	var errs []error
	for _, pair := range []struct {
		idleName, name string
		idle, absolute time.Duration
	}{
		{"idle", "absolute", l.Idle, l.Absolute},
		{"remember_idle", "remember_absolute", l.RememberIdle, l.RememberAbsolute},
	} {
		switch {
		case pair.idle < shortestIdle:
			errs = append(errs, fmt.Errorf("session %s %s: at least %s", pair.idleName, pair.idle, shortestIdle))
		case pair.absolute < pair.idle:
			errs = append(errs, fmt.Errorf("session %s %s: at least %s, which is %s",
				pair.name, pair.absolute, pair.idleName, pair.idle))
		case pair.absolute > longestAbsolute:
			errs = append(errs, fmt.Errorf("session %s %s: at most a year", pair.name, pair.absolute))
		}
	}
	if s.CacheSize != 0 && s.CacheSize < smallestCache {
		errs = append(errs, fmt.Errorf("session cache_size %d: at least %d", s.CacheSize, smallestCache))
	}
	if s.StaleMax < 0 || s.StaleMax > caddy.Duration(l.Absolute) {
		errs = append(errs, fmt.Errorf("session stale_max %s: from 0 to absolute, which is %s",
			time.Duration(s.StaleMax), l.Absolute))
	}
	return errors.Join(errs...)
}
