package storetest

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

var recordChecks = []check{
	{"a record can be written, read, replaced and deleted", testCRUD},
	{"records are apart by tag, kind and id", testApart},
	{"values are any bytes, from none to a megabyte", testValues},
	{"bytes belong to the caller", testCopies},
	{"records survive closing and opening", testReopen},
}

var keyChecks = []check{
	{"keys that cannot be are refused everywhere", testBadKeys},
	{"strange keys are kept apart", testHostileKeys},
}

func testCRUD(t *testing.T, s *subject) {
	for _, kind := range []store.Kind{plain, listed} {
		s.expectNone(t, "a", kind, "1")
		s.put(t, "a", kind, "1", "one", never)
		s.expect(t, "a", kind, "1", "one")
		s.put(t, "a", kind, "1", "uno", never)
		s.expect(t, "a", kind, "1", "uno")
		s.delete(t, "a", kind, "1")
		s.expectNone(t, "a", kind, "1")
		s.delete(t, "a", kind, "1")
	}
}

func testApart(t *testing.T, s *subject) {
	s.put(t, "a", plain, "1", "a plain 1", never)
	s.put(t, "b", plain, "1", "b plain 1", never)
	s.put(t, "a", listed, "1", "a listed 1", never)
	s.put(t, "a", plain, "2", "a plain 2", never)
	s.delete(t, "b", plain, "1")
	s.expect(t, "a", plain, "1", "a plain 1")
	s.expect(t, "a", listed, "1", "a listed 1")
	s.expect(t, "a", plain, "2", "a plain 2")
	s.expectNone(t, "b", plain, "1")
}

func testValues(t *testing.T, s *subject) {
	for name, value := range map[string]string{
		"none": "", "NUL": "\x00", "NULs": "a\x00b\x00", "not UTF-8": "\xff\xfe", "lines": "a\r\nb",
		"number": "12", "a megabyte": strings.Repeat("\x00\xffx", 1<<20/3),
	} {
		s.put(t, "v", plain, name, value, never)
		s.put(t, "v", listed, name, value, never)
		s.expect(t, "v", plain, name, value)
		entries, err := s.Engine.Scan(ctx(t), "v", listed, name, "", 1)
		if err != nil || len(entries) != 1 || string(entries[0].Value) != value {
			t.Errorf("scanning a value with %s: %v", name, err)
		}
	}
}

func testCopies(t *testing.T, s *subject) {
	const want = "as it was"
	mine := []byte(want)
	err := s.Engine.Update(ctx(t), "c", func(tx store.Tx) error {
		err := tx.Put(listed, "1", mine, never)
		spoil(mine)
		own, err2 := tx.Get(listed, "1")
		spoil(own)
		copy(mine, want) // for a second run
		return errors.Join(err, err2)
	})
	if err != nil {
		t.Fatal(err)
	}
	s.expect(t, "c", listed, "1", want)
	err = s.Engine.Update(ctx(t), "c", func(tx store.Tx) error {
		read, err := tx.Get(listed, "1")
		spoil(read)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	read, err := s.Engine.Get(ctx(t), store.Key{Tag: "c", Kind: listed, ID: "1"})
	if err != nil {
		t.Fatal(err)
	}
	entries, err := s.Engine.Scan(ctx(t), "c", listed, "", "", 1)
	if err != nil || len(entries) != 1 {
		t.Fatal(entries, err)
	}
	kept := bytes.Clone(read)
	s.put(t, "c", listed, "1", "other", never)
	if !bytes.Equal(read, kept) || !bytes.Equal(entries[0].Value, kept) {
		t.Error("bytes that were returned changed with the record")
	}
	spoil(read)
	spoil(entries[0].Value)
	s.expect(t, "c", listed, "1", "other")
}

func spoil(b []byte) {
	for i := range b {
		b[i] = '!'
	}
}

func testReopen(t *testing.T, s *subject) {
	soon := s.clock.Now().Add(time.Hour)
	s.put(t, "a", plain, "1", "kept", never)
	s.put(t, "a", listed, "2", "for an hour", soon)
	s.Engine = s.Reopen(t, s.Engine)
	s.expect(t, "a", plain, "1", "kept")
	s.expect(t, "a", listed, "2", "for an hour")
	s.clock.Push(time.Hour)
	s.expectNone(t, "a", listed, "2")
	s.put(t, "a", plain, "1", "changed", never)
	s.expect(t, "a", plain, "1", "changed")
}

func testBadKeys(t *testing.T, s *subject) {
	long := strings.Repeat("x", store.MaxKeyPart+1)
	for name, key := range map[string]store.Key{
		"empty tag":          {Tag: "", Kind: plain, ID: "1"},
		"NUL in tag":         {Tag: "a\x00b", Kind: plain, ID: "1"},
		"long tag":           {Tag: long, Kind: plain, ID: "1"},
		"empty kind":         {Tag: "a", ID: "1"},
		"colon in kind":      {Tag: "a", Kind: store.Kind{Name: "a:b"}, ID: "1"},
		"NUL in kind":        {Tag: "a", Kind: store.Kind{Name: "a\x00"}, ID: "1"},
		"long kind":          {Tag: "a", Kind: store.Kind{Name: strings.Repeat("k", 65)}, ID: "1"},
		"NUL in id":          {Tag: "a", Kind: plain, ID: "\x001"},
		"long id":            {Tag: "a", Kind: plain, ID: long},
		"empty id in a list": {Tag: "a", Kind: listed, ID: ""},
	} {
		t.Run(name, func(t *testing.T) { s.refuses(t, key) })
	}
	if _, err := s.Engine.Scan(ctx(t), "a", plain, "", "", 1); !errors.Is(err, store.ErrKey) {
		t.Errorf("scanning a kind that is not listed: %v", err)
	}
	if _, err := s.Engine.Scan(ctx(t), "", listed, "", "", 1); !errors.Is(err, store.ErrKey) {
		t.Errorf("scanning an empty tag: %v", err)
	}
	if _, err := s.Engine.Scan(ctx(t), "a", listed, "\x00", "", 1); !errors.Is(err, store.ErrKey) {
		t.Errorf("scanning behind a NUL: %v", err)
	}
}

// refuses wants ErrKey everywhere, and nothing written beside it.
func (s *subject) refuses(t *testing.T, key store.Key) {
	if _, err := s.Engine.Get(ctx(t), key); !errors.Is(err, store.ErrKey) {
		t.Errorf("Get: %v", err)
	}
	for name, use := range map[string]func(tx store.Tx){
		"Tx.Get":      func(tx store.Tx) { _, _ = tx.Get(key.Kind, key.ID) },
		"Tx.Put":      func(tx store.Tx) { _ = tx.Put(key.Kind, key.ID, nil, never) },
		"Tx.Delete":   func(tx store.Tx) { _ = tx.Delete(key.Kind, key.ID) },
		"Tx.Announce": func(tx store.Tx) { tx.Announce(key.Kind, key.ID) },
	} {
		err := s.Engine.Update(ctx(t), key.Tag, func(tx store.Tx) error {
			use(tx)
			return tx.Put(plain, "beside", []byte("x"), never)
		})
		if !errors.Is(err, store.ErrKey) {
			t.Errorf("%s, its error ignored: %v", name, err)
		}
	}
	s.expectNone(t, "a", plain, "beside")
}

func testHostileKeys(t *testing.T, s *subject) {
	texts := []string{
		"a", "a:", ":a", "a:plain:1", "}", "{", "{}", "a}", "}:plain:", "}/listed", "%", "%7D", "%7d", "%25", "%257D",
		"*", "?", "[a]", `\`, " ", "\n", "\r\n", "\x01", "\x7f", "\xff", "\xff\xff", "..", "/", "a/b", "É", "e\u0301", "日本",
		strings.Repeat("x", store.MaxKeyPart), strings.Repeat("}", store.MaxKeyPart),
	}
	for _, tag := range texts {
		for _, id := range texts {
			s.put(t, tag, plain, id, "plain "+tag+" "+id, never)
		}
		s.put(t, tag, plain, "", "the only one", never)
		s.put(t, tag, listed, tag, "listed "+tag, never)
	}
	for _, tag := range texts {
		for _, id := range texts {
			s.expect(t, tag, plain, id, "plain "+tag+" "+id)
		}
		s.expect(t, tag, plain, "", "the only one")
		s.expect(t, tag, listed, tag, "listed "+tag)
		if ids := s.ids(t, tag, "", "", 5); len(ids) != 1 || ids[0] != tag {
			t.Errorf("tag %q lists %q", tag, ids)
		}
	}
}
