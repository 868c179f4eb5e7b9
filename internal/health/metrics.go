package health

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// Registerer is the hub's own registry, for parts that bring their collectors.
func (h *Health) Registerer() prometheus.Registerer { return h.registry }

// Gauge registers a metric that is read when it is asked for. Names begin with
// dongyue_ and end with their unit (_seconds, _bytes).
func (h *Health) Gauge(name, help string, read func() float64) error {
	return h.register(name, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read))
}

// Counter is as Gauge for what only grows; its name ends with _total.
func (h *Health) Counter(name, help string, read func() float64) error {
	return h.register(name, prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, read))
}

func (h *Health) register(name string, c prometheus.Collector) error {
	if err := h.registry.Register(c); err != nil {
		return fmt.Errorf("health: metric %s: %w", name, err)
	}
	return nil
}

// conditions tells the state of every part as a metric.
type conditions struct{ h *Health }

func (c conditions) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

func (c conditions) Collect(ch chan<- prometheus.Metric) {
	r := c.h.Report(context.Background())
	ch <- value("dongyue_ready", "Whether the hub is ready for work.", r.Ready)
	for _, x := range r.Conditions {
		ch <- value("dongyue_condition_ok", "Whether a part of the hub is well.", x.OK, x.Name)
	}
}

func value(name, help string, ok bool, condition ...string) prometheus.Metric {
	var labels []string
	if len(condition) > 0 {
		labels = []string{"condition"}
	}
	v := 0.0
	if ok {
		v = 1
	}
	return prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, labels, nil), prometheus.GaugeValue, v, condition...)
}
