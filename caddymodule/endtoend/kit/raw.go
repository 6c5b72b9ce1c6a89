package kit

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Recorder is an app that keeps every byte it receives, before any server had a
// chance to tidy it.
type Recorder struct {
	// Addr is host and port.
	Addr string

	mu       sync.Mutex
	requests []string
}

// NewRecorder starts a recorder that ends with the test.
func NewRecorder(t testing.TB) *Recorder {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed with the test
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	r := &Recorder{Addr: l.Addr().String()}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go r.serve(conn)
		}
	}()
	return r
}

// Requests returns the bytes of the requests whose request line contains part.
func (r *Recorder) Requests(part string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []string
	for _, q := range r.requests {
		line, _, _ := strings.Cut(q, "\r\n")
		if strings.Contains(line, part) {
			found = append(found, q)
		}
	}
	return found
}

// serve answers requests one after the other, until an upgrade.
func (r *Recorder) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	in := bufio.NewReader(conn)
	for {
		text, upgrade, err := readRequest(in)
		if text != "" {
			r.mu.Lock()
			r.requests = append(r.requests, text)
			r.mu.Unlock()
		}
		if err != nil {
			return
		}
		if upgrade != "" {
			_, _ = fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\nX-App: 1\r\n\r\n", upgrade)
			_, _ = io.Copy(io.Discard, in)
			return
		}
		if _, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\nX-App: 1\r\nContent-Length: 2\r\n\r\nok"); err != nil {
			return
		}
	}
}

// readRequest reads one request byte for byte. upgrade is the protocol it asks for.
func readRequest(in *bufio.Reader) (text, upgrade string, err error) {
	var all bytes.Buffer
	length, chunked := 0, false
	for first := true; ; first = false {
		line, err := in.ReadString('\n')
		all.WriteString(line)
		if err != nil {
			return all.String(), "", err
		}
		if strings.TrimRight(line, "\r\n") == "" && !first {
			break
		}
		name, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		switch value = strings.TrimSpace(value); strings.ToLower(name) {
		case "content-length":
			length, _ = strconv.Atoi(value) // what is no number has no body
		case "transfer-encoding":
			chunked = strings.Contains(value, "chunked")
		case "upgrade":
			upgrade = value
		}
	}
	if chunked {
		err = copyChunks(&all, in)
	} else {
		_, err = io.CopyN(&all, in, int64(length))
	}
	return all.String(), upgrade, err
}

// copyChunks copies chunks and the trailer behind them.
func copyChunks(all *bytes.Buffer, in *bufio.Reader) error {
	for {
		line, err := in.ReadString('\n')
		all.WriteString(line)
		if err != nil {
			return err
		}
		size, err := strconv.ParseInt(strings.TrimSpace(line), 16, 64)
		if err != nil {
			return fmt.Errorf("reading a chunk: %w", err)
		}
		if size > 0 {
			if _, err := io.CopyN(all, in, size+2); err != nil {
				return err
			}
			continue
		}
		for strings.TrimSpace(line) != "" {
			if line, err = in.ReadString('\n'); err != nil {
				return err
			}
			all.WriteString(line)
		}
		return nil
	}
}

// Raw writes bytes to a server and reads the first response. The status is 0
// where the server hung up instead.
func Raw(t testing.TB, addr, request string) Answer {
	t.Helper()
	conn, err := net.Dial("tcp", addr) //nolint:noctx // has a deadline
	must(t, err)
	defer func() { _ = conn.Close() }()
	must(t, conn.SetDeadline(time.Now().Add(Patience)))
	if _, err := io.WriteString(conn, request); err != nil {
		return Answer{} // hung up before all was sent
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return Answer{}
	}
	defer func() { _ = res.Body.Close() }()
	var body []byte
	if res.StatusCode != http.StatusSwitchingProtocols {
		body, _ = io.ReadAll(res.Body) // what came until it hung up
	}
	return Answer{Status: res.StatusCode, Header: res.Header, Body: string(body), Proto: res.Proto}
}
