package providertest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Faults are all switches for a shape. Not one may lead to an identity.
func Faults(shape Shape) []Fault {
	all := append(claimFaults(), signatureFaults()...)
	all = append(all, answerFaults()...)
	all = append(all, exchangeFaults()...)
	if shape == Microsoft {
		return append(all, microsoftFaults()...)
	}
	all = append(all, issuerFaults()...)
	return append(all, documentFaults()...)
}

// set is a fault of one claim; nil takes it out.
func set(name, claim string, value func(h *Hostile) any) Fault {
	return Fault{Name: name, claims: func(h *Hostile, c map[string]any) {
		if v := value(h); v != nil {
			c[claim] = v
		} else {
			delete(c, claim)
		}
	}}
}

// fixed is a value that does not depend on anything.
func fixed(v any) func(*Hostile) any { return func(*Hostile) any { return v } }

// in is a moment from now.
func in(d time.Duration) func(*Hostile) any {
	return func(*Hostile) any { return time.Now().Add(d).Unix() }
}

func claimFaults() []Fault {
	return []Fault{
		set("iss of somebody else", "iss", fixed("https://accounts.google.com")),
		set("iss missing", "iss", fixed(nil)),
		set("iss as a list", "iss", func(h *Hostile) any { return []string{h.Base} }),
		set("aud of another client", "aud", fixed("another")),
		set("aud missing", "aud", fixed(nil)),
		set("aud empty", "aud", fixed([]string{})),
		set("aud of a client whose name begins like ours", "aud", func(h *Hostile) any { return h.ClientID + "2" }),
		set("aud several, azp missing", "aud", func(h *Hostile) any { return []string{h.ClientID, "another"} }),
		{Name: "aud several, azp another", claims: func(h *Hostile, c map[string]any) {
			c["aud"], c["azp"] = []string{h.ClientID, "another"}, "another"
		}},
		set("aud as an object", "aud", func(h *Hostile) any { return map[string]string{"0": h.ClientID} }),
		set("azp another", "azp", fixed("another")),
		set("azp a number", "azp", fixed(1)),
		{Name: "exp past", claims: func(_ *Hostile, c map[string]any) {
			c["iat"], c["exp"] = time.Now().Add(-5*time.Minute).Unix(), time.Now().Add(-2*time.Minute).Unix()
		}},
		set("exp before iat", "exp", in(-time.Second)),
		set("exp missing", "exp", fixed(nil)),
		set("exp a text", "exp", fixed("2099-01-01")),
		set("exp zero", "exp", fixed(0)),
		set("iat to come", "iat", in(5*time.Minute)),
		set("iat long ago", "iat", in(-time.Hour)),
		set("iat missing", "iat", fixed(nil)),
		set("iat negative", "iat", fixed(-1)),
		set("nbf to come", "nbf", in(5*time.Minute)),
		set("nonce of another flow", "nonce", fixed("another")),
		set("nonce missing", "nonce", fixed(nil)),
		set("nonce empty", "nonce", fixed("")),
		set("nonce a number", "nonce", fixed(7)),
		set("at_hash of another token", "at_hash", fixed("AAAAAAAAAAAAAAAAAAAAAA")),
		set("at_hash a number", "at_hash", fixed(7)),
		set("sub missing", "sub", fixed(nil)),
		set("sub empty", "sub", fixed("")),
		set("sub too long", "sub", fixed(strings.Repeat("a", 256))),
		set("sub a list", "sub", fixed([]string{"anna"})),
		set("sub a number", "sub", fixed(7)),
		set("sub an object", "sub", fixed(map[string]string{"id": "anna"})),
		set("sub true", "sub", fixed(true)),
		set("sub with a line break", "sub", fixed("anna\nbram")),
		set("sub with a NUL", "sub", fixed("anna\x00")),
		set("sub with a letter that looks like another", "sub", fixed("аnna")), // a Cyrillic one
	}
}

// issuerFaults are about the issuer where it is one name.
func issuerFaults() []Fault {
	return []Fault{
		set("iss with a slash more", "iss", func(h *Hostile) any { return h.Base + "/" }),
		set("iss in capitals", "iss", func(h *Hostile) any { return strings.ToUpper(h.Base) }),
		set("iss with a path", "iss", func(h *Hostile) any { return h.Base + "/oauth" }),
		set("iss with a blank", "iss", func(h *Hostile) any { return h.Base + " " }),
	}
}

// microsoftFaults are about tenants.
func microsoftFaults() []Fault {
	issuer := func(tenant string) func(h *Hostile) any {
		return func(h *Hostile) any { return h.Base + "/" + tenant + "/v2.0" }
	}
	both := func(name, tenant string) Fault {
		return Fault{Name: name, claims: func(h *Hostile, c map[string]any) {
			c["iss"], c["tid"] = issuer(tenant)(h), tenant
		}}
	}
	personal := both("a personal account", PersonalTenant)
	personal.Reason = "personal_account"
	other := both("a tenant that is not in the list", "cccccccc-0000-4000-8000-00000000000c")
	other.Reason = "wrong_tenant"
	return []Fault{
		set("tid of another tenant", "tid", fixed(TenantB)),
		set("iss of another tenant", "iss", issuer(TenantB)),
		set("tid missing", "tid", fixed(nil)),
		set("tid a list", "tid", fixed([]string{TenantA})),
		set("oid missing", "oid", fixed(nil)),
		set("oid no id", "oid", fixed("anna")),
		set("oid a list", "oid", fixed([]string{"anna"})),
		both("the mark itself", "{tenantid}"),
		both("a path", TenantB+"/v2.0/.."),
		both("nothing", ""),
		both("organizations", "organizations"),
		both("capitals", strings.ToUpper(TenantA)),
		both("a line break", TenantA+"\n"),
		set("iss that goes on", "iss", func(h *Hostile) any { return h.Base + "/" + TenantA + "/v2.0/" }),
		set("iss at another host", "iss", fixed("https://login.example.com/"+TenantA+"/v2.0")),
		personal, other,
	}
}

// token is a fault in how the token is made.
func token(name string, make func(h *Hostile, claims map[string]any) string) Fault {
	return Fault{Name: name, token: make}
}

func signatureFaults() []Fault {
	return []Fault{
		token("alg none", func(_ *Hostile, c map[string]any) string {
			return encode(`{"alg":"none"}`) + "." + encode(text(c)) + "."
		}),
		token("alg None, signed", func(h *Hostile, c map[string]any) string { return h.sign(with(h.head(), "alg", "None"), c) }),
		token("alg missing", func(h *Hostile, c map[string]any) string { return h.sign(map[string]any{"kid": h.kid}, c) }),
		token("HS256 with the public key as PEM", func(h *Hostile, c map[string]any) string { return h.symmetric(c, h.publicPEM()) }),
		token("HS256 with the public key's number", func(h *Hostile, c map[string]any) string { return h.symmetric(c, h.key.N.Bytes()) }),
		token("HS256 with our secret", func(h *Hostile, c map[string]any) string { return h.symmetric(c, []byte(h.ClientSecret)) }),
		token("unknown kid", func(h *Hostile, c map[string]any) string { return h.sign(with(h.head(), "kid", "another"), c) }),
		token("kid a path", func(h *Hostile, c map[string]any) string { return h.sign(with(h.head(), "kid", "../../dev/null"), c) }),
		token("the key that is for encryption", func(h *Hostile, c map[string]any) string { return h.sign(with(h.head(), "kid", "to-encrypt"), c) }),
		token("a weak key", func(h *Hostile, c map[string]any) string {
			return signWith(h.weak, with(h.head(), "kid", "weak"), text(c))
		}),
		token("another key", func(h *Hostile, c map[string]any) string { return signWith(anotherKey(), h.head(), text(c)) }),
		token("another key, no kid", func(_ *Hostile, c map[string]any) string {
			return signWith(anotherKey(), map[string]any{"alg": "RS256"}, text(c))
		}),
		token("another key that comes along", func(h *Hostile, c map[string]any) string {
			key := anotherKey()
			return signWith(key, with(with(h.head(), "jwk", jose.JSONWebKey{Key: key.Public()}), "kid", "along"), text(c))
		}),
		token("keys from another address", func(h *Hostile, c map[string]any) string {
			return signWith(anotherKey(), with(with(h.head(), "jku", h.Base+"/jwks"), "kid", "far"), text(c))
		}),
		token("another kind of key", elliptic256),
		token("a head that must be understood", func(h *Hostile, c map[string]any) string {
			return h.sign(with(with(h.head(), "crit", []string{"exp2"}), "exp2", 1), c)
		}),
		token("changed after signing", func(h *Hostile, c map[string]any) string {
			parts := strings.Split(h.sign(h.head(), c), ".")
			c["sub"] = "bram"
			return parts[0] + "." + encode(text(c)) + "." + parts[2]
		}),
		token("signature cut off", func(h *Hostile, c map[string]any) string {
			signed := h.sign(h.head(), c)
			return signed[:strings.LastIndex(signed, ".")+1]
		}),
		token("as JSON", func(h *Hostile, c map[string]any) string {
			parts := strings.Split(h.sign(h.head(), c), ".")
			return text(map[string]string{"protected": parts[0], "payload": parts[1], "signature": parts[2]})
		}),
		token("five parts", func(h *Hostile, c map[string]any) string { return h.sign(h.head(), c) + ".AAAA.AAAA" }),
		token("no token", func(*Hostile, map[string]any) string { return "hello" }),
		token("empty", func(*Hostile, map[string]any) string { return "" }),
		token("too large", func(h *Hostile, c map[string]any) string {
			c["groups"] = strings.Repeat("x", 40<<10)
			return h.sign(h.head(), c)
		}),
		token("claims a list", func(h *Hostile, c map[string]any) string { return h.signText(h.head(), "["+text(c)+"]") }),
		token("claims cut off", func(h *Hostile, c map[string]any) string {
			return h.signText(h.head(), strings.TrimSuffix(text(c), "}"))
		}),
		token("a claim twice", func(h *Hostile, c map[string]any) string {
			return h.signText(h.head(), `{"sub":"bram",`+strings.TrimPrefix(text(c), "{"))
		}),
		token("claims twice", func(h *Hostile, c map[string]any) string { return h.signText(h.head(), text(c)+text(c)) }),
	}
}

func anotherKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err) // the random numbers of the machine
	}
	return key
}

func (h *Hostile) publicPEM() []byte {
	der, err := x509.MarshalPKIXPublicKey(h.key.Public())
	if err != nil {
		panic(err) // a key of ours
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// symmetric signs with what everybody knows, and leaves the kid in.
func (h *Hostile) symmetric(claims map[string]any, key []byte) string {
	input := encode(text(with(h.head(), "alg", "HS256"))) + "." + encode(text(claims))
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write([]byte(input))
	return input + "." + encode(string(mac.Sum(nil)))
}

// elliptic256 is signed well, by a key of another kind than the kid says.
func elliptic256(h *Hostile, claims map[string]any) string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // the random numbers of the machine
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: h.kid}}, nil)
	if err != nil {
		panic(err) // a key of ours
	}
	signed, err := signer.Sign([]byte(text(claims)))
	if err != nil {
		panic(err)
	}
	out, err := signed.CompactSerialize()
	if err != nil {
		panic(err)
	}
	return out
}

// callback is a fault in what the browser brings back.
func callback(name, reason string, down bool, change func(h *Hostile, answer url.Values)) Fault {
	return Fault{Name: name, Reason: reason, Down: down, callback: change}
}

func answerFaults() []Fault {
	put := func(name, value string) func(*Hostile, url.Values) {
		return func(_ *Hostile, v url.Values) { v.Set(name, value) }
	}
	failed := func(code string) func(*Hostile, url.Values) {
		return func(_ *Hostile, v url.Values) {
			v.Del("code")
			v.Set("error", code)
			v.Set("error_description", "see <script>alert(1)</script>")
		}
	}
	return []Fault{
		callback("iss of somebody else", "wrong_issuer", false, put("iss", "https://accounts.google.com")),
		callback("iss empty", "wrong_issuer", false, put("iss", "")),
		callback("iss twice", "wrong_answer", false, func(h *Hostile, v url.Values) { v["iss"] = []string{h.Base, "https://accounts.google.com"} }),
		callback("iss of somebody else with an error", "wrong_issuer", false, func(h *Hostile, v url.Values) {
			failed("access_denied")(h, v)
			v.Set("iss", "https://accounts.google.com")
		}),
		callback("state of another flow", "wrong_state", false, put("state", "another")),
		callback("state missing", "wrong_state", false, func(_ *Hostile, v url.Values) { v.Del("state") }),
		callback("state twice", "wrong_answer", false, func(_ *Hostile, v url.Values) { v.Add("state", v.Get("state")) }),
		callback("code missing", "wrong_answer", false, func(_ *Hostile, v url.Values) { v.Del("code") }),
		callback("code in the answer twice", "wrong_answer", false, func(_ *Hostile, v url.Values) { v.Add("code", "another") }),
		callback("code made up", "wrong_code", false, put("code", "made-up")),
		callback("code too long", "wrong_answer", false, put("code", strings.Repeat("x", 9<<10))),
		callback("an error beside the code", "cancelled", false, put("error", "access_denied")),
		callback("the person went back", "cancelled", false, failed("access_denied")),
		callback("the person went back, as LinkedIn says it", "cancelled", false, failed("user_cancelled_login")),
		callback("nobody is logged in there", "cancelled", false, failed("login_required")),
		callback("it does not work today", "unavailable", true, failed("temporarily_unavailable")),
		callback("it does not know us", "config", true, failed("unauthorized_client")),
		callback("an error that nobody knows", "config", true, failed("<b>what</b>\n"+fmt.Sprint(strings.Repeat("x", 100)))),
	}
}
