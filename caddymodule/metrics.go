package caddymodule

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cliendo/gateway/caddymodule/cause"
)

// theMetrics counts for the whole process: a reload makes a new registry, and the
// numbers must go on.
var theMetrics = newMetrics()

// metrics are what an operator can watch. All names begin with login_gateway_.
type metrics struct {
	logins    *prometheus.CounterVec
	refused   *prometheus.CounterVec
	loops     prometheus.Counter
	helped    *prometheus.CounterVec
	store     *prometheus.HistogramVec
	bytes     prometheus.GaugeFunc
	sessions  prometheus.GaugeFunc
	streams   prometheus.GaugeFunc
	hashing   prometheus.GaugeFunc
	waiting   prometheus.GaugeFunc
	lastLogin prometheus.GaugeFunc
	parked    *prometheus.CounterVec
	addresses *prometheus.CounterVec
	mails     *prometheus.CounterVec
	accepted  prometheus.Histogram
	mailQueue prometheus.GaugeFunc
	mailAge   prometheus.GaugeFunc
	last      atomic.Int64 // unix nanoseconds of the last successful login, or of the start
	someone   atomic.Bool  // somebody logged in since the start
}

const namespace = "login_gateway"

func newMetrics() *metrics {
	m := &metrics{}
	m.last.Store(time.Now().UnixNano())
	m.logins = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: namespace, Name: "logins_total", Help: "Attempts to log in by method and outcome (ok or the cause).",
	}, []string{"method", "outcome"})
	m.refused = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: namespace, Name: "refusals_total", Help: "Requests and attempts refused, by cause.",
	}, []string{"cause"})
	m.loops = prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: namespace, Name: "redirect_loops_total", Help: "Redirect loops between app and gateway that were broken.",
	})
	m.helped = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: namespace, Name: "help_answers_total", Help: "What people say about the help page, by cause and answer (yes or no).",
	}, []string{"cause", "answer"})
	m.store = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: namespace, Name: "store_seconds", Help: "Time the store took, by operation and result.",
		Buckets: []float64{.0001, .0005, .001, .005, .01, .05, .1, .5, 1, 5},
	}, []string{"operation", "result"})
	gauge := func(name, help string, of func(*house) int) prometheus.GaugeFunc {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help},
			func() float64 { return sum(of) })
	}
	m.bytes = gauge("store_bytes", "Size of the file of a bolt store; 0 on Redis.", (*house).storeBytes)
	m.sessions = gauge("sessions_active", "Sessions in memory on this node.", (*house).activeSessions)
	m.streams = gauge("streams_open", "WebSocket and event streams open on this node.", (*house).openStreams)
	m.hashing = gauge("hash_running", "Passwords being hashed right now.", func(h *house) int { r, _ := h.hashLoad(); return r })
	m.waiting = gauge("hash_waiting", "Logins waiting for their password to be hashed.", func(h *house) int { _, w := h.hashLoad(); return w })
	m.addresses = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: namespace, Name: "address_doubts_total", Help: "Forms that leave in doubt whether visitors' addresses are known, by reason.",
	}, []string{"reason"})
	m.lastLogin = prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: namespace, Name: "last_login_age_seconds",
		Help: "Seconds since the last successful login on this node, or since its start.",
	}, func() float64 { return time.Since(time.Unix(0, m.last.Load())).Seconds() })
	m.mailMetrics()
	m.parkedMetrics()
	// What has not happened yet is zero, not absent: the first error must be seen.
	for _, reason := range []string{doubtForwarded, doubtShared} {
		m.addresses.WithLabelValues(reason)
	}
	for _, operation := range []string{"get", "scan", "update"} {
		m.store.WithLabelValues(operation, "ok")
		m.store.WithLabelValues(operation, "error")
	}
	for _, c := range cause.All() {
		m.refused.WithLabelValues(string(c))
	}
	return m
}

// register shows the metrics in the registry of a config.
func (m *metrics) register(r *prometheus.Registry) error {
	for _, c := range []prometheus.Collector{
		m.logins, m.refused, m.loops, m.helped, m.store, m.bytes, m.sessions, m.streams, m.hashing, m.waiting, m.lastLogin,
		m.parked, m.addresses, m.mails, m.accepted, m.mailQueue, m.mailAge,
	} {
		var already prometheus.AlreadyRegisteredError
		if err := r.Register(c); err != nil && !errors.As(err, &already) {
			return err
		}
	}
	return nil
}

// Login counts an attempt to log in.
func (m *metrics) Login(method, outcome string) {
	m.logins.WithLabelValues(method, outcome).Inc()
	if outcome == "ok" {
		m.last.Store(time.Now().UnixNano())
		m.someone.Store(true)
	}
}

// lastSuccess is when somebody logged in last, the zero time for not since the start.
func (m *metrics) lastSuccess() time.Time {
	if !m.someone.Load() {
		return time.Time{}
	}
	return time.Unix(0, m.last.Load())
}

// HelpAnswer counts whether the help page was an answer.
func (m *metrics) HelpAnswer(c cause.Cause, answer string) {
	m.helped.WithLabelValues(string(c), answer).Inc()
}

// Refused counts a refusal.
func (m *metrics) Refused(c cause.Cause) { m.refused.WithLabelValues(string(c)).Inc() }

// RedirectLoop counts a loop that was broken.
func (m *metrics) RedirectLoop() { m.loops.Inc() }

func (m *metrics) observeStore(operation string, took time.Duration, err error) {
	result := "ok"
	if err != nil {
		result = "error"
	}
	m.store.WithLabelValues(operation, result).Observe(took.Seconds())
}

// sum adds a number up over the open stores of this process.
func sum(of func(*house) int) float64 {
	n := 0
	houses.Range(func(_, v any) bool {
		if h, ok := v.(*house); ok {
			n += of(h)
		}
		return true
	})
	return float64(n)
}

// storeBytes is the size of the file, 0 where there is none or it cannot be told.
func (h *house) storeBytes() int {
	sized, ok := h.engine.(interface{ Size() (int64, error) })
	if !ok {
		return 0
	}
	n, err := sized.Size()
	if err != nil {
		return 0
	}
	return int(n)
}

func (h *house) activeSessions() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.sessions == nil {
		return 0
	}
	return h.sessions.Cached()
}

func (h *house) openStreams() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.sessions == nil {
		return 0
	}
	return h.sessions.Streams()
}

func (h *house) hashLoad() (running, waiting int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.hasher == nil {
		return 0, 0
	}
	running, waiting, _ = h.hasher.Stats()
	return running, waiting
}
