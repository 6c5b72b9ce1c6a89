package console

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"unicode/utf8"
)

// maxForm is more than any form of ours takes.
const maxForm = 64 << 10

var errForm = errors.New("malformed form")

// readForm reads what was posted. A field that no one knows changes nothing: every
// action reads the fields it knows, by their names.
func readForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if r.ContentLength == 0 {
		return url.Values{}, nil
	}
	if ct, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || ct != "application/x-www-form-urlencoded" {
		return nil, fmt.Errorf("%w: content type %q", errForm, ct)
	}
	if err := r.ParseForm(); err != nil {
		return nil, fmt.Errorf("%w: %w", errForm, err)
	}
	for name, values := range r.PostForm {
		if len(values) != 1 || !utf8.ValidString(name) || !utf8.ValidString(values[0]) {
			return nil, fmt.Errorf("%w: field %.40q", errForm, name)
		}
	}
	return r.PostForm, nil
}
