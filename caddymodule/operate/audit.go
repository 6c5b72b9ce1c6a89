package operate

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/cliendo/gateway/caddymodule/audit"
)

type auditData struct {
	Entries []audit.Entry `json:"entries"`
	Next    string        `json:"next,omitempty"`
}

func listAudit(ctx context.Context, h *House, in *input) (outcome, error) {
	n, err := count(in)
	if err != nil {
		return outcome{}, err
	}
	if _, err := h.Directory.Account(ctx, in.who); err != nil {
		return outcome{}, noAccount(in.who, err)
	}
	p, err := h.Audit.List(ctx, in.who, audit.Query{
		N: n, Before: in.value("after"), User: in.value("user"), Action: in.value("action"),
	})
	if err != nil {
		return outcome{}, err
	}
	data := auditData{Entries: orEmpty(p.Entries), Next: p.Older}
	rows := [][]string{{"LINE", "TIME", "WHO", "ACTION", "ON", "WHAT", "WHY"}}
	for _, e := range p.Entries {
		rows = append(rows, []string{
			fmt.Sprint(e.Seq), h.clock(e.At), whoDid(e), e.Action, onWhom(e), whatChanged(e), e.Why,
		})
	}
	o := outcome{data: data}
	o.list(rows, p.Older)
	return o, nil
}

func whoDid(e audit.Entry) string {
	name := e.Actor.Name
	switch {
	case e.ActorErased:
		name = "(erased) " + e.Actor.ID
	case name == "":
		name = e.Actor.ID
	}
	return strings.TrimSpace(e.Actor.Kind + " " + name)
}

func onWhom(e audit.Entry) string {
	switch {
	case e.Erased:
		return "(erased) " + e.User
	case e.Email != "":
		return e.Email
	}
	return e.User
}

// whatChanged writes fields as name: before -> after.
func whatChanged(e audit.Entry) string {
	names := slices.Collect(maps.Keys(e.Before))
	for name := range e.After {
		if _, ok := e.Before[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	parts := make([]string, 0, len(names))
	for _, name := range names {
		parts = append(parts, fmt.Sprintf("%s: %s -> %s", name, orNone(e.Before[name]), orNone(e.After[name])))
	}
	return strings.Join(parts, "; ")
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// verifyAudit fails where a log is not whole: the exit code is for a cron job.
func verifyAudit(ctx context.Context, h *House, in *input) (outcome, error) {
	accounts := []string{in.who}
	if in.who == "" {
		accounts = accounts[:0]
		for after := ""; ; {
			page, err := h.Directory.Accounts(ctx, after, defaultLimit)
			if err != nil {
				return outcome{}, err
			}
			for _, a := range page {
				after = a.ID
				accounts = append(accounts, a.ID)
			}
			if len(page) < defaultLimit {
				break
			}
		}
	} else if _, err := h.Directory.Account(ctx, in.who); err != nil {
		return outcome{}, noAccount(in.who, err)
	}
	data := struct {
		OK   bool           `json:"ok"`
		Logs []audit.Report `json:"logs"`
	}{OK: true, Logs: []audit.Report{}}
	o := outcome{}
	for _, account := range accounts {
		r, err := h.Audit.Verify(ctx, account)
		if err != nil {
			return outcome{}, err
		}
		data.Logs, data.OK = append(data.Logs, r), data.OK && r.OK()
		h.describeReport(&o.text, r)
	}
	o.data = data
	if !data.OK {
		o.exit = ExitFailed
	}
	return o, nil
}

func (h *House) describeReport(t *text, r audit.Report) {
	verdict := "whole"
	if !r.OK() {
		verdict = "NOT WHOLE"
	}
	line := fmt.Sprintf("%s: %s, %d lines", r.Account, verdict, r.Lines)
	if r.Trimmed > 0 {
		line += fmt.Sprintf(", trimmed through line %d", r.Trimmed)
	}
	if r.Erased > 0 {
		line += fmt.Sprintf(", %d with something erased", r.Erased)
	}
	if r.Sealed > 0 {
		line += fmt.Sprintf(", signed through line %d at %s", r.Sealed, h.clock(r.SealedAt))
	}
	t.line("%s", line)
	for _, p := range r.Problems {
		t.line("  line %d: %s", p.Seq, p.Message)
	}
}

// exportAudit writes JSON Lines as they are read: a log of years is never in memory
// as a whole.
func exportAudit(ctx context.Context, h *House, in *input, s Stream) (outcome, error) {
	if _, err := h.Directory.Account(ctx, in.who); err != nil {
		return outcome{}, noAccount(in.who, err)
	}
	out := &lineWriter{to: bufio.NewWriter(s.Out), progress: s.Progress}
	err := h.Audit.Export(ctx, in.who, out)
	if err == nil {
		err = out.to.Flush()
	}
	if err != nil {
		return outcome{}, err
	}
	o := outcome{data: struct {
		Account string `json:"account"`
		Lines   int    `json:"lines"`
	}{in.who, out.lines}}
	o.text.line("Exported %d lines of the audit log of account %s.", out.lines, in.who)
	return o, nil
}

// lineWriter is written to line by line, counts them, and passes them on so that no
// terminal acts on what is in them.
type lineWriter struct {
	to       *bufio.Writer
	lines    int
	progress func(Progress)
}

const tellEvery = 1000

func (l *lineWriter) Write(p []byte) (int, error) {
	if _, err := l.to.WriteString(escaped(string(p))); err != nil {
		return 0, err
	}
	if l.lines++; l.lines%tellEvery == 0 {
		l.progress(Progress{What: "lines", Done: l.lines})
	}
	return len(p), nil
}

// escaped writes what a terminal would act on as JSON escapes.
func escaped(line string) string {
	var b strings.Builder
	for _, r := range line {
		if r != '\n' && r < 0x10000 && !unicode.IsGraphic(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func trimAudit(ctx context.Context, h *House, in *input) (outcome, error) {
	if _, err := h.Directory.Account(ctx, in.who); err != nil {
		return outcome{}, noAccount(in.who, err)
	}
	end, err := h.moment("--before", in.value("before"))
	if err != nil {
		return outcome{}, err
	}
	if end.After(h.now()) {
		return outcome{}, usage("--before", "it has not come yet", "give a day that is over")
	}
	n, err := h.Audit.Trim(ctx, in.who, end)
	if err != nil {
		return outcome{}, err
	}
	o := outcome{data: map[string]int{"removed": n}}
	o.text.line("Removed %d lines of the audit log of %s; a signed checkpoint vouches for them.", n, in.who)
	return o, nil
}
