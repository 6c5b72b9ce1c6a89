package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cliendo/gateway/caddymodule/api"
	"github.com/cliendo/gateway/caddymodule/apikey"
	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/event"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/manage"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/boltstore"
	"github.com/cliendo/gateway/caddymodule/store/redisstore"
	"github.com/cliendo/gateway/caddymodule/store/storetest/redistest"
	"github.com/cliendo/gateway/caddymodule/story"
	"github.com/cliendo/gateway/caddymodule/ticket"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const base = "/gateway/api/v1"

// clock stands still until it is pushed, or goes a step with every look.
type clock struct {
	at   atomic.Int64
	step time.Duration
}

func (c *clock) now() time.Time       { return time.Unix(0, c.at.Add(int64(c.step))).UTC() }
func (c *clock) push(d time.Duration) { c.at.Add(int64(d)) }

// hasher is quick.
type hasher struct{}

func (hasher) Hash(_ context.Context, password string) (string, error) {
	return "hash of " + password, nil
}

type noSessions struct{}

func (noSessions) EndOne(context.Context, string, string, string) error { return nil }

func (noSessions) Named(context.Context, string, string, string) (string, error) { return "", nil }

func (noSessions) EndAllBut(_ store.Tx, u *store.User, _ string) error {
	u.Epoch++
	return nil
}

// counted counts the writes to a store, and lets tests look at them.
type counted struct {
	store.Engine
	writes atomic.Int64
	seen   func(value []byte)
	mu     sync.Mutex
	tags   map[string]string // by kind, the one written last
}

func (c *counted) Update(ctx context.Context, tag string, fn func(store.Tx) error) error {
	c.writes.Add(1)
	return c.Engine.Update(ctx, tag, func(tx store.Tx) error { return fn(&looking{tx, c, tag}) })
}

func (c *counted) last(kind string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tags[kind]
}

type looking struct {
	store.Tx
	c   *counted
	tag string
}

func (l *looking) Put(kind store.Kind, id string, value []byte, expires time.Time) error {
	l.c.mu.Lock()
	defer l.c.mu.Unlock()
	if l.c.tags == nil {
		l.c.tags = map[string]string{}
	}
	l.c.tags[kind.Name] = l.tag
	if l.c.seen != nil {
		l.c.seen(value)
	}
	return l.Tx.Put(kind, id, value, expires)
}

// house is a whole API with the accounts acme and rival, each with an owner.
type house struct {
	*clock
	t        *testing.T
	engine   *counted
	dir      *directory.Directory
	keys     *apikey.Book
	attempts *attempt.Recorder
	room     *api.Room
	handler  http.Handler
	// all may do everything everywhere.
	all string
	// network is where requests come from, where it is not the usual one.
	network string
}

func onEngines(t *testing.T, test func(t *testing.T, h *house)) {
	for name, open := range map[string]func(*testing.T, store.Options) (store.Engine, error){
		"bolt": func(t *testing.T, o store.Options) (store.Engine, error) {
			return boltstore.Open(filepath.Join(t.TempDir(), "store.db"), o)
		},
		"redis": func(t *testing.T, o store.Options) (store.Engine, error) {
			return redisstore.Open(redistest.Start(t).URL(), o)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := &clock{}
			c.at.Store(time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC).UnixNano())
			s, err := open(t, store.Options{Now: c.now})
			must(t, err)
			t.Cleanup(func() { s.Close() })
			test(t, furnish(t, c, s))
		})
	}
}

func furnish(t *testing.T, c *clock, s store.Engine) *house {
	t.Helper()
	secrets, err := secret.NewKeys([]byte(secret.Token()))
	must(t, err)
	box, err := secrets.NewBox("api answers")
	must(t, err)
	h := &house{clock: c, t: t, engine: &counted{Engine: s}}
	feed := event.New(h.engine, event.Options{Now: c.now})
	h.dir = directory.New(h.engine, directory.Options{Now: c.now})
	limits := limit.New(h.engine, limit.Config{}, c.now)
	h.attempts = attempt.New(h.engine, attempt.Options{Now: c.now})
	mails := outbox.New(h.engine, outbox.Options{Box: box, Now: c.now})
	book := ticket.New(h.engine, ticket.Options{
		Box: box, Key: secrets.Derive("tickets"), Hasher: hasher{}, Mails: mails, Now: c.now,
	})
	h.keys = apikey.New(h.engine, h.dir, apikey.Options{Now: c.now})
	t.Cleanup(func() { h.attempts.Close(); h.keys.Close() })
	log := audit.New(h.engine, audit.Options{Keys: secrets, Now: c.now})
	h.room = api.New(api.Options{
		Prefix: "/gateway", Store: h.engine, Keys: h.keys, Directory: h.dir, Attempts: h.attempts, Audit: log, Events: feed, Box: box, Now: c.now,
		Stories: story.New(story.Options{Directory: h.dir, Limits: limits, Attempts: h.attempts, Mails: mails, Now: c.now}),
		Manage: manage.New(manage.Options{
			Store: h.engine, Directory: h.dir, Hasher: hasher{}, Limits: limits, Sessions: noSessions{}, Audit: log, Tickets: book,
			Mails: mails, Origin: "https://app.example/gateway", Now: c.now,
		}),
	})
	mux := http.NewServeMux()
	h.room.Mount(mux)
	h.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := visitor.Visitor{IP: netip.MustParseAddr("192.0.2.7"), Network: h.network}
		if v.Network == "" {
			v.Network = limit.Network(v.IP)
		}
		mux.ServeHTTP(w, visitor.With(r, v))
	})
	for _, id := range []string{"acme", "rival"} {
		must(t, h.dir.CreateAccount(t.Context(), &store.Account{ID: id, Name: id, State: directory.Active}))
		h.user(id, "owner", directory.SuperadminType)
		h.user(id, "team", "teammate")
	}
	h.user(directory.StaffAccount, "desk", directory.SupportType)
	h.all = h.key("", apikey.Scopes()...)
	return h
}

// user adds somebody with the id account-name.
func (h *house) user(account, name, kind string) {
	h.t.Helper()
	must(h.t, h.dir.CreateUser(h.t.Context(), &store.User{
		ID: account + "-" + name, Account: account, Email: name + "@" + account + ".test", Name: name, Type: kind,
		Password: "hash of something", PasswordChanged: h.now(),
	}))
}

// key makes a key.
func (h *house) key(account string, scopes ...string) string {
	h.t.Helper()
	_, key, err := h.keys.Make(h.t.Context(), apikey.Wanted{Name: "the app", Scopes: scopes, Account: account, By: "support"})
	must(h.t, err)
	return key
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// reply is an answer of the API.
type reply struct {
	status int
	header http.Header
	text   string
	json   any
}

// at follows a path of names and the number 0 into the answer.
func (r reply) at(path string) any {
	v := r.json
	for name := range strings.SplitSeq(path, ".") {
		switch inner := v.(type) {
		case map[string]any:
			v = inner[name]
		case []any:
			if v = nil; len(inner) > 0 {
				v = inner[0]
			}
		default:
			return nil
		}
	}
	return v
}

func (r reply) reason() any { return r.at("reason") }

// ask sends a request. headers are names and values in turn.
func (h *house) ask(key, method, path, body string, headers ...string) reply {
	h.t.Helper()
	if !strings.HasPrefix(path, "/gateway") {
		path = base + path
	}
	req := httptest.NewRequest(method, path, strings.NewReader(body))
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	return h.send(req)
}

// askAs adds an account with a body of another kind.
func (h *house) askAs(kind, body string) reply {
	h.t.Helper()
	req := httptest.NewRequest(http.MethodPost, base+"/accounts", strings.NewReader(body))
	req.Header.Set("Authorization", "Bearer "+h.all)
	req.Header.Set("Content-Type", kind)
	return h.send(req)
}

func (h *house) send(req *http.Request) reply {
	h.t.Helper()
	method, path := req.Method, req.URL.RequestURI()
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, req)
	got := reply{status: w.Code, header: w.Header(), text: w.Body.String()}
	if got.text != "" {
		d := json.NewDecoder(bytes.NewReader(w.Body.Bytes()))
		if err := d.Decode(&got.json); err != nil {
			h.t.Errorf("%s %s: no JSON: %v in %.200s", method, path, err, got.text)
		}
		if _, err := d.Token(); err != io.EOF {
			h.t.Errorf("%s %s: something follows: %.200s", method, path, got.text)
		}
	}
	h.check(method, path, got)
	return got
}

// ok sends a request that has to succeed.
func (h *house) ok(key, method, path, body string, headers ...string) reply {
	h.t.Helper()
	got := h.ask(key, method, path, body, headers...)
	if got.status >= 300 {
		h.t.Fatalf("%s %s: %d %s", method, path, got.status, got.text)
	}
	return got
}

// refused sends a request that has to fail in one way.
func (h *house) refused(status int, reason, key, method, path, body string, headers ...string) reply {
	h.t.Helper()
	got := h.ask(key, method, path, body, headers...)
	if got.status != status || got.reason() != reason {
		h.t.Errorf("%s %s %.100q: %d %s; want %d %s", method, path, body, got.status, got.text, status, reason)
	}
	return got
}
