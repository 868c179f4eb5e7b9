package broker

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"dongyue/internal/db"
	"dongyue/internal/event"
	"dongyue/internal/journal"
)

// Known defects of embedded brokers, one test for each: the script fails on the
// bare server and passes on ours.

// 1. A SUBSCRIBE that ends before its options.
func TestDefect01TruncatedSubscribe(t *testing.T) {
	script := func(addr string) {
		r := dialTo(t, addr, 5)
		r.login("door-1", connectOptions{})
		r.send([]byte{0x82, 5, 0, 1, 0, 0, 0})
		r.ended()
	}
	t.Run("bare", func(t *testing.T) {
		addr, ended := bareProcess(t)
		script(addr)
		select {
		case <-ended:
		case <-time.After(testPatience):
			t.Error("the bare server lives on: the script tests nothing")
		}
	})
	t.Run("ours", func(t *testing.T) {
		h := start(t)
		bystander := loggedIn(t, h, 4, "lamp-1", connectOptions{})
		script(h.Addr().String())
		bystander.quiet()
	})
}

// 2. No file descriptor is free for a moment.
func TestDefect02AcceptFails(t *testing.T) {
	t.Run("bare", func(t *testing.T) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		r := bareOn(t, &failing{Listener: ln, left: 3}).dial(4)
		r.send(connectBytes("door-1"))
		if _, _, ok := r.next(time.Second); ok {
			t.Error("the bare server goes on: the script tests nothing")
		}
	})
	t.Run("ours", TestAcceptGoesOn)
}

// 3. A subscriber that reads nothing any more: the others' messages are
// acknowledged, and its client id can be taken over.
func TestDefect03StalledSubscriber(t *testing.T) {
	scripts(t, func(p *peer) string {
		slow := p.login(4, "int-1", connectOptions{})
		slow.subscribe(1, "dy/v1/#")
		door := p.login(4, "door-1", connectOptions{})
		payload := strings.Repeat("x", 60<<10)
		for i := range uint16(400) {
			door.publish(doorEvent, payload, 1, i+1, 0)
			if _, _, ok := door.next(3 * time.Second); !ok {
				return fmt.Sprintf("message %d is not acknowledged", i)
			}
		}
		again := p.dial(4)
		again.send(connectBytes("int-1"))
		if _, _, ok := again.next(3 * time.Second); !ok {
			return "its client id can't be taken over"
		}
		return ""
	})
}

// 4. A device's own message with the packet identifier of an unacknowledged
// command; then the link is cut.
func TestDefect04IdentifierClash(t *testing.T) {
	for _, qos := range []byte{1, 2} {
		t.Run(fmt.Sprint("QoS ", qos), func(t *testing.T) {
			scripts(t, func(p *peer) string {
				o := connectOptions{keep: true, expiry: 600}
				r := p.login(5, "door-1", o)
				r.subscribe(7, doorCommand)
				if err := p.command("open"); err != nil {
					t.Fatal(err)
				}
				_, _, _, id := r.message(false)
				r.publish(doorEvent, "x", qos, id, 0)
				if qos == 1 {
					r.packet()
				} else {
					r.packet()
					r.send(frame(0x62, binary.BigEndian.AppendUint16(nil, id)))
					r.packet()
				}
				_ = r.c.Close()
				r = p.login(5, "door-1", o)
				head, _, ok := r.next(time.Second)
				if !ok || head>>4 != packets.Publish || head&8 == 0 {
					return "the command is not sent again"
				}
				return ""
			})
		})
	}
}

// 5. 1,000 commands for a client that takes four at a time and loses its link
// after each fifty.
func TestDefect05OrderAndReceiveMaximum(t *testing.T) {
	scripts(t, func(p *peer) string {
		o := connectOptions{keep: true, expiry: 600, receiveMax: 4}
		r := p.login(5, "door-1", o)
		r.subscribe(1, doorCommand)
		const n = 1000
		for i := range n {
			if err := p.command(fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		for next, since := 0, 0; next < n; since++ {
			if since == 50 {
				_ = r.c.Close()
				r, since = p.login(5, "door-1", o), 0
			}
			head, body, ok := r.next(time.Second)
			if !ok {
				return fmt.Sprintf("message %d does not come", next)
			}
			pk := packets.Packet{ProtocolVersion: 5}
			_ = pk.FixedHeader.Decode(head)
			if err := pk.PublishDecode(body); err != nil {
				return err.Error()
			}
			r.send(frame(0x40, binary.BigEndian.AppendUint16(nil, pk.PacketID)))
			got, err := strconv.Atoi(string(pk.Payload))
			if err == nil && got < next && head&8 != 0 && since < 8 {
				continue // its acknowledgement went under with the link
			}
			if got != next {
				return fmt.Sprintf("got %s, want %d", pk.Payload, next)
			}
			next++
		}
		return ""
	})
}

// 6. Receive Maximum 1, many publishers, acknowledgements only after a cut.
func TestDefect06ReceiveMaximumOfOne(t *testing.T) {
	scripts(t, func(p *peer) string {
		o := connectOptions{keep: true, expiry: 600, receiveMax: 1}
		r := p.login(5, "door-1", o)
		r.subscribe(1, doorCommand)
		var wg sync.WaitGroup
		for w := range 8 {
			wg.Go(func() {
				for i := range 20 {
					if err := p.command(fmt.Sprintf("%d-%d", w, i)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		got := map[string]bool{}
		for cut := 0; len(got) < 160; cut++ {
			head, body, ok := r.next(time.Second)
			if !ok {
				return fmt.Sprintf("%d of 160 have come", len(got))
			}
			pk := packets.Packet{ProtocolVersion: 5}
			_ = pk.FixedHeader.Decode(head)
			if err := pk.PublishDecode(body); err != nil {
				return err.Error()
			}
			if cut%7 == 3 { // lost on the way to the client
				_ = r.c.Close()
				r = p.login(5, "door-1", o)
				continue
			}
			got[string(pk.Payload)] = true
			r.send(frame(0x40, binary.BigEndian.AppendUint16(nil, pk.PacketID)))
		}
		return ""
	})
}

// 7. A retained state of the day before yesterday. That a refused subscription
// does not come back is TestWhatIsNotKept.
func TestDefect07OldRetained(t *testing.T) {
	const topic = "dy/v1/door/door-1/state"
	scripts(t, func(p *peer) string {
		pk := publication(topic, []byte("old"), 1, true)
		pk.Created, pk.ProtocolVersion = time.Now().Add(-50*time.Hour).Unix(), 5
		if p.server != nil {
			p.server.Topics.RetainMessage(pk)
			time.Sleep(2100 * time.Millisecond) // it looks once a second
		} else {
			p.house.topics.RetainMessage(pk)
			p.house.sweep(time.Now())
		}
		r := p.login(4, "int-1", connectOptions{})
		r.subscribe(1, "dy/v1/+/+/state")
		if _, _, ok := r.next(time.Second); !ok {
			return "it is gone"
		}
		return ""
	})
}

// 8. Messages while the session changes its connection; TestTakeover counts them.
func TestDefect08Takeover(t *testing.T) { TestTakeover(t) }

// 9. The disk is full, and the client speaks 3.1.1, which has no way to say no.
func TestDefect09DiskFull(t *testing.T) {
	script := func(p *peer) string {
		r := p.login(4, "door-1", connectOptions{})
		r.publish(doorEvent, "x", 1, 1, 0)
		if head, _, ok := r.next(time.Second); ok && head>>4 == packets.Puback {
			return "acknowledged"
		}
		return ""
	}
	if script(startBare(t, &refusing{full: true})) == "" {
		t.Error("the bare server passes: the script tests nothing")
	}
	p := ourPeer(t)
	p.house.sink.durable = func(_ Message, done func(error)) { done(syscall.ENOSPC) }
	if wrong := script(p); wrong != "" {
		t.Error(wrong)
	}
}

// 10. A message that names its topic by an alias only is judged by that topic.
func TestDefect10AliasAndRights(t *testing.T) {
	script := func(p *peer) string {
		r := p.login(5, "door-1", connectOptions{})
		for i, topic := range []string{doorEvent, ""} {
			r.send(frame(0x32, append(append(text(topic), 0, byte(i+1)), 3, packets.PropTopicAlias, 0, 1, 'x')))
			_, body := r.packet()
			if len(body) > 2 && body[2] >= 0x80 {
				return fmt.Sprintf("message %d is refused: %#x", i, body[2])
			}
		}
		return ""
	}
	if script(startBare(t, &refusing{})) == "" {
		t.Error("the bare server passes: the script tests nothing")
	}
	if wrong := script(ourPeer(t)); wrong != "" {
		t.Error(wrong)
	}
}

// 11. A header that announces 268 MB, before CONNECT.
func TestDefect11HugeHeader(t *testing.T) {
	script := func(addr string) string {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r := dialTo(t, addr, 4)
		r.send([]byte{0x10, 0xff, 0xff, 0xff, 0x7f})
		if _, _, err := r.readIn(3 * time.Second); err == nil || os.IsTimeout(err) {
			return "the socket stays open"
		}
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 64<<10 {
			return fmt.Sprintf("%d bytes were allocated", n)
		}
		return ""
	}
	addr, _ := bareProcess(t)
	if script(addr) == "" {
		t.Error("the bare server passes: the script tests nothing")
	}
	if wrong := script(ourPeer(t).addr); wrong != "" {
		t.Error(wrong)
	}
}

// 12. The certificate of one with the client id of another, and with it the
// password of that one. The bare server looks at neither.
func TestDefect12CertificateOfAnother(t *testing.T) { TestTLS(t) }

// 13. The hub dies when a message is on disk and nobody has been given it.
func TestDefect13KilledBeforeDelivery(t *testing.T) {
	if dir := os.Getenv("KILLED_HUB"); dir != "" {
		durableHub(t, dir, true)
		select {}
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestDefect13KilledBeforeDelivery$")
	cmd.Env = append(os.Environ(), "KILLED_HUB="+dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var addr []byte
	eventually(t, "started", func() bool {
		addr, _ = os.ReadFile(filepath.Join(dir, "addr"))
		return len(addr) > 0
	})
	p := &peer{t: t, addr: string(addr)}
	program := p.login(4, "int-1", connectOptions{keep: true})
	program.subscribe(1, "dy/v1/#")
	door := p.login(4, "door-1", connectOptions{})
	door.publish(doorEvent, `{"v":1}`, 1, 1, 0)
	door.expect(packets.Puback, 1, 0)
	if _, got, _, _ := program.message(true); got != `{"v":1}` {
		t.Fatalf("got %s", got)
	}
	door.publish(doorEvent, `{"v":"die"}`, 1, 2, 0)
	door.ended()
	_ = cmd.Wait()
	h := durableHub(t, dir, false)
	program = loggedIn(t, h, 4, "int-1", connectOptions{keep: true})
	for { // the first may come again: its acknowledgement need not have been written down
		if _, got, _, _ := program.message(true); got == `{"v":"die"}` {
			return
		}
	}
}

// durableSink is a real journal.
type durableSink struct {
	j   *journal.Journal
	die bool
}

func (s *durableSink) Lossy(Message) {}

func (s *durableSink) Durable(m Message, done func(uint64, error)) {
	kind, device, channel, _ := event.ParseTopic(m.Topic)
	ev := event.Event{
		ID: fmt.Sprint(m.ReceivedAt.UnixNano()), Device: device, Kind: kind, Channel: channel, Type: "x", At: m.ReceivedAt, ReceivedAt: m.ReceivedAt, Data: m.Payload,
	}
	s.j.Append(ev, func(seq uint64, _ bool, err error) {
		if s.die && strings.Contains(string(m.Payload), "die") {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
		done(seq, err)
	})
}

func (s *durableSink) Last() uint64 { return s.j.Last() }

func (s *durableSink) Read(ctx context.Context, after uint64, limit int) (ms []Message, last uint64, err error) {
	evs, err := s.j.Query(ctx, journal.Filter{After: after, Limit: limit})
	last = after
	for _, e := range evs {
		last = e.Seq
		ms = append(ms, Message{Topic: event.Topic(e.Kind, e.Device, e.Channel), Payload: e.Data, QoS: 1, Seq: e.Seq})
	}
	return ms, last, err
}

func durableHub(t *testing.T, dir string, die bool) *house {
	t.Helper()
	j, err := journal.Open(t.Context(), journal.Options{Path: filepath.Join(dir, "journal.db")})
	if err != nil {
		t.Fatal(err)
	}
	d, err := db.Open(t.Context(), filepath.Join(dir, "hub.db"))
	if err != nil {
		t.Fatal(err)
	}
	st, err := NewStore(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = j.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done; _ = j.Close(); _ = d.Close() })
	sink := &durableSink{j: j, die: die}
	h := start(t, func(o *Options) { o.Sink, o.History, o.Store, o.Log = sink, sink, st, slog.New(slog.DiscardHandler) })
	if die {
		tmp := filepath.Join(dir, "addr.new")
		if err := os.WriteFile(tmp, []byte(h.Addr().String()), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(tmp, filepath.Join(dir, "addr")); err != nil {
			t.Fatal(err)
		}
	}
	return h
}
