package streams

import "github.com/prometheus/client_golang/prometheus"

// collector reads the counters when they are asked for. It has no label per
// camera, so the number of series does not grow with the site.
type collector struct{ s *Streams }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("dongyue_streams_"+name, help, labels, nil)
}

// Describe implements prometheus.Collector; the metrics are told by Collect.
func (c *collector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	states := map[State]float64{Idle: 0, Connecting: 0, Live: 0, NoSignal: 0}
	var viewers, frames, octets, attempts float64
	c.s.mu.Lock()
	for _, k := range c.s.cameras {
		best := Idle
		for _, p := range []*path{k.main, k.sub} {
			if p == nil {
				continue
			}
			st, n := p.state(), p.stream.counts()
			if rank(st.state) > rank(best) {
				best = st.state
			}
			viewers += float64(p.viewers())
			frames += float64(n.frames)
			octets += float64(n.octets)
			attempts += float64(st.total)
		}
		states[best]++
	}
	c.s.mu.Unlock()
	for s, n := range states {
		ch <- prometheus.MustNewConstMetric(desc("cameras", "Cameras by state.", "state"), prometheus.GaugeValue, n, string(s))
	}
	ch <- prometheus.MustNewConstMetric(desc("viewers", "Readers of all streams."), prometheus.GaugeValue, viewers)
	ch <- prometheus.MustNewConstMetric(desc("frames_total", "Frames received from cameras."), prometheus.CounterValue, frames)
	ch <- prometheus.MustNewConstMetric(desc("received_bytes_total", "Bytes of these frames, as packetised."), prometheus.CounterValue, octets)
	ch <- prometheus.MustNewConstMetric(desc("connection_attempts_total", "Connections to cameras begun."), prometheus.CounterValue, attempts)
}
