package whep

import (
	"github.com/prometheus/client_golang/prometheus"

	"dongyue/streams"
)

// totals sums up sessions that have ended.
type totals struct {
	opened, refused uint64
	streams.ReaderStats
}

func (t *totals) add(r streams.ReaderStats) {
	t.Frames += r.Frames
	t.Packets += r.Packets
	t.Octets += r.Octets
	t.Replays += r.Replays
	t.Resent += r.Resent
	t.Skipped += r.Skipped
}

// collector reads the counters when they are asked for; no label per session.
type collector struct{ s *Server }

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	c.s.mu.Lock()
	sum, open := c.s.totals, len(c.s.sessions)
	for _, x := range c.s.sessions {
		sum.add(x.reader.Stats())
	}
	c.s.mu.Unlock()
	put := func(kind prometheus.ValueType, name, help string, v float64) {
		ch <- prometheus.MustNewConstMetric(prometheus.NewDesc("dongyue_whep_"+name, help, nil, nil), kind, v)
	}
	put(prometheus.GaugeValue, "sessions", "Viewers connected or connecting.", float64(open))
	put(prometheus.CounterValue, "sessions_opened_total", "Offers answered.", float64(sum.opened))
	put(prometheus.CounterValue, "sessions_refused_total", "Offers refused because there were too many sessions.", float64(sum.refused))
	put(prometheus.CounterValue, "packets_total", "RTP packets sent.", float64(sum.Packets))
	put(prometheus.CounterValue, "sent_bytes_total", "RTP payload sent.", float64(sum.Octets))
	put(prometheus.CounterValue, "replays_total", "Groups of pictures replayed from the cache: joins and requests for a key frame.", float64(sum.Replays))
	put(prometheus.CounterValue, "resent_packets_total", "RTP packets sent again on request.", float64(sum.Resent))
	put(prometheus.CounterValue, "skipped_frames_total", "Frames left out for viewers that did not keep up.", float64(sum.Skipped))
}
