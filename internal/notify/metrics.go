package notify

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sony/gobreaker/v2"
)

// meter counts. Labels are the channels and the states, of which there are few.
type meter struct {
	n       *Notify
	results *prometheus.CounterVec
	seconds *prometheus.HistogramVec
	waiting *prometheus.Desc
	open    *prometheus.Desc
}

func newMeter(n *Notify, reg prometheus.Registerer) (*meter, error) {
	m := &meter{
		n:       n,
		results: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "dongyue_notify_deliveries_total", Help: "Deliveries that have ended."}, []string{"channel", "result"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "dongyue_notify_attempt_seconds", Help: "How long an attempt took.", Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"channel"}),
		waiting: prometheus.NewDesc("dongyue_notify_waiting", "Deliveries that have not ended.", []string{"channel"}, nil),
		open:    prometheus.NewDesc("dongyue_notify_channel_down", "Whether a channel is taken for dead.", []string{"channel"}, nil),
	}
	if reg == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.results, m.seconds, m} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("notify: metrics: %w", err)
		}
	}
	return m, nil
}

func (m *meter) result(channel string, s State) {
	m.results.WithLabelValues(channel, string(s)).Inc()
}

func (m *meter) took(channel string, d time.Duration) {
	m.seconds.WithLabelValues(channel).Observe(d.Seconds())
}

// Describe implements prometheus.Collector.
func (m *meter) Describe(ch chan<- *prometheus.Desc) { ch <- m.waiting; ch <- m.open }

// Collect implements prometheus.Collector.
func (m *meter) Collect(ch chan<- prometheus.Metric) {
	waiting, err := m.n.waiting(context.Background())
	if err != nil {
		ch <- prometheus.NewInvalidMetric(m.waiting, err)
		return
	}
	for name, l := range m.n.lanes {
		down := 0.0
		if l.breaker.State() == gobreaker.StateOpen {
			down = 1
		}
		ch <- prometheus.MustNewConstMetric(m.waiting, prometheus.GaugeValue, float64(waiting[name]), name)
		ch <- prometheus.MustNewConstMetric(m.open, prometheus.GaugeValue, down, name)
	}
}

// waiting counts the open deliveries by channel.
func (n *Notify) waiting(ctx context.Context) (map[string]int, error) {
	rows, err := n.o.DB.Read().QueryContext(ctx, "SELECT channel, count(*) FROM notify_delivery WHERE state IN ('waiting', 'sending') GROUP BY channel")
	if err != nil {
		return nil, fmt.Errorf("notify: count what waits: %w", err)
	}
	defer func() { _ = rows.Close() }()
	out := map[string]int{}
	for rows.Next() {
		var name string
		var count int
		if err := rows.Scan(&name, &count); err != nil {
			return nil, fmt.Errorf("notify: count what waits: %w", err)
		}
		out[name] = count
	}
	return out, rows.Err()
}
