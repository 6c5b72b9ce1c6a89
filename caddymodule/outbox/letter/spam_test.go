package letter_test

import (
	"bytes"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
)

// message is a letter as our mailers send it, headers and all.
func message(t *testing.T, out letter.Rendered, locale string) []byte {
	t.Helper()
	var raw bytes.Buffer
	_, err := outbox.Message{
		ID: "2xy7kqmnabcdefghijk", From: "login@praktijk.example.com", FromName: "De Praktijk", To: "anna@example.org",
		Subject: out.Subject, Text: out.Text, HTML: out.HTML, Locale: locale,
		MessageID: "2xy7kqmnabcdefghijk@praktijk.example.com", Date: time.Now(),
	}.WriteTo(&raw)
	if err != nil {
		t.Fatal(err)
	}
	mail := raw.Bytes()
	if bytes.Contains(mail, []byte("List-Unsubscribe")) || !bytes.Contains(mail, []byte("Auto-Submitted: auto-generated")) {
		t.Errorf("headers: %.900s", mail)
	}
	return mail
}

var score = regexp.MustCompile(`X-Spam-Status: \w+, score=(-?[\d.]+)`)

// TestSpamAssassin lets Debian's SpamAssassin look at every mail, with the rules
// that need no network. A machine without it fails the test.
func TestSpamAssassin(t *testing.T) {
	const most = 1.0
	program, err := exec.LookPath("spamassassin")
	if err != nil {
		t.Fatalf("%v: install Debian's spamassassin, or run make, which does", err)
	}
	judge := func(t *testing.T, mail []byte) (float64, string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), program, "-L", "-t", "--cf=use_bayes 0", "--cf=use_auto_whitelist 0", "--siteconfigpath=/etc/spamassassin")
		cmd.Env = append(cmd.Environ(), "HOME="+t.TempDir())
		cmd.Stdin = bytes.NewReader(mail)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("spamassassin: %v", err)
		}
		m := score.FindSubmatch(out)
		if m == nil {
			t.Fatalf("no score in %s", out)
		}
		points, err := strconv.ParseFloat(string(m[1]), 64)
		if err != nil {
			t.Fatal(err)
		}
		_, report, _ := strings.Cut(string(out), "Content analysis details:")
		return points, report
	}
	t.Run("finds", func(t *testing.T) {
		bait := letter.Rendered{Subject: "Test", Text: "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\n", HTML: "<p>x</p>"}
		if points, _ := judge(t, message(t, bait, "en")); points < 100 {
			t.Fatalf("SpamAssassin lets everything pass: %v", points)
		}
	})
	everyKind(t, func(t *testing.T, l letter.Letter) {
		points, report := judge(t, message(t, render(t, newRenderer(t), l), l.Locale))
		t.Logf("%v points", points)
		if points > most {
			t.Errorf("%v points, want at most %v: %s", points, most, report)
		}
	})
}
