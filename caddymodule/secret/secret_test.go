package secret_test

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cliendo/gateway/caddymodule/secret"
)

const good = "q8Zr1vX0c7Lk2mNp9sTu4wYb6dEf3gHj"

func TestWeakSecretsAreRefusedWithTheFix(t *testing.T) {
	for _, weak := range []string{
		"", "short", strings.Repeat("ab", 40), "change-me-change-me-change-me-1234",
		"0123456789abcdef0123456789abcdef",
	} {
		_, err := secret.NewKeys([]byte(weak))
		if !errors.Is(err, secret.ErrWeak) || !strings.Contains(err.Error(), "openssl rand") {
			t.Errorf("NewKeys(%q): %v; want ErrWeak that names the fix", weak, err)
		}
		if weak != "" && strings.Contains(err.Error(), weak) {
			t.Errorf("the error gives the secret away: %v", err)
		}
	}
	if _, err := secret.NewKeys([]byte(good), []byte("old and short")); !errors.Is(err, secret.ErrWeak) {
		t.Errorf("a weak old secret was accepted: %v", err)
	}
}

func TestPurposesAndSecretsGiveIndependentKeys(t *testing.T) {
	k, err := secret.NewKeys([]byte(good), []byte("A"+good))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(k.Derive("one"), k.Derive("two")) {
		t.Error("two purposes share a key")
	}
	all := k.DeriveAll("one")
	if len(all) != 2 || !bytes.Equal(all[0], k.Derive("one")) || bytes.Equal(all[0], all[1]) {
		t.Errorf("DeriveAll: want the current key first and another for the old secret")
	}
}

func TestWhatIsMadeHasTheRightShapeAndIsNew(t *testing.T) {
	for name, c := range map[string]struct {
		make  func() string
		shape string
	}{
		"token":     {secret.Token, `^[A-Za-z0-9_-]{43}$`},
		"id":        {secret.ID, `^[a-z2-7]{16}$`},
		"password":  {secret.Password, `^[A-Za-z0-9]{14}$`},
		"reference": {secret.Reference, `^[A-Z0-9]{3}-[A-Z0-9]{3}$`},
	} {
		shape, seen := regexp.MustCompile(c.shape), map[string]bool{}
		for range 1000 {
			s := c.make()
			if !shape.MatchString(s) {
				t.Fatalf("%s %q does not match %s", name, s, c.shape)
			}
			if name == "password" && strings.ContainsAny(s, "iloBIOSZ012568") {
				t.Fatalf("password %q has look-alikes", s)
			}
			if seen[s] && name != "reference" {
				t.Fatalf("%s %q came twice", name, s)
			}
			seen[s] = true
		}
	}
}

func TestReferencesAreReadAsPeopleTypeThem(t *testing.T) {
	for in, want := range map[string]string{
		"K7Q-4MD": "K7Q-4MD", "k7q4md": "K7Q-4MD", " k7q 4md ": "K7Q-4MD", "K7-Q4M-D": "K7Q-4MD",
		"": "", "K7Q-4M": "", "K7Q-4MDD": "", "K7Q-4M0": "", "owner@demo.test": "",
	} {
		got, ok := secret.ParseReference(in)
		if got != want || ok != (want != "") {
			t.Errorf("ParseReference(%q) = %q, %v; want %q", in, got, ok, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		if got, ok := secret.ParseReference(rapid.String().Draw(t, "typed")); ok && len(got) != 7 {
			t.Fatalf("accepted %q", got)
		}
	})
}
