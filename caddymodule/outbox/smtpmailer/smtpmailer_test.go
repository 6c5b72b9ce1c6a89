package smtpmailer_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/outbox/smtpmailer"
	"github.com/cliendo/gateway/caddymodule/outbox/smtptest"
)

func message() outbox.Message {
	return outbox.Message{
		ID: "abc", From: "login@example.com", FromName: "Praktijk Zuid & Één", To: "anna@example.com",
		Subject: "Inloggen bij Praktijk Één: code 123 456, en een lange regel die omgebroken moet worden",
		Text:    "Hoi Anna,\n\n.een regel die met een punt begint\nhttps://example.com/m/abc\n", HTML: "<p>Hoi é</p>",
		Locale: "nl", MessageID: "abc@example.com", Date: time.Date(2026, 10, 20, 12, 0, 0, 0, time.UTC),
	}
}

// mailer sends to servers, with little patience.
func mailer(t *testing.T, change func(*smtpmailer.Options), servers ...*smtptest.Server) *smtpmailer.Mailer {
	t.Helper()
	o := smtpmailer.Options{Timeout: 5 * time.Second, Hello: "login.example.com"}
	for _, s := range servers {
		o.Relays, o.RootCAs = append(o.Relays, s.Addr()), s.Roots()
	}
	if change != nil {
		change(&o)
	}
	m, err := smtpmailer.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

func off(o *smtpmailer.Options)      { o.TLS = smtpmailer.Off }
func implicit(o *smtpmailer.Options) { o.TLS = smtpmailer.Implicit }

func loggedIn(o *smtpmailer.Options) { o.Username, o.Password = "gateway", "right" }

func send(t *testing.T, m *smtpmailer.Mailer) outbox.Answer {
	t.Helper()
	answer, err := m.Send(context.Background(), message())
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// fails sends and expects an error that says all of want.
func fails(t *testing.T, m *smtpmailer.Mailer, final bool, want ...string) outbox.Answer {
	t.Helper()
	answer, err := m.Send(context.Background(), message())
	if err == nil || errors.Is(err, outbox.ErrRejected) != final {
		t.Fatalf("%v; want final: %v", err, final)
	}
	for _, w := range want {
		if !strings.Contains(answer.Message, w) {
			t.Errorf("answer %q does not say %q", answer.Message, w)
		}
	}
	return answer
}

func TestAMailArrivesAsItShould(t *testing.T) {
	s := smtptest.Start(t, smtptest.Options{Password: "right"})
	answer := send(t, mailer(t, loggedIn, s))
	if answer.Code != 250 || answer.Server != s.Addr() || answer.Status != "2.0.0" {
		t.Errorf("answer %+v", answer)
	}
	got := s.Mails()
	if len(got) != 1 || got[0].From != "login@example.com" || got[0].To != "anna@example.com" || !got[0].Secure || got[0].User != "gateway" {
		t.Fatalf("received %+v", got)
	}
	m, err := mail.ReadMessage(bytes.NewReader(got[0].Raw))
	if err != nil {
		t.Fatal(err)
	}
	want := message()
	for name, value := range map[string]string{
		"Message-Id": "<abc@example.com>", "Auto-Submitted": "auto-generated", "To": "<anna@example.com>",
		"Date": "Tue, 20 Oct 2026 12:00:00 +0000", "Mime-Version": "1.0", "Content-Language": "nl",
	} {
		if got := m.Header.Get(name); got != value {
			t.Errorf("%s: %q, want %q", name, got, value)
		}
	}
	for _, name := range []string{"List-Unsubscribe", "User-Agent", "X-Mailer", "Bcc", "Cc", "Reply-To", "Received"} {
		if m.Header.Get(name) != "" {
			t.Errorf("there is a %s", name)
		}
	}
	words := new(mime.WordDecoder)
	if subject, err := words.DecodeHeader(m.Header.Get("Subject")); err != nil || subject != want.Subject {
		t.Errorf("subject %q, %v", subject, err)
	}
	if from, err := m.Header.AddressList("From"); err != nil || len(from) != 1 || from[0].Name != want.FromName {
		t.Errorf("from %v, %v", from, err)
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatal(kind, err)
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for _, part := range []struct{ kind, body string }{{"text/plain", want.Text}, {"text/html", want.HTML}} {
		p, err := parts.NextPart()
		if err != nil || !strings.HasPrefix(p.Header.Get("Content-Type"), part.kind) {
			t.Fatal(part.kind, err)
		}
		body, err := io.ReadAll(p)
		if text := strings.ReplaceAll(string(body), "\r\n", "\n"); err != nil || strings.TrimSpace(text) != strings.TrimSpace(part.body) {
			t.Errorf("%s: %q, %v", part.kind, text, err)
		}
	}
	for line := range bytes.Lines(got[0].Raw) {
		if len(line) > 100 {
			t.Errorf("a line of %d bytes: %s", len(line), line)
		}
	}
}

func TestEncryptionIsRequired(t *testing.T) {
	plain := smtptest.Start(t, smtptest.Options{NoTLS: true})
	fails(t, mailer(t, nil, plain), false, "STARTTLS")
	if len(plain.Mails()) != 0 {
		t.Error("sent in the clear")
	}
	send(t, mailer(t, off, plain)) // when told so
	wrong := smtptest.Start(t, smtptest.Options{WrongCertificate: true})
	fails(t, mailer(t, nil, wrong), false, "certificate")
	untrusted := smtptest.Start(t, smtptest.Options{})
	fails(t, mailer(t, func(o *smtpmailer.Options) { o.RootCAs = nil }, untrusted), false, "certificate")
	first := smtptest.Start(t, smtptest.Options{Implicit: true})
	send(t, mailer(t, implicit, first))
	wrongFirst := smtptest.Start(t, smtptest.Options{Implicit: true, WrongCertificate: true})
	fails(t, mailer(t, implicit, wrongFirst), false, "certificate")
}

func TestAPasswordThatIsRefusedSaysNothingAboutTheMail(t *testing.T) {
	s := smtptest.Start(t, smtptest.Options{Password: "right"})
	s.Set(smtptest.Behaviour{RefuseAuth: true})
	if answer := fails(t, mailer(t, loggedIn, s), false, "AUTH", "535"); answer.Code != 535 {
		t.Errorf("code %d", answer.Code)
	}
	if answer := fails(t, mailer(t, nil, s), false, "530"); answer.Code != 530 {
		t.Errorf("without a password: %+v", answer)
	}
	s.Set(smtptest.Behaviour{})
	send(t, mailer(t, loggedIn, s))
}

func TestAnswersAreToldApart(t *testing.T) {
	s := smtptest.Start(t, smtptest.Options{})
	m := mailer(t, nil, s)
	later, never := smtptest.Say(451, [3]int{4, 3, 0}, "try later"), smtptest.Say(550, [3]int{5, 1, 1}, "no such user")
	for name, c := range map[string]struct {
		do     smtptest.Behaviour
		final  bool
		code   int
		status string
	}{
		"later, at RCPT":      {smtptest.Behaviour{Rcpt: []*smtp.SMTPError{later}}, false, 451, "4.3.0"},
		"later, at the end":   {smtptest.Behaviour{Data: []*smtp.SMTPError{later}}, false, 451, "4.3.0"},
		"never, at RCPT":      {smtptest.Behaviour{Rcpt: []*smtp.SMTPError{never}}, true, 550, "5.1.1"},
		"never, at the end":   {smtptest.Behaviour{Data: []*smtp.SMTPError{never}}, true, 550, "5.1.1"},
		"only not let in yet": {smtptest.Behaviour{Rcpt: []*smtp.SMTPError{smtptest.Say(530, [3]int{5, 7, 0}, "log in")}}, false, 530, "5.7.0"},
	} {
		s.Set(c.do)
		answer := fails(t, m, c.final)
		if answer.Code != c.code || answer.Status != c.status || answer.Server != s.Addr() {
			t.Errorf("%s: %+v", name, answer)
		}
		send(t, m) // 4xx, then 250, on the same connection
	}
	if n := s.Connections(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

func TestTheNextRelayIsAsked(t *testing.T) {
	first, second := smtptest.Start(t, smtptest.Options{NoTLS: true}), smtptest.Start(t, smtptest.Options{NoTLS: true})
	m := mailer(t, func(o *smtpmailer.Options) { o.TLS, o.Timeout = smtpmailer.Off, time.Second }, first, second)
	later, never := smtptest.Say(421, [3]int{4, 3, 2}, "going down"), smtptest.Say(550, [3]int{5, 1, 1}, "no such user")
	for name, do := range map[string]smtptest.Behaviour{
		"hangs": {Hang: true}, "4xx": {Rcpt: []*smtp.SMTPError{later}}, "4xx at the end": {Data: []*smtp.SMTPError{later}},
	} {
		first.Set(do)
		if answer := send(t, m); answer.Server != second.Addr() {
			t.Errorf("%s: taken by %s", name, answer.Server)
		}
	}
	first.Set(smtptest.Behaviour{Rcpt: []*smtp.SMTPError{never}})
	before := len(second.Mails())
	fails(t, m, true)
	first.Set(smtptest.Behaviour{CutAfterData: 1})
	fails(t, m, false, "broke after the mail was sent")
	if len(second.Mails()) != before || len(first.Mails()) != 1 {
		t.Error("the second relay was asked after a final answer, or when the first may have taken the mail")
	}
	first.Down()
	if answer := send(t, m); answer.Server != second.Addr() {
		t.Errorf("taken by %s while the first is down", answer.Server)
	}
	second.Down()
	fails(t, m, false, first.Addr(), second.Addr(), "refused")
	first.Up()
	send(t, m)
}

func TestAServerThatHangsIsLeft(t *testing.T) {
	s := smtptest.Start(t, smtptest.Options{})
	for name, do := range map[string]smtptest.Behaviour{"at once": {Hang: true}, "at the end": {HangAtData: true}} {
		s.Set(do)
		fails(t, mailer(t, func(o *smtpmailer.Options) { o.Timeout = 300 * time.Millisecond }, s), false, "timeout")
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(100*time.Millisecond, cancel)
		m := mailer(t, func(o *smtpmailer.Options) { o.Timeout = time.Hour }, s)
		if _, err := m.Send(ctx, message()); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: cancelled, and %v", name, err)
		}
	}
}

func TestConnectionsAreKept(t *testing.T) {
	s := smtptest.Start(t, smtptest.Options{})
	m := mailer(t, nil, s)
	for range 5 {
		send(t, m)
	}
	if n := s.Connections(); n != 1 {
		t.Errorf("%d connections for mails after each other", n)
	}
	s.Down()
	s.Up()
	send(t, m) // the kept one is dead
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() { send(t, m) })
	}
	all.Wait()
	if n := len(s.Mails()); n != 26 {
		t.Errorf("%d mails", n)
	}
}

func TestNobodyGetsAHeaderIn(t *testing.T) {
	s := smtptest.Start(t, smtptest.Options{})
	m := mailer(t, nil, s)
	for _, evil := range []string{"x\r\nBcc: evil@example.com", "x\nBcc: evil@example.com", "x\rBcc: e@x", "x\x00y", "x\u2028Bcc: e@x", "\r\n\r\n<b>body</b>"} {
		name := message()
		name.FromName, name.Subject, name.Locale, name.MessageID = evil, evil, evil, evil
		if _, err := m.Send(context.Background(), name); err != nil {
			t.Errorf("%q: %v", evil, err)
		}
		for _, change := range []func(*outbox.Message){
			func(m *outbox.Message) { m.To = "anna@example.com" + evil }, func(m *outbox.Message) { m.From = "login@example.com" + evil },
		} {
			address := message()
			change(&address)
			if _, err := m.Send(context.Background(), address); !errors.Is(err, outbox.ErrRejected) {
				t.Errorf("address with %q: %v", evil, err)
			}
		}
	}
	for _, got := range s.Mails() {
		parsed, err := mail.ReadMessage(bytes.NewReader(got.Raw))
		if err != nil {
			t.Fatal(err)
		}
		if parsed.Header.Get("Bcc") != "" || got.To != "anna@example.com" || len(parsed.Header) != 10 {
			t.Errorf("got in: %d headers: %v", len(parsed.Header), parsed.Header)
		}
	}
}

func TestCheckSaysWhatIsWrongAndSendsNothing(t *testing.T) {
	good, bad := smtptest.Start(t, smtptest.Options{}), smtptest.Start(t, smtptest.Options{NoTLS: true})
	if err := mailer(t, nil, good).Check(context.Background()); err != nil {
		t.Error(err)
	}
	if err := mailer(t, nil, good, bad).Check(context.Background()); err == nil || !strings.Contains(err.Error(), bad.Addr()) {
		t.Errorf("one of two: %v", err)
	}
	if len(good.Mails()) != 0 {
		t.Error("a check sent a mail")
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, o := range []smtpmailer.Options{
		{},
		{Relays: []string{"localhost"}},
		{Relays: []string{":25"}},
		{Relays: []string{"localhost:"}},
		{Relays: []string{"localhost:25"}, TLS: "maybe"},
	} {
		if _, err := smtpmailer.New(o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
}
