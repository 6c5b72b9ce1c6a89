package page

import (
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// rgb is a colour in sRGB, each part 0 to 255.
type rgb [3]uint8

const (
	white rgbHex = "#ffffff"
	// black rather than a softer shade: only with pure black does one of the two
	// reach a contrast of 4.5 on every ground.
	black rgbHex = "#000000"
)

type rgbHex string

func parseColour(text string) (rgb, error) {
	digits, ok := strings.CutPrefix(text, "#")
	if len(digits) == 3 {
		digits = strings.Join([]string{digits[:1], digits[:1], digits[1:2], digits[1:2], digits[2:], digits[2:]}, "")
	}
	value, err := strconv.ParseUint(digits, 16, 32)
	if !ok || len(digits) != 6 || err != nil {
		return rgb{}, fmt.Errorf("brand colour %q: write it like #e8590c", text)
	}
	return rgb{uint8(value >> 16), uint8(value >> 8), uint8(value)}, nil //nolint:gosec // six hex digits
}

// luminance is the relative luminance of WCAG 2.
func (c rgb) luminance() float64 {
	linear := func(part uint8) float64 {
		v := float64(part) / 255
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c[0]) + 0.7152*linear(c[1]) + 0.0722*linear(c[2])
}

// ink is the text colour on c: white where it can be read well, else black.
func (c rgb) ink() rgbHex {
	if 1.05/(c.luminance()+0.05) >= 4.5 {
		return white
	}
	return black
}

// hover is c moved away from its ink, so that the contrast only grows.
func (c rgb) hover() rgb {
	for i, part := range c {
		if c.ink() == white {
			c[i] = uint8(float64(part) * 0.88)
		}
	}
	if c.ink() == black {
		for i, part := range c {
			c[i] = part + uint8(float64(255-part)*0.2)
		}
	}
	return c
}

func (c rgb) String() string { return fmt.Sprintf("#%02x%02x%02x", c[0], c[1], c[2]) }

// brandSheet is generated, because the policy of our pages allows no inline style.
func brandSheet(c rgb) string {
	return fmt.Sprintf(":root{--brand:%s;--brand-ink:%s;--brand-hover:%s}\n", c, c.ink(), c.hover())
}

// brandIcon shows the first letter of the name in the colours of the brand.
func brandIcon(c rgb, name string) string {
	letter := strings.IndexFunc(name, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) })
	if letter < 0 {
		letter = 0
	}
	initial, _ := utf8.DecodeRuneInString(name[letter:])
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">`+
		`<rect width="32" height="32" rx="9" fill="%s"/>`+
		`<text x="16" y="23" text-anchor="middle" font-family="system-ui,sans-serif" font-size="20" font-weight="700" fill="%s">%s</text>`+
		`</svg>`, c, c.ink(), html.EscapeString(string(unicode.ToUpper(initial))))
}
