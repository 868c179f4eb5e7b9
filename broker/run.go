package broker

import (
	"context"
	"fmt"
	"sync"
	"time"
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
	if err := b.server.Serve(); err != nil {
		return fmt.Errorf("broker: start: %w", err)
	}
	var doors, fan sync.WaitGroup
	fan.Go(b.fanOut)
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
		_ = b.server.Close() // has nothing left to close but its own loop
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
