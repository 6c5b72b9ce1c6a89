package letter

import (
	"log/slog"
	"time"
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

// Renderer writes letters. It is safe for use by many goroutines.
type Renderer struct{ options Options }
