package page

import (
	"html/template"
	"io/fs"
	"strings"
)

// CheckWords lets tests hand in word files that are not the embedded ones.
func CheckWords(files fs.FS) error {
	_, err := loadWords(files)
	return err
}

// Spelled is a Dutch page with its sentences written into it, and the same page that
// asks for them each time it is shown.
func Spelled(words fs.FS, text string, data any) (spelled, plain string, err error) {
	said, err := loadWords(words)
	if err != nil {
		return "", "", err
	}
	p := &Renderer{words: said}
	show := func(prepare func(*template.Template, string) error) (string, error) {
		t, err := template.New("page").Funcs(p.funcs("nl")).Parse(text)
		if err == nil {
			err = prepare(t, "nl")
		}
		var out strings.Builder
		if err == nil {
			err = t.Execute(&out, data)
		}
		return out.String(), err
	}
	if spelled, err = show(p.spell); err != nil {
		return "", "", err
	}
	plain, err = show(func(*template.Template, string) error { return nil })
	return spelled, plain, err
}
