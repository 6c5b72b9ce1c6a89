package console

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/tally"
)

// spans are the stretches of days that a report can cover.
var spans = []int{7, 30, 90, 365}

// report is one part of the page: a chart and the table behind it.
type report struct {
	Chart chart
	Head  []string
	Rows  [][]string
	Wide  bool // the table is long: it is folded
	CSV   string
	Empty bool
}

// reportsBody is what reports.html sees.
type reportsBody struct {
	Spans   []spanLink
	Reports []report
	Delays  []delayRow
	CSV     string // of the delays
	Clear   string // where a delay is lifted; empty: each has a path of its own
}

type spanLink struct {
	Text, URL string
	Here      bool
}

// delayRow is somebody who has to wait.
type delayRow struct {
	Who, Whom, Network string
	Until              time.Time
	URL                string            // of the story
	Action             string            // to lift it
	Fields             map[string]string // of the form that does
}

// ofAccount is the account that a report is about; empty: all.
func (v *visit) ofAccount() string {
	if v.account == nil {
		return ""
	}
	return v.account.ID
}

// reports shows the numbers of an account, or of all.
func (e *Errand) reports(w http.ResponseWriter, r *http.Request, v *visit) {
	n := span(r)
	days, err := e.reportDays(r, v, n)
	if err != nil {
		e.away(w, r, err)
		return
	}
	body := reportsBody{CSV: e.here(v) + "/delays.csv"}
	for _, s := range spans {
		body.Spans = append(body.Spans, spanLink{v.say("reports.days", "n", s), e.here(v) + "?days=" + strconv.Itoa(s), s == n})
	}
	for _, make := range []func(*visit, []tally.Day) report{e.loginReport, e.causeReport, e.mailReport} {
		one := make(v, days)
		one.CSV = e.here(v) + "/" + one.Chart.ID + ".csv?days=" + strconv.Itoa(n)
		body.Reports = append(body.Reports, one)
	}
	if body.Delays, err = e.delayRows(r, v); err != nil {
		e.away(w, r, err)
		return
	}
	title := "reports.title_all"
	if v.account != nil {
		title = "reports.title"
	}
	e.show(w, r, v, page.Admin{Name: "reports", Title: v.say(title), Body: body})
}

// here is the page of these reports.
func (e *Errand) here(v *visit) string {
	if v.account != nil {
		return e.accountPath(v.account.ID, "/reports")
	}
	return e.root() + "/reports"
}

// span is how many days are asked for.
func span(r *http.Request) int {
	n, err := strconv.Atoi(r.URL.Query().Get("days"))
	if err != nil || !slices.Contains(spans, n) {
		return 30
	}
	return n
}

// reportDays reads the counters. That support looked at those of a team is in its log.
func (e *Errand) reportDays(r *http.Request, v *visit, n int) ([]tally.Day, error) {
	if err := e.note(r, v, v.ofAccount(), audit.Entry{Action: audit.LookedReports}); err != nil {
		return nil, err
	}
	return e.Desk.Tally.Days(r.Context(), v.ofAccount(), n)
}

// loginReport is logins per day by outcome.
func (e *Errand) loginReport(v *visit, days []tally.Day) report {
	names := []string{tally.LoggedIn, tally.MailAsked, tally.Refused}
	heads := []string{v.say("reports.login.ok"), v.say("reports.login.mail_asked"), v.say("reports.login.refused")}
	rep := report{Head: append([]string{v.say("reports.day")}, heads...), Empty: true, Wide: true}
	columns := make([]place, 0, len(days))
	for _, d := range days {
		col, row := place{label: d.Day[8:] + "-" + d.Day[5:7], counts: make([]int64, len(names))}, make([]string, 1+len(names))
		row[0] = d.Day
		for i, name := range names {
			n := d.Counts[name]
			rep.Empty = rep.Empty && n == 0
			col.counts[i], row[i+1] = n, strconv.FormatInt(n, 10)
		}
		columns, rep.Rows = append(columns, col), append(rep.Rows, row)
	}
	slices.Reverse(rep.Rows) // the newest day on top
	rep.Chart = draw("logins", v.say("reports.logins"), heads, columns)
	return rep
}

// causeReport is refusals by cause.
func (e *Errand) causeReport(v *visit, days []tally.Day) report {
	return e.ranked(v, "causes", tally.Cause, days, func(code string) string {
		return v.say("story.because." + code)
	})
}

// mailReport is what servers said of mails.
func (e *Errand) mailReport(v *visit, days []tally.Day) report {
	return e.ranked(v, "mails", tally.Mail, days, func(code string) string {
		state, reply, _ := strings.Cut(code, ".")
		if reply == "0" {
			return v.say("story.mail_state." + state)
		}
		return v.say("reports.mail", "state", v.say("story.mail_state."+state), "code", reply)
	})
}

// maxRanked is how many bars a chart by kind has.
const maxRanked = 12

// ranked sums counters that begin with prefix over the days, the largest first.
func (e *Errand) ranked(v *visit, id, prefix string, days []tally.Day, name func(code string) string) report {
	sums := map[string]int64{}
	for _, d := range days {
		for counter, n := range d.Counts {
			if code, ok := strings.CutPrefix(counter, prefix); ok {
				sums[code] += n
			}
		}
	}
	codes := make([]string, 0, len(sums))
	for code := range sums {
		codes = append(codes, code)
	}
	slices.SortFunc(codes, func(a, b string) int { return cmp.Or(cmp.Compare(sums[b], sums[a]), cmp.Compare(a, b)) })
	rep := report{Head: []string{v.say("reports.kind." + id), v.say("reports.number")}, Empty: len(codes) == 0}
	var columns []place
	for i, code := range codes {
		rep.Rows = append(rep.Rows, []string{name(code), strconv.FormatInt(sums[code], 10)})
		if i < maxRanked {
			columns = append(columns, place{counts: []int64{sums[code]}})
		}
	}
	rep.Chart = draw(id, v.say("reports."+id), nil, columns)
	rep.Chart.only()
	return rep
}

// maxDelays is how many delays a page shows.
const maxDelays = 100

// delayRows are those who really have to wait: the list says where to look, the
// budgets decide.
func (e *Errand) delayRows(r *http.Request, v *visit) (rows []delayRow, err error) {
	delays, err := e.Desk.Tally.Delays(r.Context(), v.ofAccount(), 5*maxDelays)
	if err != nil {
		return nil, err
	}
	asked := map[string]bool{}
	for _, d := range delays {
		if len(rows) >= maxDelays {
			break
		}
		if !asked[d.Subject] {
			asked[d.Subject] = true
			states, err := e.Desk.Limits.Show(r.Context(), d.Subject)
			if err != nil {
				return nil, err
			}
			rows = append(rows, e.delaysOf(v, d, states)...)
		}
		if asked[d.Network] || !v.support || v.account != nil {
			continue // what others do from a network is not for a team
		}
		asked[d.Network] = true
		states, err := e.Desk.Limits.ShowNetwork(r.Context(), d.Network)
		if err != nil {
			return nil, err
		}
		rows = append(rows, e.delaysOf(v, store.Delay{Network: d.Network}, states)...)
	}
	slices.SortStableFunc(rows, func(a, b delayRow) int { return b.Until.Compare(a.Until) })
	return rows, nil
}

func (e *Errand) delaysOf(v *visit, d store.Delay, states []limit.State) (rows []delayRow) {
	for _, s := range states {
		if !s.Until.After(e.Now()) {
			continue
		}
		row := delayRow{
			Who: cmp.Or(d.Address, v.say("reports.delay.everybody")), Whom: v.say("reports.whom." + s.Budget), Network: cmp.Or(s.Network, d.Network), Until: s.Until,
		}
		switch {
		case d.User != "":
			row.URL, row.Action = e.whyPath(d.Account, d.User), e.userPath(d.Account, d.User, actDelays)
		case v.support && d.Subject != "":
			row.Action, row.Fields = e.root()+"/delays/clear", map[string]string{"address": d.Address}
		case v.support:
			row.Action, row.Fields = e.root()+"/delays/clear", map[string]string{"network": d.Network}
		}
		rows = append(rows, row)
	}
	return rows
}

// clearDelay lifts the delay of an address that nobody has, or of a network.
func (e *Errand) clearDelay(w http.ResponseWriter, r *http.Request, v *visit) {
	var err error
	address, network := v.form.Get("address"), v.form.Get("network")
	entry := audit.Entry{Action: audit.DelaysCleared, Actor: v.actor.Actor, Why: cmp.Or(address, network)}
	switch {
	case address != "":
		err = e.Desk.Limits.Clear(r.Context(), attempt.Subject("", address))
	case network != "":
		if network, err = limit.ParseNetwork(network); err == nil {
			err = e.Desk.Limits.ClearNetwork(r.Context(), network)
		} else {
			err = store.ErrNotFound
		}
	default:
		err = store.ErrNotFound
	}
	if err == nil {
		// It is nobody's account: the log of the staff has it.
		err = e.Desk.Audit.Add(r.Context(), v.facts.User.Account(), entry)
	}
	switch {
	case errors.Is(err, store.ErrNotFound):
		e.Pages.NotFound(w, r, v.locale)
	case err != nil:
		e.away(w, r, err)
	default:
		e.redirect(w, e.root()+"/reports", "clear-delays")
	}
}

// reportFile is a report as a file for a spreadsheet.
func (e *Errand) reportFile(w http.ResponseWriter, r *http.Request, v *visit) {
	days, err := e.reportDays(r, v, span(r))
	if err != nil {
		e.away(w, r, err)
		return
	}
	file := r.PathValue("file")
	var rep report
	switch file {
	case "logins.csv":
		rep = e.loginReport(v, days)
	case "causes.csv":
		rep = e.causeReport(v, days)
	case "mails.csv":
		rep = e.mailReport(v, days)
	case "delays.csv":
		rows, err := e.delayRows(r, v)
		if err != nil {
			e.away(w, r, err)
			return
		}
		rep.Head = []string{v.say("reports.delay.who"), v.say("reports.delay.whom"), v.say("reports.delay.network"), v.say("reports.delay.until")}
		for _, row := range rows {
			rep.Rows = append(rep.Rows, []string{row.Who, row.Whom, row.Network, row.Until.UTC().Format(time.RFC3339)})
		}
	default:
		e.Pages.NotFound(w, r, v.locale)
		return
	}
	sheet(w, file, append([][]string{rep.Head}, rep.Rows...))
}
