package broker

import (
	"context"
	"sync"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// History is the journal of what the Sink has stored. With it, the sessions of
// programs that asked to be kept lose nothing: what comes while they are away, or
// while the hub is, they get from here.
type History interface {
	// Last is the number of the newest message, 0 for none.
	Last() uint64
	// Read returns messages behind a number, in order, at most limit, and the
	// number of the last one that was looked at; some may be none of MQTT's.
	Read(ctx context.Context, after uint64, limit int) (ms []Message, last uint64, err error)
}

// Session is what is kept on disk of a program's session.
type Session struct {
	Client        string // its name in the broker
	Subscriptions []Subscription
	Acknowledged  uint64        // all journaled messages up to here are
	Keep          time.Duration // how long it lives without a connection
	Left          time.Time     // since when it has none; zero: it had one
}

// Subscription is one of a Session.
type Subscription struct {
	Filter                     string
	QoS, RetainHandling        byte
	NoLocal, RetainAsPublished bool
	Identifier                 int
}

// Store keeps Sessions over restarts.
type Store interface {
	Sessions(ctx context.Context) ([]Session, error)
	Keep(ctx context.Context, all []Session) error
	Forget(ctx context.Context, client string) error
}

const (
	catchUpBatch = 256             // messages read from the journal at a time
	ringSize     = 4096            // messages that may be between the journal and the subscribers, and some more
	keepEvery    = time.Second     // how often places are written down
	storeTime    = 5 * time.Second // how long that may take
)

// place is where a session stands in the journal. memory.mu guards it.
type place struct {
	from   uint64           // all up to here has been put into the session
	behind bool             // what comes is left to catchUp
	ring   [ringSize]uint64 // what has been put into it of late
	free   chan struct{}    // has a value when letters have been acknowledged
	dirty  bool             // subscriptions or life time have changed
	wrote  uint64           // what the store knows
}

func newPlace(from uint64) *place {
	return &place{from: from, free: make(chan struct{}, 1), dirty: true}
}

// take reports whether a message is new to the session, and notes it.
func (p *place) take(seq uint64) bool {
	if p.behind || p.has(seq) {
		return false
	}
	p.ring[seq%ringSize] = seq
	return true
}

func (p *place) has(seq uint64) bool { return seq <= p.from || p.ring[seq%ringSize] == seq }

// missed notes that a message could not be put into the session.
func (p *place) missed(seq uint64) {
	if p.behind || seq == 0 {
		return
	}
	p.behind, p.from = true, seq-1
	p.ring = [ringSize]uint64{}
}

func (p *place) room() {
	select {
	case p.free <- struct{}{}:
	default:
	}
}

// transit are stored messages on their way to the subscribers.
type transit struct {
	mu      sync.Mutex
	on      bool // somebody keeps a place
	under   map[uint64]struct{}
	highest uint64
}

func (t *transit) begin(seq uint64) {
	if seq == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.on {
		t.under[seq] = struct{}{}
		t.highest = max(t.highest, seq)
	}
}

func (t *transit) end(seq uint64) {
	if seq == 0 {
		return
	}
	t.mu.Lock()
	delete(t.under, seq)
	t.mu.Unlock()
}

// mark is a number up to which everything has reached the subscribers.
func (t *transit) mark() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	low := t.highest
	for seq := range t.under {
		low = min(low, seq-1)
	}
	return low
}

func (t *transit) watch(last uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.on {
		t.on, t.under, t.highest = true, map[uint64]struct{}{}, last
	}
}

// places reports whether sessions of programs are kept.
func (b *Broker) places() bool { return b.opts.History != nil && b.opts.Store != nil }

// step makes a session that stays keep its place in the journal, from now on.
func (b *Broker) step(m *memory) {
	if !b.places() || !wideKey(m.key) || m.keep == 0 {
		return
	}
	b.transit.watch(b.opts.History.Last())
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.journaled == nil {
		m.journaled = newPlace(b.opts.History.Last())
	}
	m.journaled.dirty = true
}

// away leaves what comes to the journal.
func (b *Broker) away(m *memory) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.journaled
	if p == nil {
		return
	}
	if p.dirty = true; !p.behind {
		// What is on its way just now may be in the session already; the ring knows.
		p.behind, p.from = true, max(p.from, b.transit.mark())
	}
}

// catchUp gives a session from the journal what it has missed, as fast as the
// client acknowledges, and ends when what comes next comes by itself.
func (b *Broker) catchUp(s *session) {
	m := s.memory
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for {
		m.mu.Lock()
		p, full, there := m.journaled, len(m.letters) > catchUpBatch, m.s == s
		behind := p != nil && p.behind
		m.mu.Unlock()
		if !behind || !there {
			return
		}
		if full {
			select {
			case <-p.free:
			case <-s.kicked:
				return
			case <-s.gone:
				return
			}
			continue
		}
		done, err := b.catch(ctx, s, p)
		if err != nil {
			b.log.Error("session does not catch up", "client", s.id.ID, "err", err)
			s.kick(packets.ErrServerUnavailable) // it comes again
			return
		}
		if done {
			return
		}
	}
}

// catch reads one batch. A short one may be the end of the journal: it is read
// again with the session locked, which then has all that was ever put past it.
func (b *Broker) catch(ctx context.Context, s *session, p *place) (done bool, err error) {
	m := s.memory
	m.mu.Lock()
	from := p.from
	m.mu.Unlock()
	ms, last, err := b.opts.History.Read(ctx, from, catchUpBatch)
	if err != nil {
		return false, err
	}
	short := last < from+catchUpBatch/2
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.s != s || p.from != from {
		return m.s != s, nil
	}
	if short {
		if ms, last, err = b.opts.History.Read(ctx, from, catchUpBatch); err != nil {
			return false, err
		}
	}
	for i := range ms {
		b.caught(s, p, &ms[i])
	}
	if last > from {
		p.from = last
	}
	if short && last < from+catchUpBatch/2 {
		p.behind = false
		return true, nil
	}
	return false, nil
}

// caught puts a message of the journal into a session; memory.mu is held.
func (b *Broker) caught(s *session, p *place, x *Message) {
	m := s.memory
	if p.has(x.Seq) || !s.rights.read(x.Topic) {
		return
	}
	if sub, ok := matching(m.subs, x.Topic); ok {
		pk := publication(x.Topic, x.Payload, x.QoS, false)
		m.add(&pk, x.Seq, sub, true) // the batch is its own limit
	}
	p.ring[x.Seq%ringSize] = x.Seq
}

// matching merges the subscriptions that a topic matches.
func matching(subs map[string]packets.Subscription, topic string) (sub packets.Subscription, ok bool) {
	for f, x := range subs {
		if !matches(f, topic) { // a shared one is nobody's own
			continue
		}
		if !ok {
			sub, ok = x, true
			continue
		}
		sub = sub.Merge(x)
	}
	return sub, ok
}

// acknowledgedUpTo is what may be forgotten of a session; memory.mu is held.
func (b *Broker) acknowledgedUpTo(m *memory) uint64 {
	p := m.journaled
	low := p.from
	if !p.behind {
		low = max(low, b.transit.mark())
	}
	for _, l := range m.letters {
		if l.seq > 0 {
			low = min(low, l.seq-1)
		}
	}
	return low
}

// writePlaces writes down what has changed.
func (b *Broker) writePlaces() {
	if !b.places() {
		return
	}
	var all []Session
	b.memory.Range(func(_, v any) bool {
		if x, changed := b.place(v.(*memory)); changed {
			all = append(all, x)
		}
		return true
	})
	if len(all) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), storeTime)
	defer cancel()
	if err := b.opts.Store.Keep(ctx, all); err != nil {
		b.log.Error("sessions not kept", "err", err)
	}
}

func (b *Broker) place(m *memory) (x Session, changed bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.journaled
	if p == nil {
		return x, false
	}
	x = Session{Client: m.key, Acknowledged: b.acknowledgedUpTo(m), Keep: m.keep, Left: m.left}
	if x.Acknowledged == p.wrote && !p.dirty {
		return x, false
	}
	for f, sub := range m.subs {
		x.Subscriptions = append(x.Subscriptions, Subscription{
			Filter: f, QoS: sub.Qos, RetainHandling: sub.RetainHandling, NoLocal: sub.NoLocal, RetainAsPublished: sub.RetainAsPublished, Identifier: sub.Identifier,
		})
	}
	p.wrote, p.dirty = x.Acknowledged, false
	return x, true
}

// kept has a change of the subscriptions written down before it is confirmed.
func (s *session) kept() {
	m := s.memory
	m.mu.Lock()
	p := m.journaled
	if p != nil {
		p.dirty = true
	}
	m.mu.Unlock()
	if p == nil {
		return
	}
	x, _ := s.b.place(m)
	ctx, cancel := context.WithTimeout(context.Background(), storeTime)
	defer cancel()
	if err := s.b.opts.Store.Keep(ctx, []Session{x}); err != nil {
		s.b.log.Error("session not kept", "client", s.id.ID, "err", err)
	}
}

func (b *Broker) forgetPlace(m *memory) {
	m.mu.Lock()
	p := m.journaled
	m.journaled = nil
	m.mu.Unlock()
	if p == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), storeTime)
	defer cancel()
	if err := b.opts.Store.Forget(ctx, m.key); err != nil {
		b.log.Error("session not forgotten", "client", m.key, "err", err)
	}
}

// loadPlaces brings sessions back after a start.
func (b *Broker) loadPlaces() error {
	if !b.places() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), storeTime)
	defer cancel()
	all, err := b.opts.Store.Sessions(ctx)
	if err != nil {
		return err
	}
	for _, x := range all {
		if x.Left.IsZero() {
			x.Left = time.Now() // the hub left, not the client
		}
		m := b.memoryOf(x.Client)
		m.keep, m.left, m.subs = x.Keep, x.Left, map[string]packets.Subscription{}
		m.journaled = newPlace(min(x.Acknowledged, b.opts.History.Last()))
		m.journaled.behind, m.journaled.dirty, m.journaled.wrote = true, false, x.Acknowledged
		if m.expired(time.Now()) {
			m.end(b)
			continue
		}
		for _, f := range x.Subscriptions {
			sub := packets.Subscription{
				Filter: f.Filter, Qos: f.QoS, RetainHandling: f.RetainHandling, NoLocal: f.NoLocal, RetainAsPublished: f.RetainAsPublished, Identifier: f.Identifier,
			}
			m.subs[f.Filter] = sub
			b.topics.Subscribe(x.Client, sub)
			b.audience.Add(1)
		}
		b.transit.watch(b.opts.History.Last())
	}
	return nil
}
