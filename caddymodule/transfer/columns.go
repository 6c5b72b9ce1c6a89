package transfer

import (
	"fmt"
	"strings"

	"github.com/cliendo/gateway/caddymodule/nearword"
	"github.com/cliendo/gateway/caddymodule/phrase"
)

// The columns, by the name they have in a file.
const (
	colRecord    = "record"
	colAccount   = "account"
	colName      = "name"
	colID        = "id"
	colEmail     = "email"
	colType      = "type"
	colLocale    = "locale"
	colBlocked   = "blocked"
	colBlockWhy  = "block_reason"
	colBlockBy   = "block_by"
	colBlockAt   = "block_at"
	colBlockEnd  = "block_until"
	colHash      = "password_hash"
	colScheme    = "password_scheme"
	colSalt      = "password_salt"
	colTemplate  = "password_template"
	colGenerated = "password_generated"
	colChanged   = "password_changed"
	colState     = "state"
	colReason    = "reason"
	colTrial     = "trial_until"
	colUnpaid    = "unpaid_invoices"
	colFrom      = "blocks_from"
	colPay       = "pay_url"
)

// The values of the column record.
const (
	recordAccount = "account"
	recordUser    = "user"
)

// Column is a column of a file, or a field of a JSON object.
type Column struct {
	Name string
	// Of says in which lines it may be: account, user, or both when empty.
	Of string
	// Meaning says what is in it.
	Meaning string
}

var columns = []Column{
	{colRecord, "", "account or user; where it is left out, a line with an e-mail address is a user, any other an account"},
	{colAccount, "", "id of the account: lower-case letters, digits and dashes"},
	{colName, "", "name of the account or person, up to 200 characters"},
	{colID, recordUser, "id of the user, which the app sees; made where it is left out"},
	{colEmail, recordUser, "e-mail address"},
	{colType, recordUser, "superadmin, admin, teammate, client, or a type of the config"},
	{colLocale, recordUser, "language of pages and mails, nl or en"},
	{colBlocked, recordUser, "yes or no"},
	{colBlockWhy, recordUser, "why they are blocked"},
	{colBlockBy, recordUser, "who blocked them; the importer where it is left out"},
	{colBlockAt, recordUser, "since when (2026-12-31T12:00:00Z); now where it is left out"},
	{colBlockEnd, recordUser, "until when; for good where it is left out"},
	{colHash, recordUser, "password hash of the app they come from"},
	{colScheme, recordUser, "its scheme; needed for md5, sha1, sha256 and sha512, else it is told by the hash"},
	{colSalt, recordUser, "salt of a salted digest"},
	{colTemplate, recordUser, "what a salted digest was made of, like %salt%%password%"},
	{colGenerated, recordUser, "yes where this gateway generated the password; people chose the others"},
	{colChanged, recordUser, "when the password was set (2026-12-31T12:00:00Z)"},
	{colState, recordAccount, "trial, active, arrears, cancelled or suspended; active where it is left out"},
	{colReason, recordAccount, "why it is in that state"},
	{colTrial, recordAccount, "last day of a trial (2026-12-31)"},
	{colUnpaid, recordAccount, "unpaid invoices of an account in arrears; as many as block where it is left out"},
	{colFrom, recordAccount, "day from which arrears block (2026-12-31); at once where it is left out"},
	{colPay, recordAccount, "where the superadmin pays or subscribes"},
}

// Columns lists what a file may hold, for documentation and help.
func Columns() []Column { return columns }

func columnNames() []string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	return names
}

func columnNamed(name string) (Column, bool) {
	for _, c := range columns {
		if c.Name == name {
			return c, true
		}
	}
	return Column{}, false
}

// header reads the name of a column as people write it.
func header(text string) string {
	return strings.NewReplacer(" ", "_", "-", "_").Replace(strings.ToLower(strings.TrimSpace(text)))
}

// What is said of an unknown column. Nothing is left out silently: a mistyped column
// would lose everybody's passwords.
const (
	noColumn = "there is no column {column}"
	nearest  = "{hint}"
)

func quoted(text string) string { return fmt.Sprintf("%.40q", text) }

// near names the word that was probably meant, or all there are.
func near(typed string, words []string) phrase.Phrase {
	if word := nearword.Nearest(typed, words); word != "" {
		return phrase.Of("did you mean {word}?", "word", word)
	}
	return phrase.Of("there are {words}", "words", strings.Join(words, ", "))
}

// row is one line of a file.
type row struct {
	line   int
	values map[string]string // only what is not empty
}

func (r row) get(name string) string { return r.values[name] }

func (r row) record() string {
	if v := r.values[colRecord]; v != "" {
		return strings.ToLower(v)
	}
	if r.values[colEmail] != "" {
		return recordUser
	}
	return recordAccount
}

// label says which line it is about, as far as that is known.
func (r row) label() string {
	if r.record() == recordUser {
		return fmt.Sprintf("user %.70s", r.values[colEmail])
	}
	return fmt.Sprintf("account %.70s", r.values[colAccount])
}
