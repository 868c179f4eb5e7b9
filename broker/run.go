package broker

import (
	"context"
	"runtime/debug"
	"sync"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// Times of shutting down; together below five seconds.
const (
	partingTime = 2 * time.Second // for clients to take their last bytes
	cuttingTime = 2 * time.Second // for their goroutines to end, sockets closed
)

// Run serves until ctx ends; then it closes the ports, tells MQTT 5 clients, and
// closes every connection. Messages that the Sink has been given are still
// settled, but their acknowledgements find nobody.
func (b *Broker) Run(ctx context.Context) error {
	var doors, fan sync.WaitGroup
	fan.Go(b.fanOut)
	fan.Go(b.tidy)
	for _, l := range b.listeners() {
		doors.Go(func() { l.serve(ctx) })
	}
	<-ctx.Done()
	b.stopping.Store(true)
	err := b.Close()
	doors.Wait()
	b.part()
	close(b.stopped)
	fan.Wait()
	b.writePlaces()
	return err
}

// part ends all connections.
func (b *Broker) part() {
	over := make(chan struct{})
	b.eachWaiting((*outbox).cut)
	b.each(func(s *session) { s.kick(codeShutdown) })
	go func() {
		b.wg.Wait()
		b.forgetWills()
		close(over)
	}()
	wait := time.NewTimer(partingTime)
	defer wait.Stop()
	select {
	case <-over:
		return
	case <-wait.C:
	}
	b.eachWaiting((*outbox).cut)
	b.each(func(s *session) { s.kick(codeShutdown); s.conn.out.cut() })
	wait.Reset(cuttingTime)
	select {
	case <-over:
	case <-wait.C:
		b.log.Warn("connections did not end in time")
	}
}

func (b *Broker) each(f func(*session)) {
	b.mu.Lock()
	all := make([]*session, 0, len(b.live))
	for _, s := range b.live {
		all = append(all, s)
	}
	b.mu.Unlock()
	for _, s := range all {
		f(s)
	}
}

func (b *Broker) eachWaiting(f func(*outbox)) {
	for _, l := range b.listeners() {
		for _, c := range l.room.everyone() {
			f(&c.out)
		}
	}
}

// tidyEvery is how often what has run out is looked for.
const tidyEvery = 5 * time.Second

// tidy ends sessions and retained messages that have run out, and writes down
// where programs are in the journal.
func (b *Broker) tidy() {
	keep, sweep := time.NewTicker(keepEvery), time.NewTicker(tidyEvery)
	defer keep.Stop()
	defer sweep.Stop()
	calm := calmer{b: b}
	for {
		select {
		case <-b.stopped:
			return
		case <-keep.C:
			b.writePlaces()
			calm.look()
		case now := <-sweep.C:
			b.sweep(now)
		}
	}
}

func (b *Broker) sweep(now time.Time) {
	b.memory.Range(func(_, v any) bool {
		if m := v.(*memory); m.expired(now) {
			b.mu.Lock()
			back := b.live[m.key] != nil
			b.mu.Unlock()
			if !back {
				m.end(b)
			}
		}
		return true
	})
	for topic, pk := range b.topics.Retained.GetAll() {
		if expired(&pk) {
			b.topics.RetainMessage(packets.Packet{TopicName: topic})
		}
	}
}

// calmer gives memory back to the operating system after a storm: what logins
// need once would otherwise stay with the process for a long time.
type calmer struct {
	b      *Broker
	joined uint64
	storm  bool
}

// stormRate is the number of logins per second that is a storm.
const stormRate = 100

func (c *calmer) look() {
	n := c.b.joined.Load()
	rate := n - c.joined
	c.joined = n
	switch {
	case rate >= stormRate:
		c.storm = true
	case c.storm && rate < stormRate/10:
		c.storm = false
		debug.FreeOSMemory()
	}
}
