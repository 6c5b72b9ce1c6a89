// Package filemailer puts every mail into a folder, as one .eml file that mail
// programs open: for development and the demo. It sends nothing.
package filemailer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cliendo/gateway/caddymodule/outbox"
)

// Extension ends the names of the files.
const Extension = ".eml"

// Mailer writes mails into one folder.
type Mailer struct{ dir string }

// New returns a Mailer. The folder is made when the first mail comes.
func New(dir string) *Mailer { return &Mailer{dir: dir} }

// Send writes one file, named by the id of the mail: a second try writes the same
// one. It is there as a whole or not at all, and readable by the owner only, as
// it holds what opens doors.
func (m *Mailer) Send(_ context.Context, message outbox.Message) (outbox.Answer, error) {
	answer := outbox.Answer{Server: m.dir}
	if message.ID == "" || strings.ContainsAny(message.ID, `/\`) || message.ID[0] == '.' {
		return answer, fmt.Errorf("%w: %.40q cannot name a file", outbox.ErrRejected, message.ID)
	}
	name := message.ID + Extension
	if err := m.write(message, filepath.Join(m.dir, name)); err != nil {
		return answer, fmt.Errorf("writing a mail to a file: %w", err)
	}
	answer.Message = "written to " + name
	return answer, nil
}

func (m *Mailer) write(message outbox.Message, path string) error {
	if err := os.MkdirAll(m.dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(m.dir, ".writing-*") // 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone where it was renamed
	if _, err := message.WriteTo(f); err != nil {
		_ = f.Close()
		return err
	}
	if err := f.Sync(); err != nil {
		_ = f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// Check tells whether mails can be written.
func (m *Mailer) Check(context.Context) error {
	f, err := os.CreateTemp(m.dir, ".checking-*")
	if errors.Is(err, fs.ErrNotExist) {
		return nil // made with the first mail
	}
	if err != nil {
		return fmt.Errorf("the folder of mails: %w", err)
	}
	_ = f.Close()
	return os.Remove(f.Name())
}

// Close does nothing: nothing is held.
func (m *Mailer) Close() error { return nil }
