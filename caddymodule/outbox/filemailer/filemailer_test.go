package filemailer_test

import (
	"context"
	"errors"
	"net/mail"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/outbox/filemailer"
)

func message(id string) outbox.Message {
	return outbox.Message{
		ID: id, From: "login@example.com", To: "anna@example.com", Subject: "Hoi", Text: "tekst\n", HTML: "<p>tekst</p>",
		MessageID: id + "@example.com", Date: time.Now(),
	}
}

func TestOneFileForEachMail(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "mail")
	m := filemailer.New(dir)
	if err := m.Check(context.Background()); err != nil {
		t.Error(err)
	}
	for _, id := range []string{"abc", "abc", "def"} {
		answer, err := m.Send(context.Background(), message(id))
		if err != nil || answer.Message != "written to "+id+".eml" {
			t.Fatal(answer, err)
		}
	}
	if err := m.Check(context.Background()); err != nil {
		t.Error(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 2 {
		t.Fatalf("%v, %v", files, err)
	}
	f, err := os.Open(filepath.Join(dir, "abc.eml"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if parsed, err := mail.ReadMessage(f); err != nil || parsed.Header.Get("To") != "<anna@example.com>" {
		t.Errorf("%v, %v", parsed, err)
	}
}

func TestAMailLeavesTheFolderAlone(t *testing.T) {
	dir := t.TempDir()
	m := filemailer.New(filepath.Join(dir, "mail"))
	for _, id := range []string{"", "..", "../x", "/etc/x", `a\b`, ".hidden"} {
		if _, err := m.Send(context.Background(), message(id)); !errors.Is(err, outbox.ErrRejected) {
			t.Errorf("%q: %v", id, err)
		}
	}
	bad := message("abc")
	bad.To = "a@b, c@d"
	if _, err := m.Send(context.Background(), bad); !errors.Is(err, outbox.ErrRejected) {
		t.Error(err)
	}
	if files, _ := os.ReadDir(filepath.Join(dir, "mail")); len(files) != 0 {
		t.Errorf("half a mail is left: %v", files)
	}
}

func TestAFolderThatCannotBeWrittenIsToldAndTriedAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	m := filemailer.New(file)
	if _, err := m.Send(context.Background(), message("abc")); err == nil || errors.Is(err, outbox.ErrRejected) {
		t.Error(err)
	}
	if err := m.Check(context.Background()); err == nil {
		t.Error("fit for mails")
	}
}
