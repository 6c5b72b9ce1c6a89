package caddymodule

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"

	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/secret"
)

func init() {
	httpcaddyfile.RegisterGlobalOption(directiveName, parseGlobalOption)
}

// parseGlobalOption reads the global option.
//
//	login_gateway {
//		store bolt <file>
//		store redis <url> {
//			prefix <text>
//		}
//		secret            <current> [<old>...]
//		public_url        <url>
//		brand {
//			name            <text>
//			logo            <file>
//			colour          "<#rrggbb>"
//			support_phone   <number>
//			support_mail    <address>
//			support_url     <url>
//			appointment_url <url>
//			stylesheet      <file>
//		}
//		locale            nl|en
//		time_zone         <zone>
//		type <name> {
//			login      on|off
//			administer on|off
//			app        on|off
//			second_step optional|required|<day>
//		}
//		arrears_blocks_at <number>
//		limits {
//			user_network|user|network|device|second_step {
//				free             <number>
//				window           <duration>
//				delay            <duration>
//				max_delay        <duration>
//				forget           <duration>
//				reset_on_success on|off
//			}
//			mailed_code {
//				per_mail <number>
//				per_hour <number>
//			}
//			hash_workers <number>
//			hash_queue   <number>
//			argon2 {
//				memory  <KiB>
//				time    <passes>
//				threads <number>
//			}
//		}
//		session {
//			idle              <duration>
//			absolute          <duration>
//			remember_idle     <duration>
//			remember_absolute <duration>
//			cache_size        <number>
//			stale_max         <duration>
//		}
//		passkeys {
//			rp_id   <domain>
//			origins <url>...
//		}
//		mail { ... }      see mailWord
//		provider <kind> { ... }   see providerWord
//		recovery          one_time|keep|link
//		password_blocklist <path>
//		attempts_keep     <duration>
//		audit_keep        <duration>
//	}
func parseGlobalOption(d *caddyfile.Dispenser, existing any) (any, error) {
	d.Next()
	if existing != nil {
		return nil, d.Err("login_gateway stands twice in the global options: put both into one block")
	}
	if d.NextArg() {
		return nil, d.Errf("login_gateway takes no argument here, but %q stands there: its words go into a block", d.Val())
	}
	var app App
	if err := parseBlock(d, directiveName, app.words()); err != nil {
		return nil, err
	}
	return httpcaddyfile.App{Name: directiveName, Value: caddyconfig.JSON(&app, nil)}, nil
}

func (a *App) words() words {
	return words{
		"store":  a.storeWord(),
		"secret": a.secretWord(),
		"public_url": textWord("<url>", &a.PublicURL, func(text string) error {
			_, err := parsePublicURL(text)
			return err
		}),
		"brand":  {block: func([]string) words { return a.Brand.words() }},
		"locale": textWord("nl|en", &a.Locale, checkLocale),
		"time_zone": textWord("<zone>", &a.TimeZone, func(text string) error {
			_, err := loadTimeZone(text)
			return err
		}),
		"type":              a.typeWord(),
		"arrears_blocks_at": numberWord(&a.ArrearsBlocksAt),
		"limits": {
			block: func([]string) words { return a.Limits.words() },
			late:  func([]string) error { return a.Limits.check() },
		},
		"session": {
			block: func([]string) words { return a.Session.words() },
			late:  func([]string) error { return a.Session.check() },
		},
		"passkeys":           {block: func([]string) words { return a.Passkeys.words() }},
		"mail":               a.mailWord(),
		"provider":           a.providerWord(),
		"recovery":           a.recoveryWord(),
		"password_blocklist": textWord("<path>", &a.PasswordBlocklist, nil),
		"attempts_keep":      durationWord(&a.AttemptsKeep),
		"audit_keep":         durationWord(&a.AuditKeep),
	}
}

func (a *App) secretWord() word {
	return word{usage: "<current> [<old>...]", min: 1, max: -1, set: func(args []string) error {
		a.Secret, a.OldSecrets = args[0], args[1:]
		if len(a.OldSecrets) == 0 {
			a.OldSecrets = nil
		}
		if slices.Contains(args, "") {
			return errors.New("is empty: leave the word out to have one made")
		}
		all := make([][]byte, len(args))
		for i, text := range args {
			if strings.Contains(text, "{") {
				return nil // known when the config is loaded
			}
			all[i] = []byte(text)
		}
		_, err := secret.NewKeys(all[0], all[1:]...)
		return err
	}}
}

func (b *Brand) words() words {
	return words{
		"name":            textWord("<text>", &b.Name, nil),
		"logo":            textWord("<file>", &b.Logo, nil),
		"colour":          b.colourWord(),
		"support_phone":   textWord("<number>", &b.SupportPhone, nil),
		"support_mail":    textWord("<address>", &b.SupportMail, nil),
		"support_url":     textWord("<url>", &b.SupportURL, nil),
		"appointment_url": textWord("<url>", &b.AppointmentURL, nil),
		"stylesheet":      textWord("<file>", &b.Stylesheet, nil),
	}
}

// colourWord knows that an unquoted # begins a comment.
func (b *Brand) colourWord() word {
	return word{usage: `"<#rrggbb>"`, max: 1, set: func(args []string) error {
		if len(args) == 0 {
			return errors.New("has nothing after it; a # begins a comment, so write it in quotes: `colour \"#e8590c\"`")
		}
		b.Colour = args[0]
		if strings.Contains(b.Colour, "{") || colourPattern.MatchString(b.Colour) {
			return nil
		}
		return fmt.Errorf("%q: write it like \"#e8590c\"", b.Colour)
	}}
}

var colourPattern = regexp.MustCompile(`^#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})$`)

func (a *App) typeWord() word {
	return word{
		usage: "<name>", min: 1, max: 1, repeats: true,
		set: func(args []string) error {
			if _, again := a.Types[args[0]]; again {
				return errors.New("type " + args[0] + " stands twice: put both into one block")
			}
			if a.Types == nil {
				a.Types = map[string]TypeRule{}
			}
			a.Types[args[0]] = TypeRule{}
			return checkTypeName(args[0])
		},
		block: func(args []string) words { return a.typeWords(args) },
	}
}

// typeWords write through to the map, whose values cannot be pointed at.
func (a *App) typeWords(args []string) words {
	name := ""
	if len(args) > 0 {
		name = args[0]
	}
	into := func(field func(*TypeRule) **bool) word {
		var on *bool
		w := switchWord(&on)
		parse := w.set
		w.set = func(args []string) error {
			err := parse(args)
			rule := a.Types[name]
			*field(&rule) = on
			a.Types[name] = rule
			return err
		}
		return w
	}
	return words{
		"login":      into(func(r *TypeRule) **bool { return &r.Login }),
		"administer": into(func(r *TypeRule) **bool { return &r.Administer }),
		"app":        into(func(r *TypeRule) **bool { return &r.App }),
		"second_step": {usage: "optional|required|<day>", min: 1, max: 1, set: func(args []string) error {
			rule := a.Types[name]
			rule.SecondStep = args[0]
			a.Types[name] = rule
			if directory.CheckSecondStep(args[0]) != nil {
				return fmt.Errorf("%q: write optional, required, or the day from which it is required like 2027-01-31", args[0])
			}
			return nil
		}},
	}
}

func (l *Limits) words() words {
	budget := func(b *Budget) word { return word{block: func([]string) words { return b.words() }} }
	return words{
		"user_network": budget(&l.UserNetwork),
		"user":         budget(&l.User),
		"network":      budget(&l.Network),
		"device":       budget(&l.Device),
		"second_step":  budget(&l.SecondStep),
		"mailed_code":  {block: func([]string) words { return l.MailedCode.words() }},
		"hash_workers": numberWord(&l.HashWorkers),
		"hash_queue":   numberWord(&l.HashQueue),
		"argon2":       {block: func([]string) words { return l.Argon2.words() }},
	}
}

func (b *Budget) words() words {
	return words{
		"free":             numberWord(&b.Free),
		"window":           durationWord(&b.Window),
		"delay":            durationWord(&b.Delay),
		"max_delay":        durationWord(&b.MaxDelay),
		"forget":           durationWord(&b.Forget),
		"reset_on_success": switchWord(&b.ResetOnSuccess),
	}
}

func (c *MailedCode) words() words {
	return words{"per_mail": numberWord(&c.PerMail), "per_hour": numberWord(&c.PerHour)}
}

func (a *Argon2) words() words {
	return words{"memory": numberWord(&a.Memory), "time": numberWord(&a.Time), "threads": numberWord(&a.Threads)}
}

func (s *SessionLimits) words() words {
	return words{
		"idle":              durationWord(&s.Idle),
		"absolute":          durationWord(&s.Absolute),
		"remember_idle":     durationWord(&s.RememberIdle),
		"remember_absolute": durationWord(&s.RememberAbsolute),
		"cache_size":        numberWord(&s.CacheSize),
		"stale_max":         durationWord(&s.StaleMax),
	}
}

// storeNamespace is where the guest modules for stores live.
const storeNamespace = "login_gateway.stores"

// storeWord hands the line and its block to the guest module that is named.
func (a *App) storeWord() word {
	return word{usage: "<module> ...", raw: func(d *caddyfile.Dispenser) error {
		if !d.NextArg() {
			return d.Err("store has nothing after it: write `store bolt <file>` or `store redis <url>`")
		}
		name := d.Val()
		if _, err := caddy.GetModule(storeNamespace + "." + name); err != nil {
			return d.Errf("there is no store %q, only %s", name, strings.Join(storeNames(), " and "))
		}
		module, err := caddyfile.UnmarshalModule(d, storeNamespace+"."+name)
		if err != nil {
			return err
		}
		a.StoreRaw = caddyconfig.JSONModuleObject(module, "backend", name, nil)
		return nil
	}}
}

func storeNames() []string {
	modules := caddy.GetModules(storeNamespace)
	names := make([]string, 0, len(modules))
	for _, m := range modules {
		names = append(names, m.ID.Name())
	}
	return names
}
