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
