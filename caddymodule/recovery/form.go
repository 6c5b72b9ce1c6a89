package recovery

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"unicode/utf8"
)

// maxBody is more than any form of ours takes.
const maxBody = 16 << 10

var errForm = errors.New("malformed form")

// field reads one field of a posted form; it may occur once.
func field(w http.ResponseWriter, r *http.Request, name string) (string, error) {
	if ct, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || ct != "application/x-www-form-urlencoded" {
		return "", fmt.Errorf("%w: content type %q", errForm, ct)
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		return "", fmt.Errorf("%w: %w", errForm, err)
	}
	values := r.PostForm[name]
	if len(values) != 1 || !utf8.ValidString(values[0]) {
		return "", fmt.Errorf("%w: field %s", errForm, name)
	}
	return values[0], nil
}

func readAddress(w http.ResponseWriter, r *http.Request) (string, error) { return field(w, r, "email") }
