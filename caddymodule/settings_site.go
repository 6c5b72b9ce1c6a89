package caddymodule

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/cliendo/gateway/caddymodule/guard"
	"github.com/cliendo/gateway/caddymodule/session"
)

const defaultPrefix = "/gateway"

// siteSettings is the configuration of a Handler in the words of the rooms:
// checked, defaults filled in, presets written out.
type siteSettings struct {
	Prefix      string
	Public      []openRule
	APIPaths    []string
	RepairPaths []string
	CORS        []string
	Assertion   string
	Require     []guard.Require
	// CookieDomain is what cookies are shared over; empty: with nobody.
	CookieDomain string
	// Headers are names by the index of session.Facts.Values; empty: not sent.
	Headers [session.Values]string
}

// openRule opens one path, or all below it where it ends in /*, to some methods.
type openRule struct {
	Methods []string
	Path    string
}

// settings checks the whole configuration of a site and returns it with
// defaults. Errors name the option and the fix; all are reported at once.
func (h *Handler) settings() (*siteSettings, error) {
	s := &siteSettings{
		Prefix: orElse(h.Prefix, defaultPrefix), APIPaths: h.APIPaths, RepairPaths: h.RepairPaths, CORS: h.CORS,
		Assertion: h.Assertion, CookieDomain: h.CookieDomain,
	}
	errs := []error{checkPrefix(s.Prefix)}
	note := func(err error) { errs = append(errs, err) }
	var err error
	s.Public, err = h.openRules()
	note(err)
	for _, path := range h.APIPaths {
		note(checkPath("api_paths", path))
		note(checkAPIPath(path, s.Prefix))
	}
	for _, path := range h.RepairPaths {
		note(checkPath("repair_paths", path))
		note(checkRepairPath(path, s.Prefix))
	}
	for _, origin := range h.CORS {
		note(checkOrigin(origin))
	}
	note(checkAudience(h.Assertion))
	note(checkCookieDomain(h.CookieDomain))
	s.Require, err = h.requirements()
	note(err)
	s.Headers, err = headerNames(h.Headers)
	note(err)
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return s, nil
}

// openRules are the public rules path by path, presets written out.
func (h *Handler) openRules() ([]openRule, error) {
	var all []openRule
	errs := make([]error, 0, len(h.Public))
	for _, rule := range h.Public {
		open, err := h.opens(rule)
		all, errs = append(all, open...), append(errs, err)
	}
	return all, errors.Join(errs...)
}

// opens is what one rule opens.
func (h *Handler) opens(rule PublicRule) ([]openRule, error) {
	open, err := rule.expand()
	errs := append(make([]error, 0, 1+len(open)), err)
	for _, o := range open {
		errs = append(errs, keepOff("public", o.Path, orElse(h.Prefix, defaultPrefix)))
	}
	return open, errors.Join(errs...)
}

var prefixPattern = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+){1,8}$`)

func checkPrefix(prefix string) error {
	if !prefixPattern.MatchString(prefix) || len(prefix) > 64 || hasDotSegment(prefix) {
		return fmt.Errorf("prefix %q: write it with a slash in front and none at the end, like /gateway", prefix)
	}
	return nil
}

func hasDotSegment(path string) bool {
	return slices.ContainsFunc(strings.Split(path, "/"), func(part string) bool { return part == "." || part == ".." })
}

// checkPath refuses what a cleaned, decoded path never is: a rule that can never
// match is worse than an error.
func checkPath(option, path string) error {
	base := strings.TrimSuffix(path, "*")
	switch {
	case strings.ContainsAny(path, "{}"):
		return fmt.Errorf("%s %q: placeholders do not work here; write the path itself", option, path)
	case !strings.HasPrefix(path, "/"):
		return fmt.Errorf("%s %q: a path begins with /", option, path)
	case base != path && !strings.HasSuffix(base, "/"), strings.Contains(base, "*"):
		return fmt.Errorf("%s %q: a * stands only at the end, after a slash, as in /assets/*", option, path)
	case strings.ContainsAny(path, "%?#;\\") || strings.ContainsFunc(path, unprintable) ||
		strings.Contains(path, "//") || hasDotSegment(path):
		return fmt.Errorf("%s %q: write the plain path, without %% ? # ; \\ // or dots as a part, decoded", option, path)
	}
	return nil
}

func unprintable(r rune) bool { return r <= ' ' || r == 0x7f || r == '\uFFFD' }

// checkAPIPath lets "/*" pass: of an API on a host of its own all is API.
func checkAPIPath(path, prefix string) error {
	if path == "/*" {
		return nil
	}
	return keepOff("api_paths", path, prefix)
}

func checkRepairPath(path, prefix string) error {
	if path == "/*" {
		return errors.New("repair_paths /*: that is the whole app; name the paths where one pays")
	}
	return keepOff("repair_paths", path, prefix)
}

// keepOff refuses rules that reach into the gateway's own paths. They are
// compared without regard to case, as the gateway's paths are protected.
func keepOff(option, path, prefix string) error {
	low, own := strings.ToLower(path), strings.ToLower(prefix)
	base, isPrefix := strings.CutSuffix(low, "*")
	switch {
	case path == "/*" && option == "public":
		return errors.New("public /*: that opens everything; to open the site leave the gateway out")
	case low == own, strings.HasPrefix(low, own+"/"), isPrefix && strings.HasPrefix(own+"/", base):
		return fmt.Errorf("%s %s: it covers %s, the gateway's own paths, which look after themselves; narrow it or choose another prefix",
			option, path, prefix)
	}
	return nil
}

var presets = map[string][]string{
	"pwa": {
		"/manifest.json", "/manifest.webmanifest", "/site.webmanifest", "/sw.js", "/service-worker.js",
		"/favicon.ico", "/favicon.svg", "/favicon.png", "/apple-touch-icon.png", "/apple-touch-icon-precomposed.png",
		"/icons/*", "/robots.txt", "/.well-known/*",
	},
}

var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

// expand checks a rule and writes it out path by path.
func (r PublicRule) expand() ([]openRule, error) {
	paths := r.Paths
	switch {
	case r.Preset != "" && (len(r.Paths) > 0 || len(r.Methods) > 0):
		return nil, fmt.Errorf("public preset %s: a preset brings its own paths and methods; write another rule", r.Preset)
	case r.Preset != "":
		var ok bool
		if paths, ok = presets[r.Preset]; !ok {
			return nil, fmt.Errorf("public preset %q: there is only pwa", r.Preset)
		}
	case len(paths) == 0:
		return nil, errors.New("public: a rule without a path; write `public /path`")
	}
	open := r.Methods
	if len(open) == 0 {
		open = []string{"GET", "HEAD"}
	}
	errs := []error{checkMethods(open)}
	rules := make([]openRule, 0, len(paths))
	for _, path := range paths {
		errs = append(errs, checkPath("public", path))
		rules = append(rules, openRule{Methods: open, Path: path})
	}
	return rules, errors.Join(errs...)
}

func checkMethods(list []string) error {
	for _, m := range list {
		if !slices.Contains(methods, m) {
			return fmt.Errorf("public method %q: write %s, with commas and no blanks between several", m, strings.Join(methods, ", "))
		}
	}
	return nil
}

// checkAudience refuses what an app could misread. A placeholder would be
// compared as it is written.
func checkAudience(audience string) error {
	if strings.ContainsFunc(audience, unprintable) || strings.ContainsAny(audience, "{}\"\\") || len(audience) > 200 {
		return fmt.Errorf("assertion %.200q: write what the app compares, like https://app.example.com", audience)
	}
	return nil
}

func checkOrigin(origin string) error {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") ||
		origin != u.Scheme+"://"+strings.ToLower(u.Host) || strings.ContainsAny(origin, "*{} ,;'") {
		return fmt.Errorf("cors %q: write an origin like https://app.example.com, lower case and nothing after the host", origin)
	}
	return nil
}
