package broadcast

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"slices"
	"sync"

	"dongyue/internal/web"
)

// microphones are the voices that are there to be put on the air. One that is open is
// heard nowhere until a broadcast names it.
type microphones struct {
	mu  sync.Mutex
	all map[string]*microphone
}

type microphone struct {
	id, owner string
	reply     func(packet []byte, samples uint32) // to who speaks; nil: he does not listen
	mu        sync.Mutex
	ears      map[*ear]bool
	closed    bool
}

// ear is one who listens to a microphone.
type ear struct {
	packets chan []byte // Opus; closed when the microphone is
}

// earBuffer holds a second of packets: one who is slower misses some.
const earBuffer = 50

func newMicrophones() *microphones { return &microphones{all: map[string]*microphone{}} }

// Microphone opens a voice of somebody and returns its id, where its packets of Opus go
// and how it ends; reply takes what is answered to it, and may be nil. Broadcasts that are
// on the air from it are stopped with it.
func (b *Broadcasts) Microphone(owner string, reply func(packet []byte, samples uint32)) (id string, packet func([]byte), closed func()) {
	var n [12]byte
	_, _ = rand.Read(n[:]) // never fails since Go 1.24
	m := &microphone{id: "mic-" + hex.EncodeToString(n[:]), owner: owner, reply: reply, ears: map[*ear]bool{}}
	b.mics.mu.Lock()
	b.mics.all[m.id] = m
	b.mics.mu.Unlock()
	return m.id, m.packet, func() {
		b.mics.mu.Lock()
		delete(b.mics.all, m.id)
		b.mics.mu.Unlock()
		m.close()
		b.micGone(m.id)
	}
}

// micGone stops what a microphone was heard in.
func (b *Broadcasts) micGone(id string) {
	ctx := context.Background()
	open, err := heads(ctx, b.db.Read(), `WHERE open = 1 AND live = ? AND stopped_at = 0`, id)
	if err != nil {
		return // the hub is stopping
	}
	for i := range open {
		if _, err := b.Stop(ctx, open[i].ID, "hub"); err != nil {
			b.log.Warn("broadcast: live voice was not stopped", "broadcast_id", open[i].ID, "err", err)
		}
	}
}

func (s *microphones) find(id string) *microphone {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[id]
}

// owned refuses a microphone that is not there, or somebody else's.
func (s *microphones) owned(id, actor string) error {
	if m := s.find(id); m == nil || m.owner != actor {
		return web.Fail(http.StatusUnprocessableEntity, "broadcast.no_microphone", "this microphone is not open: connect it with POST /whip/microphone first")
	}
	return nil
}

func (m *microphone) packet(b []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed || len(m.ears) == 0 {
		return
	}
	b = slices.Clone(b)
	for e := range m.ears {
		select {
		case e.packets <- b:
		default:
		}
	}
}

// listen begins to hear a microphone; nil when it is closed.
func (m *microphone) listen() *ear {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil
	}
	e := &ear{packets: make(chan []byte, earBuffer)}
	m.ears[e] = true
	return e
}

func (m *microphone) leave(e *ear) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ears[e] {
		delete(m.ears, e)
		close(e.packets)
	}
}

func (m *microphone) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	for e := range m.ears {
		delete(m.ears, e)
		close(e.packets)
	}
}
