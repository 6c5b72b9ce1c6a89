package provider

// ClaimsOf reads claims, for the fuzzer.
func ClaimsOf(payload []byte) (issuer, subject string, audience []string, email, name string, err error) {
	c, err := parseClaims(payload)
	if err != nil {
		return "", "", nil, "", "", err
	}
	return c.Issuer, c.Subject, c.Audience, c.Email, c.Name, checkSubject(c.Subject)
}

// Matches tells whether an issuer is an accepted one.
var Matches = matches
