// Command bench measures the gateway against a twin: the same binary with a bare
// reverse_proxy that gets the same requests and sets the same headers, which no
// gateway can beat. It starts everything it needs on loopback (an upstream, the
// twin, plain Caddy, the gateway on bolt and on a redis-server of its own), loads
// them with wrk and with logins, and prints one table.
//
// It owns the measuring and nothing of the product. Records are seeded through
// the same packages the gateway uses. Linux only: times and memory are read from
// /proc. Timings depend on the machine, so nothing here passes or fails.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	rounds  int
	seconds int
	users   int
	only    []string
	stores  []string
	quick   bool
	fresh   bool
	keep    bool
	json    string
	binary  string
}

// row is one part of the table that can be asked for by name.
type row struct {
	name string
	run  func(context.Context, *bench) error
	// extra rows run only when they are named: they take long.
	extra bool
}

var rows = []row{
	{name: "get", run: measureGet},
	{name: "cpu", run: measureCPU},
	{name: "assertion", run: measureAssertion},
	{name: "login", run: measureLogin},
	{name: "flood", run: measureFlood},
	{name: "timing", run: measureTiming},
	{name: "million", run: measureMillion},
	{name: "import", run: measureImport, extra: true},
	{name: "million-redis", run: measureMillionRedis, extra: true},
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == upstreamWord {
		fmt.Fprintln(os.Stderr, serveUpstream(os.Args[2]))
		os.Exit(1)
	}
	o, err := parse(os.Args[1:])
	if err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "bench:", err)
		}
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err = run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parse(args []string) (o options, err error) {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.IntVar(&o.rounds, "rounds", 6, "rounds of each row; every round loads all candidates one after the other")
	f.IntVar(&o.seconds, "seconds", 3, "how long one candidate is loaded in a round")
	f.IntVar(&o.users, "users", 1_000_000, "users and sessions of the million rows")
	only := f.String("only", "", "rows to measure, with commas: "+rowNames())
	stores := f.String("stores", bolt+","+redis, "stores to measure the gateway on, with commas")
	f.BoolVar(&o.quick, "quick", false, "a look in three minutes: two short rounds, 20,000 users")
	f.BoolVar(&o.fresh, "fresh", false, "seed the million rows anew instead of using the file kept in .build/bench")
	f.BoolVar(&o.keep, "keep", false, "keep the logs of the servers")
	f.StringVar(&o.json, "json", "", "write all figures of all rounds to this file")
	f.StringVar(&o.binary, "binary", "", "measure this binary instead of building one")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if *only != "" {
		o.only = strings.Split(*only, ",")
	}
	for name := range strings.SplitSeq(*stores, ",") {
		if name != bolt && name != redis {
			return o, fmt.Errorf("no store %q: there are %s and %s", name, bolt, redis)
		}
		o.stores = append(o.stores, name)
	}
	for _, name := range o.only {
		if !slices.ContainsFunc(rows, func(r row) bool { return r.name == name }) {
			return o, fmt.Errorf("no row %q: there are %s", name, rowNames())
		}
	}
	if o.quick {
		set := map[string]bool{}
		f.Visit(func(g *flag.Flag) { set[g.Name] = true })
		o.hurry(set)
	}
	return o, nil
}

// hurry shortens what was not asked for by a flag.
func (o *options) hurry(set map[string]bool) {
	if !set["rounds"] {
		o.rounds = 2
	}
	if !set["seconds"] {
		o.seconds = 1
	}
	if !set["users"] {
		o.users = 20_000
	}
}

func rowNames() string {
	names := make([]string, len(rows))
	for i, r := range rows {
		names[i] = r.name
	}
	return strings.Join(names, ",")
}

func (o options) wants(r row) bool {
	if len(o.only) == 0 {
		return !r.extra
	}
	return slices.Contains(o.only, r.name)
}

// rest is how long memory is given to settle.
func (o options) rest() time.Duration { return time.Duration(o.rounds) * 2 * time.Second }

// length is how long one measurement takes.
func (o options) length() time.Duration { return time.Duration(o.seconds) * time.Second }

func run(ctx context.Context, o options) error {
	b, err := open(ctx, o)
	if err != nil {
		return err
	}
	defer b.close()
	begun := time.Now()
	for _, r := range rows {
		if !o.wants(r) {
			continue
		}
		b.say("row %s", r.name)
		if err := r.run(ctx, b); err != nil {
			return fmt.Errorf("row %s: %w", r.name, err)
		}
	}
	b.say("took %s", time.Since(begun).Round(time.Second))
	return b.report(os.Stdout)
}
