package console

import (
	"encoding/csv"
	"net/http"
	"strings"
)

// sheet writes rows as a file that opens in a spreadsheet: with a mark that says
// UTF-8, and with nothing in it that a spreadsheet would take for a formula.
func sheet(w http.ResponseWriter, name string, rows [][]string) {
	h := w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	var b strings.Builder
	b.WriteString("\ufeff")
	out := csv.NewWriter(&b)
	out.UseCRLF = true
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = inert(cell)
		}
		_ = out.Write(cells) // a Builder never fails
	}
	out.Flush()
	_, _ = w.Write([]byte(b.String())) // a visitor who is gone is no error of ours
}

// inert makes a cell that a spreadsheet shows and does not run. Formulas begin
// with one of these, also after blanks, and also as the wide forms that some
// programs take for them.
func inert(cell string) string {
	trimmed := strings.TrimLeft(cell, " \t\r\n\u00a0\ufeff")
	if trimmed != "" && strings.ContainsRune("=+-@|%＝＋－＠", []rune(trimmed)[0]) && !plainNumber(cell) || strings.HasPrefix(cell, "\t") || strings.HasPrefix(cell, "\r") {
		return "'" + cell
	}
	return cell
}

// plainNumber: nothing but digits after a sign, which runs nothing.
func plainNumber(cell string) bool {
	rest := strings.TrimPrefix(cell, "-")
	return rest != "" && strings.Trim(rest, "0123456789") == ""
}
