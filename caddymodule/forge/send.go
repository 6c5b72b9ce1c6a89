package forge

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// Target is a request that is to reach an app.
type Target struct {
	Addr string // of the server
	// TLS is the name to ask the server's certificate for; empty: plain HTTP.
	TLS                string
	Method, Host, Path string
	Lines              []string // header lines that a route matches
	Cookie             string
}

// String names the request for people.
func (t Target) String() string { return t.Method + " " + t.Host + t.Path }

// Send sends a variant over HTTP/1.1, byte for byte, and returns the answer.
func (t Target) Send(ctx context.Context, v Variant) (status int, body string, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := t.dial(ctx)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, t.wire(v)); err != nil {
		return 0, "", nil //nolint:nilerr // it hung up on what it takes for an attack
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: t.Method})
	if err != nil {
		return 0, "", nil //nolint:nilerr // likewise
	}
	defer func() { _ = res.Body.Close() }()
	text, _ := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	return res.StatusCode, string(text), nil
}

func (t Target) dial(ctx context.Context) (net.Conn, error) {
	if t.TLS != "" {
		d := tls.Dialer{Config: &tls.Config{ServerName: t.TLS, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}}
		return d.DialContext(ctx, "tcp", t.Addr)
	}
	return new(net.Dialer).DialContext(ctx, "tcp", t.Addr)
}

func (t Target) wire(v Variant) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nAccept: */*\r\n", t.Method, t.Path, t.Host)
	if t.Cookie != "" {
		fmt.Fprintf(&b, "Cookie: %s\r\n", t.Cookie)
	}
	for _, line := range append(t.Lines, v.Lines...) {
		b.WriteString(line + "\r\n")
	}
	if len(v.Trailer) == 0 {
		b.WriteString("\r\n")
		return b.String()
	}
	b.WriteString("Transfer-Encoding: chunked\r\n\r\n5\r\ncheck\r\n0\r\n")
	for _, line := range v.Trailer {
		b.WriteString(line + "\r\n")
	}
	b.WriteString("\r\n")
	return b.String()
}

// SendHTTP2 sends a variant over HTTP/2 without TLS.
func (t Target) SendHTTP2(ctx context.Context, v Variant) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	defer transport.CloseIdleConnections()
	body := io.Reader(http.NoBody)
	if len(v.Trailer) > 0 {
		body = io.MultiReader(strings.NewReader("check"))
	}
	r, err := http.NewRequestWithContext(ctx, t.Method, "http://"+t.Addr+t.Path, body)
	if err != nil {
		return fmt.Errorf("asking for %s: %w", t, err)
	}
	r.Host = t.Host
	r.Header = headers(append(append([]string{}, t.Lines...), v.Lines...))
	r.Header.Del("Trailer")
	if t.Cookie != "" {
		r.Header.Set("Cookie", t.Cookie)
	}
	if len(v.Trailer) > 0 {
		r.Trailer = headers(v.Trailer)
	}
	res, err := transport.RoundTrip(r)
	if err != nil {
		return nil //nolint:nilerr // refused as malformed, here or there
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20))
	return res.Body.Close()
}

func headers(lines []string) http.Header {
	h := http.Header{}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ":")
		h[name] = append(h[name], strings.TrimSpace(value))
	}
	return h
}
