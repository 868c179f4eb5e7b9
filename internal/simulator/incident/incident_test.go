package incident

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
	"go.uber.org/goleak"

	"dongyue/internal/event"
	"dongyue/internal/simulator/agent"
	"dongyue/internal/simulator/community"
	"dongyue/internal/web"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 20 * time.Second

// world is a broker, a few devices and the script, hundred times faster than
// life.
type world struct {
	*mochi.Server
	fleet  *agent.Fleet
	script *Script
	cams   *cams

	mu   sync.Mutex
	got  []string // "device type payload"
	more chan struct{}
}

type allow struct{ mochi.HookBase }

func (*allow) ID() string                                               { return "allow" }
func (*allow) Provides(b byte) bool                                     { return b == mochi.OnConnectAuthenticate || b == mochi.OnACLCheck }
func (*allow) OnConnectAuthenticate(*mochi.Client, packets.Packet) bool { return true }
func (*allow) OnACLCheck(*mochi.Client, string, bool) bool              { return true }

type cams struct {
	mu  sync.Mutex
	log []string
}

func (c *cams) Off(id string) error { return c.note("off " + id) }
func (c *cams) On(id string) error  { return c.note("on " + id) }
func (c *cams) note(s string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.log = append(c.log, s)
	return nil
}

func (w *world) hear(_ *mochi.Client, _ packets.Subscription, pk packets.Packet) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.got = append(w.got, pk.TopicName+" "+string(pk.Payload))
	close(w.more)
	w.more = make(chan struct{})
}

// expect waits for messages that contain all the words, one after the other.
func (w *world) expect(t *testing.T, wants ...[]string) {
	t.Helper()
	end := time.After(patience)
	i := 0
	for _, words := range wants {
	next:
		for {
			w.mu.Lock()
			got, more := w.got[i:], w.more
			w.mu.Unlock()
			for _, m := range got {
				i++
				if hasAll(m, words) {
					break next
				}
			}
			select {
			case <-more:
			case <-end:
				t.Fatalf("no message with %q", words)
			}
		}
	}
}

func hasAll(s string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(s, w) {
			return false
		}
	}
	return true
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func start(t *testing.T, more ...string) *world {
	t.Helper()
	w := &world{Server: mochi.New(&mochi.Options{InlineClient: true, Logger: slog.New(slog.DiscardHandler)}), more: make(chan struct{}), cams: &cams{}}
	check(t, w.AddHook(&allow{}, nil))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	check(t, w.AddListener(listeners.NewNet("t", ln)))
	check(t, w.Subscribe("dy/v1/#", 1, w.hear))
	check(t, w.Serve())
	t.Cleanup(func() {
		// The library's Close locks up against clients that leave at the same
		// moment (Clients.GetByListener takes its read lock twice).
		for end := time.Now().Add(patience); w.Clients.Len() > 1 && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		_ = w.Close()
	})

	c, err := community.Dongyue(1, bytes.Repeat([]byte{1}, 32))
	check(t, err)
	var few []community.Device
	for _, d := range c.Devices {
		switch {
		case strings.HasSuffix(d.ID, "-e01-1"), d.ID == "charger-e02", slices.Contains(more, d.ID), d.Labels["feeder"] == "light-e1", d.ID == "speaker-e01", d.ID == "sensor-e01", d.ID == "switch-e01":
			few = append(few, d)
		}
	}
	const pace = 0.01
	times := agent.DefaultTimes()
	for _, d := range []*time.Duration{&times.Enter, &times.Pass, &times.Debounce, &times.Held, &times.Port, &times.Hot, &times.Key, &times.Lamp, &times.Slow} {
		*d = time.Duration(float64(*d) * pace)
	}
	w.fleet, err = agent.New(agent.Options{
		Broker: ln.Addr().String(), Devices: few, People: c.People[:2], Quiet: true, Times: times, ConnectRate: 1000,
		MinPause: 5 * time.Millisecond, MaxPause: 20 * time.Millisecond,
	})
	check(t, err)
	w.script, err = New(Options{Fleet: w.fleet, Cameras: w.cams, Views: c.Cameras, Pace: pace})
	check(t, err)
	run(t, w.fleet.Run)
	run(t, w.script.Run)
	for end := time.Now().Add(patience); w.fleet.Online() < len(few); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the devices do not come")
		}
	}
	return w
}

func run(t *testing.T, f func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- f(ctx) }()
	t.Cleanup(func() {
		cancel()
		check(t, <-over)
	})
}

// trigger asks for an incident as soon as the script runs.
func (w *world) trigger(t *testing.T, id string) {
	t.Helper()
	err := w.script.Trigger(t.Context(), id)
	for end := time.Now().Add(patience); errors.Is(err, ErrNotRunning) && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
		err = w.script.Trigger(t.Context(), id)
	}
	check(t, err)
}

// over waits until the incident has ended.
func (w *world) over(t *testing.T, id string) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		playing := false
		for _, i := range w.script.List() {
			playing = playing || i.ID == id && i.Running
		}
		if !playing {
			return
		}
	}
	t.Fatalf("%s does not end", id)
}

// TestIncidents plays each one and looks for what it sends, and for what it
// sends when all is well again.
func TestIncidents(t *testing.T) {
	yes, no := `"active":true`, `"active":false`
	for id, want := range map[string][][]string{
		"charger_runaway": {
			{"charger-e02/telemetry", `"part":"7"`, `"state":"charging"`}, {`"type":"smoke"`, yes}, {`"type":"session_ended"`, "over_temperature"},
			{`"type":"fault"`, "over_temperature", yes}, {`"power_w":0`, `"part":"7"`}, {`"type":"smoke"`, no}, {"/state", `"7":"idle"`, `"fault":false`},
		},
		"smoke":              {{"sensor-e01", `"smoke"`, yes}, {"sensor-e01", `"smoke"`, no}},
		"door_forced":        {{"door-e01-1", `"opened"`}, {`"forced_open"`}, {`"closed"`}, {`"position":"closed"`}},
		"door_held":          {{`"rex"`}, {`"opened"`}, {`"held_open"`}, {`"closed"`}},
		"fire_panel":         {{`"fire_input"`, `"active":true`}, {`"fire_input"`, `"active":false`}},
		"duress":             {{`"duress"`}, {`"decision":"ask"`}, {`"decision":"granted"`, "offline_list"}, {`"opened"`}, {`"closed"`}},
		"lamp_sos":           {{`"sos"`, `"pressed":true`}, {`"sos"`, `"pressed":false`}},
		"lamp_leakage":       {{`"leakage"`, yes, "43"}, {`"leakage"`, no}},
		"lamp_failure":       {{`"lamp_failure"`, yes}, {`"lamp_failure"`, no}},
		"speaker_fault":      {{"speaker-e01", `"fault"`, "amplifier", yes}, {"speaker-e01", `"fault"`, no}},
		"device_offline":     {{"door-e01-1/presence", `"online":false`}, {"door-e01-1/presence", `"online":true`}},
		"chattering_contact": {{"door-e01-1", `"tamper"`, yes}, {`"tamper"`, no}, {`"tamper"`, yes}, {`"tamper"`, no}, {`"tamper"`, yes}, {`"tamper"`, no}},
		"stranger":           {{`"decision":"ask"`}, {`"decision":"denied"`, "unknown_credential"}},
		"resident_badge":     {{`"decision":"ask"`}, {`"decision":"granted"`}, {`"opened"`}, {`"closed"`}},
	} {
		t.Run(id, func(t *testing.T) {
			w := start(t)
			w.trigger(t, id)
			w.trigger(t, id) // is playing, or plays once more; no harm
			w.expect(t, want...)
			w.over(t, id)
		})
	}
}

func TestFeeder(t *testing.T) {
	w := start(t)
	w.trigger(t, "feeder_failure")
	w.over(t, "feeder_failure")
	dark, bright := map[string]bool{}, map[string]bool{}
	for end := time.Now().Add(patience); len(bright) < 12 && time.Now().Before(end); time.Sleep(time.Millisecond) {
		w.mu.Lock()
		for _, m := range w.got {
			if topic, _, _ := strings.Cut(m, " "); strings.Contains(m, `"type":"lamp_failure"`) {
				dark[topic] = dark[topic] || strings.Contains(m, `"active":true`)
				if strings.Contains(m, `"active":false`) {
					bright[topic] = true
				}
			}
		}
		w.mu.Unlock()
	}
	if len(dark) != 12 || len(bright) != 12 {
		t.Errorf("%d lamps went dark, %d came back", len(dark), len(bright))
	}
}

// TestCutInTime has a hub that cuts at 60 °C: no smoke comes.
func TestCutInTime(t *testing.T) {
	w := start(t)
	topic := event.Topic(event.Charger, "charger-e02", event.Command)
	w.trigger(t, "charger_runaway")
	w.expect(t, []string{`"part":"7"`, `"temp_c":6`})
	check(t, w.Publish(topic, []byte(`{"id":"c1","type":"cut","at":"2026-01-01T00:00:00.000Z","expires_at":"2100-01-01T00:00:00.000Z","args":{"part":"7"}}`), false, 1))
	w.expect(t, []string{"/reply", `"c1"`, `"done"`, `"power_w":0`})
	w.over(t, "charger_runaway")
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.got {
		if strings.Contains(m, `"smoke"`) && strings.Contains(m, `"active":true`) {
			t.Errorf("smoke although the port was cut: %s", m)
		}
	}
}

// post stands for the authority of the demonstration.
type post struct {
	mu  sync.Mutex
	got []string
}

func (p *post) Warn(_ context.Context, w Warning) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	id := fmt.Sprintf("w%d", len(p.got)+1)
	p.got = append(p.got, fmt.Sprintf("%s %s about %v exercise %v over %v", id, w.Headline, w.About, w.Exercise, w.Over))
	return id, nil
}

func (p *post) Forge(_ context.Context, headline, changed string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got = append(p.got, "forged "+headline+" to "+changed)
	return nil
}

// A warning is updated and always ends, an exercise says so, and nobody warns without an
// authority.
func TestWarnings(t *testing.T) {
	w := start(t)
	p := &post{}
	s, err := New(Options{Fleet: w.fleet, Authority: p, Pace: 0.001})
	check(t, err)
	for id, want := range map[string]string{
		"official_warning":  "[w1 暴雨红色预警 about [] exercise false over false w2 暴雨红色预警升级 about [w1] exercise false over false w3 暴雨红色预警解除 about [w1 w2] exercise false over true]",
		"official_exercise": "[w1 暴雨红色预警 about [] exercise true over false w2 暴雨红色预警升级 about [w1] exercise true over false w3 暴雨红色预警解除 about [w1 w2] exercise true over true]",
		"official_forged":   "[forged 暴雨蓝色预警 to 全体居民立即撤离]",
	} {
		p.got = nil
		for _, sc := range s.scenes {
			if sc.ID == id {
				check(t, sc.act(t.Context(), 0))
			}
		}
		if got := fmt.Sprint(p.got); got != want {
			t.Errorf("%s: %s", id, got)
		}
	}
	s.opts.Authority = nil
	for _, act := range []func(context.Context) error{s.warning(false), s.tampered} {
		if err := act(t.Context()); !errors.Is(err, errNoAuthority) {
			t.Errorf("without an authority: %v", err)
		}
	}
}

func TestCamera(t *testing.T) {
	w := start(t)
	w.trigger(t, "camera_outage")
	w.over(t, "camera_outage")
	w.cams.mu.Lock()
	defer w.cams.mu.Unlock()
	if l := w.cams.log; len(l) != 2 || !strings.HasPrefix(l[0], "off cam-") || l[1] != "on "+strings.TrimPrefix(l[0], "off ") {
		t.Errorf("cameras: %v", l)
	}
}

// TestEndTidiesUp ends the script in the middle of an incident.
func TestEndTidiesUp(t *testing.T) {
	w := start(t)
	s, err := New(Options{Fleet: w.fleet, Cameras: w.cams, Views: []community.Camera{{ID: "cam-01"}}})
	check(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan error, 1)
	go func() { over <- s.Run(ctx) }()
	for errors.Is(s.Trigger(ctx, "camera_outage"), ErrNotRunning) {
		time.Sleep(time.Millisecond)
	}
	check(t, s.Trigger(ctx, "smoke"))
	w.expect(t, []string{`"smoke"`, `"active":true`})
	cancel()
	check(t, <-over)
	w.expect(t, []string{`"smoke"`, `"active":false`})
	w.cams.mu.Lock()
	defer w.cams.mu.Unlock()
	if l := w.cams.log; len(l) != 2 || l[1] != "on cam-01" {
		t.Errorf("cameras: %v", l)
	}
	if err := s.Trigger(t.Context(), "smoke"); !errors.Is(err, ErrNotRunning) {
		t.Errorf("after the end: %v", err)
	}
}

func TestAuto(t *testing.T) {
	w := start(t)
	run(t, w.script.Auto)
	w.expect(t, []string{`"forced_open"`}, []string{`"part":"7"`, `"charging"`}, []string{`"sos"`})
	known := map[string]bool{}
	for _, i := range w.script.List() {
		known[i.ID] = true
		if i.Title.ZH == "" || i.Title.EN == "" || i.Text.ZH == "" || i.Text.EN == "" {
			t.Errorf("%s is not told in both languages", i.ID)
		}
	}
	for _, id := range append(opening(), round()...) {
		if !known[id] {
			t.Errorf("the script plays %q, which is not in the list", id)
		}
	}
}

type guard struct{}

func (guard) Authenticate(*http.Request) (web.Principal, bool) {
	return web.Principal{Role: web.Operator}, true
}
func (guard) Allowed(_ web.Principal, a web.Action) bool { return a == web.DemoAct }

func TestAPI(t *testing.T) {
	w := start(t)
	a := web.NewAPI("test", guard{}, slog.New(slog.DiscardHandler))
	w.script.Register(a)
	idle, err := New(Options{Fleet: w.fleet})
	check(t, err)
	b := web.NewAPI("test", guard{}, slog.New(slog.DiscardHandler))
	idle.Register(b)
	w.trigger(t, "resident_badge") // the script runs
	for _, c := range []struct {
		api          *web.API
		method, path string
		status       int
		want         string
	}{
		{a, "GET", "/api/v1/demo/incidents", 200, `"items":[{"id":"charger_runaway","title":{"zh":"充电热失控"`},
		{a, "POST", "/api/v1/demo/incidents/smoke", 202, ""},
		{a, "POST", "/api/v1/demo/incidents/power_cut", 202, ""},
		{a, "POST", "/api/v1/demo/incidents/nonsense", 404, "demo.unknown_incident"},
		{b, "POST", "/api/v1/demo/incidents/smoke", 503, "demo.not_running"},
	} {
		r := httptest.NewRecorder()
		c.api.ServeHTTP(r, httptest.NewRequest(c.method, c.path, nil))
		if r.Code != c.status || !strings.Contains(r.Body.String(), c.want) {
			t.Errorf("%s %s: %d %s", c.method, c.path, r.Code, r.Body)
		}
	}
}
