package app

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"dongyue/internal/config"
	"dongyue/internal/event"
	"dongyue/internal/journal"
	"dongyue/rules"
	"dongyue/streams"
)

// told puts a charger's reading into the journal, as one that came with QoS 1.
func (h *house) told() {
	h.t.Helper()
	at := time.Now().UTC()
	done := make(chan error, 1)
	h.app.journal.Append(event.Event{
		Device: "charger-1", Kind: event.Charger, Zone: "east", Channel: event.Telemetry, Type: "telemetry", At: at, ReceivedAt: at,
		Data: []byte(`{"temp_c":40}`),
	}, func(_ uint64, _ bool, err error) { done <- err })
	if err := <-done; err != nil {
		h.t.Fatal(err)
	}
	h.settle()
}

// settle waits until all of the journal has been judged.
func (h *house) settle() {
	h.t.Helper()
	for range 2000 { // 20 s, on a machine that is busy
		if h.app.judge.settled() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	h.t.Fatal("not judged")
}

// hubEvents are the journal's events that no device sent.
func (h *house) hubEvents() (n int) {
	h.t.Helper()
	evs, err := h.app.journal.Query(h.t.Context(), journal.Filter{Device: event.HubDevice})
	if err != nil {
		h.t.Fatal(err)
	}
	return len(evs)
}

// A hub that ends without a last word judges what comes next as if it had not
// ended: whether its file of windows is of before the newest events, not there yet,
// or damaged.
func TestWindowsAfterAnEndThatWasNotOrderly(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "often.yaml"), []byte(ruleAbout("often", `'count("10m") >= 3'`)), 0o644); err != nil {
		t.Fatal(err)
	}
	open := func(t *testing.T, data string) *house {
		return openHouse(t, data, func(c *config.Config) { c.Rules.Dir = dir })
	}
	for what, crash := range map[string]func(old []byte) []byte{
		"no restart": nil,
		"orderly":    func([]byte) []byte { return nil },
		"old file":   func(old []byte) []byte { return old },
		"no file":    func([]byte) []byte { return []byte{} },
		"damaged":    func(old []byte) []byte { return slices.Concat(old, []byte("x")) },
	} {
		t.Run(what, func(t *testing.T) {
			h := open(t, t.TempDir())
			path := h.app.judge.memory.path
			h.call(http.MethodPost, "/devices", map[string]string{"id": "charger-1", "kind": "charger", "name": "一号", "zone": "east"}, nil)
			h.told()
			h.app.judge.remember(t.Context())
			old, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			h.told()
			if n := h.hubEvents(); n != 0 {
				t.Errorf("%d events of the hub's own at the first start", n)
			}
			if crash != nil {
				h.stop()
				switch text := crash(old); {
				case text == nil:
				case len(text) == 0:
					err = os.Remove(path)
				default:
					err = os.WriteFile(path, text, 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
				h = open(t, h.dir)
			}
			if got := h.openAlarms(); len(got) != 0 {
				t.Fatalf("too early: %v", got)
			}
			h.told() // the third
			h.wait("often true")
		})
	}
}

// scroll is a sheet that nobody reads again.
type scroll struct{ *sheet }

func (scroll) Follow(context.Context, uint64, int, func([]event.Event) error) error { return nil }

// What was away for long says so, and the rules have heard it before they go on.
func TestHubTellsThatItWasAway(t *testing.T) {
	for what, c := range map[string]struct {
		away time.Duration
		told bool
	}{"first start": {0, false}, "quick restart": {time.Second, false}, "long": {time.Hour, true}} {
		set, problems := rules.Files{"hot.yaml": ruleAbout("hot", "data.temp_c >= 70")}.Load()
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		engine, err := rules.New(rules.Options{Set: set, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		since := time.Now().UTC().Add(-c.away)
		if c.away > 0 {
			engine.Observe([]event.Event{{Kind: event.Charger, Channel: event.Telemetry, At: since, ReceivedAt: since}})
		}
		judged := uint64(0)
		j := scroll{&sheet{follow: make(chan event.Event, 1)}}
		m := &memory{engine: engine, journal: j, judged: func() uint64 { return judged }}
		m.awake()
		if told := j.Last() > 0; told != c.told || m.listening() == told {
			t.Errorf("%s: told %v, listening %v", what, told, m.listening())
			continue
		}
		if !c.told {
			continue
		}
		var said struct {
			Online    bool
			AwaySince time.Time `json:"away_since"`
		}
		e := <-j.follow
		if err := json.Unmarshal(e.Data, &said); err != nil || e.Kind != event.Hub || !said.Online || !said.AwaySince.Equal(since) {
			t.Errorf("%s: %+v, %v", what, said, err)
		}
		judged = 1
		if !m.listening() {
			t.Errorf("%s: the rules have heard it", what)
		}
	}
}

// An alarm about a zone or a rule has a name that people know, and the cameras of
// the zone look at it.
func TestNamesOfWhatIsNoDevice(t *testing.T) {
	site := filepath.Join(t.TempDir(), "site.yaml")
	text := "zones:\n  - {id: east, kind: court, name: {zh: 东苑, en: East Court}, shape: [0, 0, 400, 300]}\n"
	if err := os.WriteFile(site, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	h := openHouse(t, t.TempDir(), func(c *config.Config) { c.Site.File = site })
	for subject, want := range map[string][2]string{
		"zone:east": {"东苑", "east"}, "zone:west/b01": {"west/b01", "west/b01"}, "rule:often": {"often", ""}, "charger-9": {"", ""},
	} {
		if name, zone := h.app.nameOf(t.Context(), subject); name != want[0] || zone != want[1] {
			t.Errorf("%s: %q in %q, want %q", subject, name, zone, want)
		}
	}
	for id, zone := range map[string]string{"cam-east": "east/b01", "cam-west": "west"} {
		if err := h.app.streams.Add(t.Context(), streams.Camera{ID: id, Zone: zone, URL: "rtsp://127.0.0.1:1/x"}); err != nil {
			t.Fatal(err)
		}
	}
	if got := h.app.nearest(t.Context(), "zone:east", "", 2); !slices.Equal(got, []string{"cam-east"}) {
		t.Errorf("cameras %v", got)
	}
}
