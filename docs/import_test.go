package docs_test

import (
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/transfer"
)

// The table of columns is that of the code.
func TestEveryColumnOfAnImportIsDocumented(t *testing.T) {
	text := read(t, "docs/import.md")
	for _, c := range transfer.Columns() {
		of := c.Of
		if of == "" {
			of = "both"
		}
		if row := "| `" + c.Name + "` | " + of + " | " + c.Meaning + " |"; !strings.Contains(text, row) {
			t.Errorf("docs/import.md lacks the line\n%s", row)
		}
	}
}
