package broker

import (
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
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
	cl     *mqtt.Client
	id     Identity
	rights rights
	key    string // the client's name in the embedded server
	remote string
	memory *memory
	acks   acks
	will   mqtt.Will

	established atomic.Bool   // CONNACK has been sent
	kicked      chan struct{} // closed when the hub ends the connection
	kickOnce    sync.Once
	gone        chan struct{} // closed at the very end

	// Reading goroutine only.
	aliases  map[uint16]string
	sub      uint16 // packet identifier of the SUBSCRIBE or UNSUBSCRIBE under way
	moving   bool   // holds Broker.takeover
	graceful bool   // has said DISCONNECT
	expire   bool   // the session ends with the connection
	packets  *rate.Limiter
	bytes    *rate.Limiter
	strikes  window
	floods   window
	tell     *rate.Limiter
	cause    error
}

func newSession(b *Broker, c *conn, cl *mqtt.Client, id Identity, key string) *session {
	l := b.limits
	s := &session{
		b: b, conn: c, cl: cl, id: id, rights: rightsOf(id), key: key, remote: c.RemoteAddr().String(),
		kicked: make(chan struct{}), gone: make(chan struct{}), aliases: map[uint16]string{},
		packets: rate.NewLimiter(rate.Limit(l.Packets), l.PacketBurst),
		bytes:   rate.NewLimiter(rate.Limit(l.Bytes), max(int(l.Bytes), maxPublish)),
		tell:    rate.NewLimiter(1, 5),
	}
	s.acks.init()
	return s
}

// memory is what outlives a connection, for as long as the session lives.
type memory struct {
	mu    sync.Mutex
	order int64                // of messages to the client
	got   map[uint16]*exchange // QoS 2 messages that PUBREL has not ended
}

// goodbye tells an MQTT 5 client why the connection ends; it does not end it.
func (s *session) goodbye(code packets.Code) {
	if s.established.Load() && s.conn.version == 5 {
		_, _ = s.conn.Write([]byte{packets.Disconnect << 4, 2, code.Code, 0})
	}
}

// kick ends the connection from any goroutine.
func (s *session) kick(code packets.Code) {
	s.kickOnce.Do(func() {
		s.goodbye(code)
		close(s.kicked)
		s.acks.close()
		s.cl.Stop(code)
		s.conn.out.close()
	})
}

// ended notes why the embedded server has ended the connection: the hub's own
// reason, if it was the hub that wanted it.
func (s *session) ended(err error) {
	if s.cause = s.cl.StopCause(); s.cause == nil {
		s.cause = err
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
	if clean {
		s.b.memory.Delete(s.key)
	}
	s.memory = s.b.memoryOf(s.key)
	return true
}

func (b *Broker) memoryOf(key string) *memory {
	if m, ok := b.memory.Load(key); ok {
		return m.(*memory)
	}
	m, _ := b.memory.LoadOrStore(key, &memory{got: map[uint16]*exchange{}})
	return m.(*memory)
}

// arrived releases what waited for the session to be in place.
func (s *session) arrived() {
	if s.moving {
		s.moving = false
		s.b.takeover.Unlock()
	}
}

// leave is the last that happens to a session.
func (s *session) leave() {
	s.arrived()
	s.acks.close()
	if s.established.Load() {
		s.established.Store(false)
		s.lastWill()
		err := s.cause
		if s.graceful {
			err = nil
		}
		s.b.opts.Observer.Disconnected(s.id, err)
	}
	if s.expire {
		s.b.memory.Delete(s.key)
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
