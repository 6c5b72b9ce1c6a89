package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cliendo/gateway/caddymodule/store"
)

var scanChecks = []check{
	{"a list is in the byte order of ids", testScanOrder},
	{"a list can be read in pages", testScanPages},
	{"a prefix and a start narrow a list", testScanBounds},
	{"expired records do not count in a list", testScanExpired},
	{"a list holds its own tag and kind only", testScanApart},
}

func testScanOrder(t *testing.T, s *subject) {
	ids := []string{"b", "a", "B", "ab", "a\x01", "\xff", "é", "~", " ", "10", "9", "a:b", "{", "}"}
	for _, id := range ids {
		s.put(t, "o", listed, id, id, never)
	}
	slices.Sort(ids)
	if diff := cmp.Diff(ids, s.ids(t, "o", "", "", 100)); diff != "" {
		t.Error(diff)
	}
}

func testScanPages(t *testing.T, s *subject) {
	const records = 700 // more than any engine reads at once
	want := make([]string, 0, records)
	err := s.Engine.Update(ctx(t), "p", func(tx store.Tx) error {
		want = want[:0]
		for i := range records {
			id := fmt.Sprintf("%04d", i)
			want = append(want, id)
			if err := tx.Put(listed, id, []byte("v"+id), never); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{1000, 300, 70} {
		var got []string
		for after := ""; ; after = got[len(got)-1] {
			page := s.ids(t, "p", "", after, size)
			got = append(got, page...)
			if len(page) < size {
				break
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("in pages of %d: %s", size, diff)
		}
	}
	for _, limit := range []int{0, -1} {
		if ids := s.ids(t, "p", "", "", limit); len(ids) != 0 {
			t.Errorf("limit %d returns %q", limit, ids)
		}
	}
}

func testScanBounds(t *testing.T, s *subject) {
	all := []string{"a", "ab", "aba", "abb", "ac", "b", "\xff", "\xffa", "\xff\xff"}
	for _, id := range all {
		s.put(t, "b", listed, id, id, never)
	}
	bounds := append([]string{"", "A", "aa", "abc", "z", "\xfe", "\xff\xff\xff"}, all...)
	for _, prefix := range bounds {
		for _, after := range bounds {
			for _, limit := range []int{1, 2, 20} {
				want := slices.DeleteFunc(slices.Clone(all), func(id string) bool {
					return !strings.HasPrefix(id, prefix) || id <= after
				})
				slices.Sort(want)
				want = want[:min(limit, len(want))]
				if diff := cmp.Diff(want, s.ids(t, "b", prefix, after, limit)); diff != "" {
					t.Fatalf("prefix %q after %q limit %d: %s", prefix, after, limit, diff)
				}
			}
		}
	}
}

func testScanExpired(t *testing.T, s *subject) {
	for i := range 20 {
		expires := never
		if i%2 == 0 {
			expires = s.clock.Now().Add(time.Minute)
		}
		s.put(t, "x", listed, fmt.Sprintf("%02d", i), "v", expires)
	}
	s.clock.Push(time.Minute)
	if diff := cmp.Diff([]string{"01", "03", "05"}, s.ids(t, "x", "", "", 3)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"13", "15", "17", "19"}, s.ids(t, "x", "1", "12", 100)); diff != "" {
		t.Error(diff)
	}
}

func testScanApart(t *testing.T, s *subject) {
	other := store.Kind{Name: "listed2", Listed: true}
	s.put(t, "a", listed, "1", "v", never)
	s.put(t, "a", other, "2", "v", never)
	s.put(t, "ab", listed, "3", "v", never)
	s.put(t, "a", plain, "4", "v", never)
	if diff := cmp.Diff([]string{"1"}, s.ids(t, "a", "", "", 9)); diff != "" {
		t.Error(diff)
	}
	s.delete(t, "a", listed, "1")
	if diff := cmp.Diff([]string{}, s.ids(t, "a", "", "", 9)); diff != "" {
		t.Error(diff)
	}
}
