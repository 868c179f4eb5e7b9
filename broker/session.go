package broker

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
	"golang.org/x/time/rate"

	"dongyue/internal/event"
)

// Reason codes of DISCONNECT.
var (
	codeDropped  = packets.ErrAdministrativeAction
	codeTaken    = packets.ErrSessionTakenOver
	codeShutdown = packets.ErrServerShuttingDown
	codeFlood    = packets.ErrMessageRateTooHigh
	codeStorage  = packets.ErrImplementationSpecificError
)

// session is one connection of a client that has logged in, from then until
// everything about it has ended.
type session struct {
	b      *Broker
	conn   *conn
	id     Identity
	rights rights
	key    string // the client's name in the embedded server
	remote string
	memory *memory
	acks   acks
	will   *will

	maxPacket   int           // what the client takes, in bytes; 0: anything
	present     bool          // the session is older than the connection
	established atomic.Bool   // CONNACK has been sent
	kicked      chan struct{} // closed when the hub ends the connection
	kickOnce    sync.Once
	why         atomic.Pointer[packets.Code] // of the kick
	gone        chan struct{}                // closed at the very end

	// Reading goroutine only.
	aliases  map[uint16]string
	graceful bool // has said DISCONNECT
	packets  *rate.Limiter
	bytes    *rate.Limiter
	strikes  window
	floods   window
	tell     *rate.Limiter
	cause    error
}

func newSession(b *Broker, c *conn, id Identity, key string) *session {
	l := b.limits
	s := &session{
		b: b, conn: c, id: id, rights: rightsOf(id, b.opts.OpenTopics), key: key, remote: c.RemoteAddr().String(),
		kicked: make(chan struct{}), gone: make(chan struct{}),
		packets: rate.NewLimiter(rate.Limit(l.Packets), l.PacketBurst),
		bytes:   rate.NewLimiter(rate.Limit(l.Bytes), max(int(l.Bytes), maxPublish)),
		tell:    rate.NewLimiter(1, 5),
	}
	s.acks.init()
	return s
}

// guest reports whether the client has shown no name; it may use open topics only
// and nobody hears of it.
func (s *session) guest() bool { return s.id.ID == "" }

// goodbye tells an MQTT 5 client why the connection ends; it does not end it.
func (s *session) goodbye(code packets.Code) {
	if s.established.Load() && s.conn.version == 5 {
		_, _ = s.conn.Write([]byte{packets.Disconnect << 4, 2, code.Code, 0})
	}
}

// kick ends the connection from any goroutine.
func (s *session) kick(code packets.Code) {
	s.kickOnce.Do(func() {
		s.why.Store(&code)
		s.goodbye(code)
		close(s.kicked)
		s.acks.close()
		s.conn.out.close()
	})
}

// kickSoon is kick for those who hold a lock of the session.
func (s *session) kickSoon(code packets.Code) { s.b.wg.Go(func() { s.kick(code) }) }

// ended notes why the connection has ended: the hub's own reason, if it was the
// hub that wanted it.
func (s *session) ended(err error) {
	if s.cause = err; s.why.Load() != nil {
		s.cause = *s.why.Load()
	}
}

// claim makes the session the only one of its client: the connection before it
// is ended, and has ended entirely (will, observer, bookkeeping), before this
// returns. It reports false when that takes too long.
func (s *session) claim(clean bool, patience time.Duration) bool {
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for {
		s.b.mu.Lock()
		old := s.b.live[s.key]
		if old == nil {
			s.b.live[s.key] = s
			if t := s.b.wills[s.key]; t != nil {
				t.Stop()
				delete(s.b.wills, s.key)
			}
			s.b.mu.Unlock()
			break
		}
		s.b.mu.Unlock()
		old.kick(codeTaken)
		select {
		case <-old.gone:
		case <-limit.C:
			return false
		}
	}
	if m := s.b.known(s.key); m != nil && (clean || m.expired(time.Now())) {
		m.end(s.b)
	}
	s.present = s.b.known(s.key) != nil
	s.memory = s.b.memoryOf(s.key)
	return true
}

// known is the session of a client, nil for none.
func (b *Broker) known(key string) *memory {
	if m, ok := b.memory.Load(key); ok {
		return m.(*memory)
	}
	return nil
}

func (b *Broker) memoryOf(key string) *memory {
	if m := b.known(key); m != nil {
		return m
	}
	limits := mailLimits{letters: maxLetters, window: maxWindow}
	if wideKey(key) {
		limits.letters = maxProgram
	}
	m, _ := b.memory.LoadOrStore(key, &memory{key: key, limits: limits})
	return m.(*memory)
}

// leave is the last that happens to a session.
func (s *session) leave() {
	s.acks.close()
	if m := s.memory; m != nil {
		m.detach(s)
		s.b.away(m)
	}
	if s.established.Load() {
		s.established.Store(false)
		s.lastWill()
		err := s.cause
		if s.graceful {
			err = nil
		}
		if !s.guest() {
			s.b.opts.Observer.Disconnected(s.id, err)
		}
	}
	if m := s.memory; m != nil && m.expired(time.Now()) { // the session ends with the connection
		m.end(s.b)
	}
	s.b.mu.Lock()
	if s.b.live[s.key] == s {
		delete(s.b.live, s.key)
	}
	s.b.mu.Unlock()
	close(s.gone)
}

// refused counts and reports what was not allowed.
func (s *session) refused(topic, reason string) {
	s.b.metrics.refused.WithLabelValues(reason).Inc()
	if s.tell.Allow() {
		s.b.opts.Observer.Refused(s.id.ID, s.remote, topic, reason)
	}
}

// strike counts a forbidden topic; one too many and the client is quarantined.
func (s *session) strike(topic, reason string) {
	s.refused(topic, reason)
	if s.strikes.add(time.Now()) >= s.b.limits.Strikes {
		s.quarantine(packets.ErrNotAuthorized)
	}
}

// quarantine closes the connection and keeps the client out for a while.
func (s *session) quarantine(code packets.Code) {
	s.b.mu.Lock()
	_, already := s.b.banned[s.id.ID]
	s.b.banned[s.id.ID] = time.Now().Add(s.b.limits.Quarantine)
	s.b.mu.Unlock()
	if !already {
		s.b.metrics.refused.WithLabelValues(ReasonQuarantine).Inc()
		s.b.log.Warn("client quarantined", "client", s.id.ID, "remote", s.remote, "for", s.b.limits.Quarantine)
		s.b.opts.Observer.Refused(s.id.ID, s.remote, "", ReasonQuarantine)
	}
	s.kick(code)
}

// quarantined reports whether an identity is kept out.
func (b *Broker) quarantined(id string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	until, ok := b.banned[id]
	if ok && time.Now().After(until) {
		delete(b.banned, id)
		ok = false
	}
	return ok
}

// window counts what happened within a minute, roughly.
type window struct {
	begin time.Time
	n     int
}

func (w *window) add(now time.Time) int {
	if now.Sub(w.begin) > time.Minute {
		w.begin, w.n = now, 0
	}
	w.n++
	return w.n
}

// pace slows a client down that sends more than it may, and reports false for a
// message that is dropped instead: QoS 0 can't be told to come later.
func (s *session) pace(head byte, size int) bool {
	now := time.Now()
	lossy := head>>4 == packets.Publish && head&6 == 0
	if lossy {
		if s.packets.AllowN(now, 1) && s.bytes.AllowN(now, size) {
			return true
		}
		s.b.metrics.lost.WithLabelValues("rate").Inc()
		if s.floods.add(now) >= s.b.limits.Floods {
			s.refused("", ReasonRate)
			s.quarantine(codeFlood)
		}
		return false
	}
	wait := max(s.packets.ReserveN(now, 1).DelayFrom(now), s.bytes.ReserveN(now, size).DelayFrom(now))
	if wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		select {
		case <-t.C:
		case <-s.kicked:
		}
	}
	return true
}

// durable reports whether a message goes to the disk: all but QoS 0 telemetry.
func durable(c event.Channel, qos byte) bool { return qos > 0 || c != event.Telemetry }
