package operate

import (
	"strconv"
	"time"
)

// moment reads a time: a day (its end), an exact time, or a time from
// now. Empty is the zero time.
func (h *House) moment(flag, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, ok := h.read(s)
	if !ok {
		return time.Time{}, usage(flag, "it is no time", "write a day as 2026-12-31, or a time from now as 12h, 3d or 2w")
	}
	return t.UTC(), nil
}

func (h *House) read(s string) (time.Time, bool) {
	if t, ok := h.Directory.Rules().EndOfDay(s); ok {
		return t, true
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, true
	}
	if days, ok := days(s); ok {
		return h.now().AddDate(0, 0, days), true
	}
	d, err := time.ParseDuration(s)
	return h.now().Add(d), err == nil
}

// days reads whole days or weeks: 3d, 2w.
func days(s string) (int, bool) {
	if s == "" {
		return 0, false
	}
	n, err := strconv.Atoi(s[:len(s)-1])
	if err != nil || n < 0 || n > 36500 {
		return 0, false
	}
	switch s[len(s)-1] {
	case 'd':
		return n, true
	case 'w':
		return 7 * n, true
	}
	return 0, false
}

// day reads a day, or a number of days or weeks from today.
func (h *House) day(flag, s string) (string, error) {
	if n, ok := days(s); ok {
		return h.now().In(h.Directory.Rules().Location).AddDate(0, 0, n).Format(time.DateOnly), nil
	}
	if _, ok := h.Directory.Rules().EndOfDay(s); !ok {
		return "", usage(flag, "it is no day", "write it as 2026-12-31, or as 30d or 2w from today")
	}
	return s, nil
}

const (
	defaultLimit = 100
	maxLimit     = 10_000
)

// count reads --limit.
func count(in *input) (int, error) {
	s, given := in.given("limit")
	if !given {
		return defaultLimit, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > maxLimit {
		return 0, usage("--limit", "it is no number from 1 to 10000", "write it as --limit 50")
	}
	return n, nil
}

// unpaidCount reads --unpaid.
func unpaidCount(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > 1_000_000 {
		return 0, usage("--unpaid", "it is no number of invoices", "write it as --unpaid 2")
	}
	return n, nil
}
