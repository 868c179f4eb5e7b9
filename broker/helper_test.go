package broker

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
	"go.uber.org/goleak"

	"dongyue/internal/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds how long a test waits for what must happen.
const testPatience = 10 * time.Second

// houseAuth knows devices by the first word of their id, with the secret
// "secret-" and the id, and programs whose name begins with "int".
type houseAuth struct{}

func (houseAuth) Authenticate(_ context.Context, c Credentials) (Identity, error) {
	if c.Username == "down" {
		return Identity{}, fmt.Errorf("no database: %w", ErrUnavailable)
	}
	if c.Certificate != nil && len(c.Certificate.DNSNames) == 1 {
		name := c.Certificate.DNSNames[0]
		return Identity{ID: name, Kind: kindOf(name)}, nil
	}
	if string(c.Password) != "secret-"+c.Username {
		return Identity{}, errors.New("wrong secret")
	}
	if strings.HasPrefix(c.Username, "int") {
		return Identity{ID: c.Username, Integrator: true}, nil
	}
	return Identity{ID: c.Username, Kind: kindOf(c.Username)}, nil
}

func kindOf(id string) event.Kind {
	kind, _, _ := strings.Cut(id, "-")
	return event.Kind(kind)
}

// memorySink stores in memory; a test may take over what Durable does.
type memorySink struct {
	mu      sync.Mutex
	stored  []Message
	lossy   []Message
	durable func(m Message, done func(error))
	news    chan struct{}
}

func (s *memorySink) Durable(m Message, done func(uint64, error)) {
	s.mu.Lock()
	s.stored = append(s.stored, m)
	f, seq := s.durable, uint64(len(s.stored))
	s.mu.Unlock()
	s.ring()
	if f != nil {
		f(m, func(err error) { done(seq, err) })
		return
	}
	done(seq, nil)
}

func (s *memorySink) Lossy(m Message) {
	s.mu.Lock()
	s.lossy = append(s.lossy, m)
	s.mu.Unlock()
	s.ring()
}

func (s *memorySink) ring() {
	select {
	case s.news <- struct{}{}:
	default:
	}
}

func (s *memorySink) all() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Message(nil), s.stored...)
}

// witness remembers what an Observer is told.
type witness struct {
	mu    sync.Mutex
	lines []string
}

func (w *witness) add(format string, a ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, fmt.Sprintf(format, a...))
}

func (w *witness) Connected(id Identity)             { w.add("connected %s", id.ID) }
func (w *witness) Disconnected(id Identity, _ error) { w.add("disconnected %s", id.ID) }
func (w *witness) Refused(id, _, topic, reason string) {
	w.add("refused %s %s %s", id, reason, topic)
}

func (w *witness) has(line string) bool { return w.count(line) > 0 }

func (w *witness) count(line string) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.lines {
		if l == line {
			n++
		}
	}
	return n
}

type house struct {
	*Broker
	sink *memorySink
	seen *witness
	stop func()
}

func start(t *testing.T, change ...func(*Options)) *house {
	t.Helper()
	h := &house{sink: &memorySink{news: make(chan struct{}, 1)}, seen: &witness{}}
	o := Options{Addr: "127.0.0.1:0", TLSAddr: Off, Auth: houseAuth{}, Sink: h.sink, Observer: h.seen, Log: slog.New(slog.DiscardHandler)}
	for _, c := range change {
		c(&o)
	}
	b, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	h.Broker = b
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	h.stop = sync.OnceFunc(func() {
		cancel()
		begin := time.Now()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		if d := time.Since(begin); d > 5*time.Second {
			t.Errorf("shutting down took %v", d)
		}
	})
	t.Cleanup(h.stop)
	return h
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(testPatience); ; time.Sleep(2 * time.Millisecond) {
		if ok() {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// raw is a client that sends what it is told to, right or wrong.
type raw struct {
	t       *testing.T
	c       net.Conn
	r       *bufio.Reader
	version byte
	present bool // what CONNACK said of the session
}

func dial(t *testing.T, h *house, version byte) *raw {
	t.Helper()
	return dialTo(t, h.Addr().String(), version)
}

func dialTo(t *testing.T, addr string, version byte) *raw {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &raw{t: t, c: c, r: bufio.NewReader(c), version: version}
}

type connectOptions struct {
	keep       bool // the session
	will       string
	receiveMax uint16
	expiry     uint32
	willDelay  uint32
}

// login connects with id as client id and user name and returns the CONNACK code.
func (r *raw) login(id string, o connectOptions) byte {
	r.t.Helper()
	pk := packets.Packet{ProtocolVersion: r.version, FixedHeader: packets.FixedHeader{Type: packets.Connect}}
	pk.Connect = packets.ConnectParams{
		ProtocolName: []byte("MQTT"), Clean: !o.keep, Keepalive: 60, ClientIdentifier: id,
		UsernameFlag: true, Username: []byte(id), PasswordFlag: true, Password: []byte("secret-" + id),
	}
	if o.will != "" {
		pk.Connect.WillFlag, pk.Connect.WillTopic, pk.Connect.WillPayload, pk.Connect.WillQos = true, o.will, []byte(`{"online":false}`), 1
		pk.Connect.WillProperties.WillDelayInterval = o.willDelay
	}
	pk.Properties.ReceiveMaximum = o.receiveMax
	if o.expiry > 0 {
		pk.Properties.SessionExpiryInterval, pk.Properties.SessionExpiryIntervalFlag = o.expiry, true
	}
	var buf bytes.Buffer
	if err := pk.ConnectEncode(&buf); err != nil {
		r.t.Fatal(err)
	}
	r.send(buf.Bytes())
	head, body := r.packet()
	if head>>4 != packets.Connack {
		r.t.Fatalf("packet %#x in place of CONNACK", head)
	}
	r.present = body[0] == 1
	return body[1]
}

func loggedIn(t *testing.T, h *house, version byte, id string, o connectOptions) *raw {
	t.Helper()
	r := dial(t, h, version)
	if code := r.login(id, o); code != 0 {
		t.Fatalf("CONNACK %#x", code)
	}
	return r
}

func (r *raw) send(b []byte) {
	r.t.Helper()
	if _, err := r.c.Write(b); err != nil {
		r.t.Fatal(err)
	}
}

// connectBytes is a CONNECT of 3.1.1 with id as client id and user name.
func connectBytes(id string) []byte {
	return frame(0x10, append(append(append(append(text("MQTT"), 4, 0xc2, 0, 60), text(id)...), text(id)...), text("secret-"+id)...))
}

func frame(head byte, body []byte) []byte {
	b := []byte{head}
	n := len(body)
	for {
		x := byte(n & 0x7f)
		if n >>= 7; n > 0 {
			x |= 0x80
		}
		if b = append(b, x); n == 0 {
			return append(b, body...)
		}
	}
}

func text(s string) []byte { return append(binary.BigEndian.AppendUint16(nil, uint16(len(s))), s...) }

func (r *raw) publish(topic, payload string, qos byte, id uint16, flags byte) {
	r.t.Helper()
	b := text(topic)
	if qos > 0 {
		b = binary.BigEndian.AppendUint16(b, id)
	}
	if r.version == 5 {
		b = append(b, 0)
	}
	r.send(frame(0x30|qos<<1|flags, append(b, payload...)))
}

func (r *raw) subscribe(id uint16, filter string) (code byte) {
	r.t.Helper()
	b := binary.BigEndian.AppendUint16(nil, id)
	if r.version == 5 {
		b = append(b, 0)
	}
	r.send(frame(0x82, append(append(b, text(filter)...), 1)))
	head, body := r.packet()
	if head>>4 != packets.Suback || binary.BigEndian.Uint16(body) != id {
		r.t.Fatalf("packet %#x % x in place of SUBACK %d", head, body, id)
	}
	return body[len(body)-1]
}

func (r *raw) read() (head byte, body []byte, err error) { return r.readIn(testPatience) }

func (r *raw) readIn(patience time.Duration) (head byte, body []byte, err error) {
	_ = r.c.SetReadDeadline(time.Now().Add(patience))
	head, err = r.r.ReadByte()
	if err != nil {
		return 0, nil, err
	}
	n, err := binary.ReadUvarint(r.r)
	if err != nil {
		return 0, nil, err
	}
	body = make([]byte, n)
	_, err = io.ReadFull(r.r, body)
	return head, body, err
}

func (r *raw) packet() (head byte, body []byte) {
	r.t.Helper()
	head, body, err := r.read()
	if err != nil {
		r.t.Fatalf("read: %v", err)
	}
	return head, body
}

// expect reads an acknowledgement.
func (r *raw) expect(kind byte, id uint16, reason byte) {
	r.t.Helper()
	head, body := r.packet()
	got := byte(0)
	if len(body) > 2 {
		got = body[2]
	}
	if head>>4 != kind || binary.BigEndian.Uint16(body) != id || got != reason {
		r.t.Fatalf("got %#x % x, want packet %d id %d reason %#x", head, body, kind, id, reason)
	}
}

// ended waits for the end of the connection and returns the reason code of a
// DISCONNECT before it, 0 for none.
func (r *raw) ended() (code byte) {
	r.t.Helper()
	for {
		head, body, err := r.read()
		if err != nil {
			var ne net.Error
			if errors.As(err, &ne) && ne.Timeout() {
				r.t.Fatal("the connection is still open")
			}
			return code
		}
		if head>>4 == packets.Disconnect && len(body) > 0 {
			code = body[0]
		}
	}
}

// quiet checks that nothing has come so far: a PINGRESP is the next packet.
func (r *raw) quiet() {
	r.t.Helper()
	r.send([]byte{0xc0, 0})
	if head, body := r.packet(); head != 0xd0 {
		r.t.Fatalf("packet %#x % x came", head, body)
	}
}
