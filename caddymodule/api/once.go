package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

const (
	// keepAnswers is how long an answer is kept for the same request.
	keepAnswers = 24 * time.Hour
	// answerLease is for how long somebody is taken to be at work on a request;
	// longer than workTime.
	answerLease = time.Minute
	// answerWait is how long the same request waits for the first one.
	answerWait = 5 * time.Second
	answerLook = 50 * time.Millisecond
	// maxIdempotencyKey is in bytes.
	maxIdempotencyKey = 200
)

// once carries a request out; one that carries an Idempotency-Key once only, however
// often it comes, on whatever node.
func (r *Room) once(w http.ResponseWriter, req *http.Request) {
	keys := req.Header.Values("Idempotency-Key")
	if len(keys) == 0 || req.Method == http.MethodGet || req.Method == http.MethodHead {
		ctx, cancel := context.WithTimeout(req.Context(), workTime)
		defer cancel()
		r.open().routes.ServeHTTP(w, req.WithContext(ctx))
		return
	}
	if len(keys) > 1 || !fitKey(keys[0]) {
		r.refuse(w, req, invalid("header.Idempotency-Key", "it has 1 to 200 visible characters of ASCII, and is there once"))
		return
	}
	// What was begun is brought to its end, also when the client is gone: it will
	// ask again.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(req.Context()), workTime)
	defer cancel()
	req = req.WithContext(ctx)
	a := &answering{room: r, tag: "i:" + digest(callerOf(ctx).key.ID, keys[0]), request: requestDigest(req)}
	kept, err := a.begin(ctx)
	switch {
	case err != nil:
		r.refuse(w, req, r.problemOf(err))
	case kept != nil:
		w.Header().Set("Idempotency-Replayed", "true")
		kept.write(w)
	default:
		answer := &answer{header: w.Header().Clone()}
		r.open().routes.ServeHTTP(answer, req)
		if err := a.end(ctx, answer); err != nil {
			r.Log.Error("keeping an answer of the API failed", "error", err)
		}
		answer.write(w)
	}
}

func fitKey(key string) bool {
	return key != "" && len(key) <= maxIdempotencyKey &&
		strings.IndexFunc(key, func(c rune) bool { return c <= ' ' || c > '~' }) < 0
}

// digest names parts without room for doubt where one ends.
func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		_, _ = fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// requestDigest is what has to be the same when a request comes again.
func requestDigest(req *http.Request) string {
	body, _ := io.ReadAll(req.Body) // in memory
	req.Body = io.NopCloser(bytes.NewReader(body))
	return digest(req.Method, req.URL.Path, req.URL.RawQuery, req.Header.Get("If-Match"), string(body))
}

// answering is one request that may come more than once.
type answering struct {
	room         *Room
	tag, request string
	holder       string
}

// begin takes the request, or returns the answer it had already.
func (a *answering) begin(ctx context.Context) (*answer, error) {
	deadline := a.room.Now().Add(answerWait)
	for {
		have, err := a.take(ctx)
		switch {
		case err != nil:
			return nil, err
		case have == nil:
			return nil, nil //nolint:nilnil // nobody answered yet: it is ours
		case have.Request != a.request:
			return nil, problem(reasonReused, "Take another one for another request.")
		case have.Status != 0:
			return a.open(have)
		case a.room.Now().After(deadline):
			p := problem(reasonInProgress, "Ask again in a moment.")
			p.retry = time.Second
			return nil, p
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(answerLook):
		}
	}
}

// take returns what is there, nil when this request is the first.
func (a *answering) take(ctx context.Context) (have *store.APIAnswer, err error) {
	holder, now := secret.ID(), a.room.Now()
	err = a.room.Store.Update(ctx, a.tag, func(tx store.Tx) error {
		have, err = store.APIAnswers.Read(tx, "")
		switch {
		case err == nil && (have.Status != 0 || now.Before(have.Lease)):
			return nil
		case err != nil && !errors.Is(err, store.ErrNotFound):
			return err
		}
		have = nil
		mine := &store.APIAnswer{Request: a.request, Holder: holder, Lease: now.Add(answerLease)}
		return store.APIAnswers.Put(tx, "", mine, now.Add(keepAnswers))
	})
	if err == nil && have == nil {
		a.holder = holder
	}
	return have, err
}

// end keeps the answer, or lets the request come again where another try may do
// better.
func (a *answering) end(ctx context.Context, w *answer) error {
	now := a.room.Now()
	kept := &store.APIAnswer{Request: a.request, Holder: a.holder, Status: w.status, Header: map[string]string{}}
	for _, name := range []string{"Content-Type", "Etag", "Location"} {
		if v := w.header.Get(name); v != "" {
			kept.Header[name] = v
		}
	}
	kept.Body = a.room.Box.Seal(w.body.Bytes(), a.tag)
	again := w.status >= http.StatusInternalServerError || w.status == http.StatusTooManyRequests
	return a.room.Store.Update(ctx, a.tag, func(tx store.Tx) error {
		have, err := store.APIAnswers.Read(tx, "")
		if err != nil || have.Holder != a.holder {
			return err
		}
		if again {
			return store.APIAnswers.Delete(tx, "")
		}
		return store.APIAnswers.Put(tx, "", kept, now.Add(keepAnswers))
	})
}

func (a *answering) open(have *store.APIAnswer) (*answer, error) {
	body, err := a.room.Box.Open(have.Body, a.tag)
	if err != nil {
		return nil, problem(reasonReused, "Its answer cannot be read any more, because the secret of the gateway changed.")
	}
	w := &answer{header: http.Header{}, status: have.Status}
	for name, v := range have.Header {
		w.header.Set(name, v)
	}
	w.body.Write(body)
	return w, nil
}

// answer is one that was not sent yet.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header, WriteHeader and Write make it a place to write to.
func (w *answer) Header() http.Header { return w.header }

// WriteHeader keeps the status.
func (w *answer) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

func (w *answer) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

func (w *answer) write(to http.ResponseWriter) {
	for name, values := range w.header {
		to.Header()[name] = values
	}
	to.WriteHeader(w.status)
	_, _ = to.Write(w.body.Bytes()) // who asked may be gone
}
