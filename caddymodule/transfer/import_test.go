package transfer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/passhash"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/transfer"
)

const bcryptHash = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW" // U*U

const small = `record,account,id,email,name,type,locale,blocked,block_reason,password_hash,password_scheme,password_salt,password_template,state,trial_until
account,zuid,,,Praktijk Zuid,,,,,,,,,active,
account,noord,,,Praktijk Noord,,,,,,,,,trial,2026-03-01
user,zuid,u1,Jan@Zuid.nl,Jan,superadmin,nl,,,` + bcryptHash + `,bcrypt,,,,
user,zuid,,piet@zuid.nl,Piet,teammate,,yes,uit dienst,9a0364b9e99bb480dd25e1f0284c8555,md5,zout,%salt%%password%,,
user,zuid,,els@zuid.nl,Els,client,,,,,,,,,
user,noord,,kees@noord.nl,Kees,superadmin,,,,,,,,,
`

func TestAnImportWritesAccountsAndUsers(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		s := h.imports(t, transfer.CSV, small)
		if got := counts(s); got != "6 rows: accounts 2+0=0 users 4+0=0 failed 0 can 2" {
			t.Fatalf("%s\n%s", got, problems(s))
		}
		if s.Refused[cause.UserBlocked] != 1 || s.Refused[cause.AccountTrialEnded] != 1 || s.NoPassword != 1 {
			t.Errorf("%+v", s)
		}
		u, err := h.FindByEmail(t.Context(), "jan@zuid.nl")
		if err != nil || u.ID != "u1" || u.Display != "Jan@Zuid.nl" || u.Password != bcryptHash || !u.PasswordChosen || u.Locale != "nl" {
			t.Errorf("%+v, %v", u, err)
		}
		piet, err := h.FindByEmail(t.Context(), "piet@zuid.nl")
		if err != nil || piet.Block == nil || piet.Block.Why != "uit dienst" || piet.Block.By != "import" || !piet.Block.At.Equal(base) {
			t.Errorf("%+v, %v", piet, err)
		}
		if name, err := passhash.Scheme(piet.Password); name != "salted md5" || err != nil {
			t.Errorf("%s: %v", name, err)
		}
	})
}

func TestASecondRunChangesNothing(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.imports(t, transfer.CSV, small)
		before := h.people(t)
		s := h.imports(t, transfer.CSV, small)
		if got := counts(s); got != "6 rows: accounts 0+0=2 users 0+0=4 failed 0 can 2" || h.people(t) != before {
			t.Errorf("%s\n%s", got, problems(s))
		}
	})
}

func TestARehearsalWritesNothingAndSaysTheSame(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		text := small + "user,zuid,,JAN@zuid.NL,Jan,client,,,,,,,,,\nuser,weg,,x@weg.nl,X,client,,,,,,,,,\nuser,zuid,,geen,X,client,,,,,,,,,\n"
		dry := h.imports(t, transfer.CSV, text, rehearsal)
		if h.people(t) != "" {
			t.Error("something was written")
		}
		real := h.imports(t, transfer.CSV, text)
		if counts(dry) != counts(real) || problems(dry) != problems(real) || dry.NoPassword != real.NoPassword {
			t.Errorf("rehearsal %s\n%s\nrun %s\n%s", counts(dry), problems(dry), counts(real), problems(real))
		}
		again := h.imports(t, transfer.CSV, text, rehearsal)
		if got := counts(again); got != "9 rows: accounts 0+0=2 users 0+0=4 failed 3 can 2" {
			t.Error(got)
		}
	})
}

// Each line tells what is wrong with it and what to do, and the good ones are
// taken.
func TestLinesThatAreNotTaken(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.imports(t, transfer.JSONL, `{"account":"oud","name":"Oud"}
{"account":"oud","id":"bekend","email":"bekend@oud.nl","name":"Bekend","type":"admin"}`)
		const user = `{"account":"zuid","name":"N","type":"client",`
		lines := []struct{ line, want string }{
			{`{"record":"account","account":"zuid","name":"Zuid"}`, ""},
			{`{"account":"zuid","email":"goed@zuid.nl","name":"Goed","type":"client"}`, ""},
			{`{"account":"zuid","email":"GOED@zuid.nl","name":"Goed","type":"client"}`, "line 2 has this address, written differently; an address belongs"},
			{`{"account":"zuid","email":"goed@zuid.nl","name":"Goed","type":"client"}`, "line 2 has this address as well"},
			{`{"account":"oud","email":"goed@zuid.nl","name":"Goed","type":"client"}`, "line 2 has this address in another account"},
			{user + `"email":"Bekend@Oud.NL"}`, "it belongs to a user of account oud"},
			{user + `"email":"b@zuid.nl","id":"bekend"}`, "id: it belongs to a user of account oud"},
			{user + `"email":"niet goed"}`, "email: it holds a blank"},
			{user + `"email":"x@localhost"}`, "email: the domain has no dot; write it in full"},
			{user + `"email":"x@bücher.example"}`, ""},
			{user + `"email":"x@xn--bcher-kva.example"}`, "line 10 has this address, written differently"},
			{`{"account":"zuid","name":"N","type":"boss","email":"c@zuid.nl"}`, "type: there is no such type here; take one of admin, client, superadmin, teammate"},
			{`{"account":"zuid","name":"N","type":"support","email":"c2@zuid.nl"}`, "type: there is no such type here"},
			{`{"account":"staff","name":"N","type":"support","email":"c3@zuid.nl"}`, "add them with support add"},
			{`{"account":"zuid","name":"N","email":"c4@zuid.nl"}`, "type: it is missing"},
			{`{"account":"nergens","name":"N","type":"client","email":"d@zuid.nl"}`, "there is no such account; add a line for it above its users"},
			{`{"record":"account","account":"x","state":"weg"}`, "state: there is no such state here; take one of trial, active"},
			{`{"record":"account","account":"x"}`, "line 17 is about this account as well"},
			{`{"account":"x","name":"N","type":"client","email":"e@zuid.nl"}`, "line 17 about this account was not taken; mend that line first"},
			{`{"record":"account","account":"y","state":"trial"}`, "trial_until: a trial needs its last day"},
			{`{"record":"account","account":"z","trial_until":"2026-01-01"}`, "only a trial has a last day"},
			{`{"record":"account","account":"A B"}`, "account: an id has 1 to 63 lower-case letters"},
			{user + `"email":"f@zuid.nl","password_hash":"$2y$20$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"}`, "bcrypt with a cost of 20: must be from 4 to 14; leave the hash out"},
			{user + `"email":"g@zuid.nl","password_hash":"` + bcryptHash + `","password_scheme":"bcript"}`, "there is no scheme \"bcript\"; did you mean bcrypt?"},
			{user + `"email":"h@zuid.nl","password_hash":"` + bcryptHash + `","password_scheme":"scrypt"}`, "the hash is one of bcrypt"},
			{user + `"email":"i@zuid.nl","password_hash":"0123","password_scheme":"md5","password_template":"%password%"}`, "the digest is not 16 bytes"},
			{user + `"email":"j@zuid.nl","password_scheme":"md5"}`, "password_hash: it is missing"},
			{user + `"email":"k@zuid.nl","block_reason":"x"}`, "blocked: it is missing"},
			{user + `"email":"l@zuid.nl","blocked":"misschien"}`, "neither yes nor no"},
			{user + `"email":"m@zuid.nl","blocked":true,"block_until":"morgen"}`, "block_until: it is not a time"},
			{user + `"email":"n@zuid.nl","blocked":"yes","block_until":"2020-01-01T00:00:00Z"}`, "block_until: it is in the past"},
			{user + `"email":"o@zuid.nl","emial":"x"}`, `there is no column "emial"; did you mean email?`},
			{user + `"email":"p@zuid.nl","state":"active"}`, "state: a line about users has no such column"},
			{user + `"email":"q@zuid.nl","email":"r@zuid.nl"}`, "email: it is there twice"},
			{user + `"email":{"a":1}}`, "an object or a list stands where a text belongs"},
			{user + `"email":` + strings.Repeat("[", 5000) + "}", "an object or a list"},
			{`{"record":"iets","account":"zuid"}`, "write account or user"},
			{`[1]`, "no JSON object"},
			{`nee`, "no JSON object"},
			{user[:20], "no JSON object"},
			{user + `"email":"s@zuid.nl"} {}`, "something follows the object"},
			{user + `"email":"t@zuid.nl","locale":"Nederlands"}`, "locale: it is not a language"},
			{strings.Replace(user, `"N"`, `"`+strings.Repeat("x", 2000)+`"`, 1) + `"email":"u@zuid.nl"}`, "name: it is longer than 200 characters"},
			{strings.Replace(user, `"N"`, `"a\u0000b"`, 1) + `"email":"v@zuid.nl"}`, "name: it holds a control character"},
			{strings.Replace(user, `"N"`, `"a\r\nSet-Cookie: x"`, 1) + `"email":"w@zuid.nl"}`, "name: it holds a control character"},
			{strings.Replace(user, `"N"`, `"\u202Eabc"`, 1) + `"email":"x@zuid.nl"}`, "turns the direction"},
			{user + "\"email\":\"\xff@zuid.nl\"}", "not valid UTF-8"},
			{`{"account":"` + strings.Repeat("x", 70_000) + `"}`, "longer than 64 KiB"},
			{`{"account":"zuid","email":"laatste@zuid.nl","name":"Laatste","type":"client"}`, ""},
		}
		var file strings.Builder
		for _, l := range lines {
			file.WriteString(l.line + "\n")
		}
		s := h.imports(t, transfer.JSONL, file.String())
		told := map[int]string{}
		for i, p := range s.Problems {
			if i > 0 && p.Line <= s.Problems[i-1].Line {
				t.Errorf("line %d is told after line %d", p.Line, s.Problems[i-1].Line)
			}
			told[p.Line] = p.String()
		}
		for i, l := range lines {
			if got := told[i+1]; (l.want == "") != (got == "") || !strings.Contains(got, l.want) {
				t.Errorf("line %d %.80s:\n got %q\nwant %q", i+1, l.line, got, l.want)
			}
		}
		if s.Users.Created != 3 || s.Failed != len(told) {
			t.Errorf("%s", counts(s))
		}
	})
}

func TestFilesAsPeopleSaveThem(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		plain := "Account;E-mail;Name;Type\nzuid;;Praktijk Zuid;\nzuid;jan@zuid.nl;Jan, \"de\" Vries;client\n;;;\n\n"
		excel := strings.ReplaceAll("Account;Email;Name;Type\nzuid;;Praktijk é;\nzuid;jan@zuid.nl;\"Jan; \"\"de\"\" Vries\";client\n;;;\n\n", "\n", "\r\n")
		for name, text := range map[string]string{
			"Excel in Dutch": "\ufeff" + excel, "sep": "sep=;\r\n" + excel, "tabs": strings.ReplaceAll(strings.ReplaceAll(excel, ";", "\t"), "Jan\t", "Jan;"),
			"UTF-16": utf16le(excel), "no end": strings.TrimRight(excel, ";\r\n"),
		} {
			s := h.imports(t, transfer.CSV, text)
			if s.Failed != 0 || s.Rows != 2 {
				t.Errorf("%s: %s\n%s", name, counts(s), problems(s))
			}
			if u, err := h.FindByEmail(t.Context(), "jan@zuid.nl"); err != nil || u.Name != `Jan; "de" Vries` {
				t.Errorf("%s: %+v, %v", name, u, err)
			}
		}
		_, err := h.tries(t.Context(), transfer.CSV, plain)
		if err == nil || !strings.Contains(err.Error(), `no column "E-mail"; did you mean email?`) {
			t.Errorf("unknown column: %v", err)
		}
	})
}

func utf16le(text string) string {
	b := []byte{0xff, 0xfe}
	for _, r := range text {
		b = append(b, byte(r), byte(r>>8))
	}
	return string(b)
}

// endless is a gigabyte of one byte.
func endless(b byte) io.Reader { return io.LimitReader(same(b), 1<<30) }

type same byte

func (s same) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(s)
	}
	return len(p), nil
}

func TestHostileFiles(t *testing.T) {
	h := newHouse(t, "bolt")
	for _, c := range []struct {
		name string
		r    io.Reader
		want string
	}{
		{"a gigabyte of NUL", endless(0), "no text file"},
		{"a gigabyte of letters", endless('a'), "longer than 64 KiB"},
		{"a gigabyte of quotes", io.MultiReader(strings.NewReader("account,name\nzuid,\""), endless('a')), "quotation mark that is not closed"},
		{"a gigabyte of commas", endless(','), "longer than 64 KiB"},
		{"a header of a gigabyte", io.MultiReader(strings.NewReader("account,\""), endless('a')), "longer than 64 KiB"},
		{"gzip", strings.NewReader("\x1f\x8b\x08\x00\x00\x00\x00\x00"), "gzip"},
		{"xlsx", strings.NewReader("PK\x03\x04\x14\x00"), "zip (an Excel file is one)"},
		{"nothing", strings.NewReader(""), "the file is empty"},
		{"a BOM", strings.NewReader("\ufeff"), "the file is empty"},
		{"a column twice", strings.NewReader("account,Account\n"), "there twice"},
		{"another file", strings.NewReader("root:x:0:0:root\n"), "there is no column"},
	} {
		_, err := transfer.Import(t.Context(), c.r, transfer.Options{Directory: h.Directory, Format: transfer.CSV})
		var file *transfer.FileError
		if !errors.As(err, &file) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %.200v, want %q", c.name, err, c.want)
		}
	}
	s, err := transfer.Import(t.Context(), io.LimitReader(same('\n'), 32<<20), transfer.Options{Directory: h.Directory, Format: transfer.JSONL})
	if err != nil || s.Rows != 0 {
		t.Errorf("line ends and nothing else: %s, %v", counts(s), err)
	}
	s, err = transfer.Import(t.Context(), endless('{'), transfer.Options{Directory: h.Directory, Format: transfer.JSONL})
	if err != nil || s.Failed != 1 {
		t.Errorf("a gigabyte of braces: %s, %v", counts(s), err)
	}
	s = h.imports(t, transfer.CSV, "account,name\nzuid,a\"b\nnoord,Noord\nwest,\"x\ny\"\noost,1,2,3\n")
	if s.Failed != 3 || s.Accounts.Created != 1 || !strings.Contains(problems(s), "line 2: the line is no CSV") {
		t.Errorf("%s\n%s", counts(s), problems(s))
	}
}

func TestWhatChangedInTheFileChangesInTheStore(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		const head = "account,id,email,name,type,blocked,block_reason,password_hash,state,unpaid_invoices\n"
		h.imports(t, transfer.CSV, head+"zuid,,,Zuid,,,,,active,\nzuid,u1,jan@zuid.nl,Jan,client,,,"+bcryptHash+",,\n")
		s := h.imports(t, transfer.CSV, head+"zuid,,,Zuid,,,,,arrears,3\nzuid,u1,johannes@zuid.nl,Johannes,admin,yes,weg,,,\n")
		if got := counts(s); got != "2 rows: accounts 0+1=0 users 0+1=0 failed 0 can 0" {
			t.Fatalf("%s\n%s", got, problems(s))
		}
		a, err := h.Account(t.Context(), "zuid")
		if err != nil || a.State != "arrears" || a.UnpaidInvoices != 3 {
			t.Errorf("%+v, %v", a, err)
		}
		u, err := h.FindByEmail(t.Context(), "johannes@zuid.nl")
		if err != nil || u.ID != "u1" || u.Name != "Johannes" || u.Type != "admin" || u.Block == nil || u.Password != bcryptHash {
			t.Errorf("%+v, %v", u, err)
		}
		if _, err := h.FindByEmail(t.Context(), "jan@zuid.nl"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the old address: %v", err)
		}
		kept := h.people(t)
		s = h.imports(t, transfer.CSV, head+"zuid,,,Anders,,,,,active,\nzuid,u1,johannes@zuid.nl,Anders,client,no,,,,\nzuid,u2,nieuw@zuid.nl,Nieuw,client,,,,,\n",
			func(o *transfer.Options) { o.NewOnly = true })
		if s.Users.Created != 1 || s.Users.Changed+s.Accounts.Changed != 0 || !strings.HasPrefix(h.people(t), kept) {
			t.Errorf("new only: %s", counts(s))
		}
	})
}

// Once somebody logged in here, the hash is ours and the file is out of date.
func TestAPasswordThatWasUsedHereIsNotReplaced(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		const head = "account,email,name,type,password_hash\nzuid,,Zuid,,\nzuid,jan@zuid.nl,Jan,client,"
		h.imports(t, transfer.CSV, head+bcryptHash+"\n")
		other := strings.Replace(bcryptHash, "CCC", "XXX", 1)
		if s := h.imports(t, transfer.CSV, head+other+"\n"); s.Users.Changed != 1 {
			t.Errorf("nobody logged in yet: %s", counts(s))
		}
		u, err := h.FindByEmail(t.Context(), "jan@zuid.nl")
		if err != nil || u.Password != other {
			t.Fatalf("%+v, %v", u, err)
		}
		const ours = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
		if _, err := h.UpdateUser(t.Context(), u.Account, u.ID, func(u *store.User) error { u.Password = ours; return nil }); err != nil {
			t.Fatal(err)
		}
		if s := h.imports(t, transfer.CSV, head+bcryptHash+"\n"); s.Users.Unchanged != 1 {
			t.Errorf("after a login: %s", counts(s))
		}
	})
}

func TestAStoreThatGoesAwayEndsTheImport(t *testing.T) {
	h := newHouse(t, "bolt")
	if err := h.engine.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := h.tries(t.Context(), transfer.CSV, small); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newHouse(t, "bolt").tries(ctx, transfer.CSV, small); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestProgressIsTold(t *testing.T) {
	h := newHouse(t, "bolt")
	var file strings.Builder
	file.WriteString("account,email,name,type\nzuid,,Zuid,\n")
	for i := range 500 {
		fmt.Fprintf(&file, "zuid,u%d@zuid.nl,U,client\n", i)
	}
	var last transfer.Progress
	h.imports(t, transfer.CSV, file.String(), func(o *transfer.Options) { o.Progress = func(p transfer.Progress) { last = p } })
	if last.Rows != 501 || last.Bytes != int64(file.Len()) {
		t.Errorf("%+v", last)
	}
}
