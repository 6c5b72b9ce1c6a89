package kit

import (
	"bytes"
	"fmt"
	"net"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// Field is a header field of HTTP/2, exactly as it goes over the wire.
type Field struct{ Name, Value string }

// RawHTTP2 sends one request over HTTP/2 without TLS, frame by frame, and returns
// the status; 0 where the server ended the stream or connection instead. Trailers
// that nobody announced can be sent this way.
func RawHTTP2(t testing.TB, addr string, header []Field, body string, trailer []Field) (status int) {
	t.Helper()
	conn, err := net.Dial("tcp", addr) //nolint:noctx // has a deadline
	must(t, err)
	defer func() { _ = conn.Close() }()
	must(t, conn.SetDeadline(time.Now().Add(Patience)))
	_, err = conn.Write([]byte(http2.ClientPreface))
	must(t, err)
	var block bytes.Buffer
	encoder, framer := hpack.NewEncoder(&block), http2.NewFramer(conn, conn)
	encode := func(fields []Field) []byte {
		block.Reset()
		for _, f := range fields {
			must(t, encoder.WriteField(hpack.HeaderField{Name: f.Name, Value: f.Value}))
		}
		return bytes.Clone(block.Bytes())
	}
	must(t, framer.WriteSettings())
	last := body == "" && trailer == nil
	must(t, framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: encode(header), EndHeaders: true, EndStream: last}))
	if body != "" {
		must(t, framer.WriteData(1, trailer == nil, []byte(body)))
	}
	if trailer != nil {
		must(t, framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: encode(trailer), EndHeaders: true, EndStream: true}))
	}
	return readStatus(framer)
}

// readStatus reads frames until the stream is over.
func readStatus(framer *http2.Framer) (status int) {
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return status
		}
		switch f := frame.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() && framer.WriteSettingsAck() != nil {
				return status
			}
		case *http2.MetaHeadersFrame:
			if v := f.PseudoValue("status"); v != "" {
				_, _ = fmt.Sscan(v, &status) // what is no number is no status
			}
			if f.StreamEnded() {
				return status
			}
		case *http2.DataFrame:
			if f.StreamEnded() {
				return status
			}
		case *http2.RSTStreamFrame, *http2.GoAwayFrame:
			return status
		}
	}
}
