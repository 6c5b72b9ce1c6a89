package cookie

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strings"
)

// packVersion begins what Pack wrote.
const packVersion = 2

// A form writes texts of one kind in fewer bytes, and back.
type form struct {
	pack   func(text string) ([]byte, error)
	unpack func(raw []byte) string
}

var lower32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// forms are those of ids that we make, of tokens, and of the ids that many databases
// make. Their places and their number are in cookies: a change of either needs another
// packVersion.
var forms = [...]form{
	{func(text string) ([]byte, error) { return []byte(text), nil }, func(raw []byte) string { return string(raw) }},
	{lower32.DecodeString, lower32.EncodeToString},
	{base64.RawURLEncoding.DecodeString, base64.RawURLEncoding.EncodeToString},
	{func(text string) ([]byte, error) { return hex.DecodeString(strings.ReplaceAll(text, "-", "")) }, uuid},
}

func uuid(raw []byte) string {
	if len(raw) != 16 {
		return ""
	}
	text := hex.EncodeToString(raw)
	return strings.Join([]string{text[:8], text[8:12], text[12:16], text[16:20], text[20:]}, "-")
}

// Pack writes fields one behind the other, each in the fewest bytes.
func Pack(fields ...string) []byte {
	out := []byte{packVersion}
	for _, text := range fields {
		kind, best := 0, []byte(text)
		for i, f := range forms {
			if raw, err := f.pack(text); err == nil && len(raw) < len(best) && f.unpack(raw) == text {
				kind, best = i, raw
			}
		}
		out = binary.AppendUvarint(out, uint64(len(best)*len(forms)+kind))
		out = append(out, best...)
	}
	return out
}

// Unpack returns what Pack wrote.
func Unpack(b []byte) (fields []string, ok bool) {
	if len(b) == 0 || b[0] != packVersion {
		return nil, false
	}
	for b = b[1:]; len(b) > 0; {
		head, n := binary.Uvarint(b)
		kind, size := head%uint64(len(forms)), head/uint64(len(forms))
		if n <= 0 || size > uint64(len(b)-n) { //nolint:gosec // n is at most len(b)
			return nil, false
		}
		end := n + int(size) //nolint:gosec // no more than len(b)
		fields, b = append(fields, forms[kind].unpack(b[n:end])), b[end:]
	}
	return fields, true
}
