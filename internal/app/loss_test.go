package app

import (
	"context"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dongyue/configs"
	"dongyue/devices"
	"dongyue/devices/door"
	"dongyue/internal/db"
	"dongyue/internal/event"
	"dongyue/internal/web"
	"dongyue/rules"
)

// wires stands for the broker: who is connected.
type wires struct {
	mu sync.Mutex
	up bool
}

func (w *wires) Publish(string, []byte, byte, bool, time.Duration) error { return nil }

func (w *wires) Connected(string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.up
}

func (w *wires) set(up bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.up = up
}

// sheet is a journal whose events reach the registry and the rules as soon as
// they are written.
type sheet struct {
	mu     sync.Mutex
	seq    uint64
	follow chan event.Event
}

func (s *sheet) Append(e event.Event, done func(uint64, bool, error)) {
	s.mu.Lock()
	s.seq++
	e.Seq = s.seq
	s.mu.Unlock()
	s.follow <- e
	done(e.Seq, false, nil)
}

func (s *sheet) Last() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seq
}

// A door whose session ends without a Will raises device.offline after its half
// minute, and the alarm ends when the door is back, though it never says so.
func TestDeviceOfflineRaisesAndClears(t *testing.T) {
	set, problems := rules.Load(configs.Rules())
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	synctest.Test(t, func(t *testing.T) {
		d, err := db.Open(t.Context(), filepath.Join(t.TempDir(), "hub.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = d.Close() }()
		feed, err := web.NewFeed(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		engine, err := rules.New(rules.Options{Set: set, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		w, j := &wires{}, &sheet{follow: make(chan event.Event, 16)}
		reg, err := devices.New(t.Context(), devices.Options{
			DB: d, Feed: feed, Publisher: w, Kinds: []devices.Kind{door.New()}, Journal: j, Log: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := reg.Create(t.Context(), devices.Device{ID: "door-1", Kind: event.Door, Zone: "east"}, "s"); err != nil {
			t.Fatal(err)
		}
		if err := migrate(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		f, err := newFollower(t.Context(), d, "test", slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		f.steps = []step{{"devices", reg.Handle}}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- reg.Run(ctx) }()
		var got []string
		note := func(trs []rules.Transition) {
			for _, x := range trs {
				got = append(got, x.Rule+map[bool]string{true: " raised", false: " returned"}[x.Raised])
			}
			engine.Commit()
		}
		live := func(d time.Duration) { // the follower and the rules' clock
			for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(tickEvery) {
				synctest.Wait()
				for len(j.follow) > 0 {
					e := <-j.follow
					if err := f.batch(ctx, []event.Event{e}); err != nil {
						t.Error(err)
					}
					note(engine.Process([]event.Event{e}))
				}
				note(engine.Tick(time.Now().UTC()))
			}
		}
		w.set(true)
		reg.Connected("door-1")
		live(5 * time.Second)
		w.set(false)
		reg.Disconnected("door-1")
		live(time.Minute)
		if len(got) != 1 || got[0] != "device.offline raised" {
			t.Errorf("after the loss: %q", got)
		}
		w.set(true)
		reg.Connected("door-1")
		live(5 * time.Second)
		if len(got) != 2 || got[1] != "device.offline returned" {
			t.Errorf("after the return: %q", got)
		}
		if x, err := reg.Get(ctx, "door-1"); err != nil || !x.Online {
			b, _ := json.Marshal(x)
			t.Errorf("twin %s, %v", b, err)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
