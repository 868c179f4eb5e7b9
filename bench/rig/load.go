package rig

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"dongyue/e2e/clients/session"
)

// Load is devices that send QoS 1 events at an even beat and count what is
// acknowledged. It uses a client that costs little beside the hub.
type Load struct {
	Hub    *Hub
	Kind   string
	Secret string
	IDs    []string
	Rate   int // events a second of all devices together
	Each   int // so many of each device, then it is silent; 0: until Stop
	// Event makes the type and the data of a device's next event.
	Event func(device, n int) (typ, data string)

	Sent, Acked atomic.Int64
	Began       time.Time // when the first may talk

	stop    chan struct{}
	working sync.WaitGroup
	talking sync.WaitGroup
	mu      sync.Mutex
	failed  error
}

// Start connects the devices, and when all are there lets them talk.
func (l *Load) Start() error {
	l.stop = make(chan struct{})
	clients := make([]*session.Client, len(l.IDs))
	for i, id := range l.IDs {
		c, err := session.Dial(session.Options{Addr: l.Hub.MQTT, ID: id, Secret: l.Secret, Clean: true, Timeout: 10 * time.Second})
		if err != nil {
			return fmt.Errorf("connect %s: %w", id, err)
		}
		presence := session.Publish("dy/v1/"+l.Kind+"/"+id+"/presence", 1, []byte(`{"online":true,"fw":"bench","boot":"b1"}`), false, true)
		if err := c.Send(presence); err != nil {
			return err
		}
		if _, _, err := c.Read(); err != nil { // its acknowledgement
			return err
		}
		clients[i] = c
	}
	l.Began = time.Now()
	for i, c := range clients {
		d := &device{client: c, talked: make(chan struct{})}
		l.working.Go(func() { l.count(d) })
		l.talking.Go(func() {
			defer close(d.talked)
			l.talk(d, i)
		})
	}
	return nil
}

// device is one connection and what became of its messages.
type device struct {
	client      *session.Client
	sent, acked atomic.Int64
	talked      chan struct{} // closed when it has said all
}

// Wait returns when each device has said what it had to say.
func (l *Load) Wait() { l.talking.Wait() }

// talk sends what is due every few milliseconds, beginning at a place of its own
// in the beat so that the devices do not speak in chorus.
func (l *Load) talk(d *device, i int) {
	every := time.Duration(float64(time.Second) * float64(len(l.IDs)) / float64(l.Rate))
	next := l.Began.Add(every * time.Duration(i) / time.Duration(len(l.IDs)))
	topic := "dy/v1/" + l.Kind + "/" + l.IDs[i] + "/event"
	boot := fmt.Sprintf("%x", time.Now().UnixNano())
	for n := 1; l.Each == 0 || n <= l.Each; n++ {
		wait := time.NewTimer(time.Until(next))
		select {
		case <-l.stop:
			wait.Stop()
			return
		case <-wait.C:
		}
		next = next.Add(every)
		typ, data := l.Event(i, n)
		payload := fmt.Appendf(nil, `{"id":"%s-%d","boot":"%s","seq":%d,"at":%q,"type":%q,"data":%s}`, boot, n, boot, n, Now(), typ, data)
		d.sent.Add(1) // before its acknowledgement can be there
		l.Sent.Add(1)
		if err := d.client.Send(session.Publish(topic, uint16(n%65000+1), payload, false, false)); err != nil { //nolint:gosec // bounded
			l.fail(err)
			return
		}
	}
}

// count takes acknowledgements until the device has talked and everything is
// acknowledged, or nothing has come for a while.
func (l *Load) count(d *device) {
	go func() {
		<-d.talked
		for end := time.Now().Add(20 * time.Second); d.acked.Load() < d.sent.Load() && time.Now().Before(end); {
			time.Sleep(20 * time.Millisecond)
		}
		_ = d.client.Drop() // ends the reading below
	}()
	for {
		kind, _, err := d.client.Read()
		if err != nil {
			return
		}
		if kind == 4 {
			d.acked.Add(1)
			l.Acked.Add(1)
		}
	}
}

func (l *Load) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed == nil {
		l.failed = err
	}
}

// Stop ends the talk, waits for the acknowledgements and tells what went wrong.
func (l *Load) Stop() error {
	close(l.stop)
	l.talking.Wait()
	l.working.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed
}

// Now is the time in the protocol's form.
func Now() string { return time.Now().UTC().Format("2006-01-02T15:04:05.000Z") }
