package kit

import (
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// Mailbox is the folder into which a gateway puts its mails.
type Mailbox struct {
	dir string
	t   testing.TB
}

// NewMailbox returns an empty one.
func NewMailbox(t testing.TB) *Mailbox {
	return &Mailbox{dir: filepath.Join(t.TempDir(), "mail"), t: t}
}

// Words are the words of the global option that have the gateway use it.
func (m *Mailbox) Words() string {
	return "mail {\n\t\t\tfrom gateway@demo.test\n\t\t\tfile " + m.dir + "\n\t\t}"
}

// Mail is one mail as its reader sees it.
type Mail struct {
	To, Subject, Text string
	at                time.Time
}

var (
	mailedLink = regexp.MustCompile(`https?://[^\s>]+/m/[a-z2-7]+`)
	alone      = regexp.MustCompile(`(?m)^\s*([A-Za-z0-9]{10,30})\s*$`)
	sixDigits  = regexp.MustCompile(`(?m)^\s*(\d{6})\s*$`)
)

// Links are the paths of the links in the text, in order: what it is about, then
// "this was not me".
func (m Mail) Links() (paths []string) {
	for _, link := range mailedLink.FindAllString(m.Text, -1) {
		paths = append(paths, link[strings.Index(link, "/gateway/"):])
	}
	return paths
}

// Code is what can be typed in the tab that asked.
func (m Mail) Code() string { return first(sixDigits, m.Text) }

// Password is the one in the mail.
func (m Mail) Password() string { return first(alone, m.Text) }

func first(pattern *regexp.Regexp, text string) string {
	if found := pattern.FindStringSubmatch(text); found != nil {
		return found[1]
	}
	return ""
}

// AboutDevices is in the subject of mails that tell of a login on a new device.
var AboutDevices = regexp.MustCompile("apparaat|device")

// All returns the mails to somebody, oldest first, but for those about devices.
func (m *Mailbox) All(to string) []Mail {
	return slices.DeleteFunc(m.Whole(to), func(one Mail) bool { return AboutDevices.MatchString(one.Subject) })
}

// Whole returns all mails to somebody, oldest first.
func (m *Mailbox) Whole(to string) (all []Mail) {
	m.t.Helper()
	files, err := filepath.Glob(filepath.Join(m.dir, "*.eml"))
	must(m.t, err)
	for _, file := range files {
		if one := m.read(file); one.To == Address(to) {
			all = append(all, one)
		}
	}
	slices.SortFunc(all, func(a, b Mail) int { return a.at.Compare(b.at) })
	return all
}

// Wait returns the newest mail to somebody, when so many have come.
func (m *Mailbox) Wait(to string, n int) (newest Mail) {
	m.t.Helper()
	Eventually(m.t, "the mail to "+to, func() bool {
		all := m.All(to)
		if len(all) < n {
			return false
		}
		newest = all[len(all)-1]
		return true
	})
	return newest
}

func (m *Mailbox) read(file string) Mail {
	m.t.Helper()
	f, err := os.Open(file) //nolint:gosec // a file of this test
	must(m.t, err)
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	must(m.t, err)
	message, err := mail.ReadMessage(f)
	must(m.t, err)
	to, err := mail.ParseAddress(message.Header.Get("To"))
	must(m.t, err)
	subject, err := new(mime.WordDecoder).DecodeHeader(message.Header.Get("Subject"))
	must(m.t, err)
	_, params, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	must(m.t, err)
	one := Mail{To: to.Address, Subject: subject, at: info.ModTime()}
	for parts := multipart.NewReader(message.Body, params["boundary"]); ; {
		part, err := parts.NextRawPart()
		if err == io.EOF {
			return one
		}
		must(m.t, err)
		if strings.HasPrefix(part.Header.Get("Content-Type"), "text/plain") {
			one.Text = body(m.t, part)
		}
	}
}

func body(t testing.TB, part *multipart.Part) string {
	var r io.Reader = part
	if strings.EqualFold(part.Header.Get("Content-Transfer-Encoding"), "quoted-printable") {
		r = quotedprintable.NewReader(part)
	}
	text, err := io.ReadAll(r)
	must(t, err)
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}
