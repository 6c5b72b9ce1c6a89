package providertest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Hostile is a provider that does one thing wrong at a time. Without a fault it
// is honest, and lets Person in at once.
type Hostile struct {
	Shape                  Shape
	Base                   string
	ClientID, ClientSecret string

	server *httptest.Server

	mu      sync.Mutex
	fault   Fault
	person  Person
	key     *rsa.PrivateKey
	weak    *rsa.PrivateKey
	kid     string
	codes   map[string]url.Values // what was asked for, by code; used ones are nil
	changes int                   // of the key
}

// Fault is one switch of a Hostile.
type Fault struct {
	Name string
	// Down says that such a provider cannot be used; else its answer is refused.
	Down bool
	// Reason is what package provider calls it; empty: wrong_token.
	Reason string

	document func(h *Hostile, doc map[string]any)
	callback func(h *Hostile, answer url.Values)
	claims   func(h *Hostile, claims map[string]any)
	token    func(h *Hostile, claims map[string]any) string // makes the ID token
	answer   func(h *Hostile, tokens map[string]any)
	// These answer in the place of an endpoint.
	discovery, exchange, keys, user http.HandlerFunc
}

// StartHostile runs one until the test ends. The shapes are Microsoft, and OIDC
// for all others.
func StartHostile(t testing.TB, shape Shape) *Hostile {
	t.Helper()
	h := &Hostile{
		Shape: shape, ClientID: "gateway", ClientSecret: "a-secret-that-nobody-may-read", codes: map[string]url.Values{},
		person: People(shape)[0],
	}
	h.Rotate(t)
	var err error
	if h.weak, err = rsa.GenerateKey(rand.Reader, 1024); err != nil { //nolint:gosec // weak on purpose
		t.Fatal(err)
	}
	h.server = httptest.NewServer(h.mux())
	h.Base = h.server.URL
	t.Cleanup(h.server.Close)
	return h
}

// Be switches a fault on; Fault{}: honest.
func (h *Hostile) Be(f Fault) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fault = f
}

// Let says who is let in.
func (h *Hostile) Let(p Person) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.person = p
}

// Rotate signs with a new key from now on, and shows no other.
func (h *Hostile) Rotate(t testing.TB) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.changes++
	h.key, h.kid = key, fmt.Sprintf("key-%d", h.changes)
}

// Die closes it for good.
func (h *Hostile) Die() { h.server.Close() }

func (h *Hostile) now() (Fault, Person) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.fault, h.person
}

func (h *Hostile) mux() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", h.showDocument)
	mux.HandleFunc("GET /oauth/.well-known/openid-configuration", h.showDocument)
	mux.HandleFunc("GET /{tenant}/v2.0/.well-known/openid-configuration", h.showDocument)
	mux.HandleFunc("GET /jwks", h.showKeys)
	mux.HandleFunc("GET /authorize", h.authorize)
	mux.HandleFunc("POST /token", h.showToken)
	mux.HandleFunc("GET /me", h.showUser)
	return mux
}

func (h *Hostile) issuer(p Person) string {
	if h.Shape == Microsoft {
		return h.Base + "/" + p.Tenant + "/v2.0"
	}
	return h.Base
}

func (h *Hostile) showDocument(w http.ResponseWriter, r *http.Request) {
	fault, _ := h.now()
	if fault.discovery != nil {
		fault.discovery(w, r)
		return
	}
	doc := map[string]any{
		"issuer": h.Base, "authorization_endpoint": h.Base + "/authorize", "token_endpoint": h.Base + "/token", "jwks_uri": h.Base + "/jwks",
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256", "HS256", "none"}, "authorization_response_iss_parameter_supported": true,
	}
	if h.Shape == Microsoft {
		doc["issuer"] = h.Base + "/{tenantid}/v2.0"
		delete(doc, "authorization_response_iss_parameter_supported")
	}
	if fault.document != nil {
		fault.document(h, doc)
	}
	writeJSON(w, doc)
}

func (h *Hostile) showKeys(w http.ResponseWriter, r *http.Request) {
	fault, _ := h.now()
	if fault.keys != nil {
		fault.keys(w, r)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	writeJSON(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: h.weak.Public(), KeyID: "weak", Use: "sig"},
		{Key: h.key.Public(), KeyID: "to-encrypt", Use: "enc"},
		{Key: h.key.Public(), KeyID: h.kid, Algorithm: "RS256", Use: "sig"},
	}})
}

// authorize asks nobody anything.
func (h *Hostile) authorize(w http.ResponseWriter, r *http.Request) {
	fault, person := h.now()
	asked := r.URL.Query()
	code := rand.Text()
	h.mu.Lock()
	h.codes[code] = asked
	h.mu.Unlock()
	answer := url.Values{"code": {code}, "state": {asked.Get("state")}}
	if h.Shape != Microsoft {
		answer.Set("iss", h.issuer(person))
	}
	if fault.callback != nil {
		fault.callback(h, answer)
	}
	http.Redirect(w, r, asked.Get("redirect_uri")+"?"+answer.Encode(), http.StatusFound) //nolint:gosec // wherever it is asked to
}

// showUser is the userinfo endpoint; documents name it where a fault says so.
func (h *Hostile) showUser(w http.ResponseWriter, r *http.Request) {
	fault, person := h.now()
	if fault.user != nil {
		fault.user(w, r)
		return
	}
	writeJSON(w, map[string]any{"sub": person.ID, "email": person.Email, "email_verified": true, "name": person.Name})
}

func (h *Hostile) showToken(w http.ResponseWriter, r *http.Request) {
	fault, person := h.now()
	_ = r.ParseForm() // only then the server notices that we hang up
	if fault.exchange != nil {
		fault.exchange(w, r)
		return
	}
	code := r.PostFormValue("code")
	h.mu.Lock()
	asked := h.codes[code]
	h.codes[code] = nil
	h.mu.Unlock()
	challenge := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if asked == nil || asked.Get("redirect_uri") != r.PostFormValue("redirect_uri") ||
		(asked.Has("code_challenge") && asked.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(challenge[:])) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":"invalid_grant","error_description":"the code ` + code + ` is not good"}`))
		return
	}
	access := rand.Text()
	claims := h.honest(person, asked.Get("nonce"), access)
	if fault.claims != nil {
		fault.claims(h, claims)
	}
	token := ""
	if fault.token != nil {
		token = fault.token(h, claims)
	} else {
		token = h.sign(h.head(), claims)
	}
	tokens := map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": 600, "id_token": token}
	if fault.answer != nil {
		fault.answer(h, tokens)
	}
	writeJSON(w, tokens)
}

// honest are the claims of somebody who is who they are.
func (h *Hostile) honest(p Person, nonce, access string) map[string]any {
	half := sha256.Sum256([]byte(access))
	now := time.Now().Unix()
	claims := map[string]any{
		"iss": h.issuer(p), "sub": p.ID, "aud": h.ClientID, "exp": now + 600, "iat": now, "auth_time": now,
		"at_hash": base64.RawURLEncoding.EncodeToString(half[:16]), "email": p.Email, "email_verified": true, "name": p.Name,
	}
	if nonce != "" {
		claims["nonce"] = nonce
	}
	if h.Shape == Microsoft {
		claims["tid"], claims["oid"] = p.Tenant, p.Object
	}
	if p.Domain != "" {
		claims["hd"] = p.Domain
	}
	return claims
}

func (h *Hostile) head() map[string]any {
	h.mu.Lock()
	defer h.mu.Unlock()
	return map[string]any{"alg": "RS256", "kid": h.kid, "typ": "JWT"}
}

// sign makes a token with the right key, whatever its head says.
func (h *Hostile) sign(head, claims map[string]any) string {
	return h.signText(head, text(claims))
}

func (h *Hostile) signText(head map[string]any, payload string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return signWith(h.key, head, payload)
}

func signWith(key *rsa.PrivateKey, head map[string]any, payload string) string {
	input := encode(text(head)) + "." + encode(payload)
	sum := sha256.Sum256([]byte(input))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err) // a key of ours
	}
	return input + "." + encode(string(signature))
}

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func text(v any) string {
	out, err := json.Marshal(v)
	if err != nil {
		panic(err) // made of texts and numbers
	}
	return string(out)
}

// with returns a copy of head that says something else.
func with(head map[string]any, name string, value any) map[string]any {
	head = maps.Clone(head)
	head[name] = value
	return head
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(v)
}

// Answer is what the callback is given by the answer of an honest browser.
func (h *Hostile) Answer(t testing.TB, authURL string) url.Values {
	t.Helper()
	s := &Server{t: t}
	return s.Walk(authURL)
}

// Secrets are texts that no log may hold.
func (h *Hostile) Secrets() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := append(make([]string, 0, 1+len(h.codes)), h.ClientSecret)
	for code := range h.codes {
		all = append(all, code)
	}
	return all
}
