package smtpmailer_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/outbox/smtpmailer"
	"github.com/cliendo/gateway/caddymodule/outbox/smtptest"
)

// A server that others wrote takes our mails, and what it refuses is understood.
func TestDebiansExim(t *testing.T) {
	exim := smtptest.StartExim(t)
	m, err := smtpmailer.New(smtpmailer.Options{Relays: []string{exim.Addr()}, RootCAs: exim.Roots(), Hello: "login.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	answer, err := m.Send(context.Background(), message())
	if err != nil || answer.Code != 250 || !strings.Contains(answer.Message, "id=") {
		t.Fatalf("%+v, %v\n%s", answer, err, exim.Log())
	}
	got := exim.Inbox("https://example.com/m/abc")
	for _, want := range []string{"From login@example.com", "Message-Id: <abc@example.com>", "multipart/alternative", "esmtps  (TLS1.3)"} {
		if !strings.Contains(strings.ToLower(got), strings.ToLower(want)) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	wrong := message()
	wrong.To = "nosuch@example.com"
	if answer, err := m.Send(context.Background(), wrong); !errors.Is(err, outbox.ErrRejected) || answer.Code != 550 || answer.Status != "5.1.1" {
		t.Errorf("%+v, %v", answer, err)
	}
}
