package broker

import (
	"bytes"
	"errors"
	"strings"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"dongyue/internal/event"
)

// errForbidden settles a message that its sender may not publish.
var errForbidden = errors.New("topic is not the client's")

// take handles a PUBLISH or PUBREL that the guard has checked; the body is valid
// during the call only. An error ends the connection.
//
// The embedded server never sees these packets: it would acknowledge before
// anything is stored, and it keeps the packet identifiers of both directions in
// one map, so that a device's message could make it forget a command.
func (s *session) take(head byte, body []byte) error {
	if head>>4 == packets.Pubrel {
		s.released(uint16(body[0])<<8 | uint16(body[1]))
		return nil
	}
	pk := packets.Packet{ProtocolVersion: s.conn.version}
	pk.FixedHeader = packets.FixedHeader{Type: packets.Publish, Qos: head >> 1 & 3, Dup: head&8 != 0, Retain: head&1 != 0}
	if err := pk.PublishDecode(bytes.Clone(body)); err != nil {
		return malformed()
	}
	if code := pk.PublishValidate(aliases); code != packets.CodeSuccess {
		return fault{code}
	}
	if strings.ContainsAny(pk.Properties.ResponseTopic, "+#") {
		return fault{packets.ErrProtocolViolation} // 3.3.2-14
	}
	s.b.metrics.received[pk.FixedHeader.Qos].Inc()
	if pk.Properties.TopicAliasFlag {
		if s.aliases == nil {
			s.aliases = map[uint16]string{}
		}
		if pk.TopicName != "" {
			s.aliases[pk.Properties.TopicAlias] = pk.TopicName
		} else if pk.TopicName = s.aliases[pk.Properties.TopicAlias]; pk.TopicName == "" {
			return fault{packets.ErrTopicAliasInvalid}
		}
	}
	channel, ok := s.rights.publish(pk.TopicName)
	if !ok {
		s.forbidden(pk)
		return nil
	}
	s.publish(pk, channel, false)
	return nil
}

// forbidden answers a PUBLISH to a topic that is not the client's. MQTT 3.1.1 can
// only close, for an acknowledgement would say that all is well (3.3.5).
func (s *session) forbidden(pk packets.Packet) {
	s.strike(pk.TopicName, ReasonTopic)
	switch {
	case pk.FixedHeader.Qos == 0:
	case s.conn.version == 5:
		// Through the queue, so that it does not overtake an earlier one.
		sl := &slot{kind: ackKind(pk.FixedHeader.Qos), id: pk.PacketID}
		if s.acks.add(sl) {
			s.acks.settle(sl, errForbidden, s.settled)
		}
	default:
		s.kick(packets.ErrNotAuthorized)
	}
}

func ackKind(qos byte) byte {
	switch qos {
	case 1:
		return packets.Puback
	case 2:
		return packets.Pubrec
	}
	return 0
}

// publish hands a message to the Sink.
func (s *session) publish(pk packets.Packet, channel event.Channel, will bool) {
	qos := pk.FixedHeader.Qos
	if qos == 2 && !will && !s.begin(pk.PacketID) {
		return
	}
	m := Message{
		From: s.id, Topic: pk.TopicName, Payload: pk.Payload, QoS: qos, Will: will, ReceivedAt: time.Now(),
		// Whoever comes later must learn these two: they are retained whether or
		// not the device remembered to say so, and nothing else is.
		Retain: channel == event.Presence || channel == event.State || channel == open && pk.FixedHeader.Retain,
	}
	d := &delivery{pk: outgoing(m, pk.Properties), at: m.ReceivedAt, from: s.key}
	if channel == open && qos == 0 {
		s.b.offer(d)
		return
	}
	if !durable(channel, qos) {
		s.b.opts.Sink.Lossy(m)
		s.b.offer(d)
		return
	}
	sl := &slot{id: pk.PacketID, deliver: d}
	if will {
		s.acks.force(sl)
	} else {
		sl.kind = ackKind(qos)
		if !s.acks.add(sl) {
			if qos == 2 {
				s.memory.stored(pk.PacketID, false)
			}
			return // the connection ends; not stored, not acknowledged
		}
	}
	if channel == open {
		s.acks.settle(sl, nil, s.settled)
		return
	}
	s.b.opts.Sink.Durable(m, func(seq uint64, err error) {
		if err == nil {
			d.seq = seq
			s.b.transit.begin(seq)
		}
		s.acks.settle(sl, err, s.settled)
	})
}

// settled is the turn of one message.
func (s *session) settled(sl *slot) {
	if sl.deliver != nil {
		s.b.metrics.stored(time.Since(sl.deliver.at), sl.err)
	}
	to := s.conn
	if sl.kind == packets.Pubrec && sl.deliver != nil {
		if c := s.memory.stored(sl.id, sl.err == nil); c != nil {
			to = c
		}
	}
	switch {
	case sl.err == nil:
		s.b.deliver(sl.deliver) // before its acknowledgement: caughtUp counts on it
		if sl.kind != 0 {
			to.out.ack(sl.kind, sl.id, 0)
		}
	case sl.kind == 0:
	case sl.err == errForbidden: //nolint:errorlint // our own, never wrapped
		to.out.ack(sl.kind, sl.id, packets.ErrNotAuthorized.Code)
	case to.version == 5:
		to.out.ack(sl.kind, sl.id, codeStorage.Code)
	default:
		s.kick(codeStorage) // 3.1.1 can't say no; the device will come again
		to.out.close()
	}
}

// exchange is a QoS 2 message between its PUBLISH and its PUBREL.
type exchange struct {
	stored bool
	to     *conn // where the client was when it last asked
}

// begin notes a QoS 2 message (MQTT 5, 4.3.3). It reports false for one that has
// come before: when that is on disk it is confirmed again, else it will be.
func (s *session) begin(id uint16) bool {
	m := s.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	x := m.got[id]
	if x == nil {
		if m.got == nil {
			m.got = map[uint16]*exchange{}
		}
		m.got[id] = &exchange{to: s.conn}
		return true
	}
	x.to = s.conn
	if x.stored {
		s.conn.out.ack(packets.Pubrec, id, 0)
	}
	return false
}

// stored ends the waiting for the disk. It returns the connection to confirm to,
// which is a new one if the client has come back in the meantime.
func (m *memory) stored(id uint16, ok bool) *conn {
	m.mu.Lock()
	defer m.mu.Unlock()
	x := m.got[id]
	if x == nil {
		return nil
	}
	if x.stored = ok; !ok {
		delete(m.got, id)
	}
	return x.to
}

// released ends a QoS 2 exchange.
func (s *session) released(id uint16) {
	s.memory.mu.Lock()
	_, known := s.memory.got[id]
	delete(s.memory.got, id)
	s.memory.mu.Unlock()
	reason := byte(0)
	if !known && s.conn.version == 5 {
		reason = packets.ErrPacketIdentifierNotFound.Code
	}
	s.conn.out.ack(packets.Pubcomp, id, reason)
}
