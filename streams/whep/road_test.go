package whep_test

import (
	"testing"
	"time"

	"dongyue/internal/simulator/camera"
	"dongyue/streams/whep"
)

// value reads a counter that has no labels.
func (h *hub) value(name string) float64 {
	h.t.Helper()
	list, err := h.metrics.Gather()
	if err != nil {
		h.t.Fatal(err)
	}
	for _, f := range list {
		if f.GetName() == "dongyue_whep_"+name {
			m := f.GetMetric()[0]
			return m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	h.t.Fatalf("no metric %s", name)
	return 0
}

// Pictures go past the library: all packets of a frame in one system call, unless its
// NAL units differ in length.
func TestPicturesGoPastTheLibrary(t *testing.T) {
	h := newHub(t, nil, camera.Camera{ID: "cam-1", Scene: "plaza"})
	v := h.watch("/whep/cam-1")
	for range 50 {
		v.next(10 * time.Second)
	}
	all, direct, sends := h.value("packets_total"), h.value("direct_packets_total"), h.value("direct_sends_total")
	// The counters are read one after the other while pictures flow.
	if direct < 100 || all > direct*1.1 {
		t.Errorf("%.0f packets, %.0f of them direct", all, direct)
	}
	t.Logf("%.1f packets in a system call", direct/sends)
	if sends > direct {
		t.Errorf("%.0f system calls for %.0f packets", sends, direct)
	}
}

// Where there is no way past the library, all goes through it: switched off, and over TCP.
func TestPicturesGoThroughTheLibrary(t *testing.T) {
	for name, x := range map[string]struct {
		plain bool
		hows  []how
	}{"off": {plain: true}, "tcp": {hows: []how{overTCP}}} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t, func(o *whep.Options) { o.Plain = x.plain }, camera.Camera{ID: "cam-1", Scene: "car-park"})
			v := h.watch("/whep/cam-1", x.hows...)
			for range 30 {
				v.next(10 * time.Second)
			}
			if h.value("packets_total") < 30 || h.value("direct_packets_total") != 0 {
				t.Errorf("%.0f packets, %.0f of them direct", h.value("packets_total"), h.value("direct_packets_total"))
			}
		})
	}
}
