package broker

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// Each of these ends the connection of its sender, at once, and nobody else's.
func TestMalformedPackets(t *testing.T) {
	h := start(t)
	bystander := loggedIn(t, h, 4, "lamp-1", connectOptions{})
	for name, b := range map[string][]byte{
		"truncated SUBSCRIBE":  {0x82, 5, 0, 1, 0, 0, 0},
		"length of five bytes": {0x30, 0xff, 0xff, 0xff, 0xff, 1},
		"268 MB":               {0x30, 0xff, 0xff, 0xff, 0x7f},
		"second CONNECT":       frame(0x10, append(text("MQTT"), 5, 2, 0, 60, 0, 0, 1, 'a')),
		"AUTH":                 {0xf0, 2, 0x99, 0},
		"SUBACK of a client":   {0x90, 3, 0, 1, 0},
		"wildcard topic":       frame(0x32, append(append(text("dy/#"), 0, 1), 0)),
		"no topic":             frame(0x32, append(append(text(""), 0, 1), 0)),
		"bad property":         frame(0x30, append(text("a"), 2, packets.PropReceiveMaximum, 1)),
	} {
		t.Run(name, func(t *testing.T) {
			r := loggedIn(t, h, 5, "door-1", connectOptions{})
			r.send(b)
			if code := r.ended(); code < 0x80 && name != "AUTH" {
				t.Errorf("DISCONNECT %#x", code)
			}
			bystander.quiet()
		})
	}
	if !h.seen.has("refused door-1 malformed ") || !h.seen.has("refused door-1 too_large ") {
		t.Errorf("the observer heard %v", h.seen.lines)
	}
}

// Packets come in any pieces and many at a time; each is handled in its turn.
func TestPiecesAndBatches(t *testing.T) {
	h := start(t)
	r := loggedIn(t, h, 5, "door-1", connectOptions{})
	var b []byte
	b = append(b, 0xc0, 0)
	b = append(b, frame(0x32, append(append(text(doorEvent), 0, 1, 0), "one"...))...)
	b = append(b, frame(0x82, append(append([]byte{0, 2, 0}, text("dy/v1/door/door-1/command")...), 1))...)
	b = append(b, frame(0x32, append(append(text(doorEvent), 0, 3, 0), make([]byte, 30_000)...))...)
	b = append(b, 0xc0, 0)
	check := func() {
		t.Helper()
		var kinds []byte
		for range 5 {
			head, _ := r.packet()
			kinds = append(kinds, head>>4)
		}
		want := []byte{packets.Pingresp, packets.Puback, packets.Suback, packets.Puback, packets.Pingresp}
		if string(kinds) != string(want) {
			t.Fatalf("answers %v, want %v", kinds, want)
		}
	}
	r.send(b)
	check()
	for len(b) > 0 {
		n := min(len(b), 1+len(b)/3)
		r.send(b[:n])
		b = b[n:]
		time.Sleep(time.Millisecond)
	}
	check()
	if got := h.sink.all(); len(got) != 4 || string(got[2].Payload) != "one" || len(got[3].Payload) != 30_000 {
		t.Fatalf("stored %d", len(got))
	}
}

// Sockets that say nothing are closed in time, and before that they make room
// for those that do.
func TestSilentSockets(t *testing.T) {
	h := start(t, func(o *Options) { o.Limits.Hello, o.Limits.WaitingPerAddress = 300*time.Millisecond, 5 })
	var silent []*raw
	for range 20 {
		silent = append(silent, dial(t, h, 4))
	}
	silent[19].send([]byte{0x10}) // one byte is not a CONNECT
	loggedIn(t, h, 4, "door-1", connectOptions{}).quiet()
	for _, r := range silent {
		r.ended()
	}
	if n := len(h.plain.room.everyone()); n != 0 {
		t.Fatalf("%d are still waiting", n)
	}
}

func TestWaitingRoom(t *testing.T) {
	r := newWaitingRoom(3, 2)
	c := make([]*conn, 6)
	for i := range c {
		c[i] = &conn{}
	}
	for i, step := range []struct {
		host    string
		evicted int // -1: nobody
	}{{"a", -1}, {"a", -1}, {"a", 0}, {"b", -1}, {"c", 1}} {
		got := r.enter(c[i], step.host)
		if step.evicted < 0 && got != nil || step.evicted >= 0 && got != c[step.evicted] {
			t.Fatalf("step %d evicted another", i)
		}
	}
	r.leave(c[0]) // long gone
	r.leave(c[2])
	if got := r.everyone(); len(got) != 2 || got[0] != c[3] || got[1] != c[4] {
		t.Fatalf("%d wait", len(got))
	}
	r.leave(c[3])
	r.leave(c[4])
	if len(r.of)+len(r.since)+len(r.host)+len(r.all) != 0 {
		t.Fatal("something was left behind")
	}
}

// failing accepts with errors first, as when the process has no file left.
type failing struct {
	net.Listener
	mu   sync.Mutex
	left int
}

func (f *failing) Accept() (net.Conn, error) {
	f.mu.Lock()
	f.left--
	n := f.left
	f.mu.Unlock()
	if n >= 0 {
		return nil, errors.New("too many open files")
	}
	return f.Listener.Accept()
}

func TestAcceptGoesOn(t *testing.T) {
	sink := &memorySink{news: make(chan struct{}, 1)}
	b, err := New(Options{Addr: "127.0.0.1:0", Auth: houseAuth{}, Sink: sink})
	if err != nil {
		t.Fatal(err)
	}
	b.plain.ln = &failing{Listener: b.plain.ln, left: 3}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = b.Run(ctx) })
	h := &house{Broker: b, sink: sink}
	loggedIn(t, h, 4, "door-1", connectOptions{}).quiet()
	cancel()
	wg.Wait()
}

type panicking struct{}

func (panicking) Authenticate(context.Context, Credentials) (Identity, error) { panic("oops") }

func TestPanicEndsOneConnection(t *testing.T) {
	h := start(t, func(o *Options) { o.Auth = panicking{} })
	for range 2 {
		r := dial(t, h, 4)
		r.send(frame(0x10, append(text("MQTT"), 4, 2, 0, 60, 0, 1, 'a')))
		r.ended()
	}
}

func TestShutdownTellsClients(t *testing.T) {
	h := start(t)
	r5 := loggedIn(t, h, 5, "door-1", connectOptions{will: "dy/v1/door/door-1/presence"})
	r4 := loggedIn(t, h, 4, "door-2", connectOptions{})
	stuck := loggedIn(t, h, 4, "int-1", connectOptions{})
	waiting := dial(t, h, 4)
	h.stop()
	if code := r5.ended(); code != packets.ErrServerShuttingDown.Code {
		t.Errorf("DISCONNECT %#x", code)
	}
	r4.ended()
	stuck.ended()
	waiting.ended()
	if len(h.sink.all()) != 0 {
		t.Error("the hub's own end was taken for the death of a device")
	}
	if _, err := net.Dial("tcp", h.Addr().String()); err == nil {
		t.Error("the port is still open")
	}
	if !h.seen.has("disconnected door-1") || !h.seen.has("disconnected door-2") {
		t.Errorf("the observer heard %v", h.seen.lines)
	}
}

func TestOptions(t *testing.T) {
	if _, err := New(Options{}); err == nil {
		t.Error("made without a sink")
	}
	o := Options{Auth: houseAuth{}, Sink: &memorySink{}, Addr: Off, TLSAddr: "127.0.0.1:0"}
	if _, err := New(o); err == nil {
		t.Error("TLS without a certificate")
	}
	o.TLSAddr, o.Addr = Off, "127.0.0.1:0"
	b, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	o.Addr = b.Addr().String()
	if _, err := New(o); err == nil {
		t.Error("a port that is taken")
	}
	if b.TLSAddr() != nil {
		t.Error("a closed port has an address")
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}
