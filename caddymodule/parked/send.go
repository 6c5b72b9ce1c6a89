package parked

import (
	"bytes"
	"io"
	"net/http"
	"strings"
)

// A form is sent on by a form of ours that posts to where the parked one was going,
// so that the address of the page that the app answers with is right. What tells
// the two apart is its encoding, which hardly any app uses, its exact length, and
// the name of its only field.
const (
	Encoding = "text/plain"
	Field    = "gateway_parked"
	length   = len(Field) + len("=") + 16 + len("\r\n")
)

// Asked tells whether a request asks for a parked form to be sent on, and for
// which. Of any other it reads nothing, or puts back what it read.
func Asked(r *http.Request) (id string, ok bool) {
	if r.Method != http.MethodPost || r.ContentLength != int64(length) {
		return "", false
	}
	if ct := r.Header["Content-Type"]; len(ct) != 1 || ct[0] != Encoding || r.Body == nil {
		return "", false
	}
	read := make([]byte, length)
	n, err := io.ReadFull(r.Body, read)
	id, ok = strings.CutPrefix(strings.TrimSuffix(string(read[:n]), "\r\n"), Field+"=")
	if err == nil && ok && idPattern.MatchString(id) {
		return id, true
	}
	rest := []io.Reader{bytes.NewReader(read[:n])}
	if err == nil {
		rest = append(rest, r.Body)
	} else {
		rest = append(rest, failing{err})
	}
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(rest...), r.Body}
	return "", false
}

// failing repeats the error of a body that broke off.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func body(b []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(b)) }
