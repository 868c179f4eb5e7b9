package broker

import (
	"testing"

	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/prometheus/client_golang/prometheus"
)

func TestMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	h := start(t, func(o *Options) { o.Registerer = reg })
	r := loggedIn(t, h, 5, "door-1", connectOptions{})
	r.publish(doorEvent, "x", 1, 1, 0)
	r.expect(packets.Puback, 1, 0)
	r.publish("dy/v1/door/door-2/event", "x", 1, 2, 0)
	r.expect(packets.Puback, 2, 0x87)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			got[name] = m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	for name, want := range map[string]float64{
		"dongyue_broker_connections": 1, "dongyue_broker_messages_received_total 1": 2, "dongyue_broker_refused_total topic": 1, "dongyue_broker_store_seconds": 1,
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
}
