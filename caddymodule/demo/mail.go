package demo

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Mail is a mail that the demo sent.
type Mail struct {
	To      string    `json:"to"`
	Subject string    `json:"subject"`
	Text    string    `json:"text"`
	HTML    string    `json:"html"`
	At      time.Time `json:"at"`

	arrived time.Time
}

// What the mail page reads at most.
const (
	maxMail  = 1 << 20
	maxMails = 500
)

// Mailbox shows the mails of the demo, one .eml file each in a folder.
type Mailbox struct{ Dir string }

// Mails returns what lies in the folder, oldest first. A file that is no mail, or
// not a whole one yet, is left out.
func (b *Mailbox) Mails() ([]Mail, error) {
	entries, err := os.ReadDir(b.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return []Mail{}, nil // the first mail makes the folder
	}
	if err != nil {
		return nil, fmt.Errorf("reading the mails of the demo: %w", err)
	}
	all := make([]Mail, 0, len(entries))
	for _, entry := range entries {
		if entry.IsDir() || filepath.Ext(entry.Name()) != ".eml" {
			continue
		}
		if m, err := readMail(filepath.Join(b.Dir, entry.Name())); err == nil {
			all = append(all, m)
		}
	}
	slices.SortStableFunc(all, func(a, b Mail) int { return cmp.Or(a.arrived.Compare(b.arrived), a.At.Compare(b.At)) })
	return all[max(0, len(all)-maxMails):], nil
}

func readMail(path string) (m Mail, err error) {
	f, err := os.Open(path) //nolint:gosec // a file of the demo's own folder
	if err != nil {
		return m, err
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	if err != nil {
		return m, err
	}
	if m, err = ParseMail(io.LimitReader(f, maxMail)); err != nil {
		return m, err
	}
	if m.arrived = info.ModTime(); m.At.IsZero() {
		m.At = m.arrived
	}
	return m, nil
}

// ParseMail takes a mail as it is sent apart.
func ParseMail(r io.Reader) (Mail, error) {
	var m Mail
	parsed, err := mail.ReadMessage(r)
	if err != nil {
		return m, fmt.Errorf("reading a mail: %w", err)
	}
	words := new(mime.WordDecoder)
	if m.Subject, err = words.DecodeHeader(parsed.Header.Get("Subject")); err != nil {
		m.Subject = parsed.Header.Get("Subject")
	}
	m.To = parsed.Header.Get("To")
	if to, err := mail.ParseAddress(m.To); err == nil {
		m.To = to.Address
	}
	m.At, _ = parsed.Header.Date() // the zero time where there is none
	return m, m.read(parsed.Header, parsed.Body, 0)
}

// fields are the headers of a mail or of a part.
type fields interface{ Get(name string) string }

// maxDepth of parts in parts.
const maxDepth = 4

// read keeps the first text and the first HTML that it comes by.
func (m *Mail) read(h fields, body io.Reader, depth int) error {
	kind, params, err := mime.ParseMediaType(cmp.Or(h.Get("Content-Type"), "text/plain"))
	if err != nil {
		return fmt.Errorf("reading a mail: %w", err)
	}
	if strings.HasPrefix(kind, "multipart/") && depth < maxDepth {
		parts := multipart.NewReader(body, params["boundary"])
		for {
			// A raw part, as the other kind hides its encoding.
			part, err := parts.NextRawPart()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("reading a mail: %w", err)
			}
			if err := m.read(part.Header, part, depth+1); err != nil {
				return err
			}
		}
	}
	switch strings.ToLower(strings.TrimSpace(h.Get("Content-Transfer-Encoding"))) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	content, err := io.ReadAll(body)
	if err != nil {
		return fmt.Errorf("reading a mail: %w", err)
	}
	text := strings.ReplaceAll(string(content), "\r\n", "\n")
	switch {
	case kind == "text/plain" && m.Text == "":
		m.Text = text
	case kind == "text/html" && m.HTML == "":
		m.HTML = text
	}
	return nil
}

var mailPage = template.Must(template.New("mail.html").Funcs(template.FuncMap{
	"linked": linked,
	"clock":  func(at time.Time) string { return at.Local().Format("2 January 15:04:05") },
	// Links in a mail open beside the page: a frame in a sandbox can go nowhere.
	"framed": func(html string) string { return `<base target="_blank">` + html },
}).ParseFS(appFiles, "mail.html"))

var address = regexp.MustCompile(`https?://[^\s<>"']+`)

// linked makes the addresses in a text work.
func linked(text string) template.HTML {
	var out strings.Builder
	last := 0
	for _, at := range address.FindAllStringIndex(text, -1) {
		found := template.HTMLEscapeString(text[at[0]:at[1]])
		out.WriteString(template.HTMLEscapeString(text[last:at[0]]))
		out.WriteString(`<a href="` + found + `">` + found + `</a>`)
		last = at[1]
	}
	out.WriteString(template.HTMLEscapeString(text[last:]))
	return template.HTML(out.String()) //nolint:gosec // every piece is escaped
}

// ServeHTTP answers with a page, newest first, or with JSON, oldest first, for
// whoever asks for that.
func (b *Mailbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Login-Gateway", "1")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	if !here(r.Host) {
		http.Error(w, "the mails of the demo are shown on this machine only: open them on localhost", http.StatusForbidden)
		return
	}
	mails, err := b.Mails()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		h.Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(mails) // a visitor who is gone is no error of ours
		return
	}
	slices.Reverse(mails)
	// Mails have their style in them. Nothing is fetched and no script runs.
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; base-uri 'self'; form-action 'none'")
	h.Set("Content-Type", "text/html; charset=utf-8")
	var out bytes.Buffer
	if err := mailPage.Execute(&out, mails); err != nil {
		http.Error(w, "rendering failed", http.StatusInternalServerError)
		return
	}
	_, _ = w.Write(out.Bytes())
}

// here reports whether host names this machine. A site that has its own name lead
// to this machine must not read the mails through the browser of who visits it.
func here(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}
