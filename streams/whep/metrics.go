package whep

import (
	"github.com/prometheus/client_golang/prometheus"

	"dongyue/streams"
	"dongyue/streams/egress"
)

// totals sums up sessions that have ended.
type totals struct {
	opened, refused uint64
	streams.ReaderStats
	road egress.Counts // of what went past the library
}

func (t *totals) add(r streams.ReaderStats) {
	t.Frames += r.Frames
	t.Packets += r.Packets
	t.Octets += r.Octets
	t.Replays += r.Replays
	t.Resent += r.Resent
	t.Skipped += r.Skipped
	t.Dropped += r.Dropped
}

// collector reads the counters when they are asked for; no label per session.
type collector struct{ s *Server }

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	c.s.mu.Lock()
	sum, open, tiles := c.s.totals, len(c.s.sessions), 0
	if e := c.s.engine; e != nil {
		sum.road.Sends, sum.road.Packets = e.conn.Counts().Sends, e.conn.Counts().Packets
	}
	for _, x := range c.s.sessions {
		tiles += len(x.tiles)
		sum.add(x.stats())
	}
	c.s.mu.Unlock()
	put := func(kind prometheus.ValueType, name, help string, v float64) {
		ch <- prometheus.MustNewConstMetric(prometheus.NewDesc("dongyue_whep_"+name, help, nil, nil), kind, v)
	}
	put(prometheus.CounterValue, "direct_packets_total", "RTP packets sent past the WebRTC library; the rest of packets_total went through it.", float64(sum.road.Packets))
	put(prometheus.CounterValue, "direct_sends_total", "System calls for them.", float64(sum.road.Sends))
	put(prometheus.CounterValue, "dropped_packets_total", "RTP packets that the kernel had no room for.", float64(sum.Dropped))
	put(prometheus.GaugeValue, "sessions", "Viewers connected or connecting.", float64(open))
	put(prometheus.GaugeValue, "tiles", "Pictures that these have room for; a wall has many.", float64(tiles))
	put(prometheus.CounterValue, "sessions_opened_total", "Offers answered.", float64(sum.opened))
	put(prometheus.CounterValue, "sessions_refused_total", "Offers refused because there were too many sessions.", float64(sum.refused))
	put(prometheus.CounterValue, "packets_total", "RTP packets sent.", float64(sum.Packets))
	put(prometheus.CounterValue, "sent_bytes_total", "RTP payload sent.", float64(sum.Octets))
	put(prometheus.CounterValue, "replays_total", "Groups of pictures replayed from the cache: joins and requests for a key frame.", float64(sum.Replays))
	put(prometheus.CounterValue, "resent_packets_total", "RTP packets sent again on request.", float64(sum.Resent))
	put(prometheus.CounterValue, "skipped_frames_total", "Frames left out for viewers that did not keep up.", float64(sum.Skipped))
}
