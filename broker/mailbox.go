package broker

import (
	"bytes"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// letter is one message on its way to one client.
type letter struct {
	pk       *packets.Packet // shared by all who get it, never changed
	seq      uint64          // of the journal; 0: not journaled
	id       uint16          // given when it is first sent
	qos      byte
	retain   bool
	tried    bool // has been sent before: DUP
	released bool // QoS 2: PUBREC has come, PUBREL is due
	subs     []int
}

// memory is a client's session (MQTT 5, 4.1): its subscriptions, what it has not
// acknowledged and what it has not released. It outlives connections. Messages
// go into it whether or not, and over whichever connection, the client is there,
// so none is lost when the connection changes.
type memory struct {
	key    string
	limits mailLimits

	mu      sync.Mutex
	s       *session  // the connection; nil: away
	left    time.Time // since when away
	keep    time.Duration
	got     map[uint16]*exchange // QoS 2 messages that PUBREL has not ended
	subs    map[string]packets.Subscription
	letters []*letter // QoS 1 and 2, in the order of their sending
	sent    int       // letters[:sent] are on the way
	byID    map[uint16]*letter
	lastID  uint16
	window  int // the client's Receive Maximum

	journaled *place // a program's place in the journal; nil: none is kept
}

// mailLimits bound what may wait for one client.
type mailLimits struct{ letters, window int }

// put adds a message; pk is shared. It reports false when it had to be dropped.
func (m *memory) put(pk *packets.Packet, seq uint64, sub packets.Subscription, retained bool) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.journaled != nil && seq > 0 && !m.journaled.take(seq) {
		return true // it has it, or will be given it in its turn
	}
	return m.add(pk, seq, sub, retained)
}

func (m *memory) add(pk *packets.Packet, seq uint64, sub packets.Subscription, retained bool) bool {
	l := &letter{pk: pk, seq: seq, qos: min(pk.FixedHeader.Qos, sub.Qos)}
	// A retained message is one for a new subscriber only, unless it asks to
	// know (MQTT 5, 3.3.1.3; 3.1.1 has no way to).
	l.retain = pk.FixedHeader.Retain && (retained || sub.RetainAsPublished)
	l.subs = identifiers(sub)
	if l.qos == 0 {
		if m.s == nil {
			return true // nothing is kept for who is away
		}
		return m.s.write(l)
	}
	if m.s == nil && m.keep == 0 {
		return true
	}
	if len(m.letters) >= m.limits.letters && !retained {
		if m.s != nil {
			m.s.kickSoon(packets.ErrQuotaExceeded) // it must know that it has missed something
		}
		if m.journaled != nil {
			m.journaled.missed(seq) // it will get the rest from there
		}
		return false
	}
	m.letters = append(m.letters, l)
	m.push()
	return true
}

func identifiers(sub packets.Subscription) (all []int) {
	if sub.Identifiers == nil && sub.Identifier > 0 {
		return []int{sub.Identifier}
	}
	for _, id := range sub.Identifiers {
		if id > 0 {
			all = append(all, id)
		}
	}
	return all
}

// push sends what the window allows, in order.
func (m *memory) push() {
	now := time.Now().Unix()
	for m.s != nil && m.sent < len(m.letters) && m.sent < m.window {
		l := m.letters[m.sent]
		if l.late(now) {
			m.forget(m.sent)
			continue
		}
		if l.id == 0 {
			m.number(l)
		}
		if l.released {
			m.s.conn.out.ack(packets.Pubrel, l.id, 0)
		} else if !m.s.write(l) {
			m.forget(m.sent) // too large for this client (MQTT 5, 3.1.2-25)
			continue
		}
		l.tried = true
		m.sent++
	}
}

// late reports whether a message must not be sent any more (MQTT 5, 3.3.2-5).
func (l *letter) late(now int64) bool { return l.pk.Expiry > 0 && l.pk.Expiry <= now && !l.released }

// number gives a letter an identifier that no other uses (2.2.1-4).
func (m *memory) number(l *letter) {
	if m.byID == nil {
		m.byID = map[uint16]*letter{}
	}
	for {
		m.lastID++
		if m.lastID != 0 && m.byID[m.lastID] == nil {
			break
		}
	}
	l.id = m.lastID
	m.byID[l.id] = l
}

func (m *memory) forget(i int) {
	l := m.letters[i]
	copy(m.letters[i:], m.letters[i+1:])
	m.letters[len(m.letters)-1] = nil
	m.letters = m.letters[:len(m.letters)-1]
	if i < m.sent {
		m.sent--
	}
	if l.id != 0 {
		delete(m.byID, l.id)
	}
	if len(m.letters) == 0 {
		m.letters, m.byID = nil, nil
	}
}

// acknowledged handles PUBACK, PUBREC and PUBCOMP.
func (m *memory) acknowledged(kind byte, id uint16, failed bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.byID[id]
	if kind == packets.Pubrec && !failed {
		reason := byte(0)
		if l != nil && l.qos == 2 {
			l.released = true
		} else if m.s != nil && m.s.conn.version == 5 {
			reason = packets.ErrPacketIdentifierNotFound.Code
		}
		if m.s != nil {
			m.s.conn.out.ack(packets.Pubrel, id, reason)
		}
		return
	}
	if l == nil || (kind == packets.Puback) != (l.qos == 1) || kind == packets.Pubcomp && !l.released {
		return // not ours to end
	}
	for i, x := range m.letters[:m.sent] {
		if x == l {
			m.forget(i)
			break
		}
	}
	if m.journaled != nil {
		m.journaled.room()
	}
	m.push()
}

// attach gives the session its connection and sends again what was under way, in
// the order of its first sending (4.6).
func (m *memory) attach(s *session, window int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.s, m.window, m.sent, m.left = s, min(window, m.limits.window), 0, time.Time{}
	m.push()
}

// detach is the end of a connection.
func (m *memory) detach(s *session) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.s == s {
		m.s, m.left, m.sent = nil, time.Now(), 0
	}
}

// expired reports whether nobody has come back for too long.
func (m *memory) expired(now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.s == nil && !m.left.IsZero() && now.Sub(m.left) >= m.keep
}

func (m *memory) connected() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.s != nil
}

// write encodes a PUBLISH for this client. It reports false for one that the
// client does not want for its size.
func (s *session) write(l *letter) bool {
	pk := packets.Packet{TopicName: l.pk.TopicName, Payload: l.pk.Payload, PacketID: l.id, ProtocolVersion: s.conn.version}
	pk.FixedHeader = packets.FixedHeader{Type: packets.Publish, Qos: l.qos, Retain: l.retain, Dup: l.tried}
	if s.conn.version == 5 {
		pk.Properties = l.pk.Properties
		pk.Properties.SubscriptionIdentifier = l.subs
		pk.Mods.AllowResponseInfo = true
		if l.pk.Expiry > 0 {
			pk.Properties.MessageExpiryInterval = uint32(max(1, l.pk.Expiry-time.Now().Unix())) //nolint:gosec // what is left of a 32-bit number
		}
	}
	var buf bytes.Buffer
	if pk.PublishEncode(&buf) != nil || s.maxPacket > 0 && buf.Len() > s.maxPacket {
		s.b.metrics.lost.WithLabelValues("size").Inc()
		return false
	}
	_ = s.conn.out.write(buf.Bytes()) // fails when the connection ends, and then it is sent again
	return true
}

// pick chooses the member of a group that gets a message: one that is there,
// else any (MQTT 5, 4.8.2).
func (b *Broker) pick(group map[string]packets.Subscription) (*memory, packets.Subscription) {
	var here, away []*memory
	for key := range group {
		m := b.known(key)
		switch {
		case m == nil:
		case m.connected():
			here = append(here, m)
		default:
			away = append(away, m)
		}
	}
	if len(here) == 0 {
		here = away
	}
	if len(here) == 0 {
		return nil, packets.Subscription{}
	}
	m := here[rand.IntN(len(here))] //nolint:gosec // any will do
	return m, group[m.key]
}
