package caddymodule

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/cliendo/gateway/caddymodule/apikey"
	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/operate"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/passhash"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/transfer"
)

// errNobody: no running gateway took the command; nothing was done.
var errNobody = errors.New("no running gateway took it")

// carryOut has the running gateway do it, if there is one with this store, and
// else opens the store. A command is never carried out twice: once it was sent,
// only its answer counts.
func (s *setup) carryOut(ctx context.Context, q operate.Request) (operate.Result, error) {
	result, err := s.ask(ctx, q)
	if !errors.Is(err, errNobody) {
		return result, err
	}
	result, openErr := s.alone(ctx, q)
	if errors.Is(openErr, store.ErrLocked) {
		return operate.Result{}, &operate.Error{
			Exit:    operate.ExitUnavailable,
			Message: fmt.Sprintf("%v, and %v", openErr, err),
			Fix:     "let the running gateway do it: same config, same secret or the same user as it runs under",
		}
	}
	return result, openErr
}

// ask sends the command to the running gateway.
func (s *setup) ask(ctx context.Context, q operate.Request) (operate.Result, error) {
	if s.adminOff != "" {
		return operate.Result{}, fmt.Errorf("%w: %s", errNobody, s.adminOff)
	}
	keys := s.adminKeys()
	if len(keys) == 0 {
		return operate.Result{}, fmt.Errorf("%w: there is no key for it", errNobody)
	}
	for _, key := range keys {
		result, err := s.askWith(ctx, key, q)
		if !errors.Is(err, errKey) {
			return result, err
		}
	}
	return operate.Result{}, fmt.Errorf("%w: what answers at %s has another secret", errNobody, s.admin)
}

// adminKeys are the keys that may open the running gateway: the one that follows
// from the secret, and the one it left in a file.
func (s *setup) adminKeys() (keys []string) {
	if k, err := s.app.keys(caddy.NewReplacer()); err == nil && k != nil {
		keys = append(keys, hex.EncodeToString(k.Derive(keyAdmin)))
	}
	if key, err := readAdminKey(s.store); err == nil {
		keys = append(keys, key)
	}
	return keys
}

// errKey: the gateway that answered does not know the key.
var errKey = errors.New("wrong key")

// patienceAdmin is how long a command may take; hashing under load is the longest.
const patienceAdmin = time.Minute

func (s *setup) askWith(ctx context.Context, key string, q operate.Request) (result operate.Result, err error) {
	return result, s.call(ctx, adminPath, key, q, &result)
}

// call sends one request to the admin endpoint, and reads the answer into out.
func (s *setup) call(ctx context.Context, path, key string, q, out any) error {
	ctx, cancel := context.WithTimeout(ctx, patienceAdmin)
	defer cancel()
	r, client, err := adminRequest(ctx, s.admin, path, q)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set(headerStore, s.store.Resource())
	response, err := client.Do(r)
	var dialing *net.OpError
	switch {
	case errors.As(err, &dialing) && dialing.Op == "dial":
		return fmt.Errorf("%w: nobody answers at %s", errNobody, s.admin)
	case err != nil:
		return &operate.Error{
			Exit: operate.ExitUnavailable, Message: "asking the running gateway: " + err.Error(),
			Fix: "look whether it was done before doing it again",
		}
	}
	defer response.Body.Close()
	return readAnswer(response, s.admin, out)
}

// adminRequest makes the request of a command and a client for it.
func adminRequest(ctx context.Context, address, path string, q any) (*http.Request, *http.Client, error) {
	body, err := json.Marshal(q)
	if err != nil {
		return nil, nil, fmt.Errorf("writing the command: %w", err)
	}
	r, client, err := adminPost(ctx, address, path, bytes.NewReader(body))
	if err == nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return r, client, err
}

// adminPost makes a request and a client for the kind of network.
func adminPost(ctx context.Context, address, path string, body io.Reader) (*http.Request, *http.Client, error) {
	parsed, err := caddy.ParseNetworkAddress(address)
	if err != nil || parsed.PortRangeSize() > 1 {
		return nil, nil, &operate.Error{
			Exit: operate.ExitUsage, Message: fmt.Sprintf("%.60q is no address of an admin endpoint", address), Fix: "write it as localhost:2019",
		}
	}
	host, dial := parsed.JoinHostPort(0), parsed.JoinHostPort(0)
	if parsed.IsUnixNetwork() {
		host = "127.0.0.1" // Caddy accepts this one for sockets
		dial, _, _ = strings.Cut(parsed.Host, "|")
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+host+path, body)
	if err != nil {
		return nil, nil, fmt.Errorf("making the request: %w", err)
	}
	if !parsed.IsUnixNetwork() {
		r.Header.Set("Origin", "http://"+host)
	}
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, parsed.Network, dial)
		},
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return r, &http.Client{Transport: transport, CheckRedirect: stay}, nil
}

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 64 << 20

func readAnswer(response *http.Response, address string, out any) error {
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("reading the answer of the running gateway: %w", err)
	}
	var failure *operate.Error
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusUnprocessableEntity:
		failure = new(operate.Error)
		out = failure
	case http.StatusUnauthorized:
		return errKey
	case http.StatusNotFound:
		return fmt.Errorf("%w: what answers at %s is no gateway with this store", errNobody, address)
	default:
		return &operate.Error{
			Exit:    operate.ExitFailed,
			Message: fmt.Sprintf("the admin endpoint at %s answered %s: %.200s", address, response.Status, body),
		}
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("reading the answer of the running gateway: %w", err)
	}
	if failure != nil {
		return failure
	}
	return nil
}

// alone opens the store and carries the command out in this process.
func (s *setup) alone(ctx context.Context, q operate.Request) (result operate.Result, err error) {
	err = s.inHouse(func(house *operate.House) error {
		if err := transfer.Unfinished(ctx, house.Engine); err != nil {
			return operate.AsError(err)
		}
		result, err = house.Run(ctx, q)
		return err
	})
	return result, err
}

// inHouse opens the store, and has do work on it.
func (s *setup) inHouse(do func(*operate.House) error) error {
	conf, err := s.settings()
	if err != nil {
		return badConfig("", err)
	}
	engine, err := s.store.Open(store.Options{})
	if err != nil {
		return openError(err)
	}
	return s.furnish(engine, conf, do)
}

// furnish builds what commands need, and closes it and the store in the end.
func (s *setup) furnish(engine store.Engine, conf *settings, do func(*operate.House) error) (err error) {
	defer func() { err = errors.Join(err, engine.Close()) }()
	r := &rooms{
		house:     &house{engine: engine},
		settings:  conf,
		sites:     lookJSON(s.json).gateways,
		directory: directory.New(engine, directory.Options{Rules: conf.Rules}),
		limits:    limit.New(engine, conf.Limits, nil),
		hasher:    passhash.New(conf.Hash),
		attempts:  attempt.New(engine, attempt.Options{Keep: conf.AttemptsKeep}),
	}
	defer func() { err = errors.Join(err, r.attempts.Close()) }()
	r.apiKeys = apikey.New(engine, r.directory, apikey.Options{})
	defer func() { err = errors.Join(err, r.apiKeys.Close()) }()
	if r.keys, err = conf.keysIn(context.Background(), engine); err != nil {
		return err
	}
	if r.outbox, err = s.outbox(engine, conf); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.stopMails()) }()
	house := r.operate()
	house.Program = s.program
	return do(house)
}

// openError keeps ErrLocked to be told apart.
func openError(err error) error {
	if errors.Is(err, store.ErrLocked) {
		return err
	}
	return &operate.Error{Exit: operate.ExitUnavailable, Message: err.Error()}
}

// outbox is that of a gateway that does not run: what is to be sent waits for
// it, only a test leaves at once.
func (s *setup) outbox(engine store.Engine, conf *settings) (*outbox.Outbox, error) {
	if s.mailer == nil {
		return nil, nil //nolint:nilnil // no mail is configured
	}
	mailer, err := s.mailer.Mailer(conf.PublicURL.Hostname())
	if err != nil {
		return nil, fmt.Errorf("making the mailer: %w", err)
	}
	return outbox.New(engine, conf.outboxOptions(mailer)), nil
}
