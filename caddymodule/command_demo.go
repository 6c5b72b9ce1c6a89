package caddymodule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/cliendo/gateway/caddymodule/demo"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/operate"
	"github.com/cliendo/gateway/caddymodule/passhash"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

const demoSummary = "Runs the whole product on this machine, with made-up users and a sample app behind it"

// demo runs until it is interrupted.
func (t *terminal) demo(ctx context.Context, args []string) int {
	flags := t.flags("demo", demoSummary)
	listen := flags.String("listen", "localhost:8080", "the `ADDRESS` to listen on; a loopback host only, as everybody's password is printed")
	dir := flags.String("dir", "", "the `DIR` to keep the store in; default: a fresh folder that is removed at the end")
	password := flags.String("password", "", "one password for all users; default: each gets a generated one")
	if code, done := t.parse(flags, without(args, "demo")); done {
		return code
	}
	if err := t.runDemo(ctx, *listen, *dir, *password); err != nil {
		return t.fail(err, false)
	}
	return operate.ExitOK
}

func (t *terminal) runDemo(ctx context.Context, listen, dir, password string) (err error) {
	host, port, err := demoAddress(ctx, listen)
	if err != nil {
		return err
	}
	dir, remove, err := demoDir(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	people, err := seedDemo(ctx, filepath.Join(dir, "gateway.db"), password)
	if err != nil {
		return err
	}
	app, stopApp, err := startSampleApp(ctx)
	if err != nil {
		return err
	}
	defer stopApp()
	d := demoSite{dir: dir, listen: net.JoinHostPort(host, port), app: app}
	var stopProvider func()
	if d.provider, stopProvider, err = startSampleProvider(ctx, d.url()+defaultPrefix, people); err != nil {
		return err
	}
	defer stopProvider()
	theMailbox.Store(&demo.Mailbox{Dir: d.mails()})
	defer theMailbox.Store(nil)
	if err := d.start(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, caddy.Stop()) }()
	if err := t.introduceDemo(d, people); err != nil {
		return err
	}
	<-ctx.Done()
	say(t.out, "\nStopping.\n")
	return nil
}

// demoAddress accepts loopback hosts only, and finds out now whether the port is
// free, while the message can be a plain one.
func demoAddress(ctx context.Context, listen string) (host, port string, err error) {
	host, port, err = net.SplitHostPort(listen)
	if err != nil || !isLoopback(host) {
		return "", "", &operate.Error{
			Exit: operate.ExitUsage, Flag: "--listen", Message: fmt.Sprintf("--listen %s: not on this machine alone", listen),
			Fix: "write localhost:8080 or another port of localhost",
		}
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return "", "", &operate.Error{
			Exit: operate.ExitFailed, Flag: "--listen", Message: "listening: " + err.Error(), Fix: "choose a free port with --listen localhost:PORT",
		}
	}
	if port == "0" {
		port = strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	}
	return host, port, l.Close()
}

func demoDir(dir string) (path string, remove func() error, err error) {
	if dir == "" {
		dir, err = os.MkdirTemp("", "cliendo-demo-")
		return dir, func() error { return os.RemoveAll(dir) }, err
	}
	if path, err = filepath.Abs(dir); err == nil {
		err = os.MkdirAll(path, 0o700)
	}
	return path, func() error { return nil }, err
}

// seedDemo puts the users into the store before anybody else holds it.
func seedDemo(ctx context.Context, path, password string) (people []demo.Person, err error) {
	module := &BoltStore{path: path}
	engine, err := module.Open(store.Options{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	dir := directory.New(engine, directory.Options{})
	factors, err := demoFactors(ctx, engine)
	if err != nil {
		return nil, err
	}
	return demo.Seed(ctx, engine, dir, passhash.New(passhash.Options{}), factors, password, time.Now())
}

// demoBrand is how the pages of the demo, and the apps that make codes, call it.
const demoBrand = "Cliendo demo"

// demoFactors seals with the secret that the gateway of the demo will find in the
// store.
func demoFactors(ctx context.Context, engine store.Engine) (*factor.Factors, error) {
	kept, err := secret.Ensure(ctx, engine, "gateway", time.Now())
	if err != nil {
		return nil, err
	}
	keys, err := secret.NewKeys(kept)
	if err != nil {
		return nil, err
	}
	box, err := keys.NewBox(keyFactor)
	if err != nil {
		return nil, err
	}
	return factor.New(engine, factor.Options{Box: box, Issuer: demoBrand}), nil
}

// startSampleApp serves the app behind the gateway on a port of its own.
func startSampleApp(ctx context.Context) (address string, stop func(), err error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("starting the sample app: %w", err)
	}
	server := &http.Server{Handler: demo.App(), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(l) }() // ends with Close
	return l.Addr().String(), func() { _ = server.Close() }, nil
}

// startSampleProvider serves those at whom the users of the demo have accounts,
// too.
func startSampleProvider(ctx context.Context, gateway string, people []demo.Person) (p *demo.Provider, stop func(), err error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, fmt.Errorf("starting the sample provider: %w", err)
	}
	if p, err = demo.NewProvider("http://"+l.Addr().String(), gateway, people); err != nil {
		return nil, nil, errors.Join(err, l.Close())
	}
	server := &http.Server{Handler: p, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(l) }() // ends with Close
	return p, func() { _ = server.Close() }, nil
}

// demoSite is the config of the demo.
type demoSite struct {
	dir, listen, app string
	provider         *demo.Provider
}

// providers are the three social buttons, which lead to the sample provider.
func (d demoSite) providers() []object {
	kinds := demo.Kinds()
	all := make([]object, 0, len(kinds))
	for _, kind := range kinds {
		all = append(all, object{
			"kind": kind, "base_url": d.provider.Base(kind), "client_id": d.provider.ClientID, "client_secret": d.provider.ClientSecret,
		})
	}
	return all
}

func (d demoSite) url() string { return "http://" + d.listen }

// mails is the folder that holds what was mailed.
func (d demoSite) mails() string { return filepath.Join(d.dir, "mail") }

// configFile is where the config lies for commands to be tried on the demo.
func (d demoSite) configFile() string { return filepath.Join(d.dir, "demo.json") }

func (d demoSite) start() error {
	raw, err := json.MarshalIndent(d.config(), "", "  ")
	if err != nil {
		return fmt.Errorf("writing the config of the demo: %w", err)
	}
	if err := os.WriteFile(d.configFile(), raw, 0o600); err != nil {
		return fmt.Errorf("writing the config of the demo: %w", err)
	}
	if err := caddy.Load(raw, true); err != nil {
		return fmt.Errorf("starting the demo: %w", err)
	}
	return nil
}

// object is a JSON object as it is written down here.
type object = map[string]any

func (d demoSite) config() object {
	return object{
		"admin": d.admin(),
		// That a socket has no host to check is no news here.
		"logging": object{"logs": object{"default": object{"level": "WARN", "exclude": []string{"admin"}}}},
		// What Caddy keeps for itself stays out of the home of who tries the demo.
		"storage": object{"module": "file_system", "root": filepath.Join(d.dir, "caddy")},
		"apps": object{
			"login_gateway": object{
				"store":      object{"backend": "bolt", "path": filepath.Join(d.dir, "gateway.db")},
				"public_url": d.url(),
				"types":      object{directory.SupportType: object{"second_step": directory.SecondStepOptional}},
				"mail": object{
					"from": "login@demo.test", "mailer": object{"via": "file", "folder": d.mails()},
				},
				"providers": d.providers(),
				"brand": object{
					"name": demoBrand, "support_phone": "030 123 45 67", "support_mail": "support@demo.test",
				},
			},
			"http": object{"grace_period": "3s", "servers": object{"demo": d.server()}},
		},
	}
}

func (d demoSite) server() object {
	return object{
		"listen":          []string{d.listen},
		"automatic_https": object{"disable": true},
		"protocols":       []string{"h1"},
		"routes": []object{{"handle": []object{
			{
				"handler":      directiveName,
				"repair_paths": []string{"/billing/*"},
			},
			{
				"handler": "reverse_proxy", "upstreams": []object{{"dial": d.app}},
				"stream_close_delay": "5m", "flush_interval": -1,
			},
		}}},
	}
}

// longestSocket is what the name of a socket may have, in bytes, on every system.
const longestSocket = 100

// admin is a socket that only the owner of the folder can reach. The usual port
// stays free for a gateway that runs beside the demo.
func (d demoSite) admin() object {
	keep := object{"persist": false}
	socket := filepath.Join(d.dir, "admin.sock")
	if len(socket) > longestSocket {
		return object{"disabled": true, "config": keep}
	}
	return object{"listen": "unix/" + socket + "|0600", "config": keep}
}

// introduceDemo prints who there is.
func (t *terminal) introduceDemo(d demoSite, people []demo.Person) error {
	w := tabwriter.NewWriter(t.out, 0, 0, 3, ' ', 0)
	say(w, "\nCliendo demo: open %s\n\n", d.url())
	say(w, "USER\tPASSWORD\tAFTER LOGGING IN\n")
	for _, p := range people {
		say(w, "%s\t%s\t%s\n", p.Email, p.Password, p.Expect)
	}
	for _, p := range people {
		if p.Key != "" {
			say(w, "\nSecond step of %s, for an app that makes codes: key %s\nor, once, the recovery code %s\n", p.Email, p.Key, factor.Grouped(p.Recovery[0]))
		}
	}
	say(w, "\nMails: %s/gateway/demo/mail\n", d.url())
	say(w, "\nTry: %s why arrears@demo.test --config %s\nPress Ctrl-C to stop.\n", t.program, d.configFile())
	return w.Flush()
}

// theMailbox is the mail page of the demo, nil in a process that runs none: no
// configuration brings it about.
var theMailbox atomic.Pointer[demo.Mailbox]

// mailbox mounts that page.
type mailbox struct{ prefix string }

// Mount adds the route in the demo, and nothing elsewhere. It needs no session:
// people who cannot log in read their mail there.
func (m *mailbox) Mount(mux *http.ServeMux) {
	if box := theMailbox.Load(); box != nil {
		mux.Handle("GET "+m.prefix+"/demo/mail", box)
	}
}
