package broker

import (
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// lastWill publishes the will of a client that left without DISCONNECT, the way
// of every other message: through the Sink. The embedded server never knows of
// wills; it would deliver them without storing.
//
// When the hub itself goes down, devices have not died: no will is published.
func (s *session) lastWill() {
	if s.will.Flag == 0 || s.graceful || s.b.stopping.Load() {
		return
	}
	delay := time.Duration(s.will.WillDelayInterval) * time.Second
	if delay == 0 {
		s.publishWill()
		return
	}
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	s.b.wills[s.key] = time.AfterFunc(delay, func() {
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
	channel, ok := s.rights.publish(w.TopicName)
	if !ok {
		return // checked at the login
	}
	pk := publication(w.TopicName, w.Payload, w.Qos, w.Retain)
	pk.Properties = packets.Properties{User: w.User}
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
