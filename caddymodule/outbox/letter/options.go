package letter

import (
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"time"
	// The zone of the default Location must exist in images without tzdata.
	_ "time/tzdata"
)

// Brand is how mails introduce themselves. Every field may be empty.
type Brand struct {
	Name         string // of the service as its users know it; default "Cliendo"
	Colour       string // of the button, "#rgb" or "#rrggbb"; default an orange
	SupportPhone string // as people should read it
	SupportMail  string // a plain address
	SupportURL   string // whole, with https://; anything else is left out of mails
}

// Options is what New needs to know. The zero value works.
type Options struct {
	Brand Brand
	// Locale of letters whose language we do not speak. Default "nl".
	Locale string
	// Location of the clock times in mails. Default Europe/Amsterdam.
	Location *time.Location
	// Dir holds files of the operator that replace ours of the same name; empty
	// for none.
	Dir string
	// Now tells the time. Default time.Now.
	Now func() time.Time
	// Log gets a warning for every file in Dir that cannot be used.
	Log *slog.Logger
}

func (o Options) withDefaults() (Options, error) {
	if o.Brand.Name = line(o.Brand.Name, maxName); o.Brand.Name == "" {
		o.Brand.Name = "Cliendo"
	}
	if o.Brand.Colour == "" {
		o.Brand.Colour = "#cf4500"
	}
	if !colour.MatchString(o.Brand.Colour) {
		return o, fmt.Errorf("brand colour %q: write it like #e8590c", o.Brand.Colour)
	}
	if !web(o.Brand.SupportURL) {
		o.Brand.SupportURL = ""
	}
	if o.Locale == "" {
		o.Locale = "nl"
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
	return o, nil
}

var colour = regexp.MustCompile(`^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$`)

// ink is the colour of text on c: black where white would be hard to read.
func ink(c string) string {
	digits := c[1:]
	if len(digits) == 3 {
		digits = strings.Join([]string{digits[:1], digits[:1], digits[1:2], digits[1:2], digits[2:], digits[2:]}, "")
	}
	value, _ := strconv.ParseUint(digits, 16, 32) // checked by withDefaults
	r, g, b := value>>16, value>>8&0xff, value&0xff
	// Weights of perceived brightness; the border keeps a contrast of 4.5 with
	// white for the colours that brands use.
	if r*299+g*587+b*114 > 135_000 {
		return "#000000"
	}
	return "#ffffff"
}
