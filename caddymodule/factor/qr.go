package factor

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/boombuler/barcode/qr"

	"github.com/cliendo/gateway/caddymodule/store"
)

// url is what an app reads from the QR code.
func (f *Factors) url(seed string, u *store.User) string {
	issuer := strings.ReplaceAll(f.Issuer, ":", " ") // it would end the issuer
	return "otpauth://totp/" + url.PathEscape(issuer+":"+u.Email) + "?secret=" + seed +
		"&issuer=" + url.PathEscape(issuer) + "&algorithm=SHA1&digits=6&period=30"
}

// quiet is the margin around a QR code, in modules.
const quiet = 4

// QR draws text as a QR code: the path of an SVG, and the side of the square it
// stands in.
func QR(text string) (path string, side int, err error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return "", 0, fmt.Errorf("drawing a QR code: %w", err)
	}
	var b strings.Builder
	bounds := code.Bounds()
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			run := 0
			for x+run < bounds.Max.X && dark(code.At(x+run, y)) {
				run++
			}
			if run > 0 {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", x-bounds.Min.X+quiet, y-bounds.Min.Y+quiet, run, run)
				x += run
			}
		}
	}
	return b.String(), bounds.Dx() + 2*quiet, nil
}

func dark(c interface{ RGBA() (r, g, b, a uint32) }) bool {
	r, _, _, _ := c.RGBA()
	return r < 0x8000
}
