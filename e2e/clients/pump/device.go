package main

import (
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"dongyue/e2e/clients/session"
)

// device publishes 1, 2, 3, … and knows up to where it has been acknowledged.
type device struct {
	p         *pump
	id, topic string
	every     time.Duration

	mu    sync.Mutex
	moved *sync.Cond
	acked uint64 // all up to here
	next  uint64 // the last number that was sent
	down  bool
}

func (d *device) run() {
	for !d.done() {
		c, err := session.Dial(session.Options{Addr: d.p.addr, ID: d.id, Secret: d.p.secret, Timeout: patient})
		if err != nil {
			time.Sleep(20 * time.Millisecond)
			continue
		}
		d.p.opened.Add(1)
		d.mu.Lock()
		d.down = false
		d.mu.Unlock()
		go d.hear(c)
		d.speak(c)
		_ = c.Drop()
		d.mu.Lock()
		for !d.down {
			d.moved.Wait() // until hear has ended too
		}
		d.mu.Unlock()
	}
}

func (d *device) done() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.p.stopping.Load() && d.acked == d.next
}

// speak sends what is unacknowledged again and goes on from there.
func (d *device) speak(c *session.Client) {
	d.mu.Lock()
	from, old := d.acked+1, d.next
	d.mu.Unlock()
	start := time.Now()
	for n := from; ; n++ {
		fresh := n > old
		if fresh {
			time.Sleep(time.Until(start.Add(time.Duration(n-old) * d.every)))
			if !d.room(n) {
				return
			}
			d.p.sent.Add(1)
		}
		if err := c.Send(session.Publish(d.topic, uint16(n%60_000)+1, d.payload(n), !fresh, false)); err != nil { //nolint:gosec // below 60,001
			return
		}
	}
}

// room waits until the next number may be sent; false: the connection is down,
// or it is time to stop and nothing is under way.
func (d *device) room(n uint64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for !d.down && (n-d.acked > window || d.p.stopping.Load() && d.acked < d.next) {
		d.moved.Wait()
	}
	if d.down || d.p.stopping.Load() {
		return false
	}
	d.next = n
	return true
}

func (d *device) payload(n uint64) []byte {
	return fmt.Appendf(nil, `{"id":"n%d","boot":"b1","seq":%d,"at":%d,"type":"session_started","data":{"part":"1","user":"u"}}`, n, n, time.Now().UnixMilli())
}

// hear notes acknowledgements. They come in the order of the messages (3.1.1,
// 4.6), so one that is not the next is a fault of the hub.
func (d *device) hear(c *session.Client) {
	defer func() {
		d.mu.Lock()
		d.down = true
		d.mu.Unlock()
		d.moved.Broadcast()
	}()
	for {
		kind, body, err := c.Read()
		if err != nil {
			return
		}
		if kind != 4 || len(body) < 2 {
			continue
		}
		d.mu.Lock()
		want := uint16((d.acked+1)%60_000) + 1 //nolint:gosec // below 60,001
		if got := binary.BigEndian.Uint16(body); got != want {
			d.p.log.Error("acknowledged out of turn", "device", d.id, "got", got, "want", want)
		} else {
			d.acked++
		}
		d.mu.Unlock()
		d.moved.Broadcast()
	}
}
