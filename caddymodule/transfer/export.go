package transfer

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/store"
)

// ExportOptions are those of Export. Directory and Format are needed.
type ExportOptions struct {
	Directory *directory.Directory
	Format    Format
	// Passwords writes the hashes along: whoever has the file can try passwords.
	Passwords bool
	// Staff writes the users of the built-in account staff along.
	Staff bool
	// Progress is told how many lines were written, now and then. Optional.
	Progress func(rows int)
}

// Exported says how much was written.
type Exported struct {
	Accounts int `json:"accounts"`
	Users    int `json:"users"`
}

// page is how many records are read at once.
const page = 500

// Export writes accounts and users as Import reads them, each account above its
// users. What only this gateway has (sessions, second steps, the audit log) is
// not there: that is what a backup is for.
func Export(ctx context.Context, w io.Writer, o ExportOptions) (Exported, error) {
	b := bufio.NewWriterSize(w, 64<<10)
	e := &exporter{ExportOptions: o}
	switch o.Format {
	case CSV:
		e.write = csvWriter(b)
	case JSONL:
		e.write = jsonWriter(b)
	default:
		return e.done, badFile("there is no format {format}", "take csv or jsonl", "format", fmt.Sprintf("%.20q", string(o.Format)))
	}
	err := e.accounts(ctx)
	if err == nil {
		err = b.Flush()
	}
	if err != nil {
		return e.done, fmt.Errorf("exporting: %w", err)
	}
	return e.done, nil
}

type exporter struct {
	ExportOptions
	done  Exported
	write func(map[string]string) error
}

func (e *exporter) accounts(ctx context.Context) error {
	for after := ""; ; {
		accounts, err := e.Directory.Accounts(ctx, after, page)
		if err != nil {
			return err
		}
		for _, a := range accounts {
			after = a.ID
			if err := e.account(ctx, a); err != nil {
				return err
			}
		}
		if len(accounts) < page {
			return nil
		}
	}
}

func (e *exporter) account(ctx context.Context, a *store.Account) error {
	if a.ID == directory.StaffAccount {
		if !e.Staff {
			return nil
		}
		return e.users(ctx, a.ID)
	}
	e.done.Accounts++
	if err := e.line(accountLine(a)); err != nil {
		return err
	}
	return e.users(ctx, a.ID)
}

func (e *exporter) users(ctx context.Context, account string) error {
	for after := ""; ; {
		users, err := e.Directory.Users(ctx, account, after, page)
		if err != nil {
			return err
		}
		for _, u := range users {
			after = u.ID
			e.done.Users++
			if err := e.line(e.userLine(u)); err != nil {
				return err
			}
		}
		if len(users) < page {
			return nil
		}
	}
}

func (e *exporter) line(values map[string]string) error {
	if rows := e.done.Accounts + e.done.Users; e.Progress != nil && rows%page == 0 {
		e.Progress(rows)
	}
	return e.write(values)
}

func accountLine(a *store.Account) map[string]string {
	v := map[string]string{
		colRecord: recordAccount, colAccount: a.ID, colName: a.Name, colState: a.State, colReason: a.Reason,
		colTrial: a.TrialUntil, colFrom: a.BlocksFrom, colPay: a.PayURL,
	}
	if a.State == directory.Arrears {
		v[colUnpaid] = strconv.Itoa(a.UnpaidInvoices)
	}
	return v
}

func (e *exporter) userLine(u *store.User) map[string]string {
	v := map[string]string{
		colRecord: recordUser, colAccount: u.Account, colID: u.ID, colEmail: u.Email, colName: u.Name, colType: u.Type,
		colLocale: u.Locale,
	}
	setIn(v, colEmail, u.Display)
	if b := u.Block; b != nil {
		v[colBlocked], v[colBlockWhy], v[colBlockBy] = "yes", b.Why, b.By
		v[colBlockAt], v[colBlockEnd] = moment(b.At), moment(b.Until)
	}
	if e.Passwords && u.Password != "" {
		v[colHash], v[colChanged] = u.Password, moment(u.PasswordChanged)
		if !u.PasswordChosen {
			v[colGenerated] = "yes"
		}
	}
	return v
}

func setIn(v map[string]string, name, value string) {
	if value != "" {
		v[name] = value
	}
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// csvWriter begins with a byte order mark: without it Excel takes UTF-8 for
// something else.
func csvWriter(w io.Writer) func(map[string]string) error {
	out := csv.NewWriter(w)
	cells := make([]string, len(columns))
	begun := false
	return func(values map[string]string) error {
		if !begun {
			begun = true
			if _, err := io.WriteString(w, "\ufeff"); err != nil {
				return err
			}
			if err := out.Write(columnNames()); err != nil {
				return err
			}
		}
		for i, c := range columns {
			cells[i] = guarded(values[c.Name])
		}
		if err := out.Write(cells); err != nil {
			return err
		}
		out.Flush()
		return out.Error()
	}
}

func jsonWriter(w io.Writer) func(map[string]string) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	return func(values map[string]string) error {
		for name, v := range values {
			if v == "" {
				delete(values, name)
			}
		}
		return out.Encode(values)
	}
}
