package broker

import (
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// will is what a client has asked to be published if it leaves without a word.
type will struct {
	topic      string
	payload    []byte
	qos        byte
	retain     bool
	delay      time.Duration
	properties packets.Properties
}

// lastWill publishes the will of a client that left without DISCONNECT, the way
// of every other message: through the Sink.
//
// When the hub itself goes down, devices have not died: no will is published.
func (s *session) lastWill() {
	if s.will == nil || s.graceful || s.b.stopping.Load() {
		return
	}
	if s.will.delay == 0 {
		s.publishWill()
		return
	}
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	s.b.wills[s.key] = time.AfterFunc(s.will.delay, func() {
		s.b.mu.Lock()
		_, due := s.b.wills[s.key] // the client may have come back just now
		delete(s.b.wills, s.key)
		s.b.mu.Unlock()
		if due {
			s.publishWill()
		}
	})
}

func (s *session) publishWill() {
	w := s.will
	channel, ok := s.rights.publish(w.topic)
	if !ok {
		return // checked at the login
	}
	pk := publication(w.topic, w.payload, w.qos, w.retain)
	pk.Properties = w.properties
	s.publish(pk, channel, true)
}

// forgetWills ends the waiting of wills at the end of the broker.
func (b *Broker) forgetWills() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for key, t := range b.wills {
		t.Stop()
		delete(b.wills, key)
	}
}
