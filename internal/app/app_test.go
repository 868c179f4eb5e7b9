package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"dongyue/internal/config"
)

// house is a hub in this process, on free ports, and its administrator.
type house struct {
	t      *testing.T
	dir    string
	app    *App
	client *http.Client
	stop   func()
}

const testPassword = "correct-horse-battery"

func openHouse(t *testing.T, dir string, change ...func(*config.Config)) *house {
	t.Helper()
	cfg := config.Default()
	cfg.Data.Dir = dir
	cfg.HTTP.Addr, cfg.MQTT.Addr, cfg.MQTT.TLSAddr, cfg.WebRTC.Addr = "127.0.0.1:0", "127.0.0.1:0", config.Off, config.Off
	cfg.Identity.AdminPassword = testPassword
	for _, f := range change {
		f(cfg)
	}
	var out bytes.Buffer
	a, err := New(t.Context(), Options{Config: cfg, Version: "test", Log: slog.New(slog.DiscardHandler), Out: &out, Progress: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	jar, _ := cookiejar.New(nil)
	h := &house{t: t, dir: dir, app: a, client: &http.Client{Jar: jar, Timeout: 10 * time.Second}}
	h.stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
		if err := a.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		h.client.CloseIdleConnections()
		h.stop = func() {}
	}
	t.Cleanup(func() { h.stop() })
	h.call(http.MethodPost, "/session", map[string]string{"username": "admin", "password": testPassword}, nil)
	return h
}

// call fails the test unless the answer is a success.
func (h *house) call(method, path string, in, out any) {
	h.t.Helper()
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			h.t.Fatal(err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(h.t.Context(), method, h.app.URL()+"/api/v1"+path, body)
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := h.client.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, _ := io.ReadAll(resp.Body)
	if resp.StatusCode >= 300 {
		h.t.Fatalf("%s %s: %d %s", method, path, resp.StatusCode, b)
	}
	if out != nil {
		if err := json.Unmarshal(b, out); err != nil {
			h.t.Fatalf("%s %s: %v in %s", method, path, err, b)
		}
	}
}

// register makes a device and connects as it; its commands come over the channel.
func (h *house) register(kind, id string) (c mqtt.Client, publish func(channel, payload string), commands chan map[string]any) {
	h.t.Helper()
	var d struct{ Secret string }
	h.call(http.MethodPost, "/devices", map[string]string{"id": id, "kind": kind, "name": id, "zone": "east"}, &d)
	base := "dy/v1/" + kind + "/" + id + "/"
	commands = make(chan map[string]any, 16)
	o := mqtt.NewClientOptions().AddBroker("tcp://" + h.app.broker.Addr().String()).SetClientID(id).SetUsername(id).SetPassword(d.Secret).SetAutoReconnect(false)
	c = mqtt.NewClient(o)
	await := func(tk mqtt.Token) {
		h.t.Helper()
		if !tk.WaitTimeout(10*time.Second) || tk.Error() != nil {
			h.t.Fatalf("%s: %v", id, tk.Error())
		}
	}
	await(c.Connect())
	h.t.Cleanup(func() { c.Disconnect(0) })
	await(c.Subscribe(base+"command", 1, func(_ mqtt.Client, m mqtt.Message) {
		var x map[string]any
		if json.Unmarshal(m.Payload(), &x) == nil {
			commands <- x
		}
	}))
	return c, func(channel, payload string) {
		h.t.Helper()
		await(c.Publish(base+channel, 1, false, payload))
	}, commands
}

func receive(t *testing.T, commands chan map[string]any) map[string]any {
	t.Helper()
	select {
	case c := <-commands:
		return c
	case <-time.After(10 * time.Second):
		t.Fatal("no command came")
		return nil
	}
}

func now() string { return time.Now().UTC().Format("2006-01-02T15:04:05.000Z") }

type listed struct {
	Items []struct {
		ID, Device, State, Type, Channel string
		Priority                         string
	}
}

func TestHotPortIsCutAndTheAlarmOutlivesTheHub(t *testing.T) {
	h := openHouse(t, t.TempDir())
	_, publish, commands := h.register("charger", "charger-1")
	publish("telemetry", fmt.Sprintf(`{"at":%q,"part":"7","values":{"temp_c":82}}`, now()))
	c := receive(t, commands)
	if args, _ := c["args"].(map[string]any); c["type"] != "cut" || args["part"] != "7" {
		t.Fatalf("command %v", c)
	}
	publish("reply", fmt.Sprintf(`{"id":%q,"status":"done","at":%q}`, c["id"], now()))

	var open listed // the hub's own tells that no loudspeaker stands there
	h.call(http.MethodGet, "/alarms?state=open&device=charger-1", nil, &open)
	if len(open.Items) != 1 || open.Items[0].Device != "charger-1" || open.Items[0].Priority != "critical" {
		t.Fatalf("alarms %+v", open)
	}
	h.call(http.MethodPost, "/alarms/"+open.Items[0].ID+"/ack", map[string]string{}, nil)
	h.stop()

	again := openHouse(t, h.dir)
	again.call(http.MethodGet, "/alarms?state=open&device=charger-1", nil, &open)
	if len(open.Items) != 1 || open.Items[0].State != "acked_active" {
		t.Fatalf("alarms after the restart %+v", open)
	}
	var evs listed
	again.call(http.MethodGet, "/events?device=charger-1&channel=all", nil, &evs)
	if len(evs.Items) < 2 {
		t.Fatalf("events after the restart %+v", evs)
	}
}

func TestDeviceThatGoesBeyondItsTopicsRaisesAnAlarm(t *testing.T) {
	h := openHouse(t, t.TempDir())
	c, _, _ := h.register("lamp", "lamp-1")
	c.Publish("dy/v1/door/door-1/event", 1, false, "{}") // 3.1.1 can't be told no: the connection ends
	for range 600 {                                      // half a minute on a machine that is busy
		var open listed
		h.call(http.MethodGet, "/alarms?state=open", nil, &open)
		for _, a := range open.Items {
			if a.Device == "lamp-1" {
				return
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("no security alarm was raised")
}

func TestSecondHubOnTheSameFolderIsRefused(t *testing.T) {
	h := openHouse(t, t.TempDir())
	cfg := config.Default()
	cfg.Data.Dir = h.dir
	_, err := New(t.Context(), Options{Config: cfg, Version: "test", Log: slog.New(slog.DiscardHandler), Out: io.Discard, Progress: io.Discard})
	if err == nil || !strings.Contains(err.Error(), "in use by another hub") {
		t.Fatalf("got %v", err)
	}
}

func TestBadRuleFileStopsTheStart(t *testing.T) {
	cfg := config.Default()
	cfg.Data.Dir, cfg.Rules.Dir = t.TempDir(), "testdata/bad-rules"
	_, err := New(t.Context(), Options{Config: cfg, Version: "test", Log: slog.New(slog.DiscardHandler), Out: io.Discard, Progress: io.Discard})
	if err == nil || !strings.Contains(err.Error(), "hot.yaml:4:") || !strings.Contains(err.Error(), "hot.yaml:6:") {
		t.Fatalf("got %v", err)
	}
}
