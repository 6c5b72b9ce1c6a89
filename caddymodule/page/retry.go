package page

import "time"

// retry says when another try makes sense.
type retry struct {
	Seconds int
	Text    string
}

// retryIn words a wait, nil for none. at may be zero.
func (p *Renderer) retryIn(locale string, wait time.Duration, at time.Time) *retry {
	if wait <= 0 {
		return nil
	}
	now := p.options.Now()
	if at.IsZero() {
		at = now.Add(wait)
	}
	seconds := int((wait + time.Second - 1) / time.Second)
	at, now = at.In(p.options.Location), now.In(p.options.Location)
	layout := "time.clock"
	if at.YearDay() != now.YearDay() && wait > 12*time.Hour {
		layout = "time.date"
	}
	clock := at.Format(p.Text(locale, layout))
	switch {
	case seconds <= 60:
		return &retry{seconds, p.Text(locale, "retry.seconds", "n", seconds, "clock", clock)}
	case seconds <= 2*60*60:
		return &retry{seconds, p.Text(locale, "retry.minutes", "n", (seconds+59)/60, "clock", clock)}
	}
	return &retry{seconds, p.Text(locale, "retry.later", "clock", clock)}
}

// nextMail says from when another mail may be asked for; nothing where that is not
// known. The minute is rounded up: who comes at the time that was said must not be
// too early.
func (p *Renderer) nextMail(locale string, at time.Time) string {
	now := p.options.Now()
	switch {
	case at.IsZero():
		return ""
	case !at.After(now):
		return p.Text(locale, "mail.next.now")
	}
	layout := "time.clock"
	if at.Sub(now) > 12*time.Hour {
		layout = "time.date"
	}
	at = at.Add(time.Minute - time.Nanosecond).In(p.options.Location)
	return p.Text(locale, "mail.next.at", "clock", at.Format(p.Text(locale, layout)))
}
