package caddymodule

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cliendo/gateway/caddymodule/outbox"
)

// mailMetrics makes the metrics of mails.
func (m *metrics) mailMetrics() {
	m.mails = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: namespace, Name: "mails_total",
		Help: "Mails by what became of them: queued when asked for, then each try and the end.",
	}, []string{"outcome"})
	for _, outcome := range []string{outbox.Queued, outbox.Accepted, outbox.Deferred, outbox.Rejected, outbox.Expired} {
		m.mails.WithLabelValues(outcome)
	}
	m.accepted = prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: namespace, Name: "mail_accepted_seconds", Help: "Time from asking for a mail until a server took it.",
		Buckets: []float64{.1, .5, 1, 2, 5, 15, 60, 300, 1800, 7200, 86400},
	})
	m.mailQueue = prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: namespace, Name: "mails_waiting", Help: "Mails in the queue, as this node sees it.",
	}, func() float64 { n, _ := mailQueue(); return float64(n) })
	m.mailAge = prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: namespace, Name: "mail_oldest_seconds", Help: "Age of the oldest mail in the queue, 0 where there is none.",
	}, func() float64 {
		_, oldest := mailQueue()
		if oldest.IsZero() {
			return 0
		}
		return time.Since(oldest).Seconds()
	})
}

// Mail counts a mail or a try.
func (m *metrics) Mail(outcome string) { m.mails.WithLabelValues(outcome).Inc() }

// MailAccepted notes how long it took until a server had a mail.
func (m *metrics) MailAccepted(after time.Duration) { m.accepted.Observe(after.Seconds()) }

// mailQueue adds the queues of this process up; over a reload the newest rooms
// count, as both see the same one.
func mailQueue() (waiting int, oldest time.Time) {
	houses.Range(func(_, v any) bool {
		h, ok := v.(*house)
		if !ok {
			return true
		}
		n, at := h.mailQueue()
		waiting += n
		if oldest.IsZero() || !at.IsZero() && at.Before(oldest) {
			oldest = at
		}
		return true
	})
	return waiting, oldest
}

func (h *house) mailQueue() (int, time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.living) == 0 || h.living[len(h.living)-1].outbox == nil {
		return 0, time.Time{}
	}
	return h.living[len(h.living)-1].outbox.Queue()
}
