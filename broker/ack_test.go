package broker

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/mochi-mqtt/server/v2/packets"
)

const doorEvent = "dy/v1/door/door-1/event"

// hold makes the Sink keep its done functions for the test.
func (s *memorySink) hold() (done chan func(error)) {
	done = make(chan func(error), 1000)
	s.mu.Lock()
	s.durable = func(_ Message, d func(error)) { done <- d }
	s.mu.Unlock()
	return done
}

func bothVersions(t *testing.T, f func(t *testing.T, version byte)) {
	for name, v := range map[string]byte{"3.1.1": 4, "5": 5} {
		t.Run(name, func(t *testing.T) { f(t, v) })
	}
}

func TestAckFollowsTheDisk(t *testing.T) {
	bothVersions(t, func(t *testing.T, version byte) {
		h := start(t)
		done := h.sink.hold()
		r := loggedIn(t, h, version, "door-1", connectOptions{})
		for id := range uint16(3) {
			r.publish(doorEvent, fmt.Sprint(id), 1, id+1, 0)
		}
		one, two, three := <-done, <-done, <-done
		r.quiet()
		three(nil)
		two(nil)
		r.quiet() // the first is not on disk: order is kept
		one(nil)
		one(nil) // a second call has no effect
		for id := range uint16(3) {
			r.expect(packets.Puback, id+1, 0)
		}
		r.quiet()
		if m := h.sink.all()[2]; m.From.ID != "door-1" || string(m.Payload) != "2" || m.Topic != doorEvent || m.QoS != 1 || m.ReceivedAt.IsZero() || m.Retain || m.Will {
			t.Fatalf("got %+v", m)
		}
	})
}

func TestNoAckWithoutTheDisk(t *testing.T) {
	full := errors.New("disk is full")
	t.Run("3.1.1", func(t *testing.T) {
		h := start(t)
		done := h.sink.hold()
		r := loggedIn(t, h, 4, "door-1", connectOptions{})
		r.publish(doorEvent, "1", 1, 1, 0)
		r.publish(doorEvent, "2", 1, 2, 0)
		one, two := <-done, <-done
		one(full)
		two(nil)
		for {
			head, _, err := r.read()
			if err != nil {
				break
			}
			t.Errorf("packet %#x", head)
		}
	})
	t.Run("5", func(t *testing.T) {
		h := start(t)
		done := h.sink.hold()
		r := loggedIn(t, h, 5, "door-1", connectOptions{})
		r.publish(doorEvent, "1", 1, 7, 0)
		r.publish(doorEvent, "2", 2, 8, 0)
		(<-done)(full)
		(<-done)(full)
		r.expect(packets.Puback, 7, 0x83)
		r.expect(packets.Pubrec, 8, 0x83)
		r.publish(doorEvent, "2", 2, 8, 0) // the identifier is free again
		(<-done)(nil)
		r.expect(packets.Pubrec, 8, 0)
	})
}

func TestExactlyOnce(t *testing.T) {
	bothVersions(t, func(t *testing.T, version byte) {
		h := start(t)
		done := h.sink.hold()
		r := loggedIn(t, h, version, "door-1", connectOptions{keep: true, expiry: 600})
		r.publish(doorEvent, "1", 2, 9, 0)
		d := <-done
		r.publish(doorEvent, "1", 2, 9, 8) // again, while it is on its way to the disk
		r.quiet()
		// The client comes back before the disk has it.
		_ = r.c.Close()
		r = loggedIn(t, h, version, "door-1", connectOptions{keep: true, expiry: 600})
		r.publish(doorEvent, "1", 2, 9, 8)
		r.quiet()
		d(nil)
		r.expect(packets.Pubrec, 9, 0)
		r.publish(doorEvent, "1", 2, 9, 8)
		r.expect(packets.Pubrec, 9, 0)
		release := frame(0x62, []byte{0, 9})
		r.send(release)
		r.expect(packets.Pubcomp, 9, 0)
		r.send(release)
		if version == 5 {
			r.expect(packets.Pubcomp, 9, packets.ErrPacketIdentifierNotFound.Code)
		} else {
			r.expect(packets.Pubcomp, 9, 0)
		}
		if n := len(h.sink.all()); n != 1 {
			t.Fatalf("stored %d times", n)
		}
		r.publish(doorEvent, "2", 2, 9, 0) // a new message with the same identifier
		(<-done)(nil)
		r.expect(packets.Pubrec, 9, 0)
	})
}

// A client that does not wait for acknowledgements is not read from any more,
// and goes on when they come.
func TestManyOnTheWay(t *testing.T) {
	h := start(t, func(o *Options) { o.Limits.Packets = 1e6 })
	done := h.sink.hold()
	r := loggedIn(t, h, 4, "door-1", connectOptions{})
	const n = 3 * inFlight
	var wg sync.WaitGroup
	wg.Go(func() {
		for id := range uint16(n) {
			r.publish(doorEvent, "x", 1, id+1, 0)
		}
	})
	var first []func(error)
	for range inFlight {
		first = append(first, <-done)
	}
	if len(done) > 0 {
		t.Fatal("more were taken than may be on the way")
	}
	for _, d := range first {
		d(nil)
	}
	wg.Go(func() {
		for range n - inFlight {
			(<-done)(nil)
		}
	})
	for id := range uint16(n) {
		r.expect(packets.Puback, id+1, 0)
	}
	wg.Wait()
}

// QoS 0 telemetry is lossy; anything else is stored whatever its QoS.
func TestLossyClass(t *testing.T) {
	h := start(t)
	r := loggedIn(t, h, 4, "lamp-1", connectOptions{})
	r.publish("dy/v1/lamp/lamp-1/telemetry", "t0", 0, 0, 0)
	r.publish("dy/v1/lamp/lamp-1/telemetry", "t1", 1, 1, 0)
	r.expect(packets.Puback, 1, 0)
	r.publish("dy/v1/lamp/lamp-1/event", "e0", 0, 0, 0)
	r.publish("dy/v1/lamp/lamp-1/state", "s0", 0, 0, 0)
	r.quiet()
	var got string
	for _, m := range h.sink.all() {
		got += string(m.Payload) + " "
	}
	if got != "t1 e0 s0 " || len(h.sink.lossy) != 1 || string(h.sink.lossy[0].Payload) != "t0" {
		t.Fatalf("stored %s, lossy %v", got, h.sink.lossy)
	}
}
