package caddymodule

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/cliendo/gateway/caddymodule/operate"
)

// headerCommand holds the command that a file travels with, as JSON in base64:
// the body is the file.
const headerCommand = "Login-Gateway-Command"

// stream carries out a command that a file travels with. It answers while it
// still reads, and for as long as it takes.
func (AdminAPI) stream(w http.ResponseWriter, r *http.Request) error {
	target, err := admit(w, r)
	if target == nil {
		return err
	}
	q, c, err := streamCommand(r)
	if err != nil {
		return refuse(w, http.StatusBadRequest, err.Error())
	}
	if c.Alone {
		w.WriteHeader(http.StatusUnprocessableEntity)
		return json.NewEncoder(w).Encode(errInUse())
	}
	control := http.NewResponseController(w)
	// Caddy ends requests to its endpoint after ten seconds.
	err = errors.Join(control.EnableFullDuplex(), control.SetReadDeadline(time.Time{}), control.SetWriteDeadline(time.Time{}))
	if err != nil {
		return refuse(w, http.StatusInternalServerError, err.Error())
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	frames := &frameWriter{w: w, flush: control.Flush}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	result, err := runStream(ctx, target, q, c, r.Body, frames)
	if err != nil {
		err = frames.json(frameError, operate.AsError(err))
	} else {
		err = frames.json(frameResult, result)
	}
	if err == nil {
		// Whoever still sends would not read the answer on a connection that is cut.
		_ = control.SetReadDeadline(time.Now().Add(farewell))
		_, _ = io.Copy(io.Discard, r.Body)
	}
	return nil
}

// farewell is how long the rest of a file that nobody reads is taken.
const farewell = 5 * time.Second

func errInUse() *operate.Error {
	return &operate.Error{
		Exit: operate.ExitRefused, Message: "a running gateway uses this store", Fix: "stop it first, on every node",
	}
}

func streamCommand(r *http.Request) (q operate.Request, c *operate.Command, err error) {
	body, err := base64.StdEncoding.DecodeString(r.Header.Get(headerCommand))
	if err != nil || json.Unmarshal(body, &q) != nil {
		return q, nil, errors.New("the header " + headerCommand + " is no command in base64")
	}
	if c, err = operate.Find(q); err == nil && c.File == operate.NoFile {
		err = errors.New("no file travels with this command")
	}
	return q, c, err
}

// runStream runs the command. What it writes is kept in a file until it is
// whole: a backup must not wait for whoever reads it, and nobody gets half.
func runStream(ctx context.Context, target adminTarget, q operate.Request, c *operate.Command, body io.Reader, frames *frameWriter) (operate.Result, error) {
	s := operate.Stream{
		In:       body,
		Line:     func(line string) { _ = frames.write(frameLine, []byte(line)) },
		Progress: func(p operate.Progress) { _ = frames.json(frameProgress, p) },
	}
	if c.File != operate.FileWritten {
		return target.RunStream(ctx, q, s)
	}
	spool, err := os.CreateTemp("", "cliendo-*") // mode 0600
	if err != nil {
		return operate.Result{}, err
	}
	defer func() {
		_ = spool.Close() // it goes either way
		_ = os.Remove(spool.Name())
	}()
	s.Out = spool
	result, err := target.RunStream(ctx, q, s)
	if err != nil {
		return result, err
	}
	if _, err := spool.Seek(0, io.SeekStart); err != nil {
		return result, err
	}
	_, err = io.Copy(struct{ io.Writer }{frames}, spool)
	return result, err
}
