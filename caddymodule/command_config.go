package caddymodule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"

	"github.com/cliendo/gateway/caddymodule/operate"
)

// setup is what a command knows of the gateway it is about: its config, not
// started.
type setup struct {
	program  string // how commands are called
	json     []byte
	warnings []caddyconfig.Warning
	app      *App
	store    StoreModule
	mailer   MailerModule // nil: no mail is configured
	// providers are those at whom people may log in.
	providers []ProviderModule
	admin     string // address of the admin endpoint
	adminOff  string // why there is none, for messages
	cancel    context.CancelFunc
}

func (s *setup) close() { s.cancel() }

// loadSetup reads a config as `run` does, without a word on the log. Errors are
// *operate.Error.
func loadSetup(file, adapter string) (*setup, error) {
	s := &setup{cancel: func() {}}
	file, err := s.read(file, adapter)
	if err == nil {
		err = s.open()
	}
	if err != nil {
		s.close()
		return nil, badConfig(file, err)
	}
	return s, nil
}

func badConfig(file string, err error) *operate.Error {
	e := &operate.Error{Exit: operate.ExitUsage, Message: "config " + file + ": " + err.Error()}
	if errors.Is(err, fs.ErrNotExist) {
		e.Flag, e.Message = "--config", "there is no config "+file
		e.Fix = "name it with --config FILE"
	}
	return e
}

// read adapts the config to JSON.
func (s *setup) read(file, adapter string) (string, error) {
	if file == "" {
		file = "Caddyfile"
	}
	body, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		return file, err
	}
	if adapter == "" && looksLikeCaddyfile(file) {
		adapter = "caddyfile"
	}
	if adapter == "" || adapter == "json" {
		s.json = body
		return file, nil
	}
	a := caddyconfig.GetAdapter(adapter)
	if a == nil {
		return file, fmt.Errorf("there is no adapter %s", adapter)
	}
	s.json, s.warnings, err = a.Adapt(body, map[string]any{"filename": file})
	return file, err
}

// looksLikeCaddyfile goes by the name, as Caddy does.
func looksLikeCaddyfile(file string) bool {
	base := strings.ToLower(filepath.Base(file))
	return !strings.HasSuffix(base, ".json") && (strings.HasPrefix(base, "caddyfile") || strings.HasSuffix(base, ".caddyfile"))
}

// open reads the parts of the config that matter here.
func (s *setup) open() error {
	var c struct {
		Admin *caddy.AdminConfig         `json:"admin"`
		Apps  map[string]json.RawMessage `json:"apps"`
	}
	if err := json.Unmarshal(s.json, &c); err != nil {
		return fmt.Errorf("reading JSON: %w", err)
	}
	s.app = new(App)
	if raw := c.Apps[directiveName]; len(raw) > 0 {
		if err := caddy.StrictUnmarshalJSON(raw, s.app); err != nil {
			return fmt.Errorf("reading login_gateway: %w", err)
		}
	}
	var err error
	if s.admin, s.adminOff, err = adminAddress(c.Admin); err != nil {
		return err
	}
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	s.cancel = cancel
	if s.store, err = s.app.loadStore(ctx); err != nil {
		return err
	}
	if s.mailer, err = s.app.loadMailer(ctx); err != nil {
		return err
	}
	s.providers, err = s.app.loadProviders(ctx)
	return err
}

func adminAddress(c *caddy.AdminConfig) (address, off string, err error) {
	if c == nil || (!c.Disabled && c.Listen == "") {
		return caddy.DefaultAdminListen, "", nil
	}
	if c.Disabled {
		return "", "the admin endpoint is switched off in the config", nil
	}
	address, err = expand(caddy.NewReplacer(), "admin", c.Listen)
	return address, "", err
}

// settings are those of the config without its secret, which a command that
// opens the store does not need.
func (s *setup) settings() (*settings, error) {
	plain := *s.app
	plain.Secret, plain.OldSecrets = "", nil
	return plain.settings(caddy.NewReplacer())
}
