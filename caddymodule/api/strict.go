package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
)

// maxDepth is how deep values may be nested; no honest request needs three.
const maxDepth = 4

// format is JSON that can be read in one way only.
var format = huma.Format{
	Marshal: func(w io.Writer, v any) error {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(true) // harmless also where somebody shows it as a page
		return e.Encode(v)
	},
	Unmarshal: func(data []byte, v any) error {
		if err := strict(data); err != nil {
			return err
		}
		return json.Unmarshal(data, v)
	},
}

// strict refuses what readers of JSON differ about: names that come twice, names
// that only differ in case from ours (encoding/json takes them), text that is no
// UTF-8, and what follows the value.
func strict(data []byte) error {
	if !utf8.Valid(data) {
		return errors.New("it is not valid UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := value(d, 0); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the value")
	}
	return nil
}

func value(d *json.Decoder, depth int) error {
	token, err := d.Token()
	if err != nil {
		return errors.New("it is not JSON")
	}
	open, nested := token.(json.Delim)
	if !nested {
		return nil
	}
	if depth++; depth > maxDepth {
		return fmt.Errorf("it is nested deeper than %d levels", maxDepth)
	}
	seen := map[string]bool{}
	for d.More() {
		if open == '{' {
			if err := name(d, seen); err != nil {
				return err
			}
		}
		if err := value(d, depth); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return errors.New("it is not JSON")
	}
	return nil
}

func name(d *json.Decoder, seen map[string]bool) error {
	token, err := d.Token()
	if err != nil {
		return errors.New("it is not JSON")
	}
	name, _ := token.(string)
	if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_") != "" {
		return errors.New("names are of lower-case letters and underscores")
	}
	if seen[name] {
		return fmt.Errorf("%s is there twice", clip(name))
	}
	seen[name] = true
	return nil
}
