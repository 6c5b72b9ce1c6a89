package provider

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// longestParameter is far beyond every code that is known.
const longestParameter = 8 << 10

// Finish looks at what the browser brought back, and asks the provider who it is.
// It fails with a *RefusedError or an *UnavailableError, whose texts hold no
// secret. The flow must be of the browser that brings it, and not be used again,
// whatever comes of it.
func (p *Provider) Finish(ctx context.Context, callback url.Values, f Flow) (*Identity, error) {
	if err := p.checkCallback(callback, f); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, p.source.cache.options.Patience)
	defer cancel()
	doc, err := p.source.known(ctx, p.now())
	if err != nil {
		return nil, p.unavailable(ReasonDiscovery, err)
	}
	if err := p.checkIssuer(callback, doc); err != nil {
		return nil, err
	}
	if code := callback.Get("error"); code != "" {
		return nil, p.answered(code)
	}
	if callback.Get("code") == "" {
		return nil, p.refused(ReasonAnswer, errors.New("the answer has neither a code nor an error"))
	}
	ctx = oidc.ClientContext(ctx, p.source.cache.client)
	token, err := p.exchange(ctx, doc, callback.Get("code"), f)
	if err != nil {
		return nil, err
	}
	c, err := p.verify(ctx, doc, token, f)
	if err != nil {
		return nil, err
	}
	id, err := p.identity(c)
	if err != nil {
		return nil, err
	}
	p.addAddress(ctx, doc, token, c, id)
	return id, nil
}

// checkCallback looks at what needs no network: an answer that is not of this
// flow costs nobody anything.
func (p *Provider) checkCallback(callback url.Values, f Flow) error {
	for _, name := range []string{"state", "code", "error", "iss"} {
		if values := callback[name]; len(values) > 1 || (len(values) == 1 && len(values[0]) > longestParameter) {
			return p.refused(ReasonAnswer, fmt.Errorf("the answer has %s twice, or too long", name))
		}
	}
	if f.State == "" || subtle.ConstantTimeCompare([]byte(callback.Get("state")), []byte(f.State)) != 1 {
		return p.refused(ReasonState, errors.New("the answer does not belong to this flow"))
	}
	return nil
}

// checkIssuer compares who answers in the browser with who was asked (RFC 9207),
// so that no provider can pass on to us what another one said.
func (p *Provider) checkIssuer(callback url.Values, doc *metadata) error {
	switch issuer, given := callback.Get("iss"), callback.Has("iss"); {
	case !given && doc.NamesIssuer:
		return p.refused(ReasonIssuer, errors.New("the answer does not say who gave it (iss), although the provider always does"))
	case given && p.issuer(issuer, "") == "":
		return p.refused(ReasonIssuer, errors.New("the answer was given by somebody else (iss)"))
	}
	return nil
}

// issuer returns the name to keep of an accepted issuer, empty for another.
func (p *Provider) issuer(issuer, tenant string) string {
	for _, accepted := range p.issuers {
		if matches(accepted, issuer, tenant) {
			return strings.Replace(p.issuers[0], tenantMark, tenant, 1)
		}
	}
	return ""
}

// answered puts an error of the provider into our words.
func (p *Provider) answered(code string) error {
	err := fmt.Errorf("the provider answers %s", plainCode(code))
	switch code {
	// The last two are LinkedIn's.
	case "access_denied", "consent_required", "interaction_required", "login_required", "account_selection_required",
		"user_cancelled_login", "user_cancelled_authorize":
		return p.refused(ReasonCancelled, err)
	case "server_error", "temporarily_unavailable":
		return p.unavailable(ReasonAway, err)
	}
	return p.unavailable(ReasonConfig, err)
}

// exchange trades the code for tokens.
func (p *Provider) exchange(ctx context.Context, doc *metadata, code string, f Flow) (*oauth2.Token, error) {
	var options []oauth2.AuthCodeOption
	if *p.config.PKCE {
		options = append(options, oauth2.VerifierOption(f.Verifier))
	}
	token, err := p.oauth(doc, f).Exchange(ctx, code, options...)
	if err != nil {
		return nil, p.exchangeFailed(ctx, err)
	}
	return token, nil
}

// exchangeFailed tells apart a code that is no good and a provider that does not
// work. Texts of the provider stay out: it has our code and our secret.
func (p *Provider) exchangeFailed(ctx context.Context, err error) error {
	var answer *oauth2.RetrieveError
	var network *url.Error
	switch {
	case errors.As(err, &answer) && answer.ErrorCode != "" && answer.Response.StatusCode < http.StatusInternalServerError:
		err = fmt.Errorf("the provider answers %s", plainCode(answer.ErrorCode))
		if answer.ErrorCode == "invalid_grant" || slices.Contains(p.quirks.codeErrors, answer.ErrorCode) {
			return p.refused(ReasonCode, err)
		}
		return p.unavailable(ReasonConfig, err)
	case errors.As(err, &answer):
		err = fmt.Errorf("%w: the token endpoint answers %d", errAnswer, answer.Response.StatusCode)
	case errors.Is(err, errAnswer), errors.As(err, &network):
	default:
		err = fmt.Errorf("%w: no token is in it", errAnswer)
	}
	p.down(ctx, err)
	return p.unavailable(ReasonExchange, err)
}

// down turns the button off, unless it was the visitor who left.
func (p *Provider) down(ctx context.Context, err error) {
	if !errors.Is(ctx.Err(), context.Canceled) {
		p.source.failed(err, p.now())
	}
}

// verify believes an ID token, or says why not.
func (p *Provider) verify(ctx context.Context, doc *metadata, token *oauth2.Token, f Flow) (*claims, error) {
	wrong := func(err error) (*claims, error) { return nil, p.refused(ReasonToken, err) }
	raw, ok := token.Extra("id_token").(string)
	switch {
	case !ok || raw == "":
		return wrong(errors.New("there is no ID token"))
	case len(raw) > longestToken:
		return wrong(errors.New("the ID token is too large"))
	}
	keys := &verification{keys: &p.source.keys, address: doc.KeysURL}
	verified, err := oidc.NewVerifier("", keys, &oidc.Config{
		ClientID: p.config.ClientID, SupportedSigningAlgs: algorithms,
		// A verifier knows one issuer and no leeway: both are looked at below.
		SkipIssuerCheck: true, SkipExpiryCheck: true,
	}).Verify(ctx, raw)
	switch {
	case keys.away != nil:
		p.down(ctx, keys.away)
		return nil, p.unavailable(ReasonKeys, keys.away)
	case err != nil:
		return wrong(tokenError(err))
	}
	var payload rawClaims
	if err := verified.Claims(&payload); err != nil {
		return wrong(errors.New("its claims cannot be read"))
	}
	c, err := parseClaims(payload)
	if err != nil {
		return wrong(err)
	}
	if err := p.checkClaims(c, f); err != nil {
		return wrong(err)
	}
	if c.TokenHash && verified.VerifyAccessToken(token.AccessToken) != nil {
		return wrong(errors.New("the access token is not the one it was made with (at_hash)"))
	}
	return c, nil
}

// rawClaims is the payload as it is.
type rawClaims []byte

// UnmarshalJSON copies.
func (r *rawClaims) UnmarshalJSON(text []byte) error {
	*r = slices.Clone(text)
	return nil
}

// tokenError keeps what package oidc quotes of a token out of the logs.
func tokenError(err error) error {
	for text, what := range map[string]string{
		"expected audience": "it is for somebody else (aud)",
		"failed to verify":  errSignature.Error(),
		"malformed jwt":     "it is no signed token, or signed by an algorithm that is not accepted",
		"unmarshal claims":  "its claims do not have the types they should",
	} {
		if strings.Contains(err.Error(), text) {
			return errors.New(what)
		}
	}
	return errors.New("it cannot be verified")
}

// checkClaims compares what the token says with what was asked.
func (p *Provider) checkClaims(c *claims, f Flow) error {
	if err := checkSubject(c.Subject); err != nil {
		return err
	}
	if p.quirks.tenants && (!guidPattern.MatchString(c.Tenant) || !guidPattern.MatchString(c.Object)) {
		return errors.New("its claims tid and oid are no ids")
	}
	if p.issuer(c.Issuer, c.Tenant) == "" {
		return errors.New("it was made by somebody else (iss)")
	}
	if err := c.checkAudience(p.config.ClientID); err != nil {
		return err
	}
	if err := c.checkTimes(p.now()); err != nil {
		return err
	}
	want := ""
	if *p.config.Nonce {
		want = f.Nonce
	}
	// Where none was sent one that comes back is of another flow.
	if subtle.ConstantTimeCompare([]byte(c.Nonce), []byte(want)) != 1 {
		return errors.New("it was made for another flow (nonce)")
	}
	return nil
}

// identity says who it is, and whether they may come this way.
func (p *Provider) identity(c *claims) (*Identity, error) {
	id := &Identity{
		Issuer: p.issuer(c.Issuer, c.Tenant), Subject: c.Subject, Email: c.Email, EmailVerified: c.Verified, Name: c.Name,
		Amr: c.Amr, Acr: c.Acr, AuthTime: c.AuthTime,
	}
	barred := func(why Reason, text string) (*Identity, error) {
		return nil, &RefusedError{Provider: p.Name(), Reason: why, Identity: id, Err: errors.New(text)}
	}
	if p.quirks.tenants {
		id.Subject = c.Object
		of := func(tenant string) bool { return strings.EqualFold(tenant, c.Tenant) }
		switch {
		case c.Tenant == personalTenant && !p.config.Personal:
			return barred(ReasonPersonal, "a personal account, and personal accounts are off")
		case c.Tenant != personalTenant && len(p.config.Tenants) > 0 && !slices.ContainsFunc(p.config.Tenants, of):
			return barred(ReasonTenant, "of a tenant that is not in the list")
		}
	}
	if len(p.config.Domains) > 0 {
		of := func(domain string) bool { return strings.EqualFold(domain, c.Domain) }
		if c.Domain == "" || !slices.ContainsFunc(p.config.Domains, of) {
			return barred(ReasonDomain, "of a domain that is not in the list")
		}
	}
	return id, nil
}

// addAddress asks for the address where the token has none: it is shown, so an
// answer that does not come is no fault.
func (p *Provider) addAddress(ctx context.Context, doc *metadata, token *oauth2.Token, c *claims, id *Identity) {
	if id.Email != "" || doc.UserURL == "" || p.quirks.tenants {
		return
	}
	var user struct {
		Subject string          `json:"sub"`
		Email   string          `json:"email"`
		Checked json.RawMessage `json:"email_verified"`
		Name    string          `json:"name"`
	}
	if getJSON(ctx, p.source.cache.client, doc.UserURL, token.AccessToken, &user) != nil || user.Subject != c.Subject {
		return
	}
	id.Email = shownEmail(user.Email)
	id.EmailVerified = id.Email != "" && (string(user.Checked) == "true" || string(user.Checked) == `"true"`)
	if id.Name == "" {
		id.Name = shownName(user.Name)
	}
}
