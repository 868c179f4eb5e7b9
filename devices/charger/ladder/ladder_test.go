package ladder

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dongyue/internal/db"
	"dongyue/internal/event"
	"dongyue/internal/web"
)

func place() Place {
	p := Place{Device: "shed", Name: "B 棚", Zone: "east/b05/s2", Facing: []string{"east/b05/u5", "east/b05/u6"}, Lamps: []string{"lamp-1", "lamp-2"}}
	for i := 1; i <= 24; i++ {
		p.Ports = append(p.Ports, fmt.Sprint(i))
	}
	return p
}

func ids(steps []Step) (out []string) {
	for _, s := range steps {
		out = append(out, s.ID)
	}
	return out
}

func TestPlan(t *testing.T) {
	p := place()
	for _, c := range []struct {
		rung Rung
		part string
		want string
		lone string // If of the feeder's step
	}{
		{CutPort, "7", "cut:7 feeder", "cut:7"},
		{CutPort, "", "feeder", ""},
		{Neighbours, "7", "cut:7 cut:5 cut:6 cut:8 cut:9 feeder say", "cut:7"},
		{Neighbours, "1", "cut:1 cut:2 cut:3 feeder say", "cut:1"},
		{Neighbours, "24", "cut:24 cut:22 cut:23 feeder say", "cut:24"},
		{Evacuate, "7", "cut:7 cut:5 cut:6 cut:8 cut:9 feeder say release light:lamp-1 light:lamp-2 card", ""},
		{Evacuate, "", "feeder say release light:lamp-1 light:lamp-2 card", ""},
	} {
		steps := Plan(c.rung, &p, c.part)
		if got := strings.Join(ids(steps), " "); got != c.want {
			t.Errorf("%s of %q: %s, want %s", c.rung, c.part, got, c.want)
		}
		for _, s := range steps {
			if s.Kind == Feeder && s.If != c.lone {
				t.Errorf("%s of %q: the feeder goes if %q fails, want %q", c.rung, c.part, s.If, c.lone)
			}
		}
		if again := Plan(c.rung, &p, c.part); strings.Join(ids(again), " ") != c.want {
			t.Error("the same place gives another plan")
		}
	}
	for _, s := range Plan(Evacuate, &p, "7") {
		if s.Kind == Say && !slices.Equal(s.Zones, []string{"east/b05/s2", "east/b05/u5", "east/b05/u6"}) {
			t.Errorf("told in %v", s.Zones)
		}
	}
}

// world is a shed that does what it is told; what sticks does not.
type world struct {
	mu     sync.Mutex
	keys   map[string]int // how often each order was really carried out
	watts  map[string]float64
	stuck  string
	broken bool // no order gets through
	mute   bool // no loudspeaker stands there
	last   map[string]float64
	said   func(part string, watts float64)
}

func (w *world) Place(context.Context, string) (Place, error) { return place(), nil }

func (w *world) Command(_ context.Context, device, typ string, args any, _ time.Duration, key, _ string) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken {
		return "", errors.New("the disk is slow")
	}
	if w.keys[key] > 0 {
		return key, nil
	}
	w.keys[key]++
	if typ != "cut" {
		return key, nil
	}
	a := args.(map[string]any)
	sum := 0.0
	for part := range w.watts {
		if a["feeder"] == true || a["part"] == part && part != w.stuck {
			w.watts[part] = 0
		}
		if a["feeder"] == true || a["part"] == part {
			sum += w.watts[part]
			go w.said(part, w.watts[part])
		}
	}
	w.last[key] = sum
	return key, nil
}

func (w *world) Answer(_ context.Context, id string) Answer {
	w.mu.Lock()
	defer w.mu.Unlock()
	x, ok := w.last[id]
	return Answer{Done: ok, Watts: &x}
}

func (w *world) once(key string) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.keys[key] == 0 {
		w.keys[key]++
	}
	return key, nil
}

func (w *world) Broadcast(_ context.Context, _ []string, _ event.Text, key, _ string) (string, error) {
	id, err := w.once(key)
	if w.mute {
		return "", fmt.Errorf("%w: no loudspeaker stands there", ErrNever)
	}
	return id, err
}
func (w *world) Heard(context.Context, string) (int, int, error) { return 6, 6, nil }
func (w *world) Release(_ context.Context, _ []string, _, key string) (string, error) {
	return w.once(key)
}
func (w *world) Released(context.Context, string) (int, int, error) { return 2, 2, nil }
func (w *world) Lit(context.Context, string) bool                   { return true }

type house struct {
	*Ladder
	w     *world
	mu    sync.Mutex
	lines []string
	stop  context.CancelFunc
	done  chan struct{}
}

// open starts a ladder over a folder; what was under way goes on.
func open(t *testing.T, dir string, w *world) *house {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	d, err := db.Open(ctx, filepath.Join(dir, "hub.db"))
	if err != nil {
		t.Fatal(err)
	}
	feed, err := web.NewFeed(ctx, d)
	if err != nil {
		t.Fatal(err)
	}
	h := &house{w: w, stop: stop, done: make(chan struct{})}
	h.Ladder, err = New(ctx, Options{
		DB: d, Feed: feed, Log: slog.New(slog.DiscardHandler), World: w, Zone: time.UTC,
		Note: func(_ context.Context, _ *sql.Tx, _, what, text string) error {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.lines = append(h.lines, what+" "+text)
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	w.said = func(part string, watts float64) {
		b, _ := json.Marshal(map[string]any{"power_w": watts})
		h.See(&event.Event{Device: "shed", Kind: event.Charger, Channel: event.Telemetry, Part: part, ReceivedAt: time.Now(), Data: b})
	}
	w.mu.Unlock()
	go func() {
		defer close(h.done)
		_ = h.Run(ctx)
		_ = d.Close()
	}()
	return h
}

func (h *house) kill() {
	h.stop()
	<-h.done
}

func (h *house) has(words ...string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.ContainsFunc(h.lines, func(l string) bool {
		for _, w := range words {
			if !strings.Contains(l, w) {
				return false
			}
		}
		return true
	})
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if f() {
			return
		}
	}
	t.Fatalf("%s did not happen", what)
}

func newWorld() *world {
	w := &world{keys: map[string]int{}, watts: map[string]float64{}, last: map[string]float64{}}
	for _, p := range []string{"5", "7", "8", "12"} {
		w.watts[p] = 250
	}
	return w
}

func TestAPortThatObeysKeepsTheFeederOn(t *testing.T) {
	w := newWorld()
	h := open(t, t.TempDir(), w)
	defer h.kill()
	if err := h.Begin(t.Context(), "a.1", "a", CutPort, "shed", "7"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the cut", func() bool { return h.has("action_done", "cut shed 7", "0.0 W") })
	time.Sleep(50 * time.Millisecond)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.watts["12"] == 0 || w.keys["ladder/a.1/feeder"] != 0 {
		t.Error("the feeder went although the port was off")
	}
}

func TestARelayThatSticksTakesTheFeeder(t *testing.T) {
	w := newWorld()
	w.stuck = "7"
	h := open(t, t.TempDir(), w)
	defer h.kill()
	began := time.Now()
	if err := h.Begin(t.Context(), "a.1", "a", Neighbours, "shed", "7"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the feeder", func() bool { return h.has("action_done", "feeder") })
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("it took %s", d)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for p, x := range w.watts {
		if x != 0 {
			t.Errorf("port %s still draws %v W", p, x)
		}
	}
}

// TestKilledAnywhere stops the ladder at many moments and starts it again: every
// step is carried out once, and every step is proved in the end.
func TestKilledAnywhere(t *testing.T) {
	for n := range 12 {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			w, dir := newWorld(), t.TempDir()
			w.stuck = "7"
			h := open(t, dir, w)
			if err := h.Begin(t.Context(), "a.1", "a", Evacuate, "shed", "7"); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Duration(n) * 3 * time.Millisecond)
			h.kill()
			h = open(t, dir, w)
			if err := h.Begin(t.Context(), "a.1", "a", Evacuate, "shed", "7"); err != nil { // the alarm's action comes again
				t.Fatal(err)
			}
			h.kill()
			h = open(t, dir, w)
			defer h.kill()
			eventually(t, "the end", func() bool {
				var open int
				err := h.o.DB.Read().QueryRowContext(t.Context(), "SELECT count(*) FROM charger_reactions WHERE ended_at = 0").Scan(&open)
				return err == nil && open == 0
			})
			w.mu.Lock()
			defer w.mu.Unlock()
			p := place()
			for _, s := range Plan(Evacuate, &p, "7") {
				if n := w.keys["ladder/a.1/"+s.ID]; n != 1 && s.Kind != Card {
					t.Errorf("%s was carried out %d times", s.ID, n)
				}
			}
			for p, x := range w.watts {
				if x != 0 {
					t.Errorf("port %s still draws %v W", p, x)
				}
			}
		})
	}
}

func TestNothingIsRestoredBeforeAReset(t *testing.T) {
	h := open(t, t.TempDir(), newWorld())
	defer h.kill()
	ctx := t.Context()
	if err := h.Restorable(ctx, "shed", "7"); err != nil {
		t.Fatal(err)
	}
	if err := h.Begin(ctx, "a.1", "a", CutPort, "shed", "7"); err != nil {
		t.Fatal(err)
	}
	if err := h.Restorable(ctx, "shed", "7"); !errors.Is(err, ErrNotReset) {
		t.Errorf("port 7: %v", err)
	}
	if err := h.Restorable(ctx, "shed", "8"); err != nil {
		t.Errorf("port 8 was not cut: %v", err)
	}
	if err := h.Restorable(ctx, "shed", ""); !errors.Is(err, ErrNotReset) {
		t.Errorf("the cabinet: %v", err)
	}
	err := h.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		return h.Handle(ctx, tx, []event.Event{{Device: "shed", Kind: event.Charger, Channel: event.Happening, Type: "reset", Part: "7", At: time.Now(), ReceivedAt: time.Now()}})
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Restorable(ctx, "shed", "7"); err != nil {
		t.Errorf("after the reset: %v", err)
	}
}

// TestAKeyThatWasTurnedBeforeTheCut comes from a cabinet that was without network: it is no
// look at what was cut since.
func TestAKeyThatWasTurnedBeforeTheCut(t *testing.T) {
	h := open(t, t.TempDir(), newWorld())
	defer h.kill()
	ctx := t.Context()
	if err := h.Begin(ctx, "a.1", "a", CutPort, "shed", "7"); err != nil {
		t.Fatal(err)
	}
	reset := func(at time.Time, late bool) error {
		err := h.o.DB.Tx(ctx, func(tx *sql.Tx) error {
			return h.Handle(ctx, tx, []event.Event{{
				Device: "shed", Kind: event.Charger, Channel: event.Happening, Type: "reset", Part: "7", At: at, ReceivedAt: time.Now(), Late: late,
			}})
		})
		if err != nil {
			t.Fatal(err)
		}
		return h.Restorable(ctx, "shed", "7")
	}
	if err := reset(time.Now().Add(-time.Hour), true); !errors.Is(err, ErrNotReset) {
		t.Errorf("by a key that was turned an hour ago: %v", err)
	}
	if err := reset(time.Now().Add(-30*time.Second), false); err != nil { // its clock lags
		t.Errorf("by one that was turned now: %v", err)
	}
}

// TestACutPastTheLadder is a person's or a rule's: it needs a look on site as well, and
// nothing is billed from it on.
func TestACutPastTheLadder(t *testing.T) {
	h := open(t, t.TempDir(), newWorld())
	defer h.kill()
	ctx := t.Context()
	var cut []string
	h.o.Cut = func(_ context.Context, _ *sql.Tx, device, part string, _ time.Time) error {
		cut = append(cut, device+"/"+part)
		return nil
	}
	for range 2 {
		if err := h.Ordered(ctx, "shed", "7"); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Restorable(ctx, "shed", "7"); !errors.Is(err, ErrNotReset) {
		t.Errorf("port 7: %v", err)
	}
	if err := h.Ordered(ctx, "shed", ""); err != nil {
		t.Fatal(err)
	}
	if err := h.Restorable(ctx, "shed", "12"); !errors.Is(err, ErrNotReset) {
		t.Errorf("port 12, whose feeder was cut: %v", err)
	}
	if !slices.Equal(cut, []string{"shed/7", "shed/"}) {
		t.Errorf("no longer billed: %v", cut)
	}
}

// TestOldReadingsProveNoCut: what the cabinet kept while it was cut off, or the journal
// while newer ones came past it, does not say that the power is gone.
func TestOldReadingsProveNoCut(t *testing.T) {
	l := &Ladder{readings: map[string]reading{}, wake: make(chan struct{}, 1)}
	cut := time.Now()
	see := func(after time.Duration, watts float64, late bool) {
		b, _ := json.Marshal(map[string]any{"power_w": watts})
		l.See(&event.Event{Device: "shed", Kind: event.Charger, Channel: event.Telemetry, Part: "7", ReceivedAt: cut.Add(after), Late: late, Data: b})
	}
	see(2*time.Second, 250, false)
	see(3*time.Second, 0, true)
	if ok, proof := l.isDead("shed", "7", cut, Answer{}); ok {
		t.Errorf("proved by a late reading: %s", proof)
	}
	see(time.Second, 0, false)
	if ok, proof := l.isDead("shed", "7", cut, Answer{}); ok {
		t.Errorf("proved by an older reading: %s", proof)
	}
	see(4*time.Second, 0, false)
	if ok, _ := l.isDead("shed", "7", cut, Answer{}); !ok {
		t.Error("not proved by the newest")
	}
}

// TestNobodyHears: where no loudspeaker stands the step has failed at once, with one line,
// and the rest goes on.
func TestNobodyHears(t *testing.T) {
	w := newWorld()
	w.mute = true
	h := open(t, t.TempDir(), w)
	defer h.kill()
	var log strings.Builder
	h.o.Log = slog.New(slog.NewTextHandler(&log, nil))
	began := time.Now()
	if err := h.Begin(t.Context(), "a.1", "a", Evacuate, "shed", "7"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the failure", func() bool { return h.has("action_failed", "say", "no loudspeaker") })
	if d := time.Since(began); d > 4*time.Second {
		t.Errorf("it took %s", d)
	}
	for _, other := range []string{"feeder", "release", "light", "card"} {
		eventually(t, other, func() bool { return h.has("action_done", "ladder "+other) })
	}
	h.kill()
	if log.Len() > 0 {
		t.Errorf("logged: %s", log.String())
	}
}

// TestTheFeedersMeterProvesItsCut: sockets that say nothing any more are no proof; the
// meter in front of them is.
func TestTheFeedersMeterProvesItsCut(t *testing.T) {
	l := &Ladder{readings: map[string]reading{}}
	x := &reaction{Device: "shed", Place: Place{Ports: []string{"1", "2"}}}
	cut := time.Now()
	l.readings["shed/1"], l.readings["shed/2"] = reading{cut.Add(-time.Second), 250, true}, reading{cut.Add(-time.Second), 180, true}
	for _, c := range []struct {
		at    time.Duration
		watts float64
		want  bool
	}{{-time.Second, 0, false}, {time.Second, 430, false}, {time.Second, 0.4, true}} {
		l.readings["shed/"] = reading{cut.Add(c.at), c.watts, true}
		if got, proof := l.allDead(x, cut, Answer{}); got != c.want {
			t.Errorf("the feeder says %.1f W %s after the cut: %v (%s)", c.watts, c.at, got, proof)
		}
	}
}
