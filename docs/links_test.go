package docs_test

import (
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#{1,6} (.+)$`)
)

func TestEveryRelativeLinkLeadsSomewhere(t *testing.T) {
	for _, file := range markdown(t) {
		for _, m := range link.FindAllStringSubmatch(prose(read(t, file)), -1) {
			target, err := url.Parse(m[1])
			if err != nil {
				t.Errorf("%s: %q is no address: %v", file, m[1], err)
				continue
			}
			if target.Scheme == "" {
				checkLink(t, file, target)
			}
		}
	}
}

func checkLink(t *testing.T, file string, target *url.URL) {
	t.Helper()
	to := file
	if target.Path != "" {
		to = path.Join(path.Dir(file), target.Path)
	}
	if _, err := os.Stat(filepath.Join(root, to)); err != nil {
		t.Errorf("%s: %s leads nowhere", file, target)
		return
	}
	if target.Fragment != "" && !anchors(read(t, to))[target.Fragment] {
		t.Errorf("%s: there is no heading %s in %s", file, target.Fragment, to)
	}
}

// anchors are the names that headings get on the usual forges.
func anchors(text string) map[string]bool {
	all := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(prose(text), -1) {
		all[strings.Map(func(r rune) rune {
			switch {
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return unicode.ToLower(r)
			case r == ' ':
				return '-'
			}
			return -1
		}, m[1])] = true
	}
	return all
}

func TestThePictureOfTheLoginPageIsAPicture(t *testing.T) {
	if body := read(t, "docs/login.png"); !strings.HasPrefix(body, "\x89PNG\r\n") || len(body) > 256<<10 {
		t.Errorf("docs/login.png is no PNG of at most 256 KiB (%d bytes)", len(body))
	}
}

// Documentation is for people elsewhere: nothing in it says where it was written.
func TestNoFileSaysWhereItWasWritten(t *testing.T) {
	here, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	secrets := []string{here + "/", "file://"}
	if home, err := os.UserHomeDir(); err == nil && strings.Count(home, "/") > 1 {
		secrets = append(secrets, home)
	}
	unfinished := regexp.MustCompile(`\b(TODO|FIXME|TBD|XXX)\b|(?i)lorem ipsum`)
	for _, file := range markdown(t) {
		text := read(t, file)
		for _, s := range secrets {
			if strings.Contains(text, s) {
				t.Errorf("%s: %q is of no use to anybody else", file, s)
			}
		}
		if m := unfinished.FindString(text); m != "" {
			t.Errorf("%s: %s", file, m)
		}
	}
}
