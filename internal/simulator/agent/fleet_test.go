package agent

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"dongyue/internal/event"
	"dongyue/internal/simulator/community"
)

func TestNewRefuses(t *testing.T) {
	ok := community.Device{ID: "door-1", Kind: event.Door}
	for name, o := range map[string]Options{
		"no broker": {},
		"bad id":    {Broker: "x:1", Devices: []community.Device{{ID: "-", Kind: event.Door}}},
		"twice":     {Broker: "x:1", Devices: []community.Device{ok, ok}},
		"kind":      {Broker: "x:1", Devices: []community.Device{{ID: "a", Kind: "toaster"}}},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

// TestPresenceAndWill follows a device from its power-on to its loss: presence
// and state are retained, and the Will says offline when the line is cut.
func TestPresenceAndWill(t *testing.T) {
	h := startDefaultHub(t)
	f := live(t, Options{Broker: h.addr, Devices: some(estate(t), "sensor-e02"), Quiet: true})
	up := is(event.Sensor, "sensor-e02", event.Presence, map[string]any{"online": true})
	first := h.wait(t, "presence", up)
	h.wait(t, "state", is(event.Sensor, "sensor-e02", event.State, nil))
	d, _ := f.Device("sensor-e02")

	d.NetworkOff()
	off := is(event.Sensor, "sensor-e02", event.Presence, map[string]any{"online": false})
	_, n := h.waitFrom(t, 0, "will", off)
	kept, ok := h.Topics.Retained.Get(event.Topic(event.Sensor, "sensor-e02", event.Presence))
	if !ok || !strings.Contains(string(kept.Payload), `"online":false`) {
		t.Errorf("retained presence after the loss: %s", kept.Payload)
	}
	d.NetworkOn()
	again, n := h.waitFrom(t, n, "presence after the network came back", up)
	if again.body()["boot"] != first.body()["boot"] {
		t.Error("a network that comes back is no boot")
	}

	d.PowerOff()
	_, n = h.waitFrom(t, n, "will after the power went", off)
	d.PowerOn()
	booted, _ := h.waitFrom(t, n, "presence after the power came back", up)
	if booted.body()["boot"] == first.body()["boot"] {
		t.Error("a power-on is a boot")
	}
	if _, ok := h.Topics.Retained.Get(event.Topic(event.Sensor, "sensor-e02", event.State)); !ok {
		t.Error("the state is not retained")
	}
}

// TestEventsSurviveTheBroker is the promise behind PUBACK, seen from the device:
// what was not acknowledged is said again, in order, once the hub is back.
func TestEventsSurviveTheBroker(t *testing.T) {
	h := startHub(t, "127.0.0.1:0")
	f := live(t, Options{Broker: h.addr, Devices: some(estate(t), "sensor-e02"), Quiet: true})
	h.wait(t, "state", is(event.Sensor, "sensor-e02", event.State, nil))
	s, _ := f.Sensor("sensor-e02")
	h.stop()
	deadline := time.Now().Add(patience)
	for s.Online() && time.Now().Before(deadline) {
		time.Sleep(5 * time.Millisecond)
	}
	for i := range 20 {
		s.Set("water", i%2 == 0)
	}
	if s.Online() {
		t.Fatal("the device has not noticed that the hub is gone")
	}
	h2 := startHub(t, h.addr)
	t.Cleanup(h2.stop)
	h2.wait(t, "last event", is(event.Sensor, "sensor-e02", event.Happening, map[string]any{"seq": 20.0}))
	// The closing hub may have taken some in its last moment; none may be missing
	// between the two, and a repetition is of what was said last.
	last := 0.0
	for _, m := range append(h.all(), h2.all()...) {
		if m.topic == event.Topic(event.Sensor, "sensor-e02", event.Happening) {
			seq, _ := m.body()["seq"].(float64)
			if seq != last+1 && seq != last {
				t.Fatalf("event %v came after %v", seq, last)
			}
			last = seq
		}
	}
}

// TestUnacknowledgedIsSaidAgain has a broker that swallows what it is told.
func TestUnacknowledgedIsSaidAgain(t *testing.T) {
	h := startDefaultHub(t)
	swallow := &deaf{left: 1}
	check(t, h.AddHook(swallow, nil))
	f := live(t, Options{Broker: h.addr, Devices: some(estate(t), "sensor-e02"), Quiet: true, AckWait: 200 * time.Millisecond})
	h.wait(t, "state", is(event.Sensor, "sensor-e02", event.State, nil))
	s, _ := f.Sensor("sensor-e02")
	s.Set("smoke", true)
	h.wait(t, "smoke, said again", is(event.Sensor, "sensor-e02", event.Happening, map[string]any{"type": "smoke"}))
	if !swallow.used() {
		t.Error("nothing was swallowed")
	}
}

func TestNoBrokerNoHarm(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	addr := ln.Addr().String()
	check(t, ln.Close())
	f := live(t, Options{Broker: addr, Devices: some(estate(t), "sensor-e02", "door-e01-1"), Quiet: true})
	d, _ := f.Door("door-e01-1")
	d.Badge("1")
	if f.Online() != 0 {
		t.Error("online without a broker")
	}
}

// TestWholeEstate connects all 403 devices and checks every message against the
// protocol, word by word.
func TestWholeEstate(t *testing.T) {
	h := startDefaultHub(t)
	c := estate(t)
	progress := make(chan int, 4096)
	times := Times{Badge: 30 * time.Millisecond, Port: 2 * time.Second, Lamp: 2 * time.Second, Slow: 2 * time.Second, Pass: 50 * time.Millisecond}
	f := live(t, Options{
		Broker: h.addr, Devices: c.Devices, People: c.People, Times: times, ConnectRate: 2000,
		Progress: func(n, total int) {
			if total != 403 {
				t.Errorf("%d devices", total)
			}
			progress <- n
		},
	})
	end := time.After(patience)
	for n := 0; n < 403; {
		select {
		case n = <-progress:
		case <-end:
			t.Fatalf("only %d devices came", f.Online())
		}
	}
	for _, k := range []event.Kind{event.Door, event.Lamp, event.Charger, event.Speaker, event.Sensor} {
		if k != event.Door {
			h.wait(t, "telemetry of a "+string(k), func(m heard) bool {
				return strings.HasPrefix(m.topic, "dy/v1/"+string(k)) && strings.HasSuffix(m.topic, "/telemetry")
			})
		}
	}
	h.wait(t, "a resident", func(m heard) bool { return m.body()["type"] == "opened" })
	for _, m := range h.all() {
		if err := conforms(m); err != nil {
			t.Errorf("%s %s: %v", m.topic, m.payload, err)
		}
	}
}

func TestTLS(t *testing.T) {
	srv := httptest.NewTLSServer(nil) // only for its certificate
	srv.Close()
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: srv.TLS.Certificates, MinVersion: tls.VersionTLS12})
	check(t, err)
	h := startHubOn(t, ln)
	t.Cleanup(h.stop)
	pool := x509.NewCertPool()
	pool.AddCert(srv.Certificate())
	f := live(t, Options{
		Broker: h.addr, Devices: some(estate(t), "sensor-e02"), Quiet: true,
		TLS: &tls.Config{RootCAs: pool, ServerName: "example.com", MinVersion: tls.VersionTLS12},
	})
	h.wait(t, "state", is(event.Sensor, "sensor-e02", event.State, nil))
	d, _ := f.Device("sensor-e02")
	d.PowerOff()
	h.wait(t, "will", is(event.Sensor, "sensor-e02", event.Presence, map[string]any{"online": false}))
}

// TestForeignClient reads with another vendor's client what a device says.
func TestForeignClient(t *testing.T) {
	path, err := exec.LookPath("mosquitto_sub") //nolint:misspell // its name
	if err != nil {
		t.Skipf("a foreign MQTT client is not installed; make tools does that: %v", err)
	}
	h := startDefaultHub(t)
	live(t, Options{Broker: h.addr, Devices: some(estate(t), "charger-e03"), Quiet: true})
	h.wait(t, "state", is(event.Charger, "charger-e03", event.State, nil))
	host, port, _ := net.SplitHostPort(h.addr)
	out, err := exec.CommandContext(t.Context(), path, "-V", "311", "-h", host, "-p", port, "-i", "reader", "-u", "reader",
		"-P", "a password of the length that it wants", "--will-topic", "x", "--will-payload", "y", "--will-qos", "1", "--will-retain",
		"-q", "1", "-C", "3", "-W", "15", "-v", "-t", "dy/v1/charger/charger-e03/#").CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", path, err, out)
	}
	for line := range strings.Lines(string(out)) {
		topic, payload, _ := strings.Cut(strings.TrimSpace(line), " ")
		if err := conforms(heard{topic: topic, payload: []byte(payload)}); err != nil || !json.Valid([]byte(payload)) {
			t.Errorf("%s: %v", line, err)
		}
	}
}
