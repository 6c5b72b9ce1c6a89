package redisstore

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Resource checks url like Open, without connecting, and returns what it names:
// addresses, master, database and prefix, without users and passwords. Two URLs
// with one Resource open the same records.
func Resource(url string) (string, error) {
	s, err := parseURL(url)
	if err != nil {
		return "", fmt.Errorf("reading the address of redis: %w", err)
	}
	hosts := slices.Sorted(slices.Values(s.addrs))
	return strings.Join([]string{strings.Join(hosts, ","), s.master, strconv.Itoa(s.db), s.prefix}, "/"), nil
}
