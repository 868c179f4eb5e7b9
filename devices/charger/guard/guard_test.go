package guard

import (
	"database/sql"
	"encoding/json"
	"log/slog"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dongyue/devices/charger/curve"
	"dongyue/internal/db"
	"dongyue/internal/event"
	"dongyue/internal/web"
)

// TestBackFromAPowerCut lets a cabinet lose its power while a socket charges: it says nothing
// afterwards of a session that is over, and that is no silence. One that only lost its
// network goes on to be watched.
func TestBackFromAPowerCut(t *testing.T) {
	at := time.UnixMilli(1_800_000_000_000).UTC()
	for name, c := range map[string]struct {
		boot     string
		watching bool
	}{"power": {"b2", false}, "network": {"b1", true}} {
		g, said := listening(t)
		g.back(presence(at, "b1", true))
		g.take(&event.Event{
			Device: "charger-1", Kind: event.Charger, Zone: "east/b01", Channel: event.Telemetry, Part: "7", At: at, ReceivedAt: at,
			Data: json.RawMessage(`{"state":"charging","power_w":300,"temp_c":30}`),
		})
		g.listen(at.Add(20 * time.Second))
		if got := said(); !strings.Contains(got, `"silent"`) || strings.Contains(got, `"active":false`) {
			t.Fatalf("%s: after 20 s without a word: %s", name, got)
		}
		g.back(presence(at.Add(30*time.Second), c.boot, false))
		g.back(presence(at.Add(40*time.Second), c.boot, true))
		if got := said(); !strings.Contains(got, `"active":false`) {
			t.Errorf("%s: back again, and the silence is not over: %s", name, got)
		}
		g.listen(at.Add(50 * time.Second))
		if got := said(); got != "" {
			t.Errorf("%s: 10 s after its return: %s", name, got)
		}
		g.listen(at.Add(60 * time.Second))
		if got := said(); strings.Contains(got, `"silent"`) != c.watching {
			t.Errorf("%s: 20 s after its return: %q", name, got)
		}
	}
}

func presence(at time.Time, boot string, online bool) *event.Event {
	b, _ := json.Marshal(map[string]bool{"online": online})
	return &event.Event{Device: "charger-1", Kind: event.Charger, Zone: "east/b01", Channel: event.Presence, Boot: boot, At: at, ReceivedAt: at, Data: b}
}

// heard keeps what the guard says until it is asked for.
type heard struct{ text strings.Builder }

func (h *heard) Append(ev event.Event, done func(uint64, bool, error)) {
	h.text.Write(ev.Data)
	done(1, false, nil)
}

// listening is a guard without its register, and what it has said since it was asked last.
func listening(t *testing.T) (*Guard, func() string) {
	t.Helper()
	h := &heard{}
	g := &Guard{
		o:      Options{Journal: h, Log: slog.New(slog.DiscardHandler), Connected: func(string) bool { return true }},
		limits: curve.Default(), sheds: map[string]*shed{},
	}
	return g, func() string {
		defer h.text.Reset()
		return h.text.String()
	}
}

// registered is a guard with its register.
func registered(t *testing.T) (*Guard, func() string) {
	t.Helper()
	d, err := db.OpenUnsynced(t.Context(), filepath.Join(t.TempDir(), "hub.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	feed, err := web.NewFeed(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	h := &heard{}
	g, err := New(t.Context(), Options{DB: d, Feed: feed, Journal: h, Log: slog.New(slog.DiscardHandler), Connected: func(string) bool { return true }})
	if err != nil {
		t.Fatal(err)
	}
	return g, func() string {
		defer h.text.Reset()
		return h.text.String()
	}
}

func (g *Guard) happens(t *testing.T, typ, part, data string, at time.Time) {
	t.Helper()
	ev := event.Event{
		Device: "charger-1", Kind: event.Charger, Zone: "east/b01", Channel: event.Happening, Type: typ, Part: part, At: at, ReceivedAt: at, Data: json.RawMessage(data),
	}
	if err := g.o.DB.Tx(t.Context(), func(tx *sql.Tx) error { return g.Handle(t.Context(), tx, []event.Event{ev}) }); err != nil {
		t.Fatal(err)
	}
	g.Committed()
}

func (g *Guard) reads(part string, at time.Time, state string, watts float64) {
	b, _ := json.Marshal(map[string]any{"state": state, "power_w": watts, "temp_c": 30})
	g.Live(event.Event{Device: "charger-1", Kind: event.Charger, Zone: "east/b01", Channel: event.Telemetry, Part: part, At: at, ReceivedAt: at, Data: b})
}

// TestReadingsOvertakeTheJournal: readings are live, sessions come by the journal. A reading
// that is here before the beginning, and one that is here before the end, take neither the
// battery's name nor what was found.
func TestReadingsOvertakeTheJournal(t *testing.T) {
	g, said := registered(t)
	at := time.UnixMilli(1_800_000_000_000).UTC()
	for night, part := range []string{"3", "9"} {
		from := at.Add(time.Duration(night) * 24 * time.Hour)
		g.reads(part, from.Add(30*time.Millisecond), "charging", 280)
		g.happens(t, "session_started", part, `{"user":"p-1","battery":"b-1"}`, from)
		for s := 1; s < 600; s++ {
			watts := 280.0
			if s > 400 && s%4 < 2 {
				watts = 150
			}
			g.reads(part, from.Add(time.Duration(s)*time.Second), "charging", watts)
		}
		if got := said(); !strings.Contains(got, `"oscillation"`) {
			t.Fatalf("night %d: the swing was not found: %s", night, got)
		}
		g.reads(part, from.Add(601*time.Second), "idle", 0)
		g.happens(t, "session_ended", part, `{"user":"p-1","battery":"b-1","reason":"unplugged","energy_wh":40}`, from.Add(600*time.Second))
	}
	if _, bad := g.Suspected("", "b-1"); !bad {
		t.Error("abnormal at two sockets, and no suspect")
	}
	g.reads("4", at, "charging", 280)
	g.happens(t, "session_ended", "4", `{"user":"p-2","reason":"full"}`, at.Add(-time.Minute)) // of the session before
	if p := g.sheds["charger-1"].port("4"); p.began == 0 {
		t.Error("an end from before the beginning has ended it")
	}
}

// TestAClockThatIsSet goes back an hour, then ahead: the socket is watched on, and as old as
// it was.
func TestAClockThatIsSet(t *testing.T) {
	g, said := listening(t)
	at := time.UnixMilli(1_800_000_000_000).UTC()
	read := func(after, clock time.Duration, watts float64) {
		b, _ := json.Marshal(map[string]any{"state": "charging", "power_w": watts, "temp_c": 30})
		g.take(&event.Event{
			Device: "charger-1", Kind: event.Charger, Channel: event.Telemetry, Part: "7", At: at.Add(after + clock), ReceivedAt: at.Add(after), Data: b,
		})
	}
	s := 0
	for ; s < 600; s++ {
		read(time.Duration(s)*time.Second, 5*time.Hour, 280)
	}
	for ; s < 1200; s++ {
		read(time.Duration(s)*time.Second, 0, 280)
	}
	for ; s < 1800; s++ {
		read(time.Duration(s)*time.Second, 20*time.Hour, 280)
	}
	if got := said(); got != "" {
		t.Errorf("a steady charge: %s", got)
	}
	p := g.sheds["charger-1"].port("7")
	if got, want := p.Energy(), 280*1800.0/3600; got < want-2 || got > want+2 {
		t.Errorf("%.1f Wh, want %.1f", got, want)
	}
	for ; s < 1900; s++ {
		read(time.Duration(s)*time.Second, 0, 280-140*float64(s/2%2))
	}
	if got := said(); !strings.Contains(got, `"oscillation"`) {
		t.Errorf("after the clock was set a swing is not found: %s", got)
	}
}

// TestAThermometerThatComesOff: power without a temperature is told after a minute, where the
// socket has one; it is over with the next.
func TestAThermometerThatComesOff(t *testing.T) {
	g, said := listening(t)
	at := time.UnixMilli(1_800_000_000_000).UTC()
	read := func(part string, s int, data string) {
		when := at.Add(time.Duration(s) * time.Second)
		g.take(&event.Event{Device: "charger-1", Kind: event.Charger, Channel: event.Telemetry, Part: part, At: when, ReceivedAt: when, Data: json.RawMessage(data)})
	}
	for s := range 200 {
		read("7", s, `{"state":"charging","power_w":300,"temp_c":30}`)
		read("8", s, `{"state":"charging","power_w":300}`) // has none
	}
	for s := 200; s < 255; s++ {
		read("7", s, `{"state":"charging","power_w":300}`)
	}
	if got := said(); got != "" {
		t.Fatalf("within a minute: %s", got)
	}
	for s := 255; s < 400; s++ {
		read("7", s, `{"state":"charging","power_w":300}`)
	}
	if got := said(); strings.Count(got, `"no_temperature"`) != 1 || !strings.Contains(got, `"active":true`) {
		t.Errorf("after a minute: %s", got)
	}
	read("7", 400, `{"state":"charging","power_w":300,"temp_c":31}`)
	if got := said(); strings.Count(got, `"no_temperature"`) != 1 || !strings.Contains(got, `"active":false`) {
		t.Errorf("heard again: %s", got)
	}
}

// TestSocketsThatHeatBesideEachOther, whatever they are called: those of one row with numbers
// that follow, and no others.
func TestSocketsThatHeatBesideEachOther(t *testing.T) {
	for pair, want := range map[[2]string]bool{{"7", "8"}: true, {"B-07", "B-08"}: true, {"A9", "A10"}: true, {"7", "9"}: false, {"A1", "B2"}: false, {"left", "right"}: false} {
		g, said := listening(t)
		at := time.UnixMilli(1_800_000_000_000).UTC()
		for s := range 150 {
			for _, part := range pair {
				b, _ := json.Marshal(map[string]any{"state": "charging", "power_w": 200, "temp_c": 25 + 3*float64(s)/60})
				when := at.Add(time.Duration(s) * time.Second)
				g.take(&event.Event{Device: "charger-1", Kind: event.Charger, Channel: event.Telemetry, Part: part, At: when, ReceivedAt: when, Data: b})
			}
		}
		if got := strings.Contains(said(), `"adjacent_heating"`); got != want {
			t.Errorf("%v: a fire is told: %v", pair, got)
		}
	}
}

// TestWhatABatteryTeaches: how long it stays near its peak is learned of a charge that was
// not a short one, and known after a restart.
func TestWhatABatteryTeaches(t *testing.T) {
	g, _ := registered(t)
	at := time.UnixMilli(1_800_000_000_000).UTC()
	charge := func(part string, from time.Time, grows, stays, falls int) {
		g.happens(t, "session_started", part, `{"user":"p-1","battery":"b-1"}`, from)
		for s := 1; s < grows+stays+falls; s++ {
			watts := 250 + 50*min(float64(s)/float64(grows), 1)
			if over := s - grows - stays; over > 0 {
				watts = 300 * math.Exp(-3*float64(over)/float64(falls))
			}
			g.reads(part, from.Add(time.Duration(s)*time.Second), "charging", watts)
		}
		g.happens(t, "session_ended", part, `{"user":"p-1","battery":"b-1","reason":"full"}`, from.Add(time.Duration(grows+stays+falls)*time.Second))
	}
	charge("1", at, 3600, 600, 1800)
	first := g.known["battery:b-1"]
	if first.Energy < 300 || first.Top < 80 || first.Top > 170 {
		t.Fatalf("learned %+v", first)
	}
	charge("2", at.Add(24*time.Hour), 300, 60, 1800) // from nearly full
	if k := g.known["battery:b-1"]; k.Top != first.Top {
		t.Errorf("a short charge taught %+v", k)
	}
	again, err := New(t.Context(), g.o)
	if err != nil {
		t.Fatal(err)
	}
	if k := again.known["battery:b-1"]; k.Top != first.Top {
		t.Errorf("after a restart %+v", k)
	}
}
