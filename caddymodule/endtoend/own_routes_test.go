package endtoend_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// mounted are the routes of rooms whose path does not stand beside the call that
// mounts them, by what stands there.
var mounted = map[string][]string{
	`"GET "+at+"{$}"`:                             {"/parked/"},
	`"GET "+at+"{id}"`:                            {"/parked/{id}"},
	`"POST "+at+"{id}/discard"`:                   {"/parked/{id}/discard"},
	`"GET "+e.Prefix+path`:                        {"/help/check", "/help/answer"},
	`"GET "+e.Prefix+pathProve`:                   {"/prove"},
	`"POST "+e.Prefix+pathProve`:                  {"/prove"},
	`"GET "+r.base+"/openapi.json"`:               {"/api/v1/openapi.json"},
	`site.Prefix+guard.VerifyPath`:                {"/verify"},
	`l.prefix+path`:                               {"/recover"},
	`method+" "+e.Prefix+"/security"+path`:        nil, // securityRoute
	`route.Method+" "+e.root()+route.Path`:        nil, // adminRoutes
	`"GET "+m.prefix+"/demo/mail"`:                {"/demo/mail"},
	`p.options.Prefix+"/assets/"`:                 {"/assets/"},
	`"GET "+e.Prefix+"/provider/{name}"`:          {"/provider/{name}"},
	`"POST "+e.Prefix+"/provider/{name}"`:         {"/provider/{name}"},
	`"GET "+e.Prefix+"/recover/keep"`:             {"/recover/keep", "/recover/keep?to=%2Fclients"},
	`"POST "+e.Prefix+"/recover/keep"`:            {"/recover/keep", "/recover/keep?to=%2Fclients"},
	`"GET "+e.Prefix+"/login"`:                    {"/login", "/login?to=%2Fclients", "/login?check=1&to=%2Fclients"},
	`"GET "+m.Prefix+"/m/{token}"`:                {"/m/{token}"},
	`"POST "+m.Prefix+"/m/{token}"`:               {"/m/{token}"},
	`"GET "+e.Prefix+"/session/in"`:               {"/session/in", "/session/in?of=x"},
	`r.Prefix+"/api/"`:                            {"/api/", "/api/v1/accounts", "/api/v1/accounts/acme/users", "/api/v1/why?who=teammate@demo.test"},
	`"GET "+e.Prefix+"/provider/{name}/callback"`: {"/provider/{name}/callback?code=x&state=y"},
}

var (
	mountCall     = regexp.MustCompile(`mux\.Handle(?:Func)?\(([^,]+),`)
	plainRoute    = regexp.MustCompile(`^(?:"(?:GET|POST) "\+)?[\w.]*[pP]refix\+"(/[^"]*)"$`)
	shortRoute    = regexp.MustCompile(`^"(?:GET|POST) "\+prefix\+"(/[^"]*)"$`)
	securityRoute = regexp.MustCompile(`"(?:GET|POST) (/[^"]*)?":\s`)
	wildcard      = regexp.MustCompile(`\{[^}]*\}`)
)

// filled puts what there is into the places of a route.
func filled(path string) string {
	return wildcard.ReplaceAllStringFunc(path, func(name string) string {
		switch name {
		case "{account}":
			return "acme"
		case "{user}":
			return "teammate"
		case "{name}":
			return "google"
		case "{token}":
			return strings.Repeat("q", 43)
		case "{$}":
			return ""
		}
		return "x"
	})
}

// ownRoutes are the paths of all pages of the gateway, as the sources mount them. A
// room that is added is among them, or the test says that it does not know how.
func ownRoutes(t *testing.T) (paths []string) {
	t.Helper()
	add := func(path string) {
		if path = "/gateway" + filled(path); !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && slices.Contains([]string{"endtoend", "demo", "providertest", "testkit"}, d.Name()) {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, call := range mountCall.FindAllStringSubmatch(string(text), -1) {
			known, listed := mounted[call[1]]
			plain := plainRoute.FindStringSubmatch(call[1])
			if plain == nil {
				plain = shortRoute.FindStringSubmatch(call[1])
			}
			switch {
			case listed:
				for _, one := range known {
					add(one)
				}
			case plain != nil:
				add(plain[1])
			default:
				t.Errorf("%s mounts %s: say in mounted which paths that are", path, call[1])
			}
		}
		if filepath.Base(filepath.Dir(path)) == "security" {
			for _, m := range securityRoute.FindAllStringSubmatch(string(text), -1) {
				add("/security" + m[1])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range adminRoutes(t) {
		add("/admin" + path)
	}
	for _, wanted := range []string{
		"/gateway/login", "/gateway/security", "/gateway/security/second-step/off", "/gateway/security/identities/link", "/gateway/prove",
		"/gateway/parked/x", "/gateway/session", "/gateway/verify", "/gateway/api/v1/accounts", "/gateway/recover/keep",
		"/gateway/admin/accounts/acme/users/teammate/second-step-off", "/gateway/second-step/cancel", "/gateway/logout/all",
	} {
		if !slices.Contains(paths, wanted) {
			t.Errorf("%s is not among the routes that were found", wanted)
		}
	}
	return append(paths, "/", "/clients?x=1", "/ws", "/.well-known/change-password", "/gateway", "/gateway/nothing")
}

var (
	pathName   = regexp.MustCompile(`(?m)^\s*(?:const )?(path\w+)\s*=\s*(.+)$`)
	pathPhrase = regexp.MustCompile(`(?:\bpath\w+|"/[^" ]*")(?:\s*\+\s*(?:path\w+|"[^" ]*"))*`)
	actName    = regexp.MustCompile(`\{name: "([a-z-]+)", what: `)
	phrasePart = regexp.MustCompile(`path\w+|"[^"]*"`)
)

// adminRoutes are all paths that the sources of the admin path speak of, below it:
// its table is among them.
func adminRoutes(t *testing.T) (paths []string) {
	t.Helper()
	files, err := filepath.Glob("../console/*.go")
	if err != nil {
		t.Fatal(err)
	}
	source := ""
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(file, "_test.go") {
			source += string(text)
		}
	}
	names := map[string]string{}
	for _, m := range pathName.FindAllStringSubmatch(source, -1) {
		names[m[1]] = m[2]
	}
	var whole func(phrase string) string
	whole = func(phrase string) (path string) {
		for _, part := range phrasePart.FindAllString(phrase, -1) {
			if text, quoted := strings.CutPrefix(part, `"`); quoted {
				path += strings.TrimSuffix(text, `"`)
			} else {
				path += whole(names[part])
			}
		}
		return path
	}
	for _, phrase := range pathPhrase.FindAllString(source, -1) {
		paths = append(paths, whole(phrase))
	}
	for _, m := range actName.FindAllStringSubmatch(source, -1) {
		paths = append(paths, whole(names["pathUser"])+"/"+m[1])
	}
	return append(paths, "")
}

// ends says of a path that what is posted there finishes half a login or ends it: by
// design, and by logging out.
func ends(path string) bool {
	return strings.HasPrefix(path, "/gateway/second-step") || strings.HasPrefix(path, "/gateway/logout")
}
