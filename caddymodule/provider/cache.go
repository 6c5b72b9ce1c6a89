package provider

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"
)

// CacheOptions are all optional.
type CacheOptions struct {
	Log *slog.Logger
	// Transport carries requests. Left out: one with short time limits.
	Transport http.RoundTripper
	// Refresh is the age from which a document in use is fetched anew, in the
	// background. Left out: 5 minutes.
	Refresh time.Duration
	// Retry is the first wait after a failure; it doubles up to RetryMax. Left out:
	// 1 second, and 1 minute.
	Retry, RetryMax time.Duration
	// Patience is what one question to a provider may take, and what a login may
	// take in all. Left out: 8 seconds.
	Patience time.Duration
}

// Cache keeps documents and keys of providers, and what is known of how they do.
// It outlives configurations: after a reload nobody is asked again.
type Cache struct {
	options CacheOptions
	client  *http.Client
	ctx     context.Context
	cancel  context.CancelFunc
	working sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	sources map[string]*source
}

// NewCache returns an empty one. It is to be closed.
func NewCache(o CacheOptions) *Cache {
	fill := func(d *time.Duration, or time.Duration) {
		if *d <= 0 {
			*d = or
		}
	}
	fill(&o.Refresh, 5*time.Minute)
	fill(&o.Retry, time.Second)
	fill(&o.RetryMax, time.Minute)
	fill(&o.Patience, wholeWithin)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	c := &Cache{options: o, client: newClient(o.Transport, o.Patience), sources: map[string]*source{}}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

// Close ends what is done in the background.
func (c *Cache) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.cancel()
	c.working.Wait()
	c.client.CloseIdleConnections()
}

// source returns the one of a document and its accepted issuers.
func (c *Cache) source(address string, issuers []string) *source {
	key := address + "\n" + strings.Join(issuers, "\n")
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.sources[key]
	if s == nil {
		s = &source{cache: c, address: address, issuers: issuers, round: make(chan struct{})}
		s.keys.cache = c
		c.sources[key] = s
	}
	return s
}

// begin runs work in the background, unless the cache is closed.
func (c *Cache) begin(work func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.working.Go(work)
	return true
}

// source is one provider as far as the network is concerned.
type source struct {
	cache   *Cache
	address string
	issuers []string
	keys    keyring

	mu      sync.Mutex
	doc     *metadata // nil: never had
	at      time.Time // when doc was fetched
	err     error     // of the last look; nil: it was good, or there was none
	used    time.Time // when somebody asked last
	looking bool
	round   chan struct{} // closed at the end of each look
}

// forgotten is how long a provider that does not answer is asked again although
// nobody uses it.
const forgotten = 15 * time.Minute

// ready tells whether the provider works as far as is known, and sees to it that
// this gets known.
func (s *source) ready(now time.Time) bool {
	s.look(now)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err == nil
}

// prompts are those that the provider says it knows, as far as is known.
func (s *source) prompts() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.doc == nil {
		return nil
	}
	return s.doc.Prompts
}

// look fetches what is missing or old, in the background.
func (s *source) look(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = now
	old := s.doc == nil || s.err != nil || now.Sub(s.at) > s.cache.options.Refresh
	if old && !s.looking {
		s.looking = s.cache.begin(s.run)
	}
}

// run looks until it is good.
func (s *source) run() {
	for wait := s.cache.options.Retry; ; wait = min(2*wait, s.cache.options.RetryMax) {
		if s.try(s.cache.ctx) || s.givesUp() {
			return
		}
		select {
		case <-s.cache.ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// givesUp lets go of a provider that nobody asks for any more.
func (s *source) givesUp() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.used) < forgotten {
		return false
	}
	s.looking = false
	return true
}

// try looks once, and tells whether that was the last time for now.
func (s *source) try(ctx context.Context) bool {
	err := s.ask(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.looking = false
	}
	return err == nil
}

// ask fetches document and keys, and notes how it went.
func (s *source) ask(ctx context.Context) error {
	doc, err := fetch(ctx, s.cache.client, s.address)
	if err == nil {
		if wrong := doc.check(s.address, s.issuers); wrong != nil {
			doc, err = s.kept(wrong)
		}
	}
	if err == nil {
		err = s.keys.use(ctx, doc.KeysURL)
	}
	if ctx.Err() != nil && err != nil {
		return err // we ended it: that says nothing of them
	}
	s.note(doc, err)
	return err
}

// kept is the document to go on with when a new one cannot be used. They have
// changed something; that is to be looked into, and keeps nobody out today.
func (s *source) kept(wrong error) (*metadata, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.doc == nil {
		return nil, wrong
	}
	s.cache.options.Log.Warn("the discovery document of a provider changed and cannot be used; going on with the one before",
		"document", s.address, "error", wrong)
	return s.doc, nil
}

func (s *source) note(doc *metadata, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err != nil && s.err == nil:
		s.cache.options.Log.Warn("a provider cannot be reached; its button is off until it can", "document", s.address, "error", err)
	case err == nil && s.err != nil:
		s.cache.options.Log.Info("a provider can be reached again", "document", s.address)
	}
	s.err = err
	if err == nil {
		s.doc, s.at = doc, time.Now()
	}
	close(s.round)
	s.round = make(chan struct{})
}

// failed notes what a login met with, and begins to look.
func (s *source) failed(err error, now time.Time) {
	s.mu.Lock()
	if s.err == nil {
		s.cache.options.Log.Warn("a provider failed in a login; its button is off until it answers", "document", s.address, "error", err)
		s.err = err
	}
	s.mu.Unlock()
	s.look(now)
}

// metadata returns the document for a login that begins. Where the provider is
// known not to work it says so at once; where nothing is known yet it waits for
// the first look.
func (s *source) metadata(ctx context.Context, now time.Time) (*metadata, error) {
	s.look(now)
	s.mu.Lock()
	doc, err, round := s.doc, s.err, s.round
	s.mu.Unlock()
	if doc != nil || err != nil {
		return doc, err
	}
	return s.wait(ctx, round)
}

// known returns the document for a login that comes back: one that was good is
// good enough for that.
func (s *source) known(ctx context.Context, now time.Time) (*metadata, error) {
	s.mu.Lock()
	doc := s.doc
	s.mu.Unlock()
	if doc != nil {
		return doc, nil
	}
	return s.metadata(ctx, now)
}

func (s *source) wait(ctx context.Context, round <-chan struct{}) (*metadata, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cache.options.Patience)
	defer cancel()
	select {
	case <-round:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.cache.ctx.Done():
		return nil, s.cache.ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.doc, s.err
}
