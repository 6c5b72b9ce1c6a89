package provider

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	longestToken   = 32 << 10
	longestSubject = 255 // as OpenID Connect has it
	longestEmail   = 254
	longestName    = 200
	mostAmr        = 32
	// leeway is how far clocks may be apart.
	leeway = time.Minute
	// oldest is how long ago a token may have been made. Microsoft dates them back
	// by five minutes.
	oldest = 10 * time.Minute
)

// claims are those of an ID token that we use, read strictly.
type claims struct {
	Issuer, Subject string
	Audience        []string
	Party           string // azp
	Expiry, Issued  time.Time
	NotBefore       time.Time // zero: not told
	Nonce           string
	TokenHash       bool // at_hash is there

	Tenant, Object string // of Microsoft
	Domain         string // hd, of Google

	Email    string
	Verified bool
	Name     string
	Amr      []string
	Acr      string
	AuthTime time.Time
}

// parseClaims reads a payload whose signature was verified. What decides is
// refused unless it has the type it should have; what is only shown is left out
// then.
func parseClaims(payload []byte) (*claims, error) {
	raw, err := object(payload)
	if err != nil {
		return nil, err
	}
	r := reader{raw: raw}
	c := &claims{
		Issuer: r.text("iss", true), Subject: r.text("sub", true), Audience: r.audience(), Party: r.text("azp", false),
		Expiry: r.moment("exp", true), Issued: r.moment("iat", true), NotBefore: r.moment("nbf", false),
		Nonce: r.text("nonce", false), TokenHash: r.text("at_hash", false) != "",
		Tenant: r.text("tid", false), Object: r.text("oid", false), Domain: r.text("hd", false),
		Acr: r.text("acr", false), AuthTime: r.moment("auth_time", false),
	}
	if r.err != nil {
		return nil, r.err
	}
	c.Email = shownEmail(r.shown("email"))
	if c.Email == "" {
		c.Email = shownEmail(r.shown("preferred_username"))
	} else {
		c.Verified = r.yes("email_verified") || r.yes("xms_edov")
	}
	c.Name = shownName(r.shown("name"))
	c.Amr = r.list("amr")
	return c, nil
}

// object reads one JSON object whose names stand once each: what another reader
// makes of a name that stands twice is not known.
func object(payload []byte) (map[string]json.RawMessage, error) {
	malformed := errors.New("its claims are no JSON object")
	d := json.NewDecoder(bytes.NewReader(payload))
	if first, err := d.Token(); err != nil || first != json.Delim('{') {
		return nil, malformed
	}
	all := map[string]json.RawMessage{}
	for d.More() {
		name, err := d.Token()
		text, ok := name.(string)
		if err != nil || !ok {
			return nil, malformed
		}
		if _, again := all[text]; again {
			return nil, errors.New("a claim stands in it twice")
		}
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return nil, malformed
		}
		all[text] = value
	}
	if _, err := d.Token(); err != nil || d.More() {
		return nil, malformed
	}
	return all, nil
}

// reader takes claims out, and keeps the first thing that is wrong.
type reader struct {
	raw map[string]json.RawMessage
	err error
}

func (r *reader) fail(claim, what string) {
	if r.err == nil {
		r.err = fmt.Errorf("its claim %s %s", claim, what)
	}
}

// has is false for a claim that is not there or null.
func (r *reader) has(claim string, needed bool) bool {
	value, ok := r.raw[claim]
	if ok && string(value) != "null" {
		return true
	}
	if needed {
		r.fail(claim, "is missing")
	}
	return false
}

func (r *reader) text(claim string, needed bool) (text string) {
	if !r.has(claim, needed) {
		return ""
	}
	if json.Unmarshal(r.raw[claim], &text) != nil {
		r.fail(claim, "is no text")
	} else if text == "" && needed {
		r.fail(claim, "is empty")
	}
	return text
}

func (r *reader) audience() []string {
	if !r.has("aud", true) {
		return nil
	}
	var one string
	if json.Unmarshal(r.raw["aud"], &one) == nil {
		return []string{one}
	}
	var all []string
	if json.Unmarshal(r.raw["aud"], &all) != nil || len(all) == 0 {
		r.fail("aud", "is neither a text nor a list of texts")
	}
	return all
}

// moment reads seconds since 1970, of years that a calendar has.
func (r *reader) moment(claim string, needed bool) time.Time {
	if !r.has(claim, needed) {
		return time.Time{}
	}
	var seconds float64
	if json.Unmarshal(r.raw[claim], &seconds) != nil || math.IsNaN(seconds) || seconds < 1 || seconds > 1<<37 {
		r.fail(claim, "is no moment")
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0)
}

// shown is a text that decides nothing.
func (r *reader) shown(claim string) (text string) {
	if r.has(claim, false) && json.Unmarshal(r.raw[claim], &text) != nil {
		return ""
	}
	return text
}

// yes is a boolean; some providers write it as a text or a number.
func (r *reader) yes(claim string) bool {
	switch string(r.raw[claim]) {
	case "true", `"true"`, "1", `"1"`:
		return true
	}
	return false
}

func (r *reader) list(claim string) []string {
	var all []string
	if !r.has(claim, false) || json.Unmarshal(r.raw[claim], &all) != nil || len(all) > mostAmr {
		return nil
	}
	return all
}

// shownEmail is an address that can be shown, or empty.
func shownEmail(text string) string {
	if len(text) > longestEmail || strings.Count(text, "@") != 1 || strings.ContainsFunc(text, unshown) || strings.Contains(text, " ") {
		return ""
	}
	return text
}

// shownName is a name that can be shown, or empty.
func shownName(text string) string {
	if utf8.RuneCountInString(text) > longestName || strings.ContainsFunc(text, unshown) {
		return ""
	}
	return text
}

// unshown are runes that could make a text read as something else.
func unshown(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }

// checkSubject refuses what is no key: OpenID Connect has 255 ASCII characters
// at most.
func checkSubject(subject string) error {
	if subject == "" || len(subject) > longestSubject || strings.ContainsFunc(subject, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errors.New("its claim sub is not of 1 to 255 plain characters")
	}
	return nil
}

// checkTimes compares with the clock.
func (c *claims) checkTimes(now time.Time) error {
	switch {
	case now.After(c.Expiry.Add(leeway)):
		return fmt.Errorf("it expired %s ago", now.Sub(c.Expiry).Round(time.Second))
	case !c.Expiry.After(c.Issued):
		return errors.New("it expired before it was made")
	case c.Issued.After(now.Add(leeway)):
		return fmt.Errorf("it was made %s from now: compare the clock of this machine", c.Issued.Sub(now).Round(time.Second))
	case now.After(c.Issued.Add(oldest + leeway)):
		return fmt.Errorf("it was made %s ago", now.Sub(c.Issued).Round(time.Second))
	case c.NotBefore.After(now.Add(leeway)):
		return fmt.Errorf("it is good only %s from now: compare the clock of this machine", c.NotBefore.Sub(now).Round(time.Second))
	}
	return nil
}

// checkAudience wants the token to be for us, and for nobody else.
func (c *claims) checkAudience(client string) error {
	ours := false
	for _, audience := range c.Audience {
		ours = ours || audience == client
	}
	switch {
	case !ours:
		return errors.New("it is for somebody else (aud)")
	case len(c.Audience) > 1 && c.Party == "":
		return errors.New("it is for several (aud), and does not say who asked (azp)")
	case c.Party != "" && c.Party != client:
		return errors.New("somebody else asked for it (azp)")
	}
	return nil
}
