package caddymodule

import (
	"encoding/json"

	"github.com/caddyserver/caddy/v2"
)

func init() {
	caddy.RegisterModule(App{})
	caddy.RegisterModule(Handler{})
}

// App is the login gateway of one config: one store, one set of users, shared by
// all sites whose routes hold the handler. All fields are optional; a zero value
// stands for the default. Values that may be secret or differ by machine accept
// {env.*} and {file.*}: store, secret, old_secrets, public_url and brand.
type App struct {
	// StoreRaw says where records live: a module of the namespace
	// login_gateway.stores. Default: bolt, in the file login_gateway/gateway.db of
	// Caddy's data folder.
	StoreRaw json.RawMessage `json:"store,omitempty" caddy:"namespace=login_gateway.stores inline_key=backend"`

	// Secret signs cookies and derives all other keys: at least 32 random bytes.
	// Nodes that share a store need the same one. Default: made once and kept in
	// the store.
	Secret string `json:"secret,omitempty"`

	// OldSecrets are still accepted where something was signed with them, so that
	// changing Secret logs nobody out. Default: none.
	OldSecrets []string `json:"old_secrets,omitempty"`

	// PublicURL is where people reach the gateway, as scheme and host; links in
	// mails begin with it. https, or http on a loopback host. Default: none, and
	// what needs links says so.
	PublicURL string `json:"public_url,omitempty"`

	// Brand is how the pages introduce themselves.
	Brand Brand `json:"brand,omitzero"`

	// Locale is the language for visitors whose own we do not speak: "nl" or "en".
	// Default: nl.
	Locale string `json:"locale,omitempty"`

	// TimeZone is where days begin and end, and whose clock pages show; a name of
	// the IANA database. Default: Europe/Amsterdam.
	TimeZone string `json:"time_zone,omitempty"`

	// Types are declared user types by name, and changes to the built-in ones
	// (superadmin, admin, teammate, client, support).
	Types map[string]TypeRule `json:"types,omitempty"`

	// ArrearsBlocksAt is the number of unpaid invoices from which arrears keep an
	// account out. Default: 2.
	ArrearsBlocksAt int `json:"arrears_blocks_at,omitempty"`

	// Limits say how often one may fail, and how much work hashing may make.
	Limits Limits `json:"limits,omitzero"`

	// Session says how long people stay logged in.
	Session SessionLimits `json:"session,omitzero"`

	// Passkeys say for which domain passkeys are made.
	Passkeys Passkeys `json:"passkeys,omitzero"`

	// Mail says how mails are sent. Default: none are, and pages say so.
	Mail *Mail `json:"mail,omitempty"`

	// ProvidersRaw are those at whom people may log in, in the order of their
	// buttons: modules of the namespace login_gateway.providers. They need
	// PublicURL. Default: none.
	ProvidersRaw []json.RawMessage `json:"providers,omitempty" caddy:"namespace=login_gateway.providers inline_key=kind"`

	// Recovery is what a new password by mail is: "one_time" (it works once and
	// leads to a fresh one), "keep" (it lasts) or "link" (a link shows it).
	// Default: one_time.
	Recovery string `json:"recovery,omitempty"`

	// PasswordBlocklist names passwords that nobody may choose, besides those that we
	// know: a folder of range files (k-anonymity, SHA-1), a file of sorted SHA-1
	// hashes, or a text file with one password a line. Default: none.
	PasswordBlocklist string `json:"password_blocklist,omitempty"`

	// AttemptsKeep is how long attempts to log in can be looked up. Default: 90d.
	AttemptsKeep caddy.Duration `json:"attempts_keep,omitempty"`

	// AuditKeep is how long the lines of the audit log are kept. Default: 1825d, 5
	// years.
	AuditKeep caddy.Duration `json:"audit_keep,omitempty"`

	rt *runtime
}

// CaddyModule returns the Caddy module information.
func (App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "login_gateway", New: func() caddy.Module { return new(App) }}
}

// Brand is how the pages introduce themselves. Every field is optional.
type Brand struct {
	// Name of the service as its users know it. Default: Cliendo.
	Name string `json:"name,omitempty"`
	// Logo is an SVG, PNG, WebP, JPEG or GIF file of at most 256 KiB. Default: the
	// name in letters.
	Logo string `json:"logo,omitempty"`
	// Colour of the main button, as #rgb or #rrggbb; the colour of its text
	// follows. Default: an orange.
	Colour string `json:"colour,omitempty"`
	// SupportPhone as people should read it. Default: none.
	SupportPhone string `json:"support_phone,omitempty"`
	// SupportMail is a plain address. Default: none.
	SupportMail string `json:"support_mail,omitempty"`
	// SupportURL leads to help: https, http or a path. Default: none.
	SupportURL string `json:"support_url,omitempty"`
	// AppointmentURL is where an appointment with support is made. Default: none.
	AppointmentURL string `json:"appointment_url,omitempty"`
	// Stylesheet is a CSS file of at most 256 KiB, loaded after ours. Default: none.
	Stylesheet string `json:"stylesheet,omitempty"`
}

// TypeRule says what users of a type may do. What is left out keeps the value of
// the built-in type of that name; a declared type begins with login and app on,
// administer off.
type TypeRule struct {
	// Login: may log in at all. Default: on.
	Login *bool `json:"login,omitempty"`
	// Administer: may open the admin path, for their own account. Default: off.
	Administer *bool `json:"administer,omitempty"`
	// App: may reach the app behind the gateway. Default: on, for support off.
	App *bool `json:"app,omitempty"`
	// SecondStep says whether they need one: "optional", "required", or a day like
	// 2027-01-31 from which they do; before it they are asked and not stopped.
	// Default: optional, for support required.
	SecondStep string `json:"second_step,omitempty"`
}

// SessionLimits say how long people stay logged in, and how sessions are cached.
type SessionLimits struct {
	// Idle ends a session without requests. Default: 8h.
	Idle caddy.Duration `json:"idle,omitempty"`
	// Absolute ends a session after its login. Default: 24h.
	Absolute caddy.Duration `json:"absolute,omitempty"`
	// RememberIdle is Idle for who chose to stay logged in. Default: 14d.
	RememberIdle caddy.Duration `json:"remember_idle,omitempty"`
	// RememberAbsolute is Absolute for who chose to stay logged in. Default: 30d.
	RememberAbsolute caddy.Duration `json:"remember_absolute,omitempty"`
	// CacheSize is how many sessions are kept in memory; each takes less than
	// 1 KiB. Default: 100000.
	CacheSize int `json:"cache_size,omitempty"`
	// StaleMax is how long sessions already known are served while the store does
	// not answer. Default: 15m.
	StaleMax caddy.Duration `json:"stale_max,omitempty"`
}
