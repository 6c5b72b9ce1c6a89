package caddymodule

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/cliendo/gateway/caddymodule/operate"
)

// A command that a file travels with answers with frames: a byte that says what
// it is, the length (4 bytes, big endian) and the content. The last one is the
// result or the error; where it is missing, the connection broke.
const (
	frameProgress = 'P' // operate.Progress
	frameLine     = 'L' // a line for people
	frameData     = 'D' // a part of the file
	frameResult   = 'R' // operate.Result
	frameError    = 'E' // operate.Error

	// maxFrame bounds one frame, in bytes; results hold up to 10,000 problems.
	maxFrame = 16 << 20
)

// frameWriter writes frames, from any goroutine.
type frameWriter struct {
	mu    sync.Mutex
	w     io.Writer
	flush func() error
}

func (f *frameWriter) write(kind byte, content []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	head := make([]byte, 5, 5+len(content))
	head[0] = kind
	binary.BigEndian.PutUint32(head[1:], uint32(len(content))) //nolint:gosec // parts of 32 KiB, or our own words
	if _, err := f.w.Write(append(head, content...)); err != nil {
		return err
	}
	return f.flush()
}

func (f *frameWriter) json(kind byte, v any) error {
	content, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return f.write(kind, content)
}

// Write sends a part of the file.
func (f *frameWriter) Write(p []byte) (int, error) { return len(p), f.write(frameData, p) }

// readFrames hands frames to s until the result.
func readFrames(r io.Reader, s operate.Stream) (operate.Result, error) {
	for {
		kind, content, err := readFrame(r)
		if err != nil {
			return operate.Result{}, &operate.Error{
				Exit: operate.ExitUnavailable, Message: "the running gateway broke off: " + err.Error(), Fix: "look whether it was done; import can be run again",
			}
		}
		switch kind {
		case frameProgress:
			var p operate.Progress
			if json.Unmarshal(content, &p) == nil {
				s.Progress(p)
			}
		case frameLine:
			s.Line(string(content))
		case frameData:
			if _, err := s.Out.Write(content); err != nil {
				return operate.Result{}, fmt.Errorf("writing the file: %w", err)
			}
		case frameResult:
			var result operate.Result
			return result, json.Unmarshal(content, &result)
		case frameError:
			failure := new(operate.Error)
			return operate.Result{}, errors.Join(json.Unmarshal(content, failure), failure)
		}
	}
}

func readFrame(r io.Reader) (kind byte, content []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n > maxFrame {
		return 0, nil, fmt.Errorf("a frame of %d bytes", n)
	}
	content = make([]byte, n)
	_, err = io.ReadFull(r, content)
	return head[0], content, err
}
