package parked

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/target"
)

// Form is what was sent.
type Form struct {
	URI     string `json:"uri"` // path and query, as the client sent them
	Type    string `json:"type"`
	Origin  string `json:"origin,omitempty"`
	Referer string `json:"referer,omitempty"`
	Body    []byte `json:"-"`
}

// How long a form may take to arrive, how many may be arriving at once, and how
// much of one that is not kept is read so that its browser gets to see our answer.
const (
	arriving   = time.Minute
	maxReading = 32
	maxDrained = 64 << 20
	maxType    = 256
)

// parkable tells whether r is a form of this very site, as a browser sends one.
func (l *Lot) parkable(r *http.Request, uri string) bool {
	return r.Method == http.MethodPost && l.sameOrigin(r) && formType(r.Header) != "" &&
		r.Header["Content-Encoding"] == nil && target.Safe(uri, l.Prefix) == uri
}

// sameOrigin wants to be told by the browser that a page of this site sent the
// form: what cannot be told is not kept.
func (l *Lot) sameOrigin(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" {
		return false
	}
	origin := r.Header.Get("Origin")
	if l.Origin != "" && origin == l.Origin {
		return true
	}
	scheme, host, ok := strings.Cut(origin, "://")
	return ok && (scheme == "https" || scheme == "http" && r.TLS == nil) && host == r.Host && host != ""
}

// formType returns the content type of a form, empty for anything else.
func formType(h http.Header) string {
	given := h["Content-Type"]
	if len(given) != 1 || len(given[0]) > maxType {
		return ""
	}
	for i := range len(given[0]) {
		if c := given[0][i]; c < 0x20 || c > 0x7e {
			return ""
		}
	}
	media, params, err := mime.ParseMediaType(given[0])
	switch {
	case err != nil:
	case media == "application/x-www-form-urlencoded", media == "multipart/form-data" && params["boundary"] != "":
		return given[0]
	}
	return ""
}

// read takes the form in.
func (l *Lot) read(w http.ResponseWriter, r *http.Request, h Holder, uri string) (*Form, error) {
	if !l.enter(h) {
		return nil, fmt.Errorf("%w: others are just arriving", ErrStay)
	}
	defer l.leave(h)
	rc := http.NewResponseController(w)
	if err := rc.SetReadDeadline(l.Now().Add(arriving)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, fmt.Errorf("%w: %w", ErrStay, err)
	}
	defer func() { _ = rc.SetReadDeadline(time.Time{}) }()
	if r.ContentLength > MaxBody {
		return nil, drain(r.Body, fmt.Errorf("%w: %d bytes", ErrStay, r.ContentLength))
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, MaxBody+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: it did not arrive: %w", ErrStay, err)
	case len(body) > MaxBody:
		return nil, drain(r.Body, fmt.Errorf("%w: more than %d bytes", ErrStay, MaxBody))
	}
	form := &Form{URI: uri, Type: formType(r.Header), Origin: r.Header.Get("Origin"), Referer: r.Header.Get("Referer"), Body: body}
	if form.files() {
		return nil, fmt.Errorf("%w: it holds files, or cannot be read", ErrStay)
	}
	return form, nil
}

// drain reads what is not kept: over HTTP/1.1 a browser looks at the answer only
// when it could send everything.
func drain(body io.Reader, err error) error {
	_, _ = io.Copy(io.Discard, io.LimitReader(body, maxDrained))
	return err
}

// files tells whether a form holds files, or is not what its type says. A field
// for a file that was left empty is none.
func (f *Form) files() bool {
	media, params, err := mime.ParseMediaType(f.Type)
	if err != nil || media != "multipart/form-data" {
		return err != nil
	}
	if !bytes.HasPrefix(f.Body, []byte("--"+params["boundary"])) {
		return true
	}
	parts := multipart.NewReader(bytes.NewReader(f.Body), params["boundary"])
	for {
		part, err := parts.NextRawPart()
		if err != nil {
			return !errors.Is(err, io.EOF)
		}
		_, disposition, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
		if err != nil {
			return true
		}
		n, err := io.Copy(io.Discard, part)
		if name, is := disposition["filename"]; err != nil || is && (name != "" || n > 0) {
			return true
		}
	}
}

// enter counts a form that arrives. One user does not take the place of others.
func (l *Lot) enter(h Holder) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := 0
	for _, n := range l.reading {
		all += n
	}
	who := h.Account + "\x00" + h.User
	if all >= maxReading || l.reading[who] >= MaxOwn {
		return false
	}
	l.reading[who]++
	return true
}

func (l *Lot) leave(h Holder) {
	l.mu.Lock()
	defer l.mu.Unlock()
	who := h.Account + "\x00" + h.User
	if l.reading[who]--; l.reading[who] <= 0 {
		delete(l.reading, who)
	}
}
