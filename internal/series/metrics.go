package series

import "github.com/prometheus/client_golang/prometheus"

// Collector tells the counters as metrics, dongyue_series_….
func (s *Store) Collector() prometheus.Collector { return collector{s} }

type collector struct{ s *Store }

// Describe names the metrics by reading them once.
func (c collector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect reads the counters.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	st := c.s.Stats()
	for _, m := range []struct {
		name, help string
		kind       prometheus.ValueType
		value      float64
	}{
		{"points_total", "Points written.", prometheus.CounterValue, float64(st.Points)},
		{"dropped_total", "Messages dropped because the disk did not keep up.", prometheus.CounterValue, float64(st.Dropped)},
		{"refused_total", "Values that can't be kept: bad name, too old, too many series.", prometheus.CounterValue, float64(st.Refused)},
		{"copied_total", "Points copied to InfluxDB.", prometheus.CounterValue, float64(st.Copied)},
		{"spoiled_total", "Points that InfluxDB refused or did not take within the retention.", prometheus.CounterValue, float64(st.Spoiled)},
		{"known", "Series known: device, part and metric.", prometheus.GaugeValue, float64(st.Series)},
		{"open_points", "Points in memory that are not in blocks yet.", prometheus.GaugeValue, float64(st.Open)},
		{"queued", "Messages that wait for the disk.", prometheus.GaugeValue, float64(st.Queued)},
		{"behind", "Batches that wait to be copied to InfluxDB.", prometheus.GaugeValue, float64(st.Behind)},
	} {
		ch <- prometheus.MustNewConstMetric(prometheus.NewDesc("dongyue_series_"+m.name, m.help, nil, nil), m.kind, m.value)
	}
}
