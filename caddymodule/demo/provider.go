package demo

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"net/mail"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Provider plays Google, Microsoft and LinkedIn for the demo: it vouches for
// whoever one says to be. What it says of them is true to the form of the three,
// so that the gateway checks it as it checks theirs.
type Provider struct {
	// ClientID and ClientSecret are of the demo alone, and new each time.
	ClientID, ClientSecret string

	base, gateway string // addresses
	people        []string
	key           *ecdsa.PrivateKey
	signer        jose.Signer

	mu    sync.Mutex
	codes map[string]grant
}

// grant is what a code stands for.
type grant struct {
	kind, email, nonce, challenge, redirect string
	until                                   time.Time
}

// The kinds it plays, and how they are called.
var labels = map[string]string{"google": "Google", "microsoft": "Microsoft", "linkedin": "LinkedIn"}

// Kinds are those that a Provider plays, in the order of their buttons.
func Kinds() []string { return []string{"google", "microsoft", "linkedin"} }

const (
	codeLasts = time.Minute
	mostCodes = 1000
	// demoTenant is the organisation of everybody at the Microsoft of the demo.
	demoTenant = "de300000-0000-4000-8000-000000000001"
)

// NewProvider returns one that will be found at base, and sends people back to a
// gateway at an address, and nowhere else.
func NewProvider(base, gateway string, people []Person) (*Provider, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making the key of the sample provider: %w", err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "demo"}}, nil)
	if err != nil {
		return nil, fmt.Errorf("making the key of the sample provider: %w", err)
	}
	p := &Provider{
		ClientID: "cliendo-demo", ClientSecret: rand.Text(), base: base, gateway: gateway, key: key, signer: signer, codes: map[string]grant{},
	}
	for _, person := range people {
		p.people = append(p.people, person.Email)
	}
	return p, nil
}

// Base is where one of the kinds is, for the configuration.
func (p *Provider) Base(kind string) string { return p.base + "/" + kind }

// ServeHTTP answers as all three of them, each below its own path.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /google/.well-known/openid-configuration", p.document("google"))
	mux.HandleFunc("GET /microsoft/{tenant}/v2.0/.well-known/openid-configuration", p.document("microsoft"))
	mux.HandleFunc("GET /linkedin/oauth/.well-known/openid-configuration", p.document("linkedin"))
	mux.HandleFunc("GET /keys", p.keys)
	mux.HandleFunc("GET /{kind}/authorize", p.ask)
	mux.HandleFunc("POST /{kind}/authorize", p.choose)
	mux.HandleFunc("POST /{kind}/token", p.token)
	mux.ServeHTTP(w, r)
}

// issuer is the name it has in tokens.
func (p *Provider) issuer(kind string) string {
	switch kind {
	case "microsoft":
		return p.Base(kind) + "/" + demoTenant + "/v2.0"
	case "linkedin":
		return p.Base(kind) + "/oauth"
	}
	return p.Base(kind)
}

func (p *Provider) document(kind string) http.HandlerFunc {
	issuer := p.issuer(kind)
	if kind == "microsoft" {
		issuer = p.Base(kind) + "/{tenantid}/v2.0"
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, http.StatusOK, map[string]any{
			"issuer": issuer, "authorization_endpoint": p.Base(kind) + "/authorize", "token_endpoint": p.Base(kind) + "/token",
			"jwks_uri": p.base + "/keys", "response_types_supported": []string{"code"}, "subject_types_supported": []string{"pairwise"},
			"id_token_signing_alg_values_supported": []string{"ES256"}, "token_endpoint_auth_methods_supported": []string{"client_secret_post"},
		})
	}
}

func (p *Provider) keys(w http.ResponseWriter, _ *http.Request) {
	answerJSON(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: p.key.Public(), KeyID: "demo", Algorithm: "ES256", Use: "sig"},
	}})
}

var providerPage = template.Must(template.ParseFS(appFiles, "provider.html"))

// asked is a request to vouch for somebody, empty kind: not one of ours.
func (p *Provider) asked(r *http.Request) (kind string, back *url.URL) {
	kind = r.PathValue("kind")
	q := r.URL.Query()
	if labels[kind] == "" || q.Get("client_id") != p.ClientID || q.Get("response_type") != "code" ||
		q.Get("redirect_uri") != p.gateway+"/provider/"+kind+"/callback" {
		return "", nil
	}
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil {
		return "", nil
	}
	back.RawQuery = url.Values{"state": {q.Get("state")}}.Encode()
	return kind, back
}

// ask shows who one can be.
func (p *Provider) ask(w http.ResponseWriter, r *http.Request) {
	kind, _ := p.asked(r)
	if kind == "" {
		http.Error(w, "This is the sample provider of the demo. It answers the demo's gateway alone.", http.StatusBadRequest)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; base-uri 'none'")
	_ = providerPage.Execute(w, map[string]any{"Label": labels[kind], "People": p.people, "Hint": r.URL.Query().Get("login_hint")})
}

// choose leads back with a code, or without one.
func (p *Provider) choose(w http.ResponseWriter, r *http.Request) {
	kind, back := p.asked(r)
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	if kind == "" || r.ParseForm() != nil {
		http.Error(w, "This is no request that the sample provider knows.", http.StatusBadRequest)
		return
	}
	q := back.Query()
	if address, err := mail.ParseAddress(r.PostForm.Get("email")); err == nil && r.PostForm.Get("cancel") == "" {
		asked := r.URL.Query()
		q.Set("code", p.keep(grant{
			kind: kind, email: strings.ToLower(address.Address), nonce: asked.Get("nonce"), challenge: asked.Get("code_challenge"),
			redirect: asked.Get("redirect_uri"), until: time.Now().Add(codeLasts),
		}))
	} else {
		q.Set("error", "access_denied")
	}
	back.RawQuery = q.Encode()
	http.Redirect(w, r, back.String(), http.StatusSeeOther) //nolint:gosec // asked let the gateway of the demo pass only
}

func (p *Provider) keep(g grant) string {
	code := rand.Text()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.codes) >= mostCodes {
		clear(p.codes)
	}
	p.codes[code] = g
	return code
}

// take returns what a code stands for, once.
func (p *Provider) take(code string) (grant, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g, ok := p.codes[code]
	delete(p.codes, code)
	return g, ok && time.Now().Before(g.until)
}

func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	_ = r.ParseForm() // what is missing of it fits nothing
	f := r.PostForm
	if f.Get("client_id") != p.ClientID || subtle.ConstantTimeCompare([]byte(f.Get("client_secret")), []byte(p.ClientSecret)) != 1 {
		answerJSON(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
		return
	}
	g, ok := p.take(f.Get("code"))
	verifier := sha256.Sum256([]byte(f.Get("code_verifier")))
	if !ok || f.Get("grant_type") != "authorization_code" || g.kind != r.PathValue("kind") || g.redirect != f.Get("redirect_uri") ||
		(g.challenge != "" && g.challenge != base64.RawURLEncoding.EncodeToString(verifier[:])) {
		answerJSON(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
		return
	}
	signed, err := p.signed(g)
	if err != nil {
		answerJSON(w, http.StatusInternalServerError, map[string]string{"error": "server_error"})
		return
	}
	answerJSON(w, http.StatusOK, map[string]any{"access_token": rand.Text(), "token_type": "Bearer", "expires_in": 60, "id_token": signed})
}

// signed is the ID token about somebody.
func (p *Provider) signed(g grant) (string, error) {
	id := sha256.Sum256([]byte(g.kind + " " + g.email))
	now := time.Now().Unix()
	name, _, _ := strings.Cut(g.email, "@")
	claims := map[string]any{
		"iss": p.issuer(g.kind), "aud": p.ClientID, "sub": hex.EncodeToString(id[:16]), "iat": now, "exp": now + 300,
		"email": g.email, "name": name,
	}
	if g.kind == "microsoft" {
		o := hex.EncodeToString(id[:16])
		claims["tid"], claims["oid"] = demoTenant, strings.Join([]string{o[:8], o[8:12], o[12:16], o[16:20], o[20:]}, "-")
	} else {
		claims["email_verified"] = true
	}
	if g.kind != "linkedin" && g.nonce != "" {
		claims["nonce"] = g.nonce
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	jws, err := p.signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return jws.CompactSerialize()
}

func answerJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
