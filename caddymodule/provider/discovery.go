package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// metadata is what we use of a discovery document.
type metadata struct {
	Issuer   string `json:"issuer"`
	AuthURL  string `json:"authorization_endpoint"`
	TokenURL string `json:"token_endpoint"`
	KeysURL  string `json:"jwks_uri"`
	UserURL  string `json:"userinfo_endpoint"`

	Auth    []string `json:"token_endpoint_auth_methods_supported"`
	Prompts []string `json:"prompt_values_supported"`
	// NamesIssuer: its answers in the browser say who gave them (RFC 9207).
	NamesIssuer bool `json:"authorization_response_iss_parameter_supported"`
}

// takesBasic is true where nothing is said, as OpenID Connect Discovery has it.
func (m *metadata) takesBasic() bool {
	return len(m.Auth) == 0 || slices.Contains(m.Auth, "client_secret_basic")
}

// fetch asks for the document.
func fetch(ctx context.Context, client *http.Client, address string) (*metadata, error) {
	var m metadata
	if err := getJSON(ctx, client, address, "", &m); err != nil {
		return nil, err
	}
	return &m, nil
}

// getJSON reads one answer. token is shown where there is one.
func getJSON(ctx context.Context, client *http.Client, address, token string, into any) (err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Accept", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%w: %s answers %d", errAnswer, address, answer.StatusCode)
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return fmt.Errorf("reading %s: %w", address, err)
	}
	if json.Unmarshal(body, into) != nil {
		return fmt.Errorf("%w: %s is not the JSON it should be", errAnswer, address)
	}
	return nil
}

// check refuses a document of somebody else, and one that leads out of TLS.
func (m *metadata) check(from string, issuers []string) error {
	if !slices.ContainsFunc(issuers, func(accepted string) bool { return m.Issuer == accepted || matches(accepted, m.Issuer, "") }) {
		return fmt.Errorf("its document names the issuer %q, and %s is expected", m.Issuer, strings.Join(issuers, " or "))
	}
	source, err := url.Parse(from)
	if err != nil {
		return err
	}
	var errs []error
	for what, address := range map[string]string{
		"authorization_endpoint": m.AuthURL, "token_endpoint": m.TokenURL, "jwks_uri": m.KeysURL,
	} {
		errs = append(errs, checkEndpoint(source, what, address))
	}
	if m.UserURL != "" {
		errs = append(errs, checkEndpoint(source, "userinfo_endpoint", m.UserURL))
	}
	return errors.Join(errs...)
}

// checkEndpoint wants TLS; plain HTTP is good only where the document came by it
// itself, so that one from outside leads to nothing on this machine.
func checkEndpoint(from *url.URL, what, address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || !secure(u) || (from.Scheme == "https" && u.Scheme != "https") {
		return fmt.Errorf("its document has no usable %s", what)
	}
	return nil
}

// matches tells whether issuer is what an accepted one says. In the place of a
// template's mark stands a tenant, and nothing else: the one given, or where none
// is given any.
func matches(accepted, issuer, tenant string) bool {
	before, after, template := strings.Cut(accepted, tenantMark)
	if !template {
		return accepted == issuer
	}
	inside, ok := strings.CutPrefix(issuer, before)
	if !ok {
		return false
	}
	if inside, ok = strings.CutSuffix(inside, after); !ok || !guidPattern.MatchString(inside) {
		return false
	}
	return tenant == "" || inside == tenant
}
