package transfer

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode/utf8"
)

// jsonRows reads JSON Lines: one flat object a line.
type jsonRows struct {
	b    *bufio.Reader
	line int
}

func openJSONL(plain io.Reader) rows { return &jsonRows{b: bufio.NewReaderSize(plain, MaxLine)} }

func (j *jsonRows) next() (row, error) {
	for {
		line, err := j.b.ReadSlice('\n')
		if len(line) == 0 && err != nil {
			return row{}, err
		}
		j.line++
		if errors.Is(err, bufio.ErrBufferFull) {
			return row{}, j.skip()
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return row{}, err
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			return j.parse(line)
		}
	}
}

// skip reads to the end of a line that is too long.
func (j *jsonRows) skip() error {
	for {
		_, err := j.b.ReadSlice('\n')
		if err == nil || errors.Is(err, io.EOF) {
			return j.bad("", "the line is longer than {n} KiB", "", "n", MaxLine>>10)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

func (j *jsonRows) bad(field, problem, fix string, values ...any) error {
	return badRow(j.line, field, problem, fix, values...)
}

// parse reads token by token: what is nested is refused where it begins, and a
// field that is there twice is noticed.
func (j *jsonRows) parse(line []byte) (row, error) {
	if !utf8.Valid(line) {
		return row{}, j.bad("", "it is not valid UTF-8", "")
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return row{}, j.bad("", "the line is no JSON object", `write {"record":"user",...} on one line`)
	}
	r := row{line: j.line, values: map[string]string{}}
	seen := map[string]bool{}
	for d.More() {
		name, value, err := j.field(d)
		if err != nil {
			return row{}, err
		}
		if seen[name] {
			return row{}, j.bad(name, "it is there twice", "remove one")
		}
		seen[name] = true
		if strings.TrimSpace(value) != "" {
			r.values[name] = value
		}
	}
	if _, err := d.Token(); err != nil {
		return row{}, j.bad("", "the line is no JSON object", "")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return row{}, j.bad("", "something follows the object", "write one object a line")
	}
	return r, nil
}

func (j *jsonRows) field(d *json.Decoder) (name, value string, err error) {
	t, err := d.Token()
	key, ok := t.(string)
	if err != nil || !ok {
		return "", "", j.bad("", "the line is no JSON object", "")
	}
	name = header(key)
	if _, ok := columnNamed(name); !ok {
		return "", "", j.bad("", noColumn, nearest, "column", quoted(key), "hint", near(header(key), columnNames()))
	}
	if t, err = d.Token(); err != nil {
		return "", "", j.bad(name, "its value is no JSON", "")
	}
	switch v := t.(type) {
	case string:
		return name, v, nil
	case json.Number:
		return name, v.String(), nil
	case bool:
		if v {
			return name, "yes", nil
		}
		return name, "no", nil
	case nil:
		return name, "", nil
	}
	return "", "", j.bad(name, "an object or a list stands where a text belongs", "write it as one text")
}
