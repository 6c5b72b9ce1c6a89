package transfer

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/passhash"
	"github.com/cliendo/gateway/caddymodule/store"
)

// text returns a value without blanks around it.
func (r row) text(name string) string { return strings.TrimSpace(r.values[name]) }

func (r row) bad(field, problem, fix string, values ...any) error {
	return badRow(r.line, field, problem, fix, values...)
}

// check refuses what no line of its kind has.
func (r row) check() error {
	record := r.record()
	if record != recordAccount && record != recordUser {
		return r.bad(colRecord, "there is no such record", "write account or user")
	}
	for name := range r.values {
		if c, _ := columnNamed(name); c.Of != "" && c.Of != record {
			return r.bad(name, "a line about {record}s has no such column", "leave it empty there", "record", record)
		}
	}
	if r.text(colAccount) == "" {
		return r.bad(colAccount, "it is missing", "every line names its account")
	}
	return nil
}

// fillAccount puts what the line says into a.
func (r row) fillAccount(a *store.Account, rules directory.Rules) error {
	if a.Name == "" {
		a.Name = r.text(colAccount)
	}
	if a.State == "" {
		a.State = directory.Active
	}
	set(&a.Name, r.text(colName))
	if state := strings.ToLower(r.text(colState)); state != "" && state != a.State {
		a.State, a.Reason = state, ""
	}
	set(&a.Reason, r.text(colReason))
	set(&a.PayURL, r.text(colPay))
	if err := r.fillTrial(a); err != nil {
		return err
	}
	return r.fillArrears(a, rules)
}

func set(field *string, value string) {
	if value != "" {
		*field = value
	}
}

func (r row) fillTrial(a *store.Account) error {
	day := r.text(colTrial)
	switch {
	case a.State != directory.Trial && day != "":
		return r.bad(colTrial, "only a trial has a last day", "leave it empty, or write trial as state")
	case a.State != directory.Trial:
		a.TrialUntil = ""
	case day == "" && a.TrialUntil == "":
		return r.bad(colTrial, "a trial needs its last day", "write it as 2026-12-31")
	}
	set(&a.TrialUntil, day)
	return nil
}

func (r row) fillArrears(a *store.Account, rules directory.Rules) error {
	number, day := r.text(colUnpaid), r.text(colFrom)
	if a.State != directory.Arrears {
		a.UnpaidInvoices, a.BlocksFrom = 0, ""
		if day != "" || number != "" && number != "0" {
			return r.bad(colUnpaid, "only an account in arrears has unpaid invoices", "leave it empty, or write arrears as state")
		}
		return nil
	}
	if number != "" {
		n, err := strconv.Atoi(number)
		if err != nil || n < 0 || n > 1_000_000 {
			return r.bad(colUnpaid, "it is not a number", "write it as 2")
		}
		a.UnpaidInvoices = n
	} else if a.UnpaidInvoices == 0 {
		a.UnpaidInvoices = rules.ArrearsBlocksAt
	}
	set(&a.BlocksFrom, day)
	return nil
}

// newUser makes a user of a line.
func (r row) newUser(by string, now time.Time) (*store.User, error) {
	u := &store.User{
		ID: r.text(colID), Account: r.text(colAccount), Email: r.text(colEmail), Name: r.text(colName),
		Type: strings.ToLower(r.text(colType)),
	}
	if u.Email == "" {
		return nil, r.bad(colEmail, "it is missing", "every user has an e-mail address")
	}
	if u.Type == "" {
		return nil, r.bad(colType, "it is missing", "write teammate, admin, ...")
	}
	if err := r.fillUser(u, by, now); err != nil {
		return nil, err
	}
	return u, r.fillPassword(u)
}

// fillUser puts what the line says into u, but for address and password.
func (r row) fillUser(u *store.User, by string, now time.Time) error {
	set(&u.Name, r.text(colName))
	set(&u.Type, strings.ToLower(r.text(colType)))
	set(&u.Locale, r.text(colLocale))
	if r.text(colBlocked) == "" {
		for _, c := range []string{colBlockWhy, colBlockBy, colBlockAt, colBlockEnd} {
			if r.text(c) != "" {
				return r.bad(colBlocked, "it is missing", "write yes where there is a {column}", "column", c)
			}
		}
		return nil
	}
	blocked, err := r.yes(colBlocked)
	if err != nil {
		return err
	}
	if !blocked {
		u.Block = nil
		return nil
	}
	return r.fillBlock(u, by, now)
}

// fillBlock keeps what is there where the line does not say otherwise, so that
// a second run changes nothing.
func (r row) fillBlock(u *store.User, by string, now time.Time) error {
	b := store.Block{By: by, At: now.UTC()}
	if u.Block != nil {
		b = *u.Block
	}
	set(&b.By, r.text(colBlockBy))
	b.Why = r.text(colBlockWhy)
	at, err := r.moment(colBlockAt)
	if err != nil {
		return err
	}
	if !at.IsZero() {
		b.At = at
	}
	if b.Until, err = r.moment(colBlockEnd); err != nil {
		return err
	}
	u.Block = &b
	return nil
}

func (r row) yes(name string) (bool, error) {
	switch strings.ToLower(r.text(name)) {
	case "yes", "true", "1", "ja", "y", "j":
		return true, nil
	case "", "no", "false", "0", "nee", "n":
		return false, nil
	}
	return false, r.bad(name, "it is neither yes nor no", "write yes or no")
}

func (r row) moment(name string) (time.Time, error) {
	text := r.text(name)
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, r.bad(name, "it is not a time", "write it as 2026-12-31T12:00:00Z")
	}
	return t.UTC(), nil
}

// fillPassword judges the hash now: at a login it would be too late to mend.
func (r row) fillPassword(u *store.User) error {
	hash := r.text(colHash)
	if hash == "" {
		for _, c := range []string{colScheme, colSalt, colTemplate, colGenerated, colChanged} {
			if r.get(c) != "" {
				return r.bad(colHash, "it is missing", "leave {column} empty as well where there is no password", "column", c)
			}
		}
		return nil
	}
	encoded, err := r.encoded(hash)
	if err != nil {
		return err
	}
	generated, err := r.yes(colGenerated)
	if err != nil {
		return err
	}
	u.Password, u.PasswordChosen = encoded, !generated
	u.PasswordChanged, err = r.moment(colChanged)
	return err
}

// encoded returns the hash as it is stored.
func (r row) encoded(hash string) (string, error) {
	scheme := strings.Trim(strings.ToLower(r.text(colScheme)), "{}")
	salt, template := r.get(colSalt), r.get(colTemplate)
	switch scheme {
	case "md5", "sha1", "sha256", "sha512":
		if template == "" && salt == "" {
			template = "%password%"
		}
		encoded, err := passhash.Salted(scheme, template, salt, hash)
		return encoded, r.badHash(colTemplate, err)
	}
	if salt != "" || template != "" {
		return "", r.bad(colScheme, "a salt or template is for salted digests", "write md5, sha1, sha256 or sha512 as scheme, or leave salt and template empty")
	}
	found, err := passhash.Scheme(hash)
	if err != nil {
		return "", r.badHash(colHash, err)
	}
	if scheme != "" && !fits(scheme, found) {
		return "", r.badScheme(scheme, found)
	}
	return hash, nil
}

func (r row) badHash(field string, err error) error {
	if err == nil {
		return nil
	}
	if !errors.Is(err, passhash.ErrUnknownScheme) {
		return err
	}
	return r.bad(field, "{reason}", "leave the hash out; they get a new password by mail", "reason", passhash.Reason(err))
}

func (r row) badScheme(scheme, found string) error {
	for _, s := range passhash.Schemes() {
		if fits(scheme, s) {
			return r.bad(colScheme, "the hash is one of {scheme}", "write that, or leave the scheme empty", "scheme", found)
		}
	}
	hint := near(scheme, append(passhash.Schemes(), "md5", "sha1", "sha256", "sha512"))
	return r.bad(colScheme, "there is no scheme {scheme}", nearest, "scheme", quoted(scheme), "hint", hint)
}

// fits says whether a name people write is that of a scheme.
func fits(written, scheme string) bool {
	plain := strings.NewReplacer("_", "", "-", "", " ", "")
	w, s := plain.Replace(written), plain.Replace(scheme)
	return strings.HasPrefix(s, w) || strings.HasSuffix(s, w) || strings.HasPrefix(w, s)
}
