package transfer

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// Format of a file.
type Format string

// The formats.
const (
	CSV   Format = "csv"
	JSONL Format = "jsonl"
)

// FormatOf tells the format by the name of a file.
func FormatOf(name string) (Format, error) {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".csv", ".txt", ".tsv":
		return CSV, nil
	case ".jsonl", ".ndjson":
		return JSONL, nil
	}
	return "", badFile("the name {name} does not tell the format", "say it with --format csv or --format jsonl", "name", fmt.Sprintf("%.60q", filepath.Base(name)))
}

// ParseFormat reads the name of a format.
func ParseFormat(name string) (Format, error) {
	switch f := Format(strings.ToLower(name)); f {
	case CSV, JSONL:
		return f, nil
	}
	return "", badFile("there is no format {format}", "take csv or jsonl", "format", fmt.Sprintf("%.20q", name))
}

// rows are the lines of a file, one after the other. next returns io.EOF at the
// end, a *rowError for a line that cannot be read, and any other error when
// reading has ended.
type rows interface{ next() (row, error) }

// open looks at the beginning of a file and returns its rows.
func open(r io.Reader, f Format) (rows, error) {
	plain, err := asUTF8(r)
	if err != nil {
		return nil, err
	}
	switch f {
	case CSV:
		return openCSV(plain)
	case JSONL:
		return openJSONL(plain), nil
	}
	return nil, badFile("there is no format {format}", "take csv or jsonl", "format", fmt.Sprintf("%.20q", string(f)))
}

// compressed files are not unpacked: what is in them may be any size.
var compressed = map[string]string{"\x1f\x8b": "gzip", "PK\x03\x04": "zip (an Excel file is one)", "\x28\xb5\x2f\xfd": "zstd", "BZh": "bzip2", "\xfd7zXZ": "xz"}

// asUTF8 takes a byte order mark off and reads UTF-16 that has one.
func asUTF8(r io.Reader) (io.Reader, error) {
	b := bufio.NewReader(r)
	start, err := b.Peek(6)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	for magic, name := range compressed {
		if bytes.HasPrefix(start, []byte(magic)) {
			return nil, badFile("this is a compressed file: {kind}", "unpack it, or save it as CSV UTF-8", "kind", name)
		}
	}
	if bytes.HasPrefix(start, []byte{0xfe, 0xff}) || bytes.HasPrefix(start, []byte{0xff, 0xfe}) || bytes.HasPrefix(start, []byte{0xef, 0xbb, 0xbf}) {
		return transform.NewReader(b, unicode.BOMOverride(transform.Nop)), nil
	}
	if bytes.IndexByte(start, 0) >= 0 {
		return nil, badFile("this is no text file in UTF-8", "save it as CSV UTF-8")
	}
	return b, nil
}
