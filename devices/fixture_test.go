package devices_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"flag"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"dongyue/devices"
	"dongyue/devices/charger"
	"dongyue/devices/door"
	"dongyue/devices/lamp"
	"dongyue/devices/sensor"
	"dongyue/devices/speaker"
	"dongyue/internal/db"
	"dongyue/internal/event"
	"dongyue/internal/web"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	flag.Parse()
	// A life of commands has its own database file; 30 lives are some seconds.
	if f := flag.Lookup("rapid.checks"); f != nil && f.Value.String() == f.DefValue {
		_ = f.Value.Set("30")
	}
	goleak.VerifyTestMain(m)
}

// wire stands for the broker: who is connected, and what went down.
type wire struct {
	mu   sync.Mutex
	up   map[string]bool
	sent []sent
	fail error
}

type sent struct {
	Topic  string
	QoS    byte
	Retain bool
	Expiry time.Duration
	At     time.Time
	Raw    []byte // on a config topic
	Body   struct {
		ID        string          `json:"id"`
		Type      string          `json:"type"`
		At        time.Time       `json:"at"`
		ExpiresAt time.Time       `json:"expires_at"`
		Args      json.RawMessage `json:"args"`
	}
}

func (w *wire) Publish(topic string, payload []byte, qos byte, retain bool, expiry time.Duration) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fail != nil {
		return w.fail
	}
	s := sent{Topic: topic, QoS: qos, Retain: retain, Expiry: expiry, At: time.Now()}
	if strings.HasSuffix(topic, "/config") {
		s.Raw = payload
	} else if err := json.Unmarshal(payload, &s.Body); err != nil {
		return err
	}
	w.sent = append(w.sent, s)
	return nil
}

func (w *wire) Connected(device string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.up[device]
}

func (w *wire) set(device string, up bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.up[device] = up
}

func (w *wire) all() []sent {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]sent(nil), w.sent...)
}

// hub is a registry on a real database.
type hub struct {
	*devices.Registry
	t       testing.TB
	db      *db.DB
	feed    *web.Feed
	wire    *wire
	dropped []string
}

func kinds() []devices.Kind {
	return []devices.Kind{door.New(), lamp.New(), charger.New(), speaker.New(), sensor.New()}
}

func open(t testing.TB, path string) *hub {
	t.Helper()
	ctx := context.Background()
	d, err := db.Open(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	feed, err := web.NewFeed(ctx, d)
	if err != nil {
		t.Fatal(err)
	}
	h := &hub{t: t, db: d, feed: feed, wire: &wire{up: map[string]bool{}}}
	h.Registry, err = devices.New(ctx, devices.Options{
		DB: d, Feed: feed, Publisher: h.wire, Kinds: kinds(), Log: slog.New(slog.DiscardHandler),
		Drop: func(id string) { h.dropped = append(h.dropped, id) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func fresh(t testing.TB) *hub {
	t.Helper()
	h := open(t, filepath.Join(t.TempDir(), "hub.db"))
	site := devices.Site{Zones: []devices.Zone{{ID: "east", Kind: devices.Court, Name: event.Text{ZH: "东苑", EN: "East"}}}}
	for _, id := range []string{"door-1", "lamp-1", "charger-1", "speaker-1", "sensor-1"} {
		s := devices.SeedDevice{Secret: "secret-of-" + id}
		s.ID, s.Name, s.Zone = id, id, "east/b01"
		s.Kind = event.Kind(id[:len(id)-2])
		site.Devices = append(site.Devices, s)
	}
	if err := h.Seed(context.Background(), site); err != nil {
		t.Fatal(err)
	}
	return h
}

// handle gives events to the registry as the journal's follower does.
func (h *hub) handle(evs ...event.Event) {
	h.t.Helper()
	err := h.db.Tx(context.Background(), func(tx *sql.Tx) error { return h.Handle(context.Background(), tx, evs) })
	if err == nil {
		err = h.feed.Committed(context.Background())
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

var errRollback = errors.New("rolled back")

// lose gives events to the registry in a transaction that fails.
func (h *hub) lose(evs ...event.Event) {
	h.t.Helper()
	err := h.db.Tx(context.Background(), func(tx *sql.Tx) error {
		if err := h.Handle(context.Background(), tx, evs); err != nil {
			return err
		}
		return errRollback
	})
	if !errors.Is(err, errRollback) {
		h.t.Fatal(err)
	}
}

func (h *hub) get(id string) devices.Device {
	h.t.Helper()
	d, err := h.Get(context.Background(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	return d
}

// entries are the feed's committed entries of a topic.
func (h *hub) entries(topic string) []map[string]any {
	h.t.Helper()
	rows, err := h.db.Read().Query("SELECT data FROM feed WHERE topic = ? ORDER BY seq", topic)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var all []map[string]any
	for rows.Next() {
		var s string
		var m map[string]any
		if err := errors.Join(rows.Scan(&s), json.Unmarshal([]byte(s), &m)); err != nil {
			h.t.Fatal(err)
		}
		all = append(all, m)
	}
	if err := rows.Err(); err != nil {
		h.t.Fatal(err)
	}
	return all
}

// decode reads a payload as if the device had sent it now.
func (h *hub) decode(device string, ch event.Channel, payload string, now time.Time) event.Event {
	h.t.Helper()
	k, _ := h.Kind(device)
	e, err := h.Decode(event.Topic(k, device, ch), []byte(payload), now)
	if err != nil {
		h.t.Fatalf("%s %s %s: %v", device, ch, payload, err)
	}
	return e
}
