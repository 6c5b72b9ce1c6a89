package store

import (
	"fmt"
	"strings"
)

// maxKindName is the longest name of a kind, in bytes.
const maxKindName = 64

// Check returns nil, or an error that is ErrKey and says what is wrong. A tag is
// never empty. An id may be: it names the only record of its kind within a tag.
// A Listed kind needs ids, because Scan starts after the empty one. Tags and ids
// are any other bytes but NUL, up to MaxKeyPart of them.
func (k Key) Check() error {
	if err := CheckTag(k.Tag); err != nil {
		return err
	}
	return k.Kind.CheckID(k.ID)
}

// CheckTag is the part of Key.Check that looks at the tag.
func CheckTag(tag string) error {
	if tag == "" {
		return fmt.Errorf("%w: empty tag", ErrKey)
	}
	return checkPart("tag", tag)
}

// CheckID is the part of Key.Check that looks at the kind and an id of it.
func (k Kind) CheckID(id string) error {
	if err := k.Check(); err != nil {
		return err
	}
	if id == "" && k.Listed {
		return fmt.Errorf("%w: empty id of listed kind %q", ErrKey, k.Name)
	}
	return checkPart("id", id)
}

// Check looks at the name: 1 to 64 of a-z, 0-9, '-' and '_'.
func (k Kind) Check() error {
	if k.Name == "" || len(k.Name) > maxKindName {
		return fmt.Errorf("%w: kind %.80q is empty or too long", ErrKey, k.Name)
	}
	for _, c := range []byte(k.Name) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return fmt.Errorf("%w: kind %q holds %q", ErrKey, k.Name, c)
		}
	}
	return nil
}

// checkPart leaves the text itself out of the error: it may be what a stranger typed.
func checkPart(what, text string) error {
	if len(text) > MaxKeyPart {
		return fmt.Errorf("%w: %s of %d bytes, %d are allowed", ErrKey, what, len(text), MaxKeyPart)
	}
	if strings.IndexByte(text, 0) >= 0 {
		return fmt.Errorf("%w: NUL in %s", ErrKey, what)
	}
	return nil
}
