package page

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// knownDomains are mail domains that many people have, the most common first:
// where two are equally near, the first wins.
var knownDomains = []string{
	"gmail.com", "hotmail.com", "outlook.com", "live.nl", "hotmail.nl", "kpnmail.nl", "ziggo.nl", "icloud.com",
	"home.nl", "planet.nl", "xs4all.nl", "upcmail.nl", "outlook.nl", "hetnet.nl", "casema.nl", "quicknet.nl",
	"chello.nl", "telfort.nl", "tele2.nl", "online.nl", "caiway.nl", "caiway.net", "zeelandnet.nl", "solcon.nl",
	"kpnplanet.nl", "zonnet.nl", "wxs.nl", "versatel.nl", "onsbrabantnet.nl", "delta.nl", "freedom.nl",
	"live.com", "msn.com", "me.com", "mac.com", "yahoo.com", "yahoo.nl", "ymail.com", "googlemail.com", "aol.com",
	"proton.me", "protonmail.com", "pm.me", "gmx.com", "gmx.net", "gmx.de", "web.de", "mail.com", "email.com",
	"telenet.be", "skynet.be", "proximus.be", "hotmail.be", "outlook.be", "hotmail.co.uk", "hotmail.fr",
	"hotmail.de", "outlook.de", "outlook.fr", "yahoo.co.uk", "yahoo.fr", "yahoo.de", "fastmail.com", "zoho.com",
}

// brandedLabels have one usual ending each; another ending, like gmail.nl, is nearly always a slip.
var brandedLabels = map[string]string{
	"gmail": "gmail.com", "hotmail": "hotmail.com", "outlook": "outlook.com", "icloud": "icloud.com",
	"ziggo": "ziggo.nl", "kpnmail": "kpnmail.nl", "xs4all": "xs4all.nl", "upcmail": "upcmail.nl", "hetnet": "hetnet.nl",
	"casema": "casema.nl", "protonmail": "protonmail.com", "googlemail": "googlemail.com",
}

// maxDomain is the longest domain that is compared; nothing near to ours is longer.
const maxDomain = 40

// LikelyDomain returns the known domain that was probably meant by typed, or
// "" when typed is a known domain or near to none.
func LikelyDomain(typed string) string {
	typed = strings.ToLower(strings.TrimSpace(typed))
	if typed == "" || len(typed) > maxDomain || slices.Contains(knownDomains, typed) {
		return ""
	}
	best, nearest := "", 3
	for _, known := range knownDomains {
		if d := distance(typed, known, nearest); d < nearest && d <= tolerance(known) {
			best, nearest = known, d
		}
	}
	if label, _, _ := strings.Cut(typed, "."); nearest > 1 && brandedLabels[label] != "" {
		return brandedLabels[label]
	}
	return best
}

// tolerance is how many slips are forgiven: in a short name, two slips make
// somebody else's domain.
func tolerance(domain string) int {
	label, _, _ := strings.Cut(domain, ".")
	switch {
	case len(label) <= 3:
		return 0
	case len(label) <= 4:
		return 1
	}
	return 2
}

// distance counts insertions, deletions, changes and swaps of neighbours
// (optimal string alignment). It may stop early with a number of at least limit.
func distance(a, b string, limit int) int {
	if d := utf8.RuneCountInString(a) - utf8.RuneCountInString(b); d >= limit || -d >= limit {
		return limit
	}
	x, y := []rune(a), []rune(b)
	before, last, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row[0] = i
		for j := 1; j <= len(y); j++ {
			change := last[j-1]
			if x[i-1] != y[j-1] {
				change++
			}
			row[j] = min(last[j]+1, row[j-1]+1, change)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(y)]
}
