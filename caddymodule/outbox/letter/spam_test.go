package letter_test

import (
	"bytes"
	"fmt"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/textproto"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/outbox/letter"
)

// message puts a letter into an envelope like the mailers do.
func message(t *testing.T, out letter.Rendered, locale string) []byte {
	t.Helper()
	var body bytes.Buffer
	parts := multipart.NewWriter(&body)
	for _, p := range []struct{ kind, content string }{{"text/plain", out.Text}, {"text/html", out.HTML}} {
		w, err := parts.CreatePart(textproto.MIMEHeader{
			"Content-Type": {p.kind + "; charset=UTF-8"}, "Content-Transfer-Encoding": {"quoted-printable"},
		})
		if err != nil {
			t.Fatal(err)
		}
		q := quotedprintable.NewWriter(w)
		if _, err := q.Write([]byte(strings.ReplaceAll(p.content, "\n", "\r\n"))); err != nil {
			t.Fatal(err)
		}
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := parts.Close(); err != nil {
		t.Fatal(err)
	}
	var m bytes.Buffer
	for _, header := range [][2]string{
		{"Date", time.Now().Format(time.RFC1123Z)},
		{"MIME-Version", "1.0"},
		{"Message-ID", "<2xy7kqmnabcdefghijk@praktijk.example.com>"},
		{"From", `"De Praktijk" <login@praktijk.example.com>`},
		{"To", "<anna@example.org>"},
		{"Subject", mime.QEncoding.Encode("utf-8", out.Subject)},
		{"Auto-Submitted", "auto-generated"},
		{"Content-Language", locale},
		{"Content-Type", "multipart/alternative; boundary=" + parts.Boundary()},
	} {
		fmt.Fprintf(&m, "%s: %s\r\n", header[0], header[1])
	}
	m.WriteString("\r\n")
	m.Write(body.Bytes())
	return m.Bytes()
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
