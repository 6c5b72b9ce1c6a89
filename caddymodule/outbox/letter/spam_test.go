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
func message(t *testing.T, id string, out letter.Rendered, locale string) []byte {
	t.Helper()
	var raw bytes.Buffer
	_, err := outbox.Message{
		ID: id, From: "login@praktijk.example.com", FromName: "De Praktijk", To: "anna@example.org",
		Subject: out.Subject, Text: out.Text, HTML: out.HTML, Locale: locale,
		MessageID: id + "@praktijk.example.com", Date: time.Now(),
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

// judged begins what SpamAssassin says of one mail of a mailbox.
var judged = regexp.MustCompile(`(?m)^X-Spam-Status: \w+, score=(-?[\d.]+)`)

// TestSpamAssassin lets Debian's SpamAssassin look at every mail, with the rules
// that need no network. A machine without it fails the test.
func TestSpamAssassin(t *testing.T) {
	const most = 1.0
	bait := letter.Rendered{Subject: "Test", Text: "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\n", HTML: "<p>x</p>"}
	mails := map[string][]byte{"bait": message(t, "bait", bait, "en")}
	for _, kind := range letter.Kinds() {
		for _, locale := range []string{"nl", "en"} {
			id := strings.ReplaceAll(kind, "_", "-") + "-" + locale
			mails[id] = message(t, id, render(t, newRenderer(t), letter.Sample(kind, locale, noon)), locale)
		}
	}
	said := spamAssassin(t, mails)
	for id := range mails {
		found := judged.FindStringSubmatch(said[id])
		if found == nil {
			t.Fatalf("nothing is said of %s", id)
		}
		points, err := strconv.ParseFloat(found[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		_, report, _ := strings.Cut(said[id], "Content analysis details:")
		switch {
		case id == "bait" && points < 100:
			t.Errorf("SpamAssassin lets everything pass: %v", points)
		case id != "bait" && points > most:
			t.Errorf("%s has %v points, want at most %v: %.2000s", id, points, most, report)
		}
	}
}

// named is the id of a mail in what is said of it.
var named = regexp.MustCompile(`(?m)^Message-ID: <([a-z-]+)@`)

// spamAssassin is what it says of each of these mails, by their ids, in one run: it
// takes seconds to read its rules. It answers in an order of its own.
func spamAssassin(t *testing.T, mails map[string][]byte) map[string]string {
	t.Helper()
	program, err := exec.LookPath("spamassassin")
	if err != nil {
		t.Fatalf("%v: install Debian's spamassassin, or run make, which does", err)
	}
	var box bytes.Buffer
	for _, mail := range mails {
		box.WriteString("From login@praktijk.example.com Mon Mar  1 09:00:00 2027\n")
		box.Write(bytes.ReplaceAll(mail, []byte("\r\n"), []byte("\n")))
		box.WriteString("\n")
	}
	cmd := exec.CommandContext(t.Context(), program, "-L", "-t", "--mbox", "--cf=use_bayes 0", "--cf=use_auto_whitelist 0", "--siteconfigpath=/etc/spamassassin")
	cmd.Env = append(cmd.Environ(), "HOME="+t.TempDir())
	cmd.Stdin = &box
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("spamassassin: %v", err)
	}
	said := map[string]string{}
	at := judged.FindAllIndex(out, -1)
	for i := range at {
		end := len(out)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		one := string(out[at[i][0]:end])
		if id := named.FindStringSubmatch(one); id != nil {
			said[id[1]] = one
		}
	}
	return said
}
