package caddymodule

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/cliendo/gateway/caddymodule/secret"
)

// A running gateway leaves the key for commands in a file with mode 0600, so that
// whoever may read its store can give it commands without knowing the secret.

// adminKeyFile is where the key lies: beside the file of the store, or in Caddy's
// data folder, by the resource.
func adminKeyFile(s StoreModule) string {
	if b, ok := s.(*BoltStore); ok {
		return b.path + ".adminkey"
	}
	return filepath.Join(caddy.AppDataDir(), directiveName, secret.Digest(s.Resource())[:16]+".adminkey")
}

// keepAdminKey writes the key. A file that is in the way is replaced, never
// written through: it may be a link that somebody else laid.
func keepAdminKey(s StoreModule, key string) error {
	path := adminKeyFile(s)
	if have, err := readAdminKey(s); err == nil && have == key {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("keeping the key for commands: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("keeping the key for commands: %w", err)
	}
	_, err = f.WriteString(key + "\n")
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("keeping the key for commands: %w", err), os.Remove(f.Name()))
	}
	return nil
}

// readAdminKey reads the key. One that others could have written is not used: it
// would be told to whoever listens on the admin port.
func readAdminKey(s StoreModule) (string, error) {
	path := adminKeyFile(s)
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("reading the key for commands: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("reading the key for commands: %s is open to others; set its mode to 0600", path)
	}
	body, err := os.ReadFile(path) //nolint:gosec // the path follows from the config
	if err != nil {
		return "", fmt.Errorf("reading the key for commands: %w", err)
	}
	return strings.TrimSpace(string(body)), nil
}
