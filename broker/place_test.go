package broker

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"dongyue/internal/db"
)

// Last and Read make the memorySink a History of itself.
func (s *memorySink) Last() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return uint64(len(s.stored))
}

func (s *memorySink) Read(_ context.Context, after uint64, limit int) (ms []Message, last uint64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last = after
	for ; last < uint64(len(s.stored)) && len(ms) < limit; last++ {
		m := s.stored[last]
		m.Seq = last + 1
		ms = append(ms, m)
	}
	return ms, last, nil
}

// lasting is a broker whose programs' sessions are kept in a real database.
func lasting(t *testing.T, path string, sink *memorySink) *house {
	t.Helper()
	d, err := db.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	st, err := NewStore(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	h := start(t, func(o *Options) {
		if sink != nil {
			o.Sink = sink
		}
		o.History, o.Store = o.Sink.(*memorySink), st
	})
	h.sink = h.opts.Sink.(*memorySink)
	stop := h.stop
	h.stop = func() { stop(); _ = d.Close() }
	t.Cleanup(h.stop)
	return h
}

var lastingProgram = connectOptions{keep: true, expiry: 600}

// collect reads messages until n have come, in order and each once, and
// acknowledges them.
func (r *raw) collect(first, n int) {
	r.t.Helper()
	for i := first; i < first+n; i++ {
		if _, got, _, _ := r.message(true); got != fmt.Sprint(i) {
			r.t.Fatalf("got %s, want %d", got, i)
		}
	}
}

func (r *raw) events(first, n int) {
	r.t.Helper()
	for i := first; i < first+n; i++ {
		id := uint16(i%60000 + 1)
		r.publish(doorEvent, fmt.Sprint(i), 1, id, 0)
		r.expect(packets.Puback, id, 0)
	}
}

// What comes while a program is away, and while the hub is, it gets when it is
// back: in order, each once.
func TestProgramCatchesUp(t *testing.T) {
	bothVersions(t, func(t *testing.T, version byte) {
		path := filepath.Join(t.TempDir(), "hub.db")
		h := lasting(t, path, nil)
		door := loggedIn(t, h, 5, "door-1", connectOptions{})
		door.events(0, 10) // before the program was known
		program := loggedIn(t, h, version, "int-1", lastingProgram)
		program.subscribe(1, "dy/v1/+/+/event")
		door.events(10, 20)
		program.collect(10, 20)
		_ = program.c.Close()
		eventually(t, "away", func() bool { return !h.known("~int-1/int-1").connected() })
		door.events(30, 700) // more than a batch, and more than may wait for an acknowledgement
		program = loggedIn(t, h, version, "int-1", lastingProgram)
		program.collect(30, 700)
		door.events(730, 30)
		program.collect(730, 30)
		program.quiet()

		door.events(760, 5)
		for i := range 5 { // delivered and not acknowledged
			if _, got, _, _ := program.message(false); got != fmt.Sprint(760+i) {
				t.Fatalf("got %s", got)
			}
		}
		h.stop()
		sink := &memorySink{news: make(chan struct{}, 1), stored: h.sink.all()}
		for i := 765; i < 770; i++ { // stored when the hub died, given to nobody
			sink.stored = append(sink.stored, Message{Topic: doorEvent, Payload: fmt.Append(nil, i), QoS: 1})
		}
		h = lasting(t, path, sink)
		program = dial(t, h, version)
		if code := program.login("int-1", lastingProgram); code != 0 || !program.present {
			t.Fatalf("CONNACK %#x, session present %v", code, program.present)
		}
		program.collect(760, 10)
		door = loggedIn(t, h, 4, "door-1", connectOptions{})
		door.events(770, 10)
		program.collect(770, 10)
		program.quiet()
	})
}

// A refused subscription does not come back after a restart, one that was given
// up does not either, and a session that has run out is forgotten.
func TestWhatIsNotKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.db")
	h := lasting(t, path, nil)
	r := loggedIn(t, h, 5, "int-1", lastingProgram)
	if r.subscribe(1, "#") < 0x80 || r.subscribe(2, "dy/v1/+/+/event") != 1 || r.subscribe(3, "dy/v1/+/+/state") != 1 {
		t.Fatal("SUBACK")
	}
	r.send(frame(0xa2, append([]byte{0, 4, 0}, text("dy/v1/+/+/state")...)))
	r.packet()
	brief := loggedIn(t, h, 5, "int-2", connectOptions{keep: true, expiry: 1})
	brief.subscribe(1, "dy/v1/#")
	loggedIn(t, h, 5, "int-3", connectOptions{}).subscribe(1, "dy/v1/#")
	h.stop()
	time.Sleep(1100 * time.Millisecond)
	h = lasting(t, path, h.sink)
	if n := h.audience.Load(); n != 1 {
		t.Errorf("%d subscriptions are back", n)
	}
	if h.known("~int-2/int-2") != nil || h.known("~int-3/int-3") != nil {
		t.Error("a session is back that has run out")
	}
	m := h.known("~int-1/int-1")
	if _, ok := m.subs["dy/v1/+/+/event"]; !ok || len(m.subs) != 1 {
		t.Errorf("subscriptions %v", m.subs)
	}
	// A clean start ends it for good.
	loggedIn(t, h, 5, "int-1", connectOptions{})
	h.stop()
	if h = lasting(t, path, h.sink); h.known("~int-1/int-1") != nil {
		t.Error("a session is back that was given up")
	}
}
