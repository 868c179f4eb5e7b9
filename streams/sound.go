package streams

import (
	"math/rand/v2"
	"sync"
	"time"
)

// Codings of sound that are passed on.
const (
	PCMA = "pcma" // G.711, A-law
	PCMU = "pcmu" // G.711, µ-law
	Opus = "opus"
	AAC  = "aac" // MPEG-4, which WebRTC does not know
)

// Sound is how a camera's sound is coded; the zero value is none.
type Sound struct {
	Codec    string
	Rate     int // Hz, of its timestamps
	Channels int
	Config   []byte // of AAC: AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1)
}

// Equal tells whether two codings are the same.
func (s Sound) Equal(o Sound) bool {
	return s.Codec == o.Codec && s.Rate == o.Rate && s.Channels == o.Channels && string(s.Config) == string(o.Config)
}

// SoundFrame is a piece of sound that is decoded as one. It is shared and never changed.
type SoundFrame struct {
	TS      uint32    // in Sound.Rate, on the stream's own clock
	At      time.Time // when it came
	Due     time.Time // when it is heard, on the clock of Frame.Due: pictures and sound of the same Due belong together
	Data    []byte
	Samples uint32 // its length in Sound.Rate
}

// Limits of sound.
const (
	maxSoundBytes = 8 << 10 // of one piece; AAC has 6,144 bits a channel
	keptSound     = time.Second
	maxKeptSound  = 512
)

// soundtrack is the newest second of a stream's sound.
type soundtrack struct {
	mu     sync.Mutex
	sound  Sound
	first  uint64 // number of frames[0]
	frames []*SoundFrame
	last   uint32
	lastAt time.Time
	wake   chan struct{}
}

func newSoundtrack() soundtrack {
	return soundtrack{first: 1, last: rand.Uint32(), wake: make(chan struct{})} //nolint:gosec // need not be secret
}

// set says how what follows is coded. Pieces of another coding are forgotten.
func (s *soundtrack) set(to Sound) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if to.Equal(s.sound) {
		return
	}
	s.sound = to
	s.first += uint64(len(s.frames))
	s.frames = nil
	s.signal()
}

func (s *soundtrack) put(f *SoundFrame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := 0
	for old < len(s.frames) && (f.At.Sub(s.frames[old].At) > keptSound || len(s.frames)-old >= maxKeptSound) {
		old++
	}
	if old > 16 { // readers may hold the old slice, so it is not reused
		s.frames = append(make([]*SoundFrame, 0, len(s.frames)), s.frames[old:]...)
		s.first += uint64(old)
	}
	s.frames = append(s.frames, f)
	s.last, s.lastAt = f.TS, f.At
	s.signal()
}

func (s *soundtrack) signal() {
	close(s.wake)
	s.wake = make(chan struct{})
}

// clock is the sound's RTP time now.
func (s *soundtrack) clock(now time.Time) uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lastAt.IsZero() {
		return s.last
	}
	return s.last + samples(now.Sub(s.lastAt), s.sound.Rate)
}

func samples(d time.Duration, rate int) uint32 {
	return uint32(d.Microseconds() * int64(rate) / 1e6) //nolint:gosec // modulo 2^32 is meant
}

// Sound tells how the stream's sound is coded now; Codec is "" where there is none.
func (s *Stream) Sound() Sound {
	s.sound.mu.Lock()
	defer s.sound.mu.Unlock()
	return s.sound.sound
}

// Sounds returns the sound from number n on, 0 meaning the newest piece, and the
// number of the first of it; or a channel closed by the next change.
func (s *Stream) Sounds(n uint64) (fs []*SoundFrame, first uint64, wake <-chan struct{}) {
	t := &s.sound
	t.mu.Lock()
	defer t.mu.Unlock()
	if n == 0 {
		n = t.first + uint64(len(t.frames)) - min(uint64(len(t.frames)), 1)
	}
	first = max(n, t.first)
	if i := first - t.first; i < uint64(len(t.frames)) {
		return t.frames[i:len(t.frames):len(t.frames)], first, nil
	}
	return nil, first, t.wake
}
