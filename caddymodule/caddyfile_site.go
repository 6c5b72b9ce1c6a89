package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func init() {
	httpcaddyfile.RegisterDirective(directiveName, parseDirective)
	// Before redir, and with it before all that rewrites: the gateway recognises
	// its own paths and the target of a login by what the client sent.
	httpcaddyfile.RegisterDirectiveOrder(directiveName, httpcaddyfile.Before, "redir")
}

// parseDirective reads the directive of a site.
//
//	login_gateway {
//		prefix       <path>
//		public       [<METHOD>[,<METHOD>...]] <path>...
//		public       preset pwa
//		api_paths    <path>...
//		repair_paths <path>...
//		require      second_step <path>...
//		require      fresh_proof <duration> <path>...
//		cookie_domain <domain>
//		cors         <origin>...
//		header       user|email|name|groups|account|account_state|session|amr|auth_time|assertion <name>|off
//		assertion    <audience>
//	}
//
// A path is exact, or a prefix when it ends in /*.
func parseDirective(h httpcaddyfile.Helper) ([]httpcaddyfile.ConfigValue, error) {
	h.Next()
	if h.NextArg() {
		return nil, matcherError(h.Dispenser)
	}
	var handler Handler
	if err := parseBlock(h.Dispenser, directiveName, handler.words()); err != nil {
		return nil, err
	}
	return []httpcaddyfile.ConfigValue{{
		Class: "route",
		Value: caddyhttp.Route{HandlersRaw: []json.RawMessage{
			caddyconfig.JSONModuleObject(&handler, "handler", directiveName, nil),
		}},
	}}, nil
}

// matcherError explains why the gateway takes no matcher, where Caddy's own
// handlers do.
func matcherError(d *caddyfile.Dispenser) error {
	arg := d.Val()
	if arg == "*" || strings.HasPrefix(arg, "/") || strings.HasPrefix(arg, "@") {
		return d.Errf("login_gateway takes no matcher: what it does not see is not protected; remove %s, "+
			"and open paths inside the block with `public`", arg)
	}
	return d.Errf("login_gateway takes no argument, but %q stands there: its words go into a block", arg)
}

func (h *Handler) words() words {
	return words{
		"prefix":        textWord("<path>", &h.Prefix, checkPrefix),
		"public":        h.publicWord(),
		"api_paths":     h.pathsWord("api_paths", &h.APIPaths, checkAPIPath),
		"repair_paths":  h.pathsWord("repair_paths", &h.RepairPaths, checkRepairPath),
		"require":       h.requireWord(),
		"cookie_domain": textWord("<domain>", &h.CookieDomain, checkCookieDomain),
		"cors":          listWord("<origin>...", &h.CORS, checkOrigin),
		"header":        h.headerWord(),
		"assertion":     textWord("<audience>", &h.Assertion, checkAudience),
	}
}

func (h *Handler) publicWord() word {
	return word{
		usage: "[<METHOD>[,<METHOD>...]] <path>...", min: 1, max: -1, repeats: true,
		set: func(args []string) error {
			rule, err := parsePublic(args)
			h.Public = append(h.Public, rule)
			return err
		},
		late: func(args []string) error {
			rule, err := parsePublic(args)
			if err == nil {
				_, err = h.opens(rule)
			}
			return err
		},
	}
}

// pathsWord checks paths against the prefix when that is known.
func (h *Handler) pathsWord(name string, to *[]string, check func(path, prefix string) error) word {
	w := listWord("<path>...", to, func(p string) error { return checkPath(name, p) })
	w.late = func(paths []string) error {
		for _, path := range paths {
			if err := check(path, orElse(h.Prefix, defaultPrefix)); err != nil {
				return err
			}
		}
		return nil
	}
	return w
}

// parsePublic reads the arguments of public: a preset, or methods and paths. A
// path begins with a slash, a method cannot.
func parsePublic(args []string) (rule PublicRule, err error) {
	if args[0] == "preset" {
		if len(args) != 2 {
			return rule, errors.New("public preset takes one name: write `public preset pwa`")
		}
		rule.Preset = args[1]
	} else {
		if methodsPattern.MatchString(args[0]) {
			rule.Methods, args = strings.Split(args[0], ","), args[1:]
		}
		rule.Paths = args
	}
	_, err = rule.expand()
	return rule, err
}

var methodsPattern = regexp.MustCompile(`^[A-Za-z,]+$`)

func (h *Handler) headerWord() word {
	return word{
		usage: "<what> <name>|off", min: 2, max: 2, repeats: true,
		set: func(args []string) error { return h.setHeader(args[0], args[1]) },
		late: func(args []string) error {
			_, err := headerNames(h.Headers)
			return aboutHeader(args[0], err)
		},
	}
}

func (h *Handler) setHeader(what, name string) error {
	if !knownIdentity(what) {
		return unknownIdentity(what)
	}
	if have, again := h.Headers[what]; again {
		return fmt.Errorf("header %s stands twice, as %s and %s: an app gets one name", what, have, name)
	}
	if h.Headers == nil {
		h.Headers = map[string]string{}
	}
	h.Headers[what] = name
	if name == headerOff {
		return nil
	}
	return checkHeader(what, name)
}

// listWord takes values that may be spread over several lines.
func listWord(usage string, to *[]string, check func(string) error) word {
	return word{usage: usage, min: 1, max: -1, repeats: true, set: func(args []string) error {
		*to = append(*to, args...)
		for _, arg := range args {
			if err := check(arg); err != nil {
				return err
			}
		}
		return nil
	}}
}
