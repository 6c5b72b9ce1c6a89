package caddymodule

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/cliendo/gateway/caddymodule/parked"
)

// parkedMetrics makes the metric of forms that came too late.
func (m *metrics) parkedMetrics() {
	m.parked = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: namespace, Name: "parked_forms_total", Help: "Forms that came when nobody could be let through, by what became of them.",
	}, []string{"outcome"})
	for _, outcome := range []string{parked.Kept, parked.Sent, parked.Returned, parked.Discarded, parked.Refused} {
		m.parked.WithLabelValues(outcome)
	}
}

// ParkedForm counts what became of a form.
func (m *metrics) ParkedForm(outcome string) { m.parked.WithLabelValues(outcome).Inc() }
