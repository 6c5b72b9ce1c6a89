package transfer

import (
	"bufio"
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"unicode/utf8"
)

// csvRows reads CSV with commas, semicolons (as Excel writes where commas are
// decimal) or tabs.
type csvRows struct {
	r       *csv.Reader
	leash   *leash
	columns []string
	before  int // lines above what the reader counts
}

func openCSV(plain io.Reader) (rows, error) {
	b := bufio.NewReaderSize(plain, MaxLine)
	c := &csvRows{leash: &leash{r: b}}
	first, err := peekLine(b)
	if err != nil {
		return nil, err
	}
	comma := separator(first)
	if mark, ok := strings.CutPrefix(strings.ToLower(first), "sep="); ok && len(mark) == 1 {
		_, _ = b.ReadString('\n') // it was peeked
		comma, c.before = rune(mark[0]), 1
	}
	c.r = csv.NewReader(c.leash)
	c.r.Comma, c.r.FieldsPerRecord, c.r.ReuseRecord = comma, -1, true
	return c, c.readHeader()
}

// peekLine returns the first line, without reading it.
func peekLine(b *bufio.Reader) (string, error) {
	start, err := b.Peek(MaxLine)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return "", err
	}
	line, _, cut := strings.Cut(string(start), "\n")
	if !cut && len(start) == MaxLine {
		return "", badFile("the first line is longer than {n} KiB", "the first line of CSV names the columns", "n", MaxLine>>10)
	}
	return strings.TrimSuffix(line, "\r"), nil
}

// separator is the mark that the first line has most of.
func separator(line string) rune {
	best, most := ',', strings.Count(line, ",")
	for _, mark := range ";\t" {
		if n := strings.Count(line, string(mark)); n > most {
			best, most = mark, n
		}
	}
	return best
}

func (c *csvRows) readHeader() error {
	c.leash.renew()
	names, err := c.r.Read()
	if errors.Is(err, io.EOF) {
		return badFile("the file is empty", "the first line of CSV names the columns: {columns}", "columns", strings.Join(columnNames(), ", "))
	}
	if err != nil {
		return badFile("the first line cannot be read: {reason}", "it names the columns: {columns}", "reason", err, "columns", strings.Join(columnNames(), ", "))
	}
	seen := map[string]bool{}
	for _, text := range names {
		name := header(text)
		if _, ok := columnNamed(name); !ok {
			return badFile(noColumn, nearest, "column", quoted(text), "hint", near(header(text), columnNames()))
		}
		if seen[name] {
			return badFile("the column {column} is there twice", "remove one", "column", name)
		}
		seen[name] = true
		c.columns = append(c.columns, name)
	}
	return nil
}

func (c *csvRows) next() (row, error) {
	for {
		c.leash.renew()
		cells, err := c.r.Read()
		var parse *csv.ParseError
		switch {
		case errors.Is(err, errLeash):
			return row{}, badFile("a line behind line {line} is longer than {n} KiB", "look for a quotation mark that is not closed", "line", c.line(), "n", MaxLine>>10)
		case errors.As(err, &parse):
			return row{}, badRow(parse.StartLine+c.before, "", "the line is no CSV: {reason}", `write a " inside quotes twice`, "reason", parse.Err)
		case err != nil:
			return row{}, err
		}
		r := row{line: c.line(), values: make(map[string]string, len(cells))}
		if err := c.fill(&r, cells); err != nil {
			return row{}, err
		}
		if len(r.values) > 0 {
			return r, nil
		}
	}
}

func (c *csvRows) line() int {
	line, _ := c.r.FieldPos(0)
	return line + c.before
}

func (c *csvRows) fill(r *row, cells []string) error {
	for i, cell := range cells {
		cell = unguarded(cell)
		if strings.TrimSpace(cell) == "" {
			continue
		}
		if i >= len(c.columns) {
			return badRow(r.line, "", "there are more cells than the {n} columns", "quote what holds the separator", "n", len(c.columns))
		}
		if !utf8.ValidString(cell) {
			return badRow(r.line, c.columns[i], "it is not valid UTF-8", "save the file as CSV UTF-8")
		}
		r.values[c.columns[i]] = strings.Clone(cell)
	}
	return nil
}

// guarded makes a cell that no spreadsheet takes for a formula; unguarded takes
// the guard off again.
func guarded(cell string) string {
	if cell != "" && strings.ContainsRune(guards, rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

const guards = "=+-@\t\r'"

func unguarded(cell string) string {
	if len(cell) > 1 && cell[0] == '\'' && strings.ContainsRune(guards, rune(cell[1])) {
		return cell[1:]
	}
	return cell
}
