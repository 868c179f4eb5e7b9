package rules

import "github.com/prometheus/client_golang/prometheus"

// Collector tells how the book stands as metrics, dongyue_rules_….
func (b *Book) Collector() prometheus.Collector { return bookCollector{b} }

type bookCollector struct{ b *Book }

// Describe names the metrics by reading them once.
func (c bookCollector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect reads the state.
func (c bookCollector) Collect(ch chan<- prometheus.Metric) {
	c.b.mu.Lock()
	st, rules := c.b.stats, len(c.b.force.set.Rules)
	c.b.mu.Unlock()
	good := 0.0
	if st.ok {
		good = 1
	}
	for _, m := range []struct {
		name, help string
		value      float64
	}{
		{"loaded", "Rules in force.", float64(rules)},
		{"last_reload_successful", "1 when the files on disk could be put in force the last time they were read.", good},
		{"last_reload_success_timestamp_seconds", "When a set of rules was put in force last.", float64(st.since.UnixMilli()) / 1000},
		{"swap_seconds", "How long the judgement stood still for the last set.", st.still.Seconds()},
	} {
		ch <- prometheus.MustNewConstMetric(prometheus.NewDesc("dongyue_rules_"+m.name, m.help, nil, nil), prometheus.GaugeValue, m.value)
	}
}
