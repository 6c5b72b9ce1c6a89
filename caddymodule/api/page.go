package api

import (
	"encoding/base64"
	"strings"
)

// Page is what every list takes.
type Page struct {
	Limit int    `query:"limit" minimum:"1" maximum:"500" default:"100" doc:"how many at most"`
	After string `query:"after" maxLength:"500" doc:"the member next of the page before"`
}

// cursor hides where a list goes on, so that nobody builds on what is in it.
func cursor(list, at string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(list + ":" + at))
}

// at reads a cursor of a list; an empty one is its beginning.
func (p Page) at(list string) (string, error) {
	if p.After == "" {
		return "", nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(p.After)
	at, ok := strings.CutPrefix(string(raw), list+":")
	if err != nil || !ok {
		return "", invalid("query.after", "it is not the next of a page of this list")
	}
	return at, nil
}

// cut keeps the first n and says where to go on.
func cut[T any](items []T, n int, list string, id func(T) string) ([]T, string) {
	if len(items) <= n {
		return items, ""
	}
	return items[:n], cursor(list, id(items[n-1]))
}
