package kit

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// Field is a header field of HTTP/2, exactly as it goes over the wire.
type Field struct{ Name, Value string }

// HTTP2 is one request over HTTP/2 frame by frame, as no library would send it.
type HTTP2 struct {
	Addr string
	// TLS speaks it over TLS, else as it is, where the server allows that.
	TLS    bool
	Header []Field
	// Data is a DATA frame each.
	Data []string
	// Trailer goes behind the data, whether anybody announced it or not.
	Trailer []Field
}

// RawHTTP2 sends one request without TLS and returns the status; 0 where the
// server ended the stream or connection instead.
func RawHTTP2(t testing.TB, addr string, header []Field, body string, trailer []Field) (status int) {
	t.Helper()
	q := HTTP2{Addr: addr, Header: header, Trailer: trailer}
	if body != "" {
		q.Data = []string{body}
	}
	return q.Send(t).Status
}

// Send sends the request on a connection of its own and returns what came back. A
// status of 0 says that the server ended the stream or the connection instead.
func (q HTTP2) Send(t testing.TB) Answer {
	t.Helper()
	conn, err := net.Dial("tcp", q.Addr) //nolint:noctx // has a deadline
	must(t, err)
	defer func() { _ = conn.Close() }()
	must(t, conn.SetDeadline(time.Now().Add(Patience)))
	if q.TLS {
		secure := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12}) //nolint:gosec // our own server on loopback
		must(t, secure.Handshake())                                                                                                 //nolint:noctx // has a deadline
		conn = secure
	}
	_, err = conn.Write([]byte(http2.ClientPreface))
	must(t, err)
	framer := http2.NewFramer(conn, nil)
	must(t, framer.WriteSettings())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = q.write(t, framer) // it may hang up on the way
	}()
	a := readHTTP2(http2.NewFramer(nil, conn))
	_ = conn.Close()
	<-done
	return a
}

func (q HTTP2) write(t testing.TB, framer *http2.Framer) error {
	t.Helper()
	encoder := &headerWriter{t: t, framer: framer}
	if err := encoder.write(q.Header, len(q.Data) == 0 && q.Trailer == nil); err != nil {
		return err
	}
	for i, data := range q.Data {
		if err := framer.WriteData(1, q.Trailer == nil && i == len(q.Data)-1, []byte(data)); err != nil {
			return fmt.Errorf("writing data: %w", err)
		}
	}
	if q.Trailer == nil {
		return nil
	}
	return encoder.write(q.Trailer, true)
}

// headerWriter writes blocks of fields, in as many frames as they need.
type headerWriter struct {
	t       testing.TB
	framer  *http2.Framer
	block   bytes.Buffer
	encoder *hpack.Encoder
}

const frameSize = 16 << 10

func (w *headerWriter) write(fields []Field, last bool) error {
	w.block.Reset()
	if w.encoder == nil {
		w.encoder = hpack.NewEncoder(&w.block)
	}
	for _, f := range fields {
		must(w.t, w.encoder.WriteField(hpack.HeaderField{Name: f.Name, Value: f.Value}))
	}
	first := w.block.Next(frameSize)
	err := w.framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: 1, BlockFragment: first, EndHeaders: w.block.Len() == 0, EndStream: last,
	})
	for err == nil && w.block.Len() > 0 {
		part := w.block.Next(frameSize)
		err = w.framer.WriteContinuation(1, w.block.Len() == 0, part)
	}
	return err //nolint:wrapcheck // only that there is one matters
}

// readHTTP2 reads frames until the stream is over. The server's settings are not
// acknowledged: that could fall between two frames of a block.
func readHTTP2(framer *http2.Framer) (a Answer) {
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	a.Proto, a.Header = "HTTP/2.0", http.Header{}
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return a
		}
		ended := false
		switch f := frame.(type) {
		case *http2.MetaHeadersFrame:
			if v := f.PseudoValue("status"); v != "" {
				_, _ = fmt.Sscan(v, &a.Status) // what is no number is no status
			}
			for _, field := range f.RegularFields() {
				a.Header.Add(field.Name, field.Value)
			}
			ended = f.StreamEnded()
		case *http2.DataFrame:
			a.Body += string(f.Data())
			ended = f.StreamEnded()
		case *http2.RSTStreamFrame, *http2.GoAwayFrame:
			ended = true
		}
		if ended {
			return a
		}
	}
}
