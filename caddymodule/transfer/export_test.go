package transfer_test

import (
	"encoding/csv"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/transfer"
)

// odd are people whose names and reasons are meant for a spreadsheet.
const odd = `{"account":"zuid","name":"=cmd|' /C calc'!A0","reason":"@SUM(1)"}
{"account":"zuid","id":"u1","email":"+jan@zuid.nl","name":"'=1+1","type":"client","blocked":"yes","block_reason":"-2+3","block_until":"2030-01-01T00:00:00.5Z"}
{"account":"zuid","id":"u2","email":"Bep@Zuid.nl","name":"'t Hart, \"E\"; x","type":"admin","locale":"nl"}
{"account":"noord","name":"Noord","state":"arrears","unpaid_invoices":3,"blocks_from":"2026-09-01","pay_url":"/pay"}
{"account":"staff","id":"s1","email":"help@cliendo.nl","name":"Help","type":"support"}
`

func TestAnExportGivesTheSamePeople(t *testing.T) {
	for _, format := range []transfer.Format{transfer.CSV, transfer.JSONL} {
		t.Run(string(format), func(t *testing.T) {
			from, to := newHouse(t, "bolt"), newHouse(t, "redis")
			from.imports(t, transfer.CSV, small)
			if s := from.imports(t, transfer.JSONL, odd, staff); s.Failed != 0 {
				t.Fatal(problems(s))
			}
			s := to.imports(t, format, from.exports(t, format, true), staff)
			if s.Failed != 0 {
				t.Fatal(problems(s))
			}
			if a, b := from.people(t), to.people(t); a != b {
				t.Errorf("before:\n%s\nafter:\n%s", a, b)
			}
			if s := to.imports(t, format, from.exports(t, format, true), staff); s.Users.Changed+s.Accounts.Changed+s.Users.Created != 0 {
				t.Errorf("again: %s", counts(s))
			}
		})
	}
}

func TestACellIsNeverAFormula(t *testing.T) {
	h := newHouse(t, "bolt")
	h.imports(t, transfer.JSONL, odd, staff)
	records, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(h.exports(t, transfer.CSV, true), "\ufeff"))).ReadAll()
	if err != nil || len(records) != 6 {
		t.Fatalf("%d lines, %v", len(records), err)
	}
	for _, r := range records {
		for _, cell := range r {
			if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
				t.Errorf("cell %q", cell)
			}
		}
	}
}

func TestPasswordsAndStaffAreOnlyExportedWhenAskedFor(t *testing.T) {
	h := newHouse(t, "bolt")
	h.imports(t, transfer.CSV, small)
	h.imports(t, transfer.JSONL, odd, staff)
	var b strings.Builder
	done, err := transfer.Export(t.Context(), &b, transfer.ExportOptions{Directory: h.Directory, Format: transfer.JSONL})
	if err != nil || strings.Contains(b.String(), "$2a$") || strings.Contains(b.String(), "help@") {
		t.Errorf("%v\n%s", err, b.String())
	}
	if done.Accounts != 2 || done.Users != 5 {
		t.Errorf("%+v", done)
	}
}
