package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
	"go.uber.org/goleak"

	"dongyue/internal/event"
	"dongyue/internal/simulator/community"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is for what must happen; how soon it happens is not judged.
const patience = 20 * time.Second

// fast is a world in which nobody waits.
func fast() Times {
	return Times{
		Answer: 300 * time.Millisecond, Enter: 5 * time.Millisecond, Pass: 30 * time.Millisecond,
		Debounce: 5 * time.Millisecond, Held: 40 * time.Millisecond, Port: 50 * time.Millisecond, Hot: 20 * time.Millisecond,
		Key: 50 * time.Millisecond, Lamp: 50 * time.Millisecond, Slow: 50 * time.Millisecond, Speak: time.Millisecond, Badge: 20 * time.Millisecond,
	}
}

// hub is a real broker that keeps what it was sent.
type hub struct {
	*mochi.Server
	addr string
	door *threshold

	mu   sync.Mutex
	got  []heard
	more chan struct{}
}

type heard struct {
	topic   string
	payload []byte
	qos     byte
	retain  bool
}

// body reads the payload.
func (h heard) body() map[string]any {
	var m map[string]any
	_ = json.Unmarshal(h.payload, &m)
	return m
}

// allow lets everybody in, and counts what is forbidden by the protocol.
type allow struct{ mochi.HookBase }

func (*allow) ID() string { return "allow" }
func (*allow) Provides(b byte) bool {
	return b == mochi.OnConnectAuthenticate || b == mochi.OnACLCheck
}
func (*allow) OnConnectAuthenticate(c *mochi.Client, pk packets.Packet) bool {
	return c.ID == string(pk.Connect.Username) && len(pk.Connect.Password) > 20 && pk.Connect.WillRetain && pk.Connect.WillQos == 1
}
func (*allow) OnACLCheck(*mochi.Client, string, bool) bool { return true }

func startHub(t *testing.T, addr string) *hub {
	t.Helper()
	ln, err := net.Listen("tcp", addr)
	check(t, err)
	return startHubOn(t, ln)
}

func startHubOn(t *testing.T, ln net.Listener) *hub {
	t.Helper()
	h := &hub{more: make(chan struct{})}
	h.Server = mochi.New(&mochi.Options{InlineClient: true, Logger: slog.New(slog.DiscardHandler)})
	check(t, h.AddHook(&allow{}, nil))
	h.addr, h.door = ln.Addr().String(), &threshold{Listener: ln}
	check(t, h.AddListener(listeners.NewNet("t", h.door)))
	check(t, h.Subscribe("dy/v1/#", 1, h.hear)) // before the first device is let in
	check(t, h.Serve())
	return h
}

// threshold remembers who came in, because a server that closes may forget somebody
// who is on the threshold.
type threshold struct {
	net.Listener
	mu    sync.Mutex
	conns []net.Conn
}

func (d *threshold) Accept() (net.Conn, error) {
	c, err := d.Listener.Accept()
	if err == nil {
		d.mu.Lock()
		d.conns = append(d.conns, c)
		d.mu.Unlock()
	}
	return c, err
}

// stop ends the hub as a crash would. The library's Close locks up against
// clients that leave at the same moment (Clients.GetByListener takes its read
// lock twice), so it is called when they have left.
func (h *hub) stop() {
	_ = h.door.Close()
	h.door.mu.Lock()
	for _, c := range h.door.conns {
		_ = c.Close()
	}
	h.door.mu.Unlock()
	h.left()
	_ = h.Close()
}

// left waits until only the inline client is connected.
func (h *hub) left() {
	for end := time.Now().Add(patience); h.Clients.Len() > 1 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
}

func startDefaultHub(t *testing.T) *hub {
	t.Helper()
	h := startHub(t, "127.0.0.1:0")
	t.Cleanup(h.stop)
	return h
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wait returns the first message that f likes, of those already here or to come.
func (h *hub) wait(t *testing.T, what string, f func(heard) bool) heard {
	t.Helper()
	m, _ := h.waitFrom(t, 0, what, f)
	return m
}

func (h *hub) waitFrom(t *testing.T, from int, what string, f func(heard) bool) (heard, int) {
	t.Helper()
	end := time.After(patience)
	for {
		h.mu.Lock()
		for i := from; i < len(h.got); i++ {
			if f(h.got[i]) {
				m := h.got[i]
				h.mu.Unlock()
				return m, i + 1
			}
		}
		from = len(h.got)
		more := h.more
		h.mu.Unlock()
		select {
		case <-more:
		case <-end:
			t.Fatalf("no %s", what)
		}
	}
}

func (h *hub) mark() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.got)
}

func (h *hub) all() []heard {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.got)
}

// is likes messages on a device's channel with these members; a member "data.x"
// is looked up inside.
func is(k event.Kind, id string, c event.Channel, want map[string]any) func(heard) bool {
	return func(h heard) bool {
		if h.topic != event.Topic(k, id, c) {
			return false
		}
		b := h.body()
		for name, v := range want {
			if at(b, name) != v {
				return false
			}
		}
		return true
	}
}

func at(m map[string]any, path string) any {
	for {
		name, rest, deeper := bytesCut(path)
		if !deeper {
			return m[name]
		}
		m, _ = m[name].(map[string]any)
		path = rest
	}
}

func bytesCut(s string) (string, string, bool) {
	a, b, ok := bytes.Cut([]byte(s), []byte("."))
	return string(a), string(b), ok
}

// order sends a command and returns its id.
func (h *hub) order(t *testing.T, k event.Kind, device, id, typ string, life time.Duration, args map[string]any) {
	t.Helper()
	b, err := json.Marshal(map[string]any{
		"id": id, "type": typ, "at": stamp(time.Now()), "expires_at": stamp(time.Now().Add(life)), "args": args,
	})
	check(t, err)
	check(t, h.Publish(event.Topic(k, device, event.Command), b, false, 1))
}

// estate is one of everything, made quickly.
func estate(t *testing.T) community.Community {
	t.Helper()
	c, err := community.Dongyue(1, bytes.Repeat([]byte{1}, 32))
	check(t, err)
	return c
}

func some(c community.Community, ids ...string) []community.Device {
	var ds []community.Device
	for _, d := range c.Devices {
		if slices.Contains(ids, d.ID) {
			ds = append(ds, d)
		}
	}
	return ds
}

// live runs a fleet until the test ends.
func live(t *testing.T, o Options) *Fleet {
	t.Helper()
	if o.Times == (Times{}) {
		o.Times = fast()
	}
	if o.MinPause == 0 {
		o.MinPause, o.MaxPause = 10*time.Millisecond, 50*time.Millisecond
	}
	if testing.Verbose() {
		o.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	f, err := New(o)
	check(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- f.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-over:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(patience):
			t.Error("the fleet does not end")
		}
	})
	return f
}

func keys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

func (h *hub) hear(_ *mochi.Client, _ packets.Subscription, pk packets.Packet) {
	h.mu.Lock()
	h.got = append(h.got, heard{pk.TopicName, slices.Clone(pk.Payload), pk.FixedHeader.Qos, pk.FixedHeader.Retain})
	close(h.more)
	h.more = make(chan struct{})
	h.mu.Unlock()
}
