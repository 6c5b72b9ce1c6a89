package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"time"
)

const (
	wantStart   = 2.0  // seconds
	wantSession = 1024 // bytes
	// activePeople come by in turn: what they take in memory is looked through by
	// the collector of a process that allocates for every request.
	activePeople = 20_000
)

// measureMillion repeats the GET with a store full of people, and looks at what
// their number costs: start, reload, memory.
func measureMillion(ctx context.Context, b *bench) error {
	dir := filepath.Join(b.folder, "million")
	file := filepath.Join(dir, "gateway.db")
	cookies, err := b.million(ctx, dir, func(p *people) error { return p.intoBolt(ctx, file) })
	if err != nil {
		return err
	}
	return b.measureMany(ctx, bolt, "bolt "+file, cookies)
}

// measureMillionRedis is the same on Redis.
func measureMillionRedis(ctx context.Context, b *bench) error {
	dir := filepath.Join(b.folder, "million-redis")
	var addr string
	var p *process
	cookies, err := b.million(ctx, dir, func(who *people) (err error) {
		if addr, p, err = b.startRedis(ctx, "redis-million", dir); err != nil {
			return err
		}
		return who.intoRedis(ctx, "redis://"+addr)
	})
	if err != nil {
		return err
	}
	if p == nil {
		b.say("  reading the kept Redis")
		if addr, p, err = b.startRedis(ctx, "redis-million", dir); err != nil {
			return err
		}
	}
	defer b.stop(p)
	return b.measureMany(ctx, redis, "redis redis://"+addr, cookies)
}

func (b *bench) measureMany(ctx context.Context, name, storeWords string, cookies []string) error {
	s := &server{name: name + "-many", path: pathApp, cookies: cookies, spread: fewSessions}
	s.site.store, s.site.options = storeWords, "session {\n\t\t\tcache_size 150000\n\t\t}"
	what := fmt.Sprintf("%d users and sessions: ", b.users)
	if err := b.measureStart(ctx, s, what, name); err != nil {
		return err
	}
	defer func() { b.stop(s.process) }()
	if err := b.measureReload(ctx, s, what, name); err != nil {
		return err
	}
	pair, err := b.all(ctx, twin)
	if err != nil {
		return err
	}
	// Warm: what a first visit costs is measured below.
	if err := s.visit(ctx, s.spread); err != nil {
		return err
	}
	pair = append(pair, s)
	samples, err := b.rounds1by1(ctx, pair, 32)
	if err != nil {
		return err
	}
	l := summary(what+"authenticated GET, 32 connections", name, samples[1])
	l.Wanted = fmt.Sprintf("req/s >= %.2f, CPU <= %.2f of the twin", wantThroughput, wantCPU)
	b.add(l)
	if err := b.windows(ctx, pair, what, name); err != nil {
		return err
	}
	s.spread = min(len(cookies), activePeople)
	if err := s.visit(ctx, s.spread); err != nil {
		return err
	}
	if err := b.windows(ctx, pair, fmt.Sprintf("%s%d of them active: ", what, s.spread), name); err != nil {
		return err
	}
	return b.measureSessions(ctx, s, what, name)
}

// visit has the first n people come by, each once.
func (s *server) visit(ctx context.Context, n int) error {
	return parallel(ctx, 32, n, func(ctx context.Context, i int) error { return s.get(ctx, s.cookies[i], s.site.mark) })
}

// measureStart starts s over and over, and leaves it running.
func (b *bench) measureStart(ctx context.Context, s *server, what, name string) error {
	var took, rss []float64
	for i := range b.rounds {
		if i > 0 {
			b.stop(s.process)
		}
		if err := b.launchAgain(ctx, s); err != nil {
			return err
		}
		took, rss = append(took, time.Since(s.begun).Seconds()), append(rss, s.memory())
	}
	few := &server{name: "twin-start", path: pathApp, cookies: s.cookies, site: site{twin: true}}
	if err := b.run(ctx, few); err != nil {
		return err
	}
	twinTook, twinRSS := time.Since(few.begun).Seconds(), few.memory()
	b.stop(few.process)
	b.add(line{
		Row: what + "process start to first authenticated 200", Server: name, Wanted: fmt.Sprintf("< %.0f s; no memory per user", wantStart),
		Result: fmt.Sprintf("%s s, RssAnon then %.0f MiB; the twin %.3f s, %.0f MiB", spreadOf(took), median(rss), twinTook, twinRSS),
	})
	return nil
}

// launchAgain starts s, at its address of before where it has one.
func (b *bench) launchAgain(ctx context.Context, s *server) error {
	if s.client == nil {
		return b.run(ctx, s)
	}
	s.client.CloseIdleConnections()
	return b.boot(ctx, s)
}

// measureReload loads configs that differ in a mark, and waits for each to answer.
func (b *bench) measureReload(ctx context.Context, s *server, what, name string) error {
	var took []float64
	for i := range b.rounds {
		s.site.mark = strconv.Itoa(i + 1)
		begun := time.Now()
		if _, err := s.admin(ctx, "POST", "/load", s.site.caddyfile()); err != nil {
			return fmt.Errorf("reloading: %w", err)
		}
		err := s.await(ctx, time.Minute, time.Millisecond, func() error { return s.get(ctx, s.cookies[0], s.site.mark) })
		if err != nil {
			return err
		}
		took = append(took, time.Since(begun).Seconds())
	}
	b.add(line{
		Row: what + "reload to first 200 under the new config", Server: name,
		Result: spreadOf(took).String() + " s", Wanted: fmt.Sprintf("< %.0f s", wantStart),
	})
	return nil
}

// measureSessions brings many sessions into memory and weighs them.
func (b *bench) measureSessions(ctx context.Context, s *server, what, name string) error {
	b.stop(s.process) // the memory of a process that has done little else
	s.site.mark = ""
	if err := b.launchAgain(ctx, s); err != nil {
		return err
	}
	one := *s
	one.spread = 1
	// Buffers and connections are there before, with the same load.
	if _, err := b.wrk(ctx, &one, 32, 0, 2*time.Second); err != nil {
		return err
	}
	heapBefore, err := s.heap(ctx)
	if err != nil {
		return err
	}
	rssBefore := s.memory()
	begun := time.Now()
	if err := s.visit(ctx, len(s.cookies)); err != nil {
		return err
	}
	took := time.Since(begun)
	// What was only used on the way goes back to the system little by little.
	time.Sleep(b.rest())
	heapAfter, err := s.heap(ctx)
	if err != nil {
		return err
	}
	n := float64(len(s.cookies))
	b.add(line{
		Row: fmt.Sprintf("%smemory of %d cached sessions", what, len(s.cookies)), Server: name,
		Result: fmt.Sprintf("%.0f bytes of RssAnon each, %.0f of them live, the others room of the collector; first visits %.0f/s",
			(s.memory()-rssBefore)*(1<<20)/n, (heapAfter-heapBefore)/n, n/took.Seconds()),
		Wanted: fmt.Sprintf("< %d bytes", wantSession),
	})
	return nil
}
