package broker

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the broker's; they exist whether or not somebody registers them.
// None has a label per device.
type metrics struct {
	connections prometheus.GaugeFunc
	received    [3]prometheus.Counter
	published   prometheus.Counter
	refused     *prometheus.CounterVec // by reason
	lost        *prometheus.CounterVec // by cause
	cut         *prometheus.CounterVec // by cause
	panics      prometheus.Counter
	failed      prometheus.Counter
	storing     prometheus.Histogram

	byQoS *prometheus.CounterVec
}

func newMetrics(b *Broker) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "dongyue_broker_" + name, Help: help})
	}
	vec := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "dongyue_broker_" + name, Help: help}, []string{label})
	}
	m := &metrics{
		connections: prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "dongyue_broker_connections", Help: "Clients that are logged in."},
			func() float64 {
				b.mu.Lock()
				defer b.mu.Unlock()
				return float64(len(b.live))
			}),
		byQoS:     vec("messages_received_total", "Messages from clients.", "qos"),
		published: counter("messages_published_total", "Messages of the hub itself."),
		refused:   vec("refused_total", "What was not allowed.", "reason"),
		lost:      vec("messages_lost_total", "Messages dropped: rate, fan, session and size say where.", "where"),
		cut:       vec("connections_cut_total", "Connections closed because the client took too little.", "cause"),
		panics:    counter("panics_total", "Panics that ended one connection or delivery."),
		failed:    counter("store_failures_total", "Messages that could not be stored, and were not acknowledged."),
		storing: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "dongyue_broker_store_seconds", Help: "From the arrival of a message to its acknowledgement.",
			Buckets: []float64{.0005, .001, .002, .005, .01, .02, .05, .1, .25, 1, 5},
		}),
	}
	for i, q := range []string{"0", "1", "2"} {
		m.received[i] = m.byQoS.WithLabelValues(q)
	}
	return m
}

func (m *metrics) register(r prometheus.Registerer) error {
	for _, c := range []prometheus.Collector{
		m.connections, m.byQoS, m.published, m.refused, m.lost, m.cut, m.panics, m.failed, m.storing,
	} {
		if err := r.Register(c); err != nil {
			return err
		}
	}
	return nil
}

// stored notes the fate of a message.
func (m *metrics) stored(after time.Duration, err error) {
	if err != nil {
		m.failed.Inc()
		return
	}
	m.storing.Observe(after.Seconds())
}
