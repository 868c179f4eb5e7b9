package clip

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are counted where things happen and read when they are asked for. There is
// no label per camera, so the number of series does not grow with the site.
type metrics struct {
	begun, complete, interrupted, failed, deleted atomic.Uint64
	fragments, bytes, errors                      atomic.Uint64
	writes, writeNanos                            atomic.Uint64
	dropped                                       atomic.Uint64 // reels of recordings
	views, exports                                atomic.Uint64
	disk                                          atomic.Int64
}

func (m *metrics) wrote(fragments int, n int64, err error) {
	m.fragments.Add(uint64(fragments))
	m.bytes.Add(uint64(n))
	if err != nil {
		m.errors.Add(1)
	}
}

func (m *metrics) took(d time.Duration) {
	m.writes.Add(1)
	m.writeNanos.Add(uint64(d.Nanoseconds()))
}

func (m *metrics) over(s State) {
	switch s {
	case Complete:
		m.complete.Add(1)
	case Interrupted:
		m.interrupted.Add(1)
	case Failed:
		m.failed.Add(1)
	case Recording:
	}
}

type collector struct{ r *Recorder }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("dongyue_clips_"+name, help, labels, nil)
}

// Describe implements prometheus.Collector; the metrics are told by Collect.
func (c *collector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(name, help string, v float64) {
		ch <- prometheus.MustNewConstMetric(desc(name, help), prometheus.GaugeValue, v)
	}
	count := func(name, help string, v uint64) {
		ch <- prometheus.MustNewConstMetric(desc(name, help), prometheus.CounterValue, float64(v))
	}
	r, m := c.r, c.r.metrics
	r.mu.Lock()
	armed, active := len(r.armed), len(r.active)
	r.mu.Unlock()
	memory, waiting, taping := 0, 0, 0
	for _, a := range r.cameras() {
		if reel, _ := a.live.now(); reel != "" {
			taping++
		}
		memory += a.ring.keptBytes()
		_, n := a.ring.due()
		waiting += n
	}
	gauge("armed_cameras", "Cameras whose newest pictures are kept.", float64(armed))
	gauge("ring_bytes", "Bytes of these pictures in memory.", float64(memory))
	gauge("backlog_bytes", "Bytes of pictures that wait for the disk.", float64(waiting))
	gauge("recording", "Clips that are being recorded.", float64(active))
	gauge("continuous_cameras", "Cameras that are being recorded all the time.", float64(taping))
	count("continuous_deleted_total", "Files of continuous recordings deleted for their age or for space.", m.dropped.Load())
	gauge("disk_bytes", "Bytes of the clips on disk, as of the last minute.", float64(m.disk.Load()))
	count("begun_total", "Clips begun.", m.begun.Load())
	for state, v := range map[State]uint64{Complete: m.complete.Load(), Interrupted: m.interrupted.Load(), Failed: m.failed.Load()} {
		ch <- prometheus.MustNewConstMetric(desc("ended_total", "Clips ended, by what became of them.", "state"), prometheus.CounterValue, float64(v), string(state))
	}
	count("deleted_total", "Clips deleted for their age or for space.", m.deleted.Load())
	count("fragments_total", "Fragments written and synced.", m.fragments.Load())
	count("written_bytes_total", "Bytes of these fragments.", m.bytes.Load())
	count("write_errors_total", "Fragments that could not be written.", m.errors.Load())
	ch <- prometheus.MustNewConstSummary(desc("write_seconds", "Time to encode, write and sync what was due."), m.writes.Load(), float64(m.writeNanos.Load())/1e9, nil)
	count("views_total", "Looks at clips, as they are in the audit.", m.views.Load())
	count("exports_total", "Clips taken out of the hub.", m.exports.Load())
}
