package passhash_test

import (
	"bufio"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/passhash"
)

// vector is a hash that another program made of a password.
type vector struct{ encoded, password string }

// vectors reads testdata/vectors/<name>.txt: a hash, a blank, the password.
func vectors(t testing.TB, file string) (all []vector) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if encoded, password, ok := strings.Cut(lines.Text(), " "); ok && !strings.HasPrefix(encoded, "#") {
			all = append(all, vector{encoded, password})
		}
	}
	if len(all) == 0 {
		t.Fatalf("%s has no vectors", file)
	}
	return all
}

func vectorFiles(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/vectors/*.txt")
	if err != nil || len(files) < 15 {
		t.Fatalf("%d files of vectors, %v", len(files), err)
	}
	return files
}

func TestHashesThatOtherProgramsMadeAreVerified(t *testing.T) {
	h := passhash.New(passhash.Options{Params: cheap})
	seen := map[string]bool{}
	for _, file := range vectorFiles(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			for _, v := range vectors(t, file) {
				scheme, err := passhash.Scheme(v.encoded)
				if err != nil {
					t.Errorf("%s: %v", v.encoded, err)
					continue
				}
				seen[strings.Fields(scheme)[0]+" "+lastWord(scheme)] = true
				if got := verify(t, h, v.encoded, v.password); !got.OK || !got.Outdated {
					t.Errorf("%s is not %q: %+v", v.encoded, v.password, got)
				}
				for _, wrong := range []string{"y" + v.password, strings.ToUpper(v.password), ""} {
					if got := quickly(t, h, v.encoded, wrong); got.OK && wrong != v.password {
						t.Errorf("%s against %q: %+v", v.encoded, wrong, got)
					}
				}
			}
		})
	}
	for _, name := range passhash.Schemes() {
		covered := false
		for s := range seen {
			covered = covered || strings.HasPrefix(s, strings.Fields(name)[0]) && strings.HasSuffix(s, lastWord(name)) || name == "salted" && strings.HasPrefix(s, "salted")
		}
		if !covered {
			t.Errorf("scheme %s has no vectors", name)
		}
	}
}

// quickly does not wait for the level, as nobody waits for what is low.
func quickly(t testing.TB, h *passhash.Hasher, encoded, password string) passhash.Result {
	t.Helper()
	r, err := h.Verify(t.Context(), encoded, password, passhash.Place{Low: true})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func lastWord(s string) string {
	words := strings.Fields(s)
	return words[len(words)-1]
}

func TestForeignHashesAreComputedInTheProcessToo(t *testing.T) {
	o := outsource(t, "hasher")
	for _, file := range vectorFiles(t) {
		v := vectors(t, file)[0]
		if !quickly(t, o.Hasher, v.encoded, v.password).OK || quickly(t, o.Hasher, v.encoded, "fout").OK {
			t.Errorf("%s: wrong answer", file)
		}
	}
	if o.Level() <= 0 {
		t.Error("how long they took is not known here: the clock tells who was imported")
	}
	liar := outsource(t, "liar")
	if v := vectors(t, "testdata/vectors/md5-crypt.txt")[0]; !verify(t, liar.Hasher, v.encoded, "fout").OK {
		t.Error("it was computed here")
	}
}

// One imported hash must not burn the machine: what is beyond the bounds is not
// computed, and says what the bounds are.
func TestHashesThatCostTooMuchAreRefused(t *testing.T) {
	h := passhash.New(passhash.Options{Params: cheap})
	const bcryptTail = "CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
	key43, key86 := strings.Repeat("A", 43), strings.Repeat("A", 86)
	for encoded, want := range map[string]string{
		"$2y$15$" + bcryptTail:               "must be from 4 to 14",
		"$2y$31$" + bcryptTail:               "must be from 4 to 14",
		"$2y$03$" + bcryptTail:               "must be from 4 to 14",
		"$2y$99$" + bcryptTail:               "must be from 4 to 14",
		"$2x$05$" + bcryptTail:               "no scheme",
		"$2y$05$" + bcryptTail + "A":         "53 letters",
		"$2y$05$" + strings.Repeat("!", 53):  "53 letters",
		"bcrypt$$2b$20$" + bcryptTail:        "must be from 4 to 14",
		"bcrypt_sha256$$2b$20$" + bcryptTail: "must be from 4 to 14",
		"$wp$2y$20$" + bcryptTail:            "must be from 4 to 14",
		"$bcrypt-sha256$v=2,t=2b,r=31$" + bcryptTail[:22] + "$" + key43[:31]: "must be from 4 to 14",
		"$bcrypt-sha256$v=1,t=2b,r=5$" + bcryptTail[:22] + "$" + key43[:31]:  "is written",
		"$argon2i$v=19$m=999999999,t=1,p=1$c29tZXNhbHQ$" + key43:             "must be from 64 to 262144",
		"$argon2d$v=19$m=64,t=4000000000,p=1$c29tZXNhbHQ$" + key43:           "must be from 1 to 10",
		"argon2$argon2id$v=19$m=64,t=1,p=99$c29tZXNhbHQ$" + key43:            "must be from 1 to 8",
		"$argon2d$v=16$m=64,t=1,p=1$c29tZXNhbHQ$" + key43:                    "is written",
		"$scrypt$ln=31,r=8,p=1$c29tZXNhbHQ$" + key43:                         "must be from 1 to 17",
		"$scrypt$ln=17,r=32,p=1$c29tZXNhbHQ$" + key43:                        "N*r*p up to",
		"$scrypt$ln=10,r=99,p=1$c29tZXNhbHQ$" + key43:                        "r must be up to 32",
		"$scrypt$ln=10,r=8,p=99$c29tZXNhbHQ$" + key43:                        "p up to 16",
		"$scrypt$ln=10,r=0,p=1$c29tZXNhbHQ$" + key43:                         "r must be up to 32",
		"scrypt$1000000000$zout$8$1$" + key43 + "=":                          "Django writes",
		"scrypt$999999999$zout$8$1$" + key43 + "=":                           "power of two",
		"scrypt$1025$zout$8$1$" + key43 + "=":                                "power of two",
		"scrypt:1048576:8:1$zout$" + strings.Repeat("ab", 64):                "power of two",
		"$pbkdf2-sha256$999999999$c29tZXNhbHQ$" + key43:                      "must be from 1 to 2000000",
		"$pbkdf2-sha256$0$c29tZXNhbHQ$" + key43:                              "must be from 1 to 2000000",
		"$pbkdf2-sha256$-1$c29tZXNhbHQ$" + key43:                             "is written",
		"$pbkdf2$1500000$c29tZXNhbHQ$" + key43:                               "must be from 1 to 1000000",
		"$pbkdf2-sha256$1000$c29tZXNhbHQ$" + strings.Repeat("A", 200):        "keys of 16 to 64",
		"$pbkdf2-sha256$1000$c29tZXNhbHQ$AAAA":                               "keys of 16 to 64",
		"pbkdf2_sha256$99999999$zout$" + key43 + "=":                         "must be from 1 to",
		"pbkdf2_sha512$1000$zout$" + key43 + "=":                             "Django writes",
		"pbkdf2:sha256:99999999$zout$" + strings.Repeat("ab", 32):            "must be from 1 to",
		"pbkdf2:sha224:1000$zout$" + strings.Repeat("ab", 28):                "Werkzeug writes",
		"$5$rounds=999999999$zout$" + key43:                                  "must be from 1000 to 1000000",
		"$5$rounds=1$zout$" + key43:                                          "must be from 1000 to 1000000",
		"$5$rounds=4294967295$zout$" + key43:                                 "is written",
		"$6$zout$" + key43:                                                   "is written",
		"$5$zout$" + key86:                                                   "is written",
		"$6$" + strings.Repeat("z", 17) + "$" + key86:                        "is written",
		"$1$123456789$" + key43[:22]:                                         "is written",
		"$P$z12345678" + key43[:22]:                                          "must be from 2^7 to 2^20",
		"$P$.12345678" + key43[:22]:                                          "must be from 2^7 to 2^20",
		"$P$B12345678" + key43[:21]:                                          "31 letters",
		"md5$zout$abcd":                                                      "16 bytes",
		"$salted$md5$!$$":                                                    "is written",
		"$salted$md4$JXBhc3N3b3JkJQ$$AAAA":                                   "is written",
		"$salted$md5$JXBhc3N3b3JkJQ$$AAAA":                                   "wrong length",
		"$salted$md5$AAAA$$" + key43[:22]:                                    "once",
		"$salted$md5$JXBhc3N3b3JkJQ$AAAA$" + key43[:22]:                      "no %salt%",
		strings.Repeat("$2y$", 1000):                                         "at most 512",
	} {
		_, err := passhash.Scheme(encoded)
		if !errors.Is(err, passhash.ErrUnknownScheme) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v; want %q", encoded, err, want)
		} else if r := passhash.Reason(err); strings.Contains(r.String(), "unknown scheme") || strings.Contains(r.String(), key43) {
			t.Errorf("%.60s: reason %q", encoded, r)
		}
		got, err := h.Verify(t.Context(), encoded, "wachtwoord", passhash.Place{})
		if got.OK || !errors.Is(err, passhash.ErrUnknownScheme) {
			t.Errorf("%.60s at a login: %+v, %v", encoded, got, err)
		}
	}
}

// The dearest hash of each scheme that is let in is computed, and ends.
func TestTheDearestHashesEnd(t *testing.T) {
	h := passhash.New(passhash.Options{Params: cheap})
	for _, encoded := range []string{
		"$2y$14$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		"$6$rounds=1000000$zout$" + strings.Repeat("A", 86),
		"$pbkdf2-sha512$2000000$c29tZXNhbHQ$" + strings.Repeat("A", 86),
		"$scrypt$ln=17,r=16,p=1$c29tZXNhbHQ$" + strings.Repeat("A", 43),
		"$P$I12345678" + strings.Repeat("A", 22),
	} {
		if quickly(t, h, encoded, strings.Repeat("w", 256)).OK || quickly(t, h, encoded, strings.Repeat("w", passhash.MaxLength)).OK {
			t.Errorf("%.30s matches", encoded)
		}
	}
}

func TestSaltedDigestsAreWrittenInOneForm(t *testing.T) {
	h := passhash.New(passhash.Options{Params: cheap})
	const sum = "9a4e2ba5b5ef8ba1a9a5e7d4ddcd8f11" // no password of the test has it
	for _, c := range []struct{ algorithm, template, salt, digest, want string }{
		{"md5", "%salt%%password%", "zout", sum, ""},
		{"md5", "%salt%%password%", "zout", strings.ToUpper(sum), ""},
		{"md5", "%password%", "", "mk4rpbXvi6GppefU3c2PEQ==", ""},
		{"md4", "%password%", "", sum, "there is no digest"},
		{"md5", "%password%", "zout", sum, "no %salt%"},
		{"md5", "%salt%%password%", "", sum, "there is no salt"},
		{"md5", "%salt%", "zout", sum, "once"},
		{"md5", "%password%%password%", "", sum, "once"},
		{"md5", "%salt%%salt%%salt%%password%", "z", sum, "more than twice"},
		{"md5", strings.Repeat("x", 200) + "%password%", "", sum, "up to 100 bytes"},
		{"md5", "%salt%%password%", strings.Repeat("z", 65), sum, "up to 64"},
		{"sha1", "%password%", "", sum, "20 bytes"},
		{"md5", "%password%", "", "zz" + sum[2:], "16 bytes"},
	} {
		encoded, err := passhash.Salted(c.algorithm, c.template, c.salt, c.digest)
		if c.want != "" {
			if !errors.Is(err, passhash.ErrUnknownScheme) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%+v: %v", c, err)
			}
			continue
		}
		if name, err2 := passhash.Scheme(encoded); err != nil || err2 != nil || name != "salted md5" {
			t.Errorf("%+v: %q, %v, %v", c, encoded, err, err2)
		}
		if verify(t, h, encoded, "wachtwoord").OK {
			t.Errorf("%+v matches", c)
		}
	}
}

// Who was imported must not show on the clock: after one slow hash of another
// scheme every "no" lasts as long.
func TestEveryNoLastsAsLongAsTheSlowestScheme(t *testing.T) {
	h := passhash.New(passhash.Options{Params: cheap})
	slow := vector{encoded: "$pbkdf2-sha256$300000$c29tZXNhbHQ$" + strings.Repeat("A", 43)}
	ours := hash(t, h, "wachtwoord")
	begun := time.Now()
	verify(t, h, slow.encoded, "fout")
	if h.Level() <= 0 || h.Level() > time.Since(begun) {
		t.Fatalf("learned %s in %s", h.Level(), time.Since(begun))
	}
	for name, encoded := range map[string]string{"nobody": "", "ours": ours, "foreign": slow.encoded, "unreadable": "$9$"} {
		begun := time.Now()
		_, _ = h.Verify(t.Context(), encoded, "fout", passhash.Place{})
		// The level in force is that after the comparison, from which it has learned.
		if took := time.Since(begun); took < h.Level() {
			t.Errorf("%s: no after %s, others after %s", name, took, h.Level())
		}
	}
	if running, waiting, _ := h.Stats(); running != 0 || waiting != 0 {
		t.Errorf("%d running, %d waiting", running, waiting)
	}
}

func TestWithoutForeignHashesNobodyWaits(t *testing.T) {
	h := passhash.New(passhash.Options{Params: cheap})
	verify(t, h, "", "fout")
	verify(t, h, hash(t, h, "wachtwoord"), "fout")
	if h.Level() != 0 {
		t.Errorf("waits for %s", h.Level())
	}
}

func FuzzForeignHashesNeverPanicNorMatch(f *testing.F) {
	for _, file := range vectorFiles(f) {
		for _, v := range vectors(f, file)[:3] {
			f.Add(v.encoded)
		}
	}
	f.Fuzz(func(t *testing.T, encoded string) {
		name, err := passhash.Scheme(encoded)
		if err != nil {
			if !errors.Is(err, passhash.ErrUnknownScheme) {
				t.Errorf("%q: %v", encoded, err)
			}
			return
		}
		if name == "" {
			t.Errorf("%q has no scheme", encoded)
		}
	})
}

func FuzzTemplates(f *testing.F) {
	f.Add("md5", "%salt%%password%", "zout", "9a4e2ba5b5ef8ba1a9a5e7d4ddcd8f11")
	f.Fuzz(func(t *testing.T, algorithm, template, salt, digest string) {
		encoded, err := passhash.Salted(algorithm, template, salt, digest)
		if err != nil {
			return
		}
		if name, err := passhash.Scheme(encoded); err != nil || name != "salted "+algorithm {
			t.Errorf("%q: %q, %v", encoded, name, err)
		}
	})
}
