package password

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"unicode/utf8"
)

// maxBody is more than any form of ours takes, passwords of 1 KiB included.
const maxBody = 16 << 10

// form is what was typed.
type form struct {
	email, password string
	remember        bool
}

var errForm = errors.New("malformed form")

// readForm reads the fields exactly as typed. Each may occur once; a duplicate
// would be read differently by somebody else.
func readForm(w http.ResponseWriter, r *http.Request) (f form, err error) {
	if ct, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || ct != "application/x-www-form-urlencoded" {
		return f, fmt.Errorf("%w: content type %q", errForm, ct)
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		return f, fmt.Errorf("%w: %w", errForm, err)
	}
	for name, into := range map[string]*string{"email": &f.email, "password": &f.password} {
		values := r.PostForm[name]
		if len(values) != 1 || values[0] == "" || !utf8.ValidString(values[0]) {
			err = fmt.Errorf("%w: field %s", errForm, name)
			continue
		}
		*into = values[0]
	}
	if len(r.PostForm["remember"]) > 1 {
		err = fmt.Errorf("%w: field remember", errForm)
	}
	v := r.PostForm.Get("remember")
	f.remember = v != "" && v != "0" && v != "off" && v != "false"
	return f, err
}
