package broker

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

const doorCommand = "dy/v1/door/door-1/command"

// message reads a PUBLISH and acknowledges it.
func (r *raw) message(ack bool) (topic, payload string, head byte, id uint16) {
	r.t.Helper()
	head, body := r.packet()
	if head>>4 != packets.Publish {
		r.t.Fatalf("packet %#x % x in place of PUBLISH", head, body)
	}
	pk := packets.Packet{ProtocolVersion: r.version}
	_ = pk.FixedHeader.Decode(head)
	if err := pk.PublishDecode(body); err != nil {
		r.t.Fatal(err)
	}
	if ack && pk.FixedHeader.Qos == 1 {
		r.send(frame(0x40, binary.BigEndian.AppendUint16(nil, pk.PacketID)))
	}
	return pk.TopicName, string(pk.Payload), head, pk.PacketID
}

func TestDeliveryFollowsTheDisk(t *testing.T) {
	h := start(t)
	done := h.sink.hold()
	listener := loggedIn(t, h, 4, "int-1", connectOptions{})
	listener.subscribe(1, "dy/v1/#")
	r := loggedIn(t, h, 4, "door-1", connectOptions{})
	r.publish(doorEvent, "1", 1, 1, 0)
	r.publish(doorEvent, "2", 1, 2, 0)
	one, two := <-done, <-done
	listener.quiet()
	two(nil)
	listener.quiet()
	one(nil)
	for _, want := range []string{"1", "2"} {
		if topic, got, _, _ := listener.message(true); got != want || topic != doorEvent {
			t.Fatalf("got %s %s", topic, got)
		}
	}
	r.publish(doorEvent, "lost", 1, 3, 0)
	(<-done)(errors.New("disk is full"))
	r.ended()
	listener.quiet() // what is not stored is not delivered
}

// State and presence are there for who comes later, whether or not the device
// set the flag; nothing else is.
func TestRetained(t *testing.T) {
	h := start(t)
	r := loggedIn(t, h, 5, "door-1", connectOptions{will: "dy/v1/door/door-1/presence"})
	r.publish("dy/v1/door/door-1/presence", `{"online":true}`, 1, 1, 1)
	r.expect(packets.Puback, 1, 0)
	r.publish("dy/v1/door/door-1/state", `{"state":1}`, 1, 2, 0)
	r.expect(packets.Puback, 2, 0)
	r.publish(doorEvent, `{"id":"1"}`, 1, 3, 1)
	r.expect(packets.Puback, 3, 0)
	if err := h.Restore("dy/v1/lamp/lamp-9/state", []byte("restored")); err != nil {
		t.Fatal(err)
	}
	if err := h.Restore(doorCommand, []byte("x")); err == nil {
		t.Error("a command was retained")
	}
	later := func() map[string]string {
		got := map[string]string{}
		listener := loggedIn(t, h, 4, "int-1", connectOptions{})
		listener.subscribe(1, "dy/v1/+/+/+")
		listener.send([]byte{0xc0, 0})
		for {
			head, body := listener.packet()
			if head == 0xd0 {
				return got
			}
			pk := packets.Packet{ProtocolVersion: 4}
			_ = pk.FixedHeader.Decode(head)
			_ = pk.PublishDecode(body)
			if head&1 == 0 {
				continue // delivered live: the acknowledgement does not wait for the delivery
			}
			got[pk.TopicName] = string(pk.Payload)
		}
	}
	eventually(t, "retained", func() bool {
		got := later()
		return len(got) == 3 && got["dy/v1/door/door-1/presence"] == `{"online":true}` && got["dy/v1/lamp/lamp-9/state"] == "restored"
	})
	_ = r.c.Close()
	eventually(t, "will retained", func() bool { return later()["dy/v1/door/door-1/presence"] == `{"online":false}` })
}

func TestProperties(t *testing.T) {
	h := start(t)
	listener := loggedIn(t, h, 5, "int-1", connectOptions{})
	listener.subscribe(1, "dy/v1/#")
	r := loggedIn(t, h, 5, "door-1", connectOptions{})
	pk := packets.Packet{ProtocolVersion: 5, FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: 1}, TopicName: doorEvent, PacketID: 4, Payload: []byte("{}")}
	pk.Properties = packets.Properties{
		ContentType: "application/json", CorrelationData: []byte{1, 2}, PayloadFormat: 1, PayloadFormatFlag: true,
		User: []packets.UserProperty{{Key: "k", Val: "v"}}, MessageExpiryInterval: 90, ResponseTopic: "x",
	}
	pk.Mods.AllowResponseInfo = true
	var buf bytes.Buffer
	if err := pk.PublishEncode(&buf); err != nil {
		t.Fatal(err)
	}
	r.send(buf.Bytes())
	r.expect(packets.Puback, 4, 0)
	head, body := listener.packet()
	got := packets.Packet{ProtocolVersion: 5}
	_ = got.FixedHeader.Decode(head)
	if err := got.PublishDecode(body); err != nil {
		t.Fatal(err)
	}
	p := got.Properties
	if p.ContentType != "application/json" || string(p.CorrelationData) != "\x01\x02" || len(p.User) != 1 || p.PayloadFormat != 1 ||
		p.MessageExpiryInterval == 0 || p.MessageExpiryInterval > 90 || p.ResponseTopic != "x" {
		t.Fatalf("got %+v", p)
	}
}

func TestCommands(t *testing.T) {
	h := start(t)
	publish := func(topic string, retain bool, expiry time.Duration) error {
		return h.Publish(topic, []byte("{}"), 1, retain, expiry)
	}
	if err := publish(doorCommand, false, time.Second); !errors.Is(err, ErrNotConnected) {
		t.Errorf("not connected: %v", err)
	}
	r := loggedIn(t, h, 5, "door-1", connectOptions{})
	eventually(t, "connected", func() bool { return h.Connected("door-1") })
	if err := publish(doorCommand, false, time.Second); !errors.Is(err, ErrNotSubscribed) {
		t.Errorf("not subscribed: %v", err)
	}
	r.subscribe(1, doorCommand)
	for name, err := range map[string]error{
		"retained command":    publish(doorCommand, true, time.Second),
		"command for ever":    publish(doorCommand, false, 0),
		"wildcard":            publish("dy/v1/door/+/command", false, time.Second),
		"beside the hub":      publish("x", false, 0),
		"QoS 3":               h.Publish(doorCommand, nil, 3, false, time.Second),
		"more than it can be": h.Publish(doorCommand, make([]byte, maxPayload+1), 1, false, time.Second),
	} {
		if err == nil {
			t.Errorf("%s was published", name)
		}
	}
	if err := publish(doorCommand, false, 1500*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	head, body := r.packet()
	pk := packets.Packet{ProtocolVersion: 5}
	_ = pk.FixedHeader.Decode(head)
	if err := pk.PublishDecode(body); err != nil || pk.TopicName != doorCommand || head&1 != 0 || pk.Properties.MessageExpiryInterval == 0 || pk.Properties.MessageExpiryInterval > 2 {
		t.Fatalf("got %+v %v", pk, err)
	}
	// A configuration waits for the device.
	if err := publish("dy/v1/door/door-2/config", true, 0); err != nil {
		t.Fatal(err)
	}
	later := loggedIn(t, h, 4, "door-2", connectOptions{})
	later.subscribe(1, "dy/v1/door/door-2/config")
	if topic, _, head, _ := later.message(true); topic != "dy/v1/door/door-2/config" || head&1 == 0 {
		t.Fatalf("got %s", topic)
	}
}

// Unacknowledged commands are sent again in their order when the device comes
// back, even though the device's own messages used the same identifiers; late
// ones are not.
func TestCommandsAfterACut(t *testing.T) {
	bothVersions(t, func(t *testing.T, version byte) {
		h := start(t)
		o := connectOptions{keep: true, expiry: 600}
		r := loggedIn(t, h, version, "door-1", o)
		r.subscribe(1, doorCommand)
		const n = 60
		for i := range n {
			expiry := time.Hour
			if i == 7 {
				expiry = time.Second
			}
			if err := h.Publish(doorCommand, fmt.Append(nil, i), 1, false, expiry); err != nil {
				t.Fatal(err)
			}
		}
		for i := range n {
			if _, payload, _, _ := r.message(false); payload != fmt.Sprint(i) {
				t.Fatalf("got %s, want %d", payload, i)
			}
		}
		for id := range uint16(n) { // the same identifiers, the other way
			r.publish(doorEvent, "x", 1, id+1, 0)
			r.expect(packets.Puback, id+1, 0)
			r.publish(doorEvent, "x", 2, id+1, 0)
			r.expect(packets.Pubrec, id+1, 0)
		}
		if code := r.subscribe(3, doorCommand); code != 1 { // an identifier in use the other way
			t.Fatalf("SUBACK %#x", code)
		}
		time.Sleep(2100 * time.Millisecond) // the expiry counts in whole seconds
		_ = r.c.Close()
		r = loggedIn(t, h, version, "door-1", o)
		for i := range n {
			if i == 7 {
				continue
			}
			_, payload, head, _ := r.message(true)
			if payload != fmt.Sprint(i) || head&8 == 0 {
				t.Fatalf("got %s (%#x), want %d again", payload, head, i)
			}
		}
		r.quiet()
	})
}

// The client's Receive Maximum holds, also for what is sent again, and nothing is
// lost or changes places.
func TestReceiveMaximum(t *testing.T) {
	h := start(t)
	o := connectOptions{keep: true, expiry: 600, receiveMax: 4}
	r := loggedIn(t, h, 5, "door-1", o)
	r.subscribe(1, doorCommand)
	const n = 100
	for i := range n {
		if err := h.Publish(doorCommand, fmt.Append(nil, i), 1, false, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	next := 0
	for round := range 4 {
		var ids []uint16
		for i := range 4 {
			_, payload, _, id := r.message(false)
			if payload != fmt.Sprint(next+i) {
				t.Fatalf("round %d: got %s, want %d", round, payload, next+i)
			}
			ids = append(ids, id)
		}
		r.quiet()
		if round == 1 { // cut the link with four under way
			_ = r.c.Close()
			r = loggedIn(t, h, 5, "door-1", o)
			continue
		}
		for _, id := range ids {
			r.send(frame(0x40, binary.BigEndian.AppendUint16(nil, id)))
		}
		next += 4
	}
	for ; next < n; next++ {
		if _, payload, _, _ := r.message(true); payload != fmt.Sprint(next) {
			t.Fatalf("got %s, want %d", payload, next)
		}
	}
}

// A subscriber that reads nothing is cut off; the others get everything.
func TestSlowSubscriber(t *testing.T) {
	h := start(t, func(o *Options) { o.Limits.PendingBytes, o.Limits.Bytes = 32<<10, 1<<30 })
	slow := loggedIn(t, h, 4, "int-slow", connectOptions{})
	slow.subscribe(1, "dy/v1/#")
	fast := loggedIn(t, h, 4, "int-fast", connectOptions{})
	fast.subscribe(1, "dy/v1/#")
	r := loggedIn(t, h, 4, "door-1", connectOptions{})
	const n = 600
	payload := strings.Repeat("x", 32<<10)
	window := make(chan struct{}, 4) // what the fast one may be behind
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range n {
			if _, got, _, _ := fast.message(true); len(got) != len(payload) {
				t.Errorf("message %d has %d bytes", i, len(got))
				return
			}
			<-window
		}
	})
	for i := range n {
		window <- struct{}{}
		r.publish(doorEvent, payload, 1, uint16(i+1), 0)
		r.expect(packets.Puback, uint16(i+1), 0)
	}
	wg.Wait()
	eventually(t, "the slow one is cut off", func() bool { return h.seen.has("disconnected int-slow") })
	r.quiet()
}

// A second connection takes the session over: the first is told and closed, its
// will is stored, and no message is lost on the way.
func TestTakeover(t *testing.T) {
	bothVersions(t, func(t *testing.T, version byte) {
		h := start(t)
		o := connectOptions{keep: true, expiry: 600, will: "dy/v1/door/door-1/presence"}
		r := loggedIn(t, h, version, "door-1", o)
		r.subscribe(1, doorCommand)
		stop, sent := make(chan struct{}), 0
		var wg sync.WaitGroup
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := h.Publish(doorCommand, fmt.Append(nil, sent), 1, false, time.Hour); err == nil {
					sent++
				}
				time.Sleep(200 * time.Microsecond)
			}
		})
		got := map[string]bool{}
		for range 20 {
			for range 10 {
				_, payload, _, _ := r.message(true)
				got[payload] = true
			}
			old := r
			r = loggedIn(t, h, version, "door-1", o)
			if code := old.ended(); version == 5 && code != packets.ErrSessionTakenOver.Code {
				t.Fatalf("DISCONNECT %#x", code)
			}
		}
		close(stop)
		wg.Wait()
		for len(got) < sent {
			_, payload, _, _ := r.message(true)
			got[payload] = true
		}
		wills := 0
		for _, m := range h.sink.all() {
			if m.Will {
				wills++
			}
		}
		if wills != 20 {
			t.Errorf("%d wills of 20", wills)
		}
		eventually(t, "every connection was seen", func() bool {
			return h.seen.count("connected door-1") == 21 && h.seen.count("disconnected door-1") == 20
		})
	})
}

// Many connections with the same name at once: one is left, and it works.
func TestTakeoverStorm(t *testing.T) {
	h := start(t)
	var wg sync.WaitGroup
	for range 30 {
		wg.Go(func() {
			r := dial(t, h, 4)
			r.send(frame(0x10, append(append(append(append(text("MQTT"), 4, 0xc2, 0, 60), text("door-1")...), text("door-1")...), text("secret-door-1")...)))
			_, _, _ = r.read() // CONNACK, or the end
		})
	}
	wg.Wait()
	r := loggedIn(t, h, 4, "door-1", connectOptions{})
	r.subscribe(1, doorCommand)
	if err := h.Publish(doorCommand, []byte("x"), 1, false, time.Minute); err != nil {
		t.Fatal(err)
	}
	r.message(true)
	h.mu.Lock()
	n := len(h.live)
	h.mu.Unlock()
	if n != 1 {
		t.Fatalf("%d sessions", n)
	}
}

// Who subscribes while a retained message is under way gets it once, as retained
// or as it passes, and never an older one after it.
func TestRetainedMessagesAndNewSubscribersMeetOnce(t *testing.T) {
	t.Parallel()
	h := start(t, func(o *Options) { o.OpenTopics, o.AnonymousOpen = []string{"#"}, true })
	k := &kit{T: t, h: h, v: 5}
	p, s := k.client("lamp-1"), k.client("lamp-2")
	k.pub(p, "a", "0", 1, true)
	for n := 1; n <= 300; n++ {
		p.publish("a", strconv.Itoa(2*n-1), 0, 0, 1)
		k.sub(s, "a", 0)
		p.publish("a", strconv.Itoa(2*n), 0, 0, 1)
		last := -1
		for last < 2*n {
			_, payload, _, _ := s.message(false)
			got, err := strconv.Atoi(payload)
			if err != nil || last >= 0 && got != last+1 || got > 2*n {
				t.Fatalf("round %d: %q after %d", n, payload, last)
			}
			last = got
		}
		k.unsub(s, "a")
	}
}

// Who subscribes gets nothing new that was acknowledged before, however far behind the
// distribution is.
func TestASubscriptionIsOfWhatComesAfterIt(t *testing.T) {
	t.Parallel()
	h := start(t, func(o *Options) { o.OpenTopics, o.AnonymousOpen = []string{"#"}, true })
	k := &kit{T: t, h: h, v: 5}
	slow, p, s := k.client("lamp-1"), k.client("lamp-2"), k.client("lamp-3")
	k.sub(slow, "slow", 1)
	m := h.known("lamp-1")
	m.mu.Lock() // the distribution halts at this one
	k.pub(p, "slow", "x", 1, false)
	k.pub(p, "a", "x", 1, true)
	time.AfterFunc(200*time.Millisecond, m.mu.Unlock)
	k.sub(s, "a", 0x21)
	k.got(slow, "x")
	k.nothing(s)
}
