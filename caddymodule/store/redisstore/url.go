package redisstore

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

const defaultPrefix = "cliendo:"

// topology is how the servers behind a URL work together.
type topology int

const (
	standalone topology = iota
	sentinel
	cluster
)

// settings are what a URL says.
type settings struct {
	topology           topology
	network            string // "tcp" or "unix"
	addrs              []string
	tls                bool
	username, password string
	master             string
	db                 int
	prefix             string
	sentinelUsername   string
	sentinelPassword   string
}

// parseURL reads the forms that Open documents. Its errors never hold any part
// of the URL that may be a password; that is why net/url does not get to see it
// whole.
func parseURL(raw string) (settings, error) {
	s := settings{network: "tcp"}
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return s, errors.New("the address has no scheme; write redis://host:6379")
	}
	rest, query, _ := strings.Cut(rest, "?")
	authority, path, _ := strings.Cut(rest, "/")
	if err := s.setScheme(scheme); err != nil {
		return s, err
	}
	hosts := authority
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		hosts = authority[i+1:]
		if err := s.setUser(authority[:i]); err != nil {
			return s, err
		}
	}
	if err := s.setHosts(hosts, path); err != nil {
		return s, err
	}
	return s, s.setQuery(query)
}

func (s *settings) setScheme(scheme string) error {
	switch scheme {
	case "redis", "rediss":
	case "unix":
		s.network = "unix"
	case "redis+sentinel", "rediss+sentinel":
		s.topology = sentinel
	case "redis+cluster", "rediss+cluster":
		s.topology = cluster
	default:
		return errors.New("the scheme must be redis, rediss, unix, or redis or rediss followed by +sentinel or +cluster")
	}
	s.tls = strings.HasPrefix(scheme, "rediss")
	return nil
}

func (s *settings) setUser(info string) error {
	user, password, ok := strings.Cut(info, ":")
	if !ok {
		return errors.New("a user needs a password; write user:password@ or :password@ in front of the host")
	}
	var err1, err2 error
	s.username, err1 = url.PathUnescape(user)
	s.password, err2 = url.PathUnescape(password)
	if err1 != nil || err2 != nil {
		return errors.New("bad percent-encoding in the user or the password")
	}
	return nil
}

func (s *settings) setHosts(hosts, path string) error {
	if s.network == "unix" {
		if hosts != "" {
			return errors.New("write unix:///path/to/redis.sock with three slashes")
		}
		s.addrs = []string{"/" + path}
		return nil
	}
	port := "6379"
	if s.topology == sentinel {
		port = "26379"
	}
	for host := range strings.SplitSeq(hosts, ",") {
		addr, err := withPort(host, port)
		if err != nil {
			return err
		}
		s.addrs = append(s.addrs, addr)
	}
	if s.topology == standalone && len(s.addrs) > 1 {
		return errors.New("several hosts need redis+sentinel:// or redis+cluster://")
	}
	return s.setPath(strings.Trim(path, "/"))
}

func withPort(host, port string) (string, error) {
	if host == "" || host == "[]" || strings.HasPrefix(host, ":") {
		return "", errors.New("a host is missing")
	}
	if h, p, err := net.SplitHostPort(host); err == nil {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
			return "", fmt.Errorf("host %q has no valid port", h)
		}
		return host, nil
	}
	bare := strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if strings.Contains(bare, ":") && net.ParseIP(bare) == nil {
		return "", errors.New("a host is neither a name nor an address with a port")
	}
	return net.JoinHostPort(bare, port), nil
}

func (s *settings) setPath(path string) error {
	db := path
	if s.topology == sentinel {
		s.master, db, _ = strings.Cut(path, "/")
		if s.master == "" {
			return errors.New("the name of the master is missing; write redis+sentinel://host1,host2/master")
		}
	}
	return s.setDB(db)
}

func (s *settings) setDB(text string) error {
	if text == "" {
		return nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return errors.New("the database must be a number")
	}
	if s.topology == cluster && n != 0 {
		return errors.New("a cluster has database 0 only")
	}
	s.db = n
	return nil
}

func (s *settings) setQuery(query string) error {
	s.prefix = defaultPrefix
	values, err := url.ParseQuery(query)
	if err != nil {
		return errors.New("bad options after the question mark")
	}
	for name := range values {
		value := values.Get(name)
		switch {
		case name == "prefix":
			s.prefix = value
		case name == "db":
			if err := s.setDB(value); err != nil {
				return err
			}
		case name == "sentinel_username" && s.topology == sentinel:
			s.sentinelUsername = value
		case name == "sentinel_password" && s.topology == sentinel:
			s.sentinelPassword = value
		default:
			return fmt.Errorf("unknown option %q; there are prefix, db, and with Sentinel sentinel_username, sentinel_password", name)
		}
	}
	if s.prefix == "" || strings.ContainsAny(s.prefix, "{}\x00") {
		return errors.New("the prefix must not be empty or hold braces")
	}
	return nil
}
