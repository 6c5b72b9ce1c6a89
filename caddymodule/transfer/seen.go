package transfer

import (
	"hash/maphash"

	"github.com/cliendo/gateway/caddymodule/directory"
)

// seen finds what a file says twice. It keeps digests instead of addresses: a
// million lines need some 100 MB that way, and addresses would need several
// times that. Two that meet by chance would be called duplicates, which is less
// likely than one in a million files.
type seen struct {
	seed   maphash.Seed
	emails map[uint64]sight
	ids    map[uint64]int32
}

// sight is where an address was seen, how it was written, and in which account.
type sight struct {
	line             int32
	written, account uint32
}

func newSeen() *seen {
	return &seen{seed: maphash.MakeSeed(), emails: map[uint64]sight{}, ids: map[uint64]int32{}}
}

func (s *seen) digest(text string) uint64 { return maphash.String(s.seed, text) }

func (s *seen) short(text string) uint32 {
	return uint32(s.digest(text)) //nolint:gosec // half a digest is enough for the words of a message
}

// user notes the address and the id of a line, and refuses those seen before.
func (s *seen) user(r row) error {
	address := r.text(colEmail)
	if address == "" {
		return nil // said later
	}
	canonical, err := directory.Canonical(address)
	if err != nil {
		return err
	}
	now := sight{line: int32(r.line), written: s.short(address), account: s.short(r.text(colAccount))} //nolint:gosec // bounded by MaxRows and MaxBytes
	key := s.digest(canonical)
	if before, ok := s.emails[key]; ok {
		return r.bad(colEmail, before.meets(now), "an address belongs to one person in one account: keep one of the lines", "line", before.line)
	}
	if id := r.text(colID); id != "" {
		if line, ok := s.ids[s.digest(id)]; ok {
			return r.bad(colID, "line {line} has this id as well", "every user has an id of their own", "line", line)
		}
		s.ids[s.digest(id)] = now.line
	}
	s.emails[key] = now
	return nil
}

func (s sight) meets(now sight) string {
	switch {
	case s.account != now.account:
		return "line {line} has this address in another account"
	case s.written != now.written:
		return "line {line} has this address, written differently"
	}
	return "line {line} has this address as well"
}
