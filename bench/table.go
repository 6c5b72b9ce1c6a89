package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// line is one line of the table.
type line struct {
	Row     string   `json:"row"`
	Server  string   `json:"server"`
	Result  string   `json:"result,omitempty"` // where the columns do not say it
	Wanted  string   `json:"wanted,omitempty"`
	Samples []sample `json:"samples,omitempty"`
}

func summary(row, server string, samples []sample) line {
	return line{Row: row, Server: server, Samples: samples}
}

func (b *bench) add(l line) {
	b.table = append(b.table, l)
	b.say("  %s", strings.Join(l.cells(), " | "))
}

var heads = []string{
	"what", "server", "per s", "p50 ms", "p99 ms", "CPU s per 1,000", "RssAnon MiB",
	"rate to twin", "CPU to twin", "result", "wanted", "rounds",
}

// cells writes a line out; figures are medians over the rounds.
func (l line) cells() []string {
	figure := func(format string, of func(sample) float64) string {
		v := column(l.Samples, of)
		if len(v) == 0 {
			return ""
		}
		return fmt.Sprintf(format, median(v))
	}
	return []string{
		l.Row, l.Server,
		figure("%.0f", func(s sample) float64 { return s.PerSecond }),
		figure("%.2f", func(s sample) float64 { return s.P50 }),
		figure("%.2f", func(s sample) float64 { return s.P99 }),
		figure("%.4f", func(s sample) float64 { return s.CPU }),
		figure("%.0f", func(s sample) float64 { return s.RSS }),
		spreadOf(column(l.Samples, func(s sample) float64 { return s.Ratio })).String(),
		spreadOf(column(l.Samples, func(s sample) float64 { return s.CPURatio })).String(),
		l.Result, l.Wanted, l.rounds(),
	}
}

// rounds counts them, and those in which others used the machine.
func (l line) rounds() string {
	if len(l.Samples) == 0 {
		return ""
	}
	marked := 0
	for _, s := range l.Samples {
		if s.marked() {
			marked++
		}
	}
	if marked == 0 {
		return fmt.Sprint(len(l.Samples))
	}
	return fmt.Sprintf("%d, %d*", len(l.Samples), marked)
}

// report prints the table and writes the file that was asked for.
func (b *bench) report(w io.Writer) error {
	if b.json != "" {
		text, err := json.MarshalIndent(b.table, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(b.json, append(text, '\n'), 0o600); err != nil {
			return err
		}
	}
	rule := make([]string, len(heads))
	for i := range rule {
		rule[i] = "---"
	}
	var text strings.Builder
	for _, cells := range append([][]string{heads, rule}, b.cells()...) {
		text.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	_, err := fmt.Fprintf(w, "%s\n%s", text.String(), legend())
	return err
}

func (b *bench) cells() [][]string {
	all := make([][]string, len(b.table))
	for i, l := range b.table {
		all[i] = l.cells()
	}
	return all
}

func legend() string {
	return fmt.Sprintf(`%d cores for servers and load together. Figures are medians over the rounds, ratios medians of pairs of one
round with the least and the greatest. * counts the rounds in which others used more than 5 %% of the machine.
Logins take turns with hashes alone, %d times a round: every turn counts as one.
CPU and RssAnon (anonymous memory: bbolt maps its file, which does not count) are those of the server and its children.
`, cores(), loginTurns)
}
