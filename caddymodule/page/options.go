package page

import (
	"fmt"
	"log/slog"
	"net/mail"
	"net/url"
	"strings"
	"time"
	// The zone of the default Location must exist in images without tzdata.
	_ "time/tzdata"
)

// Brand is how the pages introduce themselves. Every field may be empty.
type Brand struct {
	// Name of the service as its users know it. Default "Cliendo".
	Name string
	// Logo is the path of an SVG, PNG, WebP, JPEG or GIF file of at most
	// 256 KiB, read once by New and served by the gateway.
	// Default: the name in letters.
	Logo string
	// Colour of the primary button, "#rgb" or "#rrggbb". The colour of its text
	// follows by contrast. Default is an orange.
	Colour string
	// SupportPhone as people should read it, like "030 123 45 67".
	SupportPhone string
	// SupportMail is a plain address.
	SupportMail string
	// SupportURL and AppointmentURL are https, http or start with one slash.
	SupportURL, AppointmentURL string
	// Stylesheet is the path of a CSS file of at most 256 KiB that is loaded
	// after ours; it may override the custom properties of our sheet.
	Stylesheet string
}

// Options is what New needs to know. The zero value works.
type Options struct {
	// Prefix of the gateway's own paths, without a slash at the end. Default "/gateway".
	Prefix string
	Brand  Brand
	// Locale for visitors whose language we do not speak. Default "nl".
	Locale string
	// Location of the clock times shown to people. Default Europe/Amsterdam.
	Location *time.Location
	// FormTargets are further origins that a form may lead to, for a gateway on
	// a host of its own: browsers check the redirect after a post as well.
	FormTargets []string
	// Passkeys tells whether pages at a host can use passkeys. Default: none can.
	Passkeys func(host string) bool
	// Now tells the time. Default time.Now.
	Now func() time.Time
	// Log is told of a page that could not be shown. Default: nobody is.
	Log *slog.Logger
}

const (
	defaultName   = "Cliendo"
	defaultColour = "#cf4500"
	defaultLocale = "nl"
)

// withDefaults fills what was left out and refuses what cannot work.
func (o Options) withDefaults() (Options, error) {
	if o.Prefix == "" {
		o.Prefix = "/gateway"
	}
	if !strings.HasPrefix(o.Prefix, "/") || strings.HasSuffix(o.Prefix, "/") || strings.HasPrefix(o.Prefix, "//") {
		return o, fmt.Errorf("prefix %q: write it with one slash in front and none at the end, like /gateway", o.Prefix)
	}
	if o.Locale == "" {
		o.Locale = defaultLocale
	}
	if o.Brand.Name == "" {
		o.Brand.Name = defaultName
	}
	if o.Brand.Colour == "" {
		o.Brand.Colour = defaultColour
	}
	if o.Passkeys == nil {
		o.Passkeys = func(string) bool { return false }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Location == nil {
		zone, err := time.LoadLocation("Europe/Amsterdam")
		if err != nil {
			return o, fmt.Errorf("time zone Europe/Amsterdam: %w", err)
		}
		o.Location = zone
	}
	if err := checkFormTargets(o.FormTargets); err != nil {
		return o, err
	}
	return o, o.Brand.check()
}

func (b Brand) check() error {
	if b.SupportMail != "" {
		if parsed, err := mail.ParseAddress(b.SupportMail); err != nil || parsed.Address != b.SupportMail {
			return fmt.Errorf("brand support mail %q: write a plain address like help@example.com", b.SupportMail)
		}
	}
	if b.SupportPhone != "" && len(dialable(b.SupportPhone)) < 3 {
		return fmt.Errorf("brand support phone %q: it has no number that can be dialled", b.SupportPhone)
	}
	if err := checkURL("brand support URL", b.SupportURL); err != nil {
		return err
	}
	return checkURL("brand appointment URL", b.AppointmentURL)
}

// checkURL refuses schemes that would run script when clicked.
func checkURL(what, value string) error {
	if value == "" {
		return nil
	}
	parsed, err := url.Parse(value)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	web := (parsed.Scheme == "https" || parsed.Scheme == "http") && parsed.Host != ""
	local := parsed.Scheme == "" && parsed.Host == "" && strings.HasPrefix(value, "/")
	if !web && !local {
		return fmt.Errorf("%s %q: write a whole address that begins with https://", what, value)
	}
	return nil
}

// checkFormTargets keeps the policy header a list of origins and nothing else.
func checkFormTargets(origins []string) error {
	for _, origin := range origins {
		parsed, err := url.Parse(origin)
		if err != nil || parsed.Host == "" || parsed.Scheme+"://"+parsed.Host != origin || strings.ContainsAny(origin, " ;,'") {
			return fmt.Errorf("form target %q: write an origin like https://app.example.com", origin)
		}
	}
	return nil
}

// dialable keeps what a telephone can dial.
func dialable(phone string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == '+' {
			return r
		}
		return -1
	}, phone)
}
