package onvif

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dongyue/internal/db"
	"dongyue/internal/simulator/camera"
	"dongyue/internal/web"
	"dongyue/streams"
	"dongyue/streams/rtsp"
)

// hub is the room with cameras that really answer, over real ports.
type hub struct {
	sim     *camera.ONVIF
	streams *streams.Streams
	room    *Room
	api     *web.API
	mu      sync.Mutex
	audited []string
	told    []Noticed
	judged  []Noticed
}

func (h *hub) Notice(_ context.Context, n Noticed) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.judged = append(h.judged, n)
	return nil
}

// rules are what the rules were told of a kind of event, in order.
func (h *hub) rules(kind string) (active []bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, n := range h.judged {
		if n.Kind == kind {
			active = append(active, n.Active)
		}
	}
	return active
}

func (h *hub) Audit(_ context.Context, _ *sql.Tx, actor, action, target string, _ any) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.audited = append(h.audited, actor+" "+action+" "+target)
	return nil
}

func (h *hub) Transient(topic string, payload any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n, ok := payload.(Noticed); ok && topic == "camera_event" {
		h.told = append(h.told, n)
	}
}

type guard struct{}

func (guard) Authenticate(*http.Request) (web.Principal, bool) { return web.Principal{}, false }
func (guard) Allowed(web.Principal, web.Action) bool           { return true }

func newHub(t *testing.T) *hub {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	h := &hub{}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	run := func(f func(context.Context) error) {
		running.Go(func() {
			if err := f(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	// The simulated parts outlive the hub, which stops what turns.
	simCtx, stopSim := context.WithCancel(context.Background())
	var sims sync.WaitGroup
	cams, err := camera.New(camera.Options{Addr: "127.0.0.1:0", Cameras: []camera.Camera{{ID: "a", Scene: "plaza"}, {ID: "b", Scene: "plaza"}}})
	must(err)
	h.sim, err = camera.NewONVIF(camera.ONVIFOptions{
		Addr: "127.0.0.1:0", RTSP: cams.Addr, User: "admin", Password: "se@cret", Discovery: true,
		Cameras: []camera.ONVIFCamera{{ID: "a", Name: "广场 1", PTZ: true, ClockOff: 37 * time.Minute}, {ID: "b", Name: "广场 2"}},
	})
	must(err)
	sims.Go(func() { _ = cams.Run(simCtx) })
	sims.Go(func() { _ = h.sim.Run(simCtx) })
	<-cams.Ready()
	<-h.sim.Ready()
	d, err := db.Open(ctx, filepath.Join(t.TempDir(), "hub.db"))
	must(err)
	feed, err := web.NewFeed(ctx, d)
	must(err)
	nets := private(t)
	pull, err := rtsp.New(rtsp.Options{Networks: nets})
	must(err)
	h.streams, err = streams.New(streams.Options{DB: d, Feed: feed, Puller: pull, Networks: nets, Finder: Finder{nets}})
	must(err)
	h.room, err = New(Options{Cameras: h.streams, Feed: h, Audit: h, Networks: nets, Events: true, Reports: h})
	must(err)
	h.api = web.NewAPI("test", guard{}, slog.New(slog.DiscardHandler))
	h.streams.Register(h.api)
	h.room.Register(h.api)
	run(h.streams.Run)
	run(h.room.Run)
	t.Cleanup(func() {
		cancel()
		running.Wait()
		stopSim()
		sims.Wait()
		must(d.Close())
	})
	return h
}

// call asks the API as the operator.
func (h *hub) call(t *testing.T, method, path, body string, into any) int {
	t.Helper()
	r := httptest.NewRequestWithContext(web.WithPrincipal(context.Background(), web.Principal{ID: "u1", Role: web.Operator}), method, "/api/v1"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.api.ServeHTTP(w, r)
	if strings.Contains(w.Body.String(), "cret") {
		t.Errorf("%s %s: the password is in %s", method, path, w.Body)
	}
	if into != nil {
		if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
			t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
		}
	}
	return w.Code
}

func (h *hub) address(id string) string {
	return strings.Replace(h.sim.Address(id), "http://", "http://admin:se%40cret@", 1)
}

// register registers a camera by its ONVIF address alone.
func (h *hub) register(t *testing.T, id, device string) streams.View {
	t.Helper()
	var v streams.View
	if code := h.call(t, "POST", "/cameras", `{"id":"`+id+`","onvif":"`+h.address(device)+`"}`, &v); code != http.StatusCreated {
		t.Fatalf("%d %+v", code, v)
	}
	return v
}

func wait(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited for " + what)
		}
	}
}

func TestRegisterByONVIF(t *testing.T) {
	h := newHub(t)
	v := h.register(t, "cam-a", "a")
	if !v.PTZ || v.Sub == nil {
		t.Fatalf("got %+v", v)
	}
	if v := h.register(t, "cam-b", "b"); v.PTZ || v.Sub == nil {
		t.Fatalf("got %+v", v)
	}
	l, err := h.streams.Open("cam-a", streams.Sub)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	wait(t, "a picture", func() bool { return l.State() == streams.Live })
	var p web.Problem
	wrong := strings.Replace(h.address("a"), "se%40cret", "other", 1)
	if code := h.call(t, "POST", "/cameras", `{"id":"x","onvif":"`+wrong+`"}`, &p); code != 422 || p.Code != "camera.auth" || strings.Contains(p.Detail, "127.0.0.1") || strings.Contains(p.Detail, "other") {
		t.Errorf("%d %+v", code, p)
	}
	if code := h.call(t, "POST", "/cameras", `{"id":"x","onvif":"http://127.0.0.1:9/onvif"}`, &p); code != 422 || p.Code != "camera.unreachable" {
		t.Errorf("%d %+v", code, p)
	}
	// A name changes and the address stays; then the camera is another one.
	if code := h.call(t, "PATCH", "/cameras/cam-a", `{"name":"东门","always_on":true}`, &v); code != 200 || v.Name != "东门" || !v.PTZ || !v.AlwaysOn {
		t.Errorf("%d %+v", code, v)
	}
	if code := h.call(t, "PATCH", "/cameras/cam-a", `{"onvif":"`+h.address("b")+`"}`, &v); code != 200 || v.Name != "东门" || v.PTZ {
		t.Errorf("%d %+v", code, v)
	}
	if code := h.call(t, "PATCH", "/cameras/cam-a", `{"url":"http://x"}`, &p); code != 422 || p.Code != "camera.bad_url" {
		t.Errorf("%d %+v", code, p)
	}
	if code := h.call(t, "PATCH", "/cameras/nobody", `{}`, &p); code != 404 {
		t.Errorf("%d %+v", code, p)
	}
}

func TestTurning(t *testing.T) {
	h := newHub(t)
	h.register(t, "cam-a", "a")
	h.register(t, "cam-b", "b")
	turn := func(want int, body string) web.Problem {
		t.Helper()
		var p web.Problem
		into := any(&p)
		if want == http.StatusNoContent {
			into = nil
		}
		if code := h.call(t, "POST", "/cameras/cam-a/ptz", body, into); code != want {
			t.Fatalf("%s: %d %+v", body, code, p)
		}
		return p
	}
	moving := func() bool { _, _, _, m := h.sim.Position("a"); return m }
	for range 5 { // somebody holds the button
		turn(204, `{"move":{"pan":1,"tilt":0,"zoom":0},"for_ms":1000}`)
	}
	if !moving() {
		t.Fatal("it does not turn")
	}
	wait(t, "the dead man's stop", func() bool { return !moving() })
	pan, _, _, _ := h.sim.Position("a")
	if pan <= 0 || pan > 0.8 { // two seconds at most; the camera's own limit is a second later
		t.Errorf("turned to %v", pan)
	}
	turn(204, `{"move":{"pan":-0.5,"tilt":0.5,"zoom":0},"for_ms":5000}`)
	turn(204, `{"stop":true}`)
	if moving() {
		t.Fatal("it goes on")
	}
	var presets struct{ Items []Preset }
	if h.call(t, "GET", "/cameras/cam-a/presets", "", &presets); len(presets.Items) != 3 || presets.Items[1].Name != "入口" {
		t.Fatalf("got %+v", presets)
	}
	turn(204, `{"preset":"2"}`)
	var at struct{ Position *Vector }
	if h.call(t, "GET", "/cameras/cam-a/ptz", "", &at); at.Position == nil || *at.Position != (Vector{-0.6, -0.1, 0.4}) {
		t.Fatalf("got %+v", at.Position)
	}
	turn(204, `{"to":{"pan":0.25,"tilt":0,"zoom":1}}`)
	if h.call(t, "GET", "/cameras/cam-a/ptz", "", &at); *at.Position != (Vector{0.25, 0, 1}) {
		t.Fatalf("got %+v", at.Position)
	}
	h.mu.Lock()
	if got := strings.Join(h.audited, ", "); strings.Count(got, "u1 camera.turned cam-a") != 4 {
		t.Errorf("audited %s", got)
	}
	h.mu.Unlock()
	for body, code := range map[string]string{
		`{}`: "ptz.one_of", `{"stop":true,"preset":"1"}`: "ptz.one_of", `{"move":{"pan":2,"tilt":0,"zoom":0}}`: "ptz.range",
		`{"to":{"pan":0,"tilt":0,"zoom":-1}}`: "ptz.range", `{"move":{"pan":1,"tilt":0,"zoom":0},"for_ms":60000}`: "request.invalid",
	} {
		if p := turn(422, body); p.Code != code {
			t.Errorf("%s: %s", body, p.Code)
		}
	}
	if p := turn(502, `{"preset":"9"}`); p.Code != "camera.onvif" {
		t.Errorf("got %+v", p)
	}
	var p web.Problem
	if code := h.call(t, "POST", "/cameras/cam-b/ptz", `{"stop":true}`, &p); code != 409 || p.Code != "camera.no_ptz" {
		t.Errorf("%d %+v", code, p)
	}
	if code := h.call(t, "POST", "/cameras/nobody/ptz", `{"stop":true}`, &p); code != 404 {
		t.Errorf("%d %+v", code, p)
	}
}

func TestEventsAreTold(t *testing.T) {
	h := newHub(t)
	h.register(t, "cam-a", "a")
	active := func(want bool) func() bool {
		return func() bool {
			var out struct{ Items []Noticed }
			h.call(t, "GET", "/cameras/cam-a/events", "", &out)
			return len(out.Items) > 0 && out.Items[0].Active == want && out.Items[0].Kind == "motion" && out.Items[0].Camera == "cam-a"
		}
	}
	wait(t, "the subscription", func() bool {
		h.room.mu.Lock()
		defer h.room.mu.Unlock()
		return h.room.follows["cam-a"] != nil
	})
	if err := h.sim.Motion("a", true); err != nil {
		t.Fatal(err)
	}
	wait(t, "motion", active(true))
	if err := h.sim.Motion("a", false); err != nil {
		t.Fatal(err)
	}
	wait(t, "its end", active(false))
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.told) != 2 || time.Since(h.told[0].At) > time.Minute { // by our clock, not the camera's
		t.Errorf("told %+v", h.told)
	}
}

func TestDiscoverAndProbe(t *testing.T) {
	h := newHub(t)
	var found struct{ Items []Find }
	if code := h.call(t, "POST", "/cameras/discover", `{"seconds":1,"hosts":["8.8.8.8"]}`, nil); code != 422 {
		t.Errorf("asked a host elsewhere: %d", code)
	}
	h.register(t, "cam-b", "b")
	h.call(t, "POST", "/cameras/discover", `{"seconds":1}`, &found)
	if len(found.Items) == 0 {
		t.Skip("this machine passes no multicast over its loopback interface")
	}
	byName := map[string]Find{}
	for _, f := range found.Items {
		if strings.Contains(f.ONVIF, h.sim.Address("a")[:20]) || len(f.Known) > 0 {
			byName[f.Name] = f
		}
	}
	a, b := byName["广场 1"], byName["广场 2"]
	if a.ONVIF != h.sim.Address("a") || len(a.Known) != 0 || b.ONVIF != "" || len(b.Known) != 1 || b.Known[0] != "cam-b" {
		t.Fatalf("found %+v", found.Items)
	}
	var look Looked
	if code := h.call(t, "POST", "/cameras/probe", `{"onvif":"`+h.address("a")+`","seconds":2}`, &look); code != 200 || look.Device == nil || look.Device.Model != "Simulated" ||
		len(look.Profiles) != 2 || !look.PTZ || !look.HasSub || look.Report == nil || !look.Report.OK() {
		t.Fatalf("%d %+v", code, look)
	}
	look = Looked{}
	if code := h.call(t, "POST", "/cameras/probe", `{"onvif":"http://127.0.0.1:9/","seconds":1}`, &look); code != 200 || look.Report.Code != "camera.unreachable" || look.Report.Answer.ZH == "" {
		t.Fatalf("%d %+v", code, look.Report)
	}
	for body, code := range map[string]string{
		`{}`: "camera.bad_url", `{"url":"rtsp://8.8.8.8/x"}`: "camera.network", `{"onvif":"ftp://x"}`: "camera.bad_onvif", `{"url":"rtsp://127.0.0.1/x","transport":"x"}`: "camera.bad_transport",
	} {
		var p web.Problem
		if got := h.call(t, "POST", "/cameras/probe", body, &p); got != 422 || p.Code != code {
			t.Errorf("%s: %d %s", body, got, p.Code)
		}
	}
}

// The hub's end stops what is turning.
func TestEndStopsTheCamera(t *testing.T) {
	h := newHub(t)
	h.register(t, "cam-a", "a")
	ctx, cancel := context.WithCancel(context.Background())
	own, err := New(Options{Cameras: h.streams, Feed: h, Audit: h, Networks: private(t)})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- own.Run(ctx) }()
	wait(t, "the room", func() bool { own.mu.Lock(); defer own.mu.Unlock(); return own.base != nil })
	if _, err := own.move(context.Background(), "cam-a", "u1", Vector{Pan: 0.1}, moveMost); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if _, _, _, moving := h.sim.Position("a"); moving {
		t.Fatal("the camera goes on turning")
	}
}

func TestNewWantsItsParts(t *testing.T) {
	if _, err := New(Options{}); err == nil {
		t.Error("no error")
	}
	if !errors.Is(unreachable(context.DeadlineExceeded), streams.ErrUnreachable) {
		t.Error("a call that took too long is something else")
	}
}

// What a camera notices reaches the rules: each state once when the hub begins to
// follow, and then its changes only; what is over at once each time.
func TestEventsForRules(t *testing.T) {
	h := newHub(t)
	h.register(t, "cam-b", "b")
	wait(t, "the first state", func() bool { return len(h.rules("tamper")) == 1 && len(h.rules("motion")) == 1 })
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(h.sim.Cover("b", true))
	wait(t, "the covered lens", func() bool { return len(h.rules("tamper")) == 2 })
	must(h.sim.Cross("b"))
	wait(t, "the crossed line", func() bool { return len(h.rules("line_crossed")) == 1 })
	must(h.sim.Cover("b", false))
	wait(t, "the free lens", func() bool { return len(h.rules("tamper")) == 3 })
	if got := h.rules("tamper"); got[0] || !got[1] || got[2] {
		t.Errorf("tamper: %v", got)
	}
	if got := h.rules("motion"); len(got) != 1 || got[0] {
		t.Errorf("motion, which did not change: %v", got)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, n := range h.judged {
		if n.Camera != "cam-b" || n.Source != "v0" || time.Since(n.At) > time.Minute {
			t.Errorf("%+v", n)
		}
	}
}

// The windows of a camera are one thing to the rules, its inputs are not.
func TestWindowsAndInputs(t *testing.T) {
	h := &hub{}
	r := &Room{o: Options{Reports: h, Log: slog.New(slog.DiscardHandler)}}
	f := &follow{active: map[string]bool{}, moment: map[string]time.Time{}, told: map[string]bool{}}
	say := func(kind, source string, on bool) {
		e := Event{At: time.Now(), Kind: kind, Source: source, Active: on}
		f.note("a", e)
		r.report(t.Context(), "a", f, e)
	}
	say("tamper", "1", false)
	say("tamper", "2", true)
	say("tamper", "1", true)
	say("tamper", "1", false) // the other lens is still covered
	say("tamper", "2", false)
	if got := h.rules("tamper"); !slices.Equal(got, []bool{false, true, false}) {
		t.Errorf("tamper: %v", got)
	}
	say("input", "1", true)
	say("input", "2", true)
	say("input", "1", false)
	if got := h.rules("input"); !slices.Equal(got, []bool{true, true, false}) {
		t.Errorf("inputs: %v", got)
	}
}

func TestTopics(t *testing.T) {
	for topic, want := range map[string]string{
		"tns1:RuleEngine/LineDetector/Crossed":               "line_crossed",
		"tns1:RuleEngine/FieldDetector/ObjectsInside":        "intrusion",
		"tns1:VideoSource/SignalLoss":                        "video_loss",
		"tns1:VideoSource/ImageTooDark/AnalyticsService":     "tamper",
		"tns1:VideoSource/GlobalSceneChange/ImagingService":  "tamper",
		"tns1:RuleEngine/TamperDetector/Tamper":              "tamper",
		"tns1:VideoSource/MotionAlarm":                       "motion",
		"tns1:Device/Trigger/DigitalInput":                   "input",
		"tns1:Monitoring/ProcessorUsage":                     "",
		"tns1:RuleEngine/LineDetector/Crossed/tnsx:Anything": "",
	} {
		if got := kindOf(topic); got != want {
			t.Errorf("%s: %q, want %q", topic, got, want)
		}
	}
}
