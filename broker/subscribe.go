package broker

import (
	"bytes"
	"strings"

	"github.com/mochi-mqtt/server/v2/packets"
)

// share is the first level of a shared subscription's filter (MQTT 5, 4.8.2).
const share = "$share/"

// unshared is the filter that a shared subscription stands for.
func unshared(filter string) (inner string, shared, ok bool) {
	rest, shared := strings.CutPrefix(filter, share)
	if !shared {
		return filter, false, true
	}
	group, inner, ok := strings.Cut(rest, "/")
	return inner, true, ok && group != "" && inner != "" && !strings.ContainsAny(group, "+#")
}

// validFilter checks where wildcards stand (4.7.1).
func validFilter(filter string) bool {
	for rest, more := filter, true; more; {
		var level string
		level, rest, more = strings.Cut(rest, "/")
		if level == "#" && more || len(level) > 1 && strings.ContainsAny(level, "+#") {
			return false
		}
	}
	return filter != ""
}

// subscribe handles SUBSCRIBE.
func (s *session) subscribe(body []byte) error {
	pk := packets.Packet{ProtocolVersion: s.conn.version, FixedHeader: packets.FixedHeader{Type: packets.Subscribe, Qos: 1}}
	if err := pk.SubscribeDecode(bytes.Clone(body)); err != nil {
		return malformed()
	}
	if code := pk.SubscribeValidate(); code != packets.CodeSuccess {
		return fault{code}
	}
	ack := packets.Packet{ProtocolVersion: s.conn.version, FixedHeader: packets.FixedHeader{Type: packets.Suback}, PacketID: pk.PacketID}
	fresh := make([]bool, len(pk.Filters))
	for i, sub := range pk.Filters {
		code := s.mayRead(sub)
		if code < 0x80 {
			fresh[i] = s.remember(sub)
			code = sub.Qos
		} else if s.conn.version < 5 {
			code = 0x80
		}
		ack.ReasonCodes = append(ack.ReasonCodes, code)
	}
	s.kept()
	var buf bytes.Buffer
	if err := ack.SubackEncode(&buf); err != nil {
		return err
	}
	s.index(&pk, ack.ReasonCodes, fresh, buf.Bytes())
	if o, ok := s.b.opts.Observer.(SubscriptionObserver); ok && !s.guest() {
		for i, sub := range pk.Filters {
			if ack.ReasonCodes[i] < 0x80 {
				o.Subscribed(s.id, sub.Filter)
			}
		}
	}
	return nil
}

func (s *session) mayRead(sub packets.Subscription) (code byte) {
	inner, shared, ok := unshared(sub.Filter)
	switch {
	case !ok || !validFilter(inner):
		return packets.ErrTopicFilterInvalid.Code
	case shared && sub.NoLocal:
		s.kickSoon(packets.ErrProtocolViolation) // 3.8.3-4
		return packets.ErrProtocolViolation.Code
	case !s.rights.read(inner) || shared && !s.rights.mayShare(inner):
		s.strike(sub.Filter, ReasonSubscription)
		return packets.ErrNotAuthorized.Code
	}
	return sub.Qos
}

// remember notes a subscription that was granted; fresh: it is a new one.
func (s *session) remember(sub packets.Subscription) (fresh bool) {
	m := s.memory
	m.mu.Lock()
	if m.subs == nil {
		m.subs = map[string]packets.Subscription{}
	}
	_, known := m.subs[sub.Filter]
	m.subs[sub.Filter] = sub
	m.mu.Unlock()
	return !known
}

// index lets messages reach what was granted, after SUBACK and what is retained; none that
// was acknowledged before is new to it.
func (s *session) index(pk *packets.Packet, codes []byte, fresh []bool, suback []byte) {
	s.b.caughtUp()
	s.b.greeting.RLock()
	defer s.b.greeting.RUnlock()
	for i, sub := range pk.Filters {
		if codes[i] >= 0x80 {
			continue
		}
		if fresh[i] && s.rights.wide() {
			s.b.audience.Add(1)
		}
		s.b.topics.Subscribe(s.key, sub)
	}
	_ = s.conn.out.write(suback)
	for i, sub := range pk.Filters {
		if codes[i] < 0x80 && (sub.RetainHandling == 0 || sub.RetainHandling == 1 && fresh[i]) {
			s.greet(sub)
		}
	}
}

// greet sends what is retained (3.3.1-9). A shared subscription gets nothing.
func (s *session) greet(sub packets.Subscription) {
	if _, shared, _ := unshared(sub.Filter); shared {
		return
	}
	for _, pk := range s.b.topics.Messages(sub.Filter) {
		if s.rights.read(pk.TopicName) && !expired(&pk) {
			s.memory.put(&pk, 0, sub, true)
		}
	}
}

// unsubscribe handles UNSUBSCRIBE.
func (s *session) unsubscribe(body []byte) error {
	pk := packets.Packet{ProtocolVersion: s.conn.version, FixedHeader: packets.FixedHeader{Type: packets.Unsubscribe, Qos: 1}}
	if err := pk.UnsubscribeDecode(bytes.Clone(body)); err != nil {
		return malformed()
	}
	ack := packets.Packet{ProtocolVersion: s.conn.version, FixedHeader: packets.FixedHeader{Type: packets.Unsuback}, PacketID: pk.PacketID}
	for _, sub := range pk.Filters {
		code := packets.CodeSuccess.Code
		if !s.memory.remove(s.b, sub.Filter) {
			code = packets.CodeNoSubscriptionExisted.Code
		}
		ack.ReasonCodes = append(ack.ReasonCodes, code)
	}
	s.kept()
	var buf bytes.Buffer
	if err := ack.UnsubackEncode(&buf); err != nil {
		return err
	}
	_ = s.conn.out.write(buf.Bytes())
	return nil
}

func (m *memory) remove(b *Broker, filter string) bool {
	m.mu.Lock()
	_, known := m.subs[filter]
	delete(m.subs, filter)
	m.mu.Unlock()
	if known {
		b.topics.Unsubscribe(filter, m.key)
		if wideKey(m.key) {
			b.audience.Add(-1)
		}
	}
	return known
}

// end forgets a session and its subscriptions.
func (m *memory) end(b *Broker) {
	m.mu.Lock()
	var filters []string
	for f := range m.subs {
		filters = append(filters, f)
	}
	m.letters, m.byID, m.sent, m.got, m.keep = nil, nil, 0, nil, 0
	m.mu.Unlock()
	for _, f := range filters {
		m.remove(b, f)
	}
	b.memory.CompareAndDelete(m.key, m)
	b.forgetPlace(m)
}
