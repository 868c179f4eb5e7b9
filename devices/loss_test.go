package devices_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dongyue/devices"
	"dongyue/internal/event"
)

// paper stands for the journal and its follower: what is appended is kept, and
// comes back to Handle when play is called.
type paper struct {
	mu   sync.Mutex
	evs  []event.Event
	done uint64 // handled
	fail error
}

func (p *paper) Append(e event.Event, done func(uint64, bool, error)) {
	p.mu.Lock()
	err := p.fail
	if err == nil {
		e.Seq = uint64(len(p.evs) + 1)
		p.evs = append(p.evs, e)
	}
	p.mu.Unlock()
	done(e.Seq, false, err)
}

func (p *paper) Last() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return uint64(len(p.evs))
}

func (p *paper) handled() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.done
}

func (p *paper) breakDown(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fail = err
}

// turn is the next event that was not handled.
func (p *paper) turn() (event.Event, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if int(p.done) == len(p.evs) {
		return event.Event{}, false
	}
	return p.evs[p.done], true
}

func (p *paper) presences() (said []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.evs {
		if e.Channel == event.Presence {
			said = append(said, fmt.Sprintf("%s %s", e.Device, e.Data))
		}
	}
	return said
}

// play gives the registry what it has not had.
func (p *paper) play(h *hub) {
	synctest.Wait()
	for e, ok := p.turn(); ok; e, ok = p.turn() {
		h.handle(e)
		p.mu.Lock()
		p.done++
		p.mu.Unlock()
	}
	synctest.Wait()
}

// say is a device's own presence on its way through the journal.
func (p *paper) say(h *hub, online bool) {
	p.Append(h.decode("door-1", event.Presence, fmt.Sprintf(`{"online":%v,"fw":"1.4"}`, online), time.Now()), func(uint64, bool, error) {})
}

func witness(t testing.TB, path string, p *paper) *hub {
	t.Helper()
	h := open(t, path)
	r, err := devices.New(context.Background(), devices.Options{
		DB: h.db, Feed: h.feed, Publisher: h.wire, Kinds: kinds(), Log: slog.New(slog.DiscardHandler),
		Journal: p, Handled: p.handled,
	})
	if err != nil {
		t.Fatal(err)
	}
	h.Registry = r
	return h
}

// live runs the registry until f returns, as one life of the hub.
func live(t *testing.T, path string, p *paper, f func(h *hub)) {
	h := witness(t, path, p)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	f(h)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	_ = h.db.Close()
}

func register(t *testing.T, h *hub) {
	t.Helper()
	if _, err := h.Create(t.Context(), devices.Device{ID: "door-1", Kind: event.Door}, "s"); err != nil {
		t.Fatal(err)
	}
}

const gone = `door-1 {"online":false,"fw":"1.4","by":"hub"}`

// A session that ends without a Will or a word is told to the journal after the
// grace, once; the twin follows the journal.
func TestLossWithoutAWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &paper{}
		live(t, t.TempDir()+"/hub.db", p, func(h *hub) {
			register(t, h)
			h.wire.set("door-1", true)
			h.Connected("door-1")
			p.say(h, true)
			p.play(h)
			h.wire.set("door-1", false)
			h.Disconnected("door-1")
			time.Sleep(3 * time.Second)
			synctest.Wait()
			if !h.get("door-1").Online {
				t.Error("the twin is ahead of the journal")
			}
			p.play(h)
			if h.get("door-1").Online {
				t.Error("still online")
			}
			time.Sleep(time.Hour)
			p.play(h)
			if got := p.presences(); len(got) != 2 || got[1] != gone {
				t.Errorf("journal: %q", got)
			}
			if all := h.wire.all(); len(all) != 1 || all[0].Topic != "dy/v1/door/door-1/presence" || !all[0].Retain {
				t.Errorf("published %+v", all)
			}
		})
	})
}

// The Will is the device's own word, also when the follower is slow to read it.
func TestWillIsNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &paper{}
		live(t, t.TempDir()+"/hub.db", p, func(h *hub) {
			register(t, h)
			h.wire.set("door-1", true)
			h.Connected("door-1")
			p.say(h, true)
			p.play(h)
			h.wire.set("door-1", false)
			h.Disconnected("door-1")
			p.say(h, false)
			time.Sleep(time.Minute) // not handled yet
			p.play(h)
			time.Sleep(time.Minute)
			p.play(h)
			if got := p.presences(); len(got) != 2 || h.get("door-1").Online {
				t.Errorf("journal: %q, online %v", got, h.get("door-1").Online)
			}
		})
	})
}

// A hub that died, or was stopped, tells of those who are not back after its
// start, once, however often it dies again.
func TestLossWhileTheHubWasAway(t *testing.T) {
	for _, stop := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			p, path := &paper{}, t.TempDir()+"/hub.db"
			live(t, path, p, func(h *hub) {
				register(t, h)
				h.wire.set("door-1", true)
				h.Connected("door-1")
				p.say(h, true)
				p.play(h)
				if stop { // an orderly end closes all sessions, which is no loss
					h.Hold()
					h.wire.set("door-1", false)
					h.Disconnected("door-1")
					time.Sleep(4 * time.Second)
				}
			})
			live(t, path, p, func(*hub) { time.Sleep(20 * time.Second) }) // dies within the grace
			if got := p.presences(); len(got) != 1 {
				t.Fatalf("journal: %q", got)
			}
			live(t, path, p, func(*hub) { time.Sleep(32 * time.Second) }) // told, dies before the twin knows
			live(t, path, p, func(h *hub) {
				p.play(h)
				time.Sleep(time.Minute)
				p.play(h)
				if h.get("door-1").Online {
					t.Error("still online")
				}
			})
			if got := p.presences(); len(got) != 2 || got[1] != gone {
				t.Errorf("stop %v: journal: %q", stop, got)
			}
		})
	}
}

// Who comes back and does not say so is told of too, so that the alarm ends.
func TestReturnWithoutAWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &paper{}
		live(t, t.TempDir()+"/hub.db", p, func(h *hub) {
			register(t, h)
			h.wire.set("door-1", true)
			h.Connected("door-1")
			p.say(h, true)
			p.play(h)
			p.say(h, false) // a Will, and the session is back at once
			p.play(h)
			time.Sleep(time.Millisecond)
			h.Connected("door-1")
			time.Sleep(5 * time.Second)
			p.play(h)
			if got := p.presences(); len(got) != 3 || got[2] != `door-1 {"online":true,"fw":"1.4","by":"hub"}` || !h.get("door-1").Online {
				t.Errorf("journal: %q, online %v", got, h.get("door-1").Online)
			}
		})
	})
}

// A journal that can't write is asked again; the twin waits for it.
func TestLossWaitsForTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &paper{}
		live(t, t.TempDir()+"/hub.db", p, func(h *hub) {
			register(t, h)
			h.wire.set("door-1", true)
			h.Connected("door-1")
			p.say(h, true)
			p.play(h)
			p.breakDown(errors.New("disk full"))
			h.wire.set("door-1", false)
			h.Disconnected("door-1")
			time.Sleep(10 * time.Second)
			synctest.Wait()
			p.breakDown(nil)
			time.Sleep(3 * time.Second)
			p.play(h)
			if got := p.presences(); len(got) != 2 || h.get("door-1").Online {
				t.Errorf("journal: %q, online %v", got, h.get("door-1").Online)
			}
		})
	})
}
