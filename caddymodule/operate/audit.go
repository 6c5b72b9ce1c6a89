package operate

import (
	"context"
	"encoding/json"
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

// exportAudit prints JSON Lines. Programs that ask for JSON get them in a list.
func exportAudit(ctx context.Context, h *House, in *input) (outcome, error) {
	if _, err := h.Directory.Account(ctx, in.who); err != nil {
		return outcome{}, noAccount(in.who, err)
	}
	var b strings.Builder
	if err := h.Audit.Export(ctx, in.who, &b); err != nil {
		return outcome{}, err
	}
	data := struct {
		Lines []json.RawMessage `json:"lines"`
	}{Lines: []json.RawMessage{}}
	o := outcome{}
	for line := range strings.Lines(b.String()) {
		data.Lines = append(data.Lines, json.RawMessage(line))
		o.text.b.WriteString(escaped(line))
	}
	o.data = data
	return o, nil
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
