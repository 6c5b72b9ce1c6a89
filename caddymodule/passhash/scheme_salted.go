package passhash

import (
	"crypto/md5"  //nolint:gosec // to read what other products wrote
	"crypto/sha1" //nolint:gosec // likewise
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"regexp"
	"strings"
	"time"
)

// A plain digest of password and salt has no form that products agree on. Ours is
//
//	$salted$md5$<template>$<salt>$<digest>
//
// with md5, sha1, sha256 or sha512, and the rest in base64 for addresses without
// padding. The template says what was hashed: %password% once, %salt% at most
// twice, and any other text as it is.
const (
	saltedPrefix = "$salted$"
	maxTemplate  = 100
)

var digests = map[string]func() hash.Hash{"md5": md5.New, "sha1": sha1.New, "sha256": sha256.New, "sha512": sha512.New}

var (
	saltedForm = regexp.MustCompile(`^\$salted\$(md5|sha1|sha256|sha512)\$([-_A-Za-z0-9]+)\$([-_A-Za-z0-9]*)\$([-_A-Za-z0-9]+)$`)
	saltedText = base64.RawURLEncoding.Strict()
)

// Salted returns the stored form of a digest that was made of a template, such
// as %salt%:%password%. The digest is in hex or base64.
func Salted(algorithm, template, salt, digest string) (encoded string, err error) {
	newHash, ok := digests[algorithm]
	if !ok {
		return "", unknown("there is no digest {given}; there are md5, sha1, sha256 and sha512", "given", fmt.Sprintf("%.20s", quoted(algorithm)))
	}
	raw, err := digestBytes(digest, newHash().Size())
	if err != nil {
		return "", err
	}
	if err := checkTemplate(template, salt); err != nil {
		return "", err
	}
	b64 := saltedText.EncodeToString
	return saltedPrefix + algorithm + "$" + b64([]byte(template)) + "$" + b64([]byte(salt)) + "$" + b64(raw), nil
}

// digestBytes reads a digest in hex, of either case, or in base64.
func digestBytes(text string, size int) ([]byte, error) {
	for _, decode := range []func(string) ([]byte, error){
		hex.DecodeString, base64.StdEncoding.DecodeString, base64.RawStdEncoding.DecodeString,
	} {
		if raw, err := decode(text); err == nil && len(raw) == size {
			return raw, nil
		}
	}
	return nil, unknown("the digest is not {given} bytes in hex or base64", "given", size)
}

func checkTemplate(template, salt string) error {
	salts := strings.Count(template, "%salt%")
	switch {
	case len(template) > maxTemplate || len(salt) > maxSalt:
		return unknown("a template has up to {most} bytes, a salt up to {salt}", "most", maxTemplate, "salt", maxSalt)
	case strings.Count(template, "%password%") != 1:
		return unknown("the template must hold %password% once, like %salt%%password%")
	case salts > 2:
		return unknown("the template holds %salt% more than twice")
	case salts == 0 && salt != "":
		return unknown("there is a salt, and the template has no %salt%")
	case salts > 0 && salt == "":
		return unknown("the template has %salt%, and there is no salt")
	}
	return nil
}

func readSalted(encoded string) (stored, error) {
	m := saltedForm.FindStringSubmatch(encoded)
	if m == nil {
		return stored{}, unknown("a salted digest is written $salted$md5$template$salt$digest")
	}
	newHash := digests[m[1]]
	template, err1 := saltedText.DecodeString(m[2])
	salt, err2 := saltedText.DecodeString(m[3])
	want, err3 := saltedText.DecodeString(m[4])
	if err1 != nil || err2 != nil || err3 != nil || len(want) != newHash().Size() {
		return stored{}, unknown("a salted digest with a part that is no base64, or of the wrong length")
	}
	if err := checkTemplate(string(template), string(salt)); err != nil {
		return stored{}, err
	}
	return stored{scheme: "salted " + m[1], work: time.Microsecond, match: func(password string) bool {
		h := newHash()
		_, _ = fmt.Fprint(h, fill(string(template), string(salt), password)) // never fails
		return subtle.ConstantTimeCompare(h.Sum(nil), want) == 1
	}}, nil
}

// fill puts salt and password into the template, each in one pass: a password
// that reads %salt% is a password.
func fill(template, salt, password string) string {
	return strings.NewReplacer("%salt%", salt, "%password%", password).Replace(template)
}
