package providertest

import (
	"net/http"
	"slices"
	"strings"
)

// answers are ways of an endpoint not to answer.
func answers() map[string]http.HandlerFunc {
	kind := func(w http.ResponseWriter) { w.Header().Set("Content-Type", "application/json") }
	status := func(code int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			kind(w)
			w.WriteHeader(code)
			_, _ = w.Write([]byte(body))
		}
	}
	return map[string]http.HandlerFunc{
		"500": status(http.StatusInternalServerError, `{"error":"server_error"}`),
		"503 in HTML": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "<h1>down</h1>", http.StatusServiceUnavailable)
		},
		"no JSON":         status(http.StatusOK, "hello"),
		"JSON cut off":    status(http.StatusOK, `{"access_token":"x`),
		"a list":          status(http.StatusOK, `[1,2,3]`),
		"nothing":         status(http.StatusOK, ""),
		"an empty object": status(http.StatusOK, "{}"),
		"HTML": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte("<!doctype html><title>Welcome to the hotel's Wi-Fi</title>"))
		},
		"no content type": func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			_, _ = w.Write([]byte("{}"))
		},
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		},
		"a redirect with a body": func(w http.ResponseWriter, _ *http.Request) {
			kind(w)
			w.Header().Set("Location", "https://elsewhere.example.com/")
			w.WriteHeader(http.StatusFound)
			_, _ = w.Write([]byte("{}"))
		},
		"a huge body": func(w http.ResponseWriter, _ *http.Request) {
			kind(w)
			_, _ = w.Write([]byte(`{"x":"` + strings.Repeat("x", 4<<20) + `"}`))
		},
		"a body without end": func(w http.ResponseWriter, r *http.Request) {
			kind(w)
			for r.Context().Err() == nil {
				if _, err := w.Write([]byte(strings.Repeat(" ", 64<<10))); err != nil {
					return
				}
			}
		},
		"a head without end": func(w http.ResponseWriter, _ *http.Request) {
			for range 200 {
				w.Header().Add("X-More", strings.Repeat("x", 1000))
			}
			status(http.StatusOK, "{}")(w, nil)
		},
		"a broken connection": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"silence":             func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"a slow body": func(w http.ResponseWriter, r *http.Request) {
			kind(w)
			_, _ = w.Write([]byte("{"))
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
	}
}

func exchangeFaults() []Fault {
	return slices.Concat([]Fault{
		{Name: "token: the code is no good", Reason: "wrong_code", exchange: failed(http.StatusBadRequest, "invalid_grant")},
		{Name: "token: an error with 200", Reason: "wrong_code", exchange: failed(http.StatusOK, "invalid_grant")},
		{Name: "token: our secret is wrong", Reason: "config", Down: true, exchange: failed(http.StatusUnauthorized, "invalid_client")},
		{Name: "token: it repeats our secret", Reason: "config", Down: true, exchange: echo},
		{Name: "token: without an ID token", answer: func(_ *Hostile, tokens map[string]any) { delete(tokens, "id_token") }},
		{Name: "token: the ID token a list", answer: func(_ *Hostile, tokens map[string]any) { tokens["id_token"] = []any{tokens["id_token"]} }},
		{Name: "token: no access token", Reason: "exchange", Down: true, answer: func(_ *Hostile, tokens map[string]any) { delete(tokens, "access_token") }},
		{Name: "token: the access token of somebody else", answer: func(_ *Hostile, tokens map[string]any) { tokens["access_token"] = "another" }},
		{Name: "token: as a form", Reason: "exchange", Down: true, exchange: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/x-www-form-urlencoded")
			_, _ = w.Write([]byte("access_token=x&id_token=y"))
		}},
	}, broken("token: ", "exchange", func(f *Fault, answer http.HandlerFunc) { f.exchange = answer }))
}

// broken is a fault for each way not to answer.
func broken(where, reason string, put func(f *Fault, answer http.HandlerFunc)) []Fault {
	ways := answers()
	all := make([]Fault, 0, len(ways))
	for name, answer := range ways {
		f := Fault{Name: where + name, Reason: reason, Down: true}
		put(&f, answer)
		all = append(all, f)
	}
	return all
}

// UserFaults are switches of the userinfo endpoint, which tells the address only:
// with them people are let in without one.
func UserFaults() []Fault {
	all := broken("userinfo: ", "", func(f *Fault, answer http.HandlerFunc) { f.user = answer })
	all = append(all, Fault{Name: "userinfo: of somebody else", user: func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, map[string]any{"sub": "bram", "email": "bram@elders.test", "email_verified": true})
	}}, Fault{Name: "userinfo: no address", user: func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, map[string]any{"sub": "anna", "email": "<b>anna</b>", "name": "Anna\u202e"})
	}})
	for i := range all {
		all[i] = all[i].withUserinfo()
	}
	return all
}

// Userinfo has the address there, and not in the ID token.
func Userinfo() Fault { return Fault{Name: "userinfo"}.withUserinfo() }

func (f Fault) withUserinfo() Fault {
	f.document = func(h *Hostile, doc map[string]any) { doc["userinfo_endpoint"] = h.Base + "/me" }
	f.claims = func(_ *Hostile, c map[string]any) {
		delete(c, "email")
		delete(c, "name")
	}
	return f
}

func failed(status int, code string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"error":"` + code + `","error_description":"no"}`))
	}
}

// echo sends back all that we sent, as an error.
func echo(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	_, secret, _ := r.BasicAuth()
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	all := secret + " " + r.PostForm.Encode()
	_, _ = w.Write([]byte(text(map[string]string{"error": all, "error_description": all, "error_uri": "https://example.com/?" + all})))
}

// documentFaults are about what is known of the provider before anybody logs in.
func documentFaults() []Fault {
	doc := func(name, field string, value func(h *Hostile) any) Fault {
		return Fault{Name: "document: " + name, Reason: "discovery", Down: true, document: func(h *Hostile, d map[string]any) {
			if v := value(h); v != nil {
				d[field] = v
			} else {
				delete(d, field)
			}
		}}
	}
	return slices.Concat([]Fault{
		doc("issuer of somebody else", "issuer", fixed("https://accounts.google.com")),
		doc("issuer with a slash more", "issuer", func(h *Hostile) any { return h.Base + "/" }),
		doc("issuer missing", "issuer", fixed(nil)),
		doc("issuer a template", "issuer", func(h *Hostile) any { return h.Base + "/{tenantid}/v2.0" }),
		doc("no token endpoint", "token_endpoint", fixed(nil)),
		doc("no keys", "jwks_uri", fixed(nil)),
		doc("no authorization endpoint", "authorization_endpoint", fixed(nil)),
		doc("token endpoint without TLS", "token_endpoint", fixed("http://example.com/token")),
		doc("keys without TLS", "jwks_uri", fixed("http://example.com/jwks")),
		doc("userinfo without TLS", "userinfo_endpoint", fixed("http://example.com/me")),
		doc("authorization by script", "authorization_endpoint", fixed("javascript:alert(1)")),
		doc("token endpoint a file", "token_endpoint", fixed("file:///etc/passwd")),
		doc("token endpoint with a password", "token_endpoint", fixed("https://a:b@example.com/token")),
		doc("keys a list", "jwks_uri", fixed([]string{"https://example.com"})),
	},
		broken("document: ", "discovery", func(f *Fault, answer http.HandlerFunc) { f.discovery = answer }),
		broken("keys: ", "discovery", func(f *Fault, answer http.HandlerFunc) { f.keys = answer }),
		keyFaults())
}

func keyFaults() []Fault {
	sets := map[string]string{
		"none":      `{"keys":[]}`,
		"symmetric": `{"keys":[{"kty":"oct","kid":"key-1","alg":"HS256","k":"c2VjcmV0"}]}`,
		"unknown":   `{"keys":[{"kty":"XYZ","kid":"key-1"}]}`,
		"an object": `{"keys":{"kty":"RSA"}}`,
		"numbers":   `{"keys":[1,2,3]}`,
	}
	all := make([]Fault, 0, len(sets))
	for name, body := range sets {
		all = append(all, Fault{Name: "keys: " + name, Reason: "discovery", Down: true, keys: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(body))
		}})
	}
	return all
}
