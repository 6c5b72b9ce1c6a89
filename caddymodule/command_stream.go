package caddymodule

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/cliendo/gateway/caddymodule/operate"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/transfer"
)

// stream carries out a command that a file travels with, and returns its exit
// code.
func (t *terminal) stream(ctx context.Context, own map[string]string, q operate.Request, c *operate.Command) int {
	_, asJSON := own["json"]
	if err := c.Check(q); err != nil {
		return t.fail(err, asJSON)
	}
	s, err := t.setup(own)
	if err != nil {
		return t.fail(err, asJSON)
	}
	defer s.close()
	name := c.FileName(q)
	bar := newBar(t.err)
	st := operate.Stream{Progress: bar.show, Line: func(line string) {
		bar.clear()
		if !asJSON { // there they are in the result
			say(t.out, "%s\n", line)
		}
	}}
	var result operate.Result
	toTerminal := c.File == operate.FileWritten && (name == "" || name == "-")
	switch {
	case c.File == operate.FileRead:
		result, err = s.streamFrom(ctx, q, c, name, st, bar)
	case toTerminal:
		st.Out = t.out
		result, err = s.carryOutStream(ctx, q, c, st)
	default:
		result, err = s.streamTo(ctx, q, c, name, st)
	}
	bar.clear()
	if err != nil {
		return t.fail(err, asJSON && !toTerminal)
	}
	return t.streamed(result, asJSON, toTerminal)
}

// streamed writes the outcome: beside a file that goes to the terminal, on the
// error stream.
func (t *terminal) streamed(result operate.Result, asJSON, toTerminal bool) int {
	write, out := result.WriteText, t.out
	if asJSON {
		write = result.WriteJSON
	}
	if toTerminal {
		out = t.err
	}
	if err := write(out); err != nil {
		return t.fail(err, false)
	}
	return result.Exit
}

// streamFrom opens the file that is read.
func (s *setup) streamFrom(ctx context.Context, q operate.Request, c *operate.Command, name string, st operate.Stream, bar *bar) (operate.Result, error) {
	if name == "-" {
		st.In = os.Stdin
		return s.carryOutStream(ctx, q, c, st)
	}
	f, err := os.Open(filepath.Clean(name))
	if err != nil {
		return operate.Result{}, fileError(c, name, err)
	}
	defer func() { _ = f.Close() }() // it was only read
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = errors.New("it is a folder")
	}
	if err != nil {
		return operate.Result{}, fileError(c, name, err)
	}
	bar.size = info.Size()
	st.In = f
	return s.carryOutStream(ctx, q, c, st)
}

// streamTo writes beside the name, with mode 0600, and puts it in place when it is
// whole. A file that is there is left alone.
func (s *setup) streamTo(ctx context.Context, q operate.Request, c *operate.Command, name string, st operate.Stream) (result operate.Result, err error) {
	if _, err := os.Lstat(name); err == nil {
		return result, fileError(c, name, fs.ErrExist)
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*") // mode 0600
	if err != nil {
		return result, fileError(c, name, err)
	}
	st.Out = f
	result, err = s.carryOutStream(ctx, q, c, st)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Link(f.Name(), name) // unlike a rename, this replaces nothing
	}
	if removed := os.Remove(f.Name()); err == nil {
		err = removed
	}
	return result, err
}

func fileError(c *operate.Command, name string, err error) error {
	e := &operate.Error{Exit: operate.ExitUsage, Message: fmt.Sprintf("%s: %s: %v", c.Name(), name, err)}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Message, e.Fix = fmt.Sprintf("%s: there is no file %s", c.Name(), name), "name one that is there"
	case errors.Is(err, fs.ErrExist):
		e.Message, e.Fix = fmt.Sprintf("%s: there is a file %s already", c.Name(), name), "choose another name"
	}
	return e
}

// carryOutStream is carryOut for commands that a file travels with.
func (s *setup) carryOutStream(ctx context.Context, q operate.Request, c *operate.Command, st operate.Stream) (operate.Result, error) {
	key, askErr := s.running(ctx)
	switch {
	case askErr == nil && c.Alone:
		return operate.Result{}, errInUse()
	case askErr == nil:
		return s.askStream(ctx, key, q, st)
	case !errors.Is(askErr, errNobody):
		return operate.Result{}, askErr
	}
	var result operate.Result
	err := s.inHouse(func(house *operate.House) error {
		if err := transfer.Unfinished(ctx, house.Engine); err != nil && !c.Alone {
			return operate.AsError(err)
		}
		var err error
		result, err = house.RunStream(ctx, q, st)
		return err
	})
	if errors.Is(err, store.ErrLocked) {
		return result, &operate.Error{
			Exit: operate.ExitUnavailable, Message: fmt.Sprintf("%v, and %v", err, askErr),
			Fix: "let the running gateway do it: same config, same secret or the same user as it runs under",
		}
	}
	return result, err
}

// running finds the key of the running gateway with this store. It asks before
// the file is sent: a file may be readable only once.
func (s *setup) running(ctx context.Context) (key string, err error) {
	if s.adminOff != "" {
		return "", fmt.Errorf("%w: %s", errNobody, s.adminOff)
	}
	err = fmt.Errorf("%w: there is no key for it", errNobody)
	for _, key := range s.adminKeys() {
		var findings []store.Finding
		if err = s.call(ctx, adminCheckPath, key, struct{}{}, &findings); err == nil {
			return key, nil
		}
		if !errors.Is(err, errKey) {
			return "", err
		}
		err = fmt.Errorf("%w: what answers at %s has another secret", errNobody, s.admin)
	}
	return "", err
}

// askStream sends the command and the file to the running gateway.
func (s *setup) askStream(ctx context.Context, key string, q operate.Request, st operate.Stream) (operate.Result, error) {
	command, err := json.Marshal(q)
	if err != nil {
		return operate.Result{}, fmt.Errorf("writing the command: %w", err)
	}
	body := &sending{r: st.In}
	r, client, err := adminPost(ctx, s.admin, adminStreamPath, body)
	if err != nil {
		return operate.Result{}, err
	}
	r.Header.Set("Content-Type", "application/octet-stream")
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set(headerStore, s.store.Resource())
	r.Header.Set(headerCommand, base64.StdEncoding.EncodeToString(command))
	response, err := client.Do(r)
	if err != nil {
		return operate.Result{}, &operate.Error{
			Exit: operate.ExitUnavailable, Message: "asking the running gateway: " + err.Error(), Fix: "run it again",
		}
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		var result operate.Result
		return result, readAnswer(response, s.admin, &result)
	}
	defer body.stop.Store(true)
	return readFrames(response.Body, st)
}

// sending is a file on its way. It ends early when the answer is there.
type sending struct {
	r    io.Reader
	stop atomic.Bool
}

func (s *sending) Read(p []byte) (int, error) {
	if s.r == nil || s.stop.Load() {
		return 0, io.EOF
	}
	return s.r.Read(p)
}
