package provider

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// What a provider may take of our time and memory.
const (
	connectWithin = 3 * time.Second
	answerWithin  = 5 * time.Second // until the head of the answer
	wholeWithin   = 8 * time.Second
	largestAnswer = 256 << 10
)

// errAnswer begins errors about answers, which hold nothing of the answer itself.
var errAnswer = errors.New("unusable answer")

// newClient follows no redirect, waits for nothing long, and takes JSON of a
// reasonable size only.
func newClient(transport http.RoundTripper, patience time.Duration) *http.Client {
	if transport == nil {
		transport = &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: connectWithin, KeepAlive: 30 * time.Second}).DialContext,
			TLSHandshakeTimeout:   connectWithin,
			ResponseHeaderTimeout: answerWithin,
			IdleConnTimeout:       time.Minute,
			MaxIdleConnsPerHost:   4,
			ForceAttemptHTTP2:     true,
			// The head counts before any of our limits sees it.
			MaxResponseHeaderBytes: 64 << 10,
		}
	}
	return &http.Client{
		Transport: strict{transport}, Timeout: patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// strict refuses answers that no provider gives who means well.
type strict struct{ next http.RoundTripper }

// RoundTrip asks, and looks at the head of the answer.
func (s strict) RoundTrip(r *http.Request) (*http.Response, error) {
	if !secure(r.URL) {
		return nil, fmt.Errorf("%w: asking %s without TLS", errAnswer, r.URL.Host)
	}
	answer, err := s.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	switch kind, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type")); {
	case answer.StatusCode >= 300 && answer.StatusCode < 400:
		err = fmt.Errorf("%w: it redirects (%d), which is not followed", errAnswer, answer.StatusCode)
		return nil, errors.Join(err, answer.Body.Close())
	case answer.StatusCode == http.StatusOK && (err != nil || !isJSON(kind)):
		return nil, errors.Join(fmt.Errorf("%w: it is not JSON", errAnswer), answer.Body.Close())
	}
	answer.Body = &bounded{ReadCloser: answer.Body, left: largestAnswer}
	return answer, nil
}

func isJSON(kind string) bool {
	return kind == "application/json" || (strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json"))
}

// bounded fails where an answer goes on, instead of cutting it off: half an
// answer must not pass for a whole one.
type bounded struct {
	io.ReadCloser
	left int
}

// Read reads on, up to the limit.
func (b *bounded) Read(into []byte) (int, error) {
	if len(into) > b.left+1 {
		into = into[:b.left+1]
	}
	n, err := b.ReadCloser.Read(into)
	if b.left -= n; b.left < 0 {
		return 0, fmt.Errorf("%w: it is larger than %d KiB", errAnswer, largestAnswer>>10)
	}
	return n, err
}

// secure is https, or this machine.
func secure(u *url.URL) bool {
	return u.Scheme == "https" || (u.Scheme == "http" && loopback(u.Hostname()))
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback()
}
