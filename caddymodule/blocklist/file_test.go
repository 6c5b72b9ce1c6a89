package blocklist_test

import (
	"crypto/sha1"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/blocklist"
)

func hashOf(password string) string { return fmt.Sprintf("%X", sha1.Sum([]byte(password))) }

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

var leaked = []string{"leaked one", "Zomer!2024", "wachtwoord zonder eind", "päßword", "lower"}

func manyHashes(with ...string) []string {
	var all []string
	for i := range 5000 {
		all = append(all, hashOf(fmt.Sprint("filler ", i)))
	}
	for _, p := range with {
		all = append(all, hashOf(p))
	}
	slices.Sort(all)
	return all
}

// All shapes of a list know the same passwords and no others.
func TestListsOfOperators(t *testing.T) {
	dir := t.TempDir()
	shapes := map[string]string{}
	for name, file := range map[string]func(prefix string) string{
		"ranges": func(p string) string { return p }, "ranges with .txt": func(p string) string { return p + ".txt" },
		"small letters": strings.ToLower,
	} {
		folder := filepath.Join(dir, name)
		for _, p := range leaked {
			h := hashOf(p)
			write(t, filepath.Join(folder, file(h[:5])), "0000000000000000000000000000000000A:3\r\n"+h[5:]+":17\r\nFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF:0\r\n")
		}
		shapes[name] = folder
	}
	for name, end := range map[string]string{"sorted": "\n", "sorted with counts": ":12\n", "sorted with CRLF": ":7\r\n"} {
		shapes[name] = write(t, filepath.Join(dir, name), strings.Join(manyHashes(leaked...), end)+end)
	}
	shapes["sorted without an end"] = write(t, filepath.Join(dir, "cut"), strings.Join(manyHashes(leaked...), "\n"))
	shapes["sorted in small letters"] = write(t, filepath.Join(dir, "small"), strings.ToLower(strings.Join(manyHashes(leaked...), "\n")))
	shapes["text"] = write(t, filepath.Join(dir, "text"), strings.Join(leaked, "\r\n")+"\n\n")
	for name, path := range shapes {
		t.Run(name, func(t *testing.T) {
			f, err := blocklist.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			for password, want := range map[string]bool{
				"leaked one": true, "Zomer!2024": true, "wachtwoord zonder eind": true, "päßword": true, "LOWER": true,
				"leaked one ": false, "leaked": false, "": false, "zomer!2025": false,
			} {
				if got, err := f.Has(password); err != nil || got != want {
					t.Errorf("%q: %v, %v", password, got, err)
				}
			}
		})
	}
}

// Every line of a sorted file is found, the first and the last included.
func TestEveryLineOfASortedFile(t *testing.T) {
	for _, n := range []int{1, 2, 3, 100} {
		var passwords, all []string
		for i := range n {
			passwords = append(passwords, fmt.Sprint("password ", i))
			all = append(all, hashOf(passwords[i])+fmt.Sprintf(":%d", i*i*i))
		}
		slices.Sort(all)
		f, err := blocklist.Open(write(t, filepath.Join(t.TempDir(), "list"), strings.Join(all, "\n")))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range passwords {
			if found, err := f.Has(p); err != nil || !found {
				t.Errorf("of %d: %q is not found, %v", n, p, err)
			}
		}
		if found, err := f.Has("another"); err != nil || found {
			t.Errorf("of %d: another is found, %v", n, err)
		}
	}
}

func TestPaddingOfARangeIsNoHit(t *testing.T) {
	dir := t.TempDir()
	h := hashOf("padded")
	write(t, filepath.Join(dir, h[:5]), h[5:]+":0\n")
	f, err := blocklist.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if found, err := f.Has("padded"); err != nil || found {
		t.Errorf("%v, %v", found, err)
	}
}

func TestListsThatAreNone(t *testing.T) {
	dir := t.TempDir()
	shuffled := manyHashes()
	slices.Reverse(shuffled)
	for path, says := range map[string]string{
		filepath.Join(dir, "nowhere"):                                           "no such file",
		filepath.Dir(write(t, filepath.Join(dir, "folder", "readme.md"), "hi")): "range files",
		write(t, filepath.Join(dir, "empty"), ""):                               "empty",
		write(t, filepath.Join(dir, "shuffled"), strings.Join(shuffled, "\n")):  "ascending order",
	} {
		if _, err := blocklist.Open(path); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", path, err)
		}
	}
	// A list that goes away is an error, and never "not on it".
	gone := write(t, filepath.Join(dir, "gone"), strings.Join(manyHashes(), "\n"))
	f, err := blocklist.Open(gone)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(gone); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Has("x"); err == nil {
		t.Error("a list that is gone says no")
	}
}
