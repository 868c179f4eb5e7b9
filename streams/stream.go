package streams

import (
	"math/rand/v2"
	"sort"
	"sync"
	"time"
)

const clockRate = 90000 // Hz, of every video clock in RTP (RFC 6184, 8.2.1)

func ticks(d time.Duration) uint32 { return uint32(d.Microseconds() * clockRate / 1e6) } //nolint:gosec // modulo 2^32 is meant

// Limits of the cache. A camera with longer groups of pictures keeps its newest
// frames for those who watch; who joins then waits for its next key frame.
const (
	maxCacheBytes  = 12 << 20
	maxCacheFrames = 1500 // 60 s at 25 fps
	// tail is what stays from before the newest key frame, for readers that the
	// machine let run late; without it each key frame would cost them pictures.
	tail = time.Second
)

// Stream is the pictures of one camera in one quality, from shortly before its
// newest key frame to now. It lives as long as the camera is known; sources come and go beneath.
type Stream struct {
	mu     sync.Mutex
	first  uint64 // number of frames[0]
	start  uint64 // number of the newest key frame: who joins begins here
	frames []*Frame
	bytes  int
	wake   chan struct{} // closed at the next change
	gone   error
	taps   []*func(*Frame) // replaced, never changed
	ears   []*func(Sound, *SoundFrame)

	last   uint32    // newest timestamp
	lastAt time.Time // when it came
	codec  Codec
	count  uint64 // frames ever
	octets uint64
	keys   uint64
	keyAt  time.Time
	gop    time.Duration // between the last two key frames
	due    time.Time     // of the newest picture
	era    uint64        // counts changes of the coding
	sound  soundtrack
}

// NewStream returns an empty stream; its clock begins at a random time (RFC 3550, 5.1).
func NewStream() *Stream {
	return &Stream{last: rand.Uint32(), lastAt: time.Now(), wake: make(chan struct{}), sound: newSoundtrack()} //nolint:gosec // need not be secret
}

// put adds the camera's next frame.
func (s *Stream) put(f *Frame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Key {
		s.drop(s.older(f.At.Add(-tail)))
		s.start = s.first + uint64(len(s.frames))
		if s.keys++; !s.keyAt.IsZero() {
			s.gop = f.At.Sub(s.keyAt)
		}
		s.keyAt = f.At
	}
	for len(s.frames) >= maxCacheFrames || len(s.frames) > 0 && s.bytes+f.Bytes > maxCacheBytes {
		s.drop(max(1, len(s.frames)/4))
	}
	s.frames = append(s.frames, f)
	s.bytes += f.Bytes
	if f.left { // it is for followers only
		s.signal()
		return
	}
	s.last, s.lastAt, s.due = f.TS, f.At, f.Due
	s.count++
	s.octets += uint64(f.Bytes) //nolint:gosec // not negative
	s.signal()
}

// older is how many frames came before t.
func (s *Stream) older(t time.Time) int {
	return sort.Search(len(s.frames), func(i int) bool { return !s.frames[i].At.Before(t) })
}

// drop forgets the n oldest frames. Readers may hold the old slice, so it is not reused.
func (s *Stream) drop(n int) {
	s.first += uint64(n) //nolint:gosec // not negative
	for _, f := range s.frames[:n] {
		s.bytes -= f.Bytes
	}
	s.frames = append(make([]*Frame, 0, max(64, len(s.frames)-n)), s.frames[n:]...)
}

func (s *Stream) signal() {
	close(s.wake)
	s.wake = make(chan struct{})
}

// cut empties the cache: the source has ended or is silent, and an old picture
// must not be shown to somebody who comes now.
func (s *Stream) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(len(s.frames))
	s.keyAt = time.Time{}
}

// end lets all readers end with err.
func (s *Stream) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = err
	s.signal()
}

// from returns the cached frames from number n on, 0 meaning the newest key frame, and the number of the first of
// them, which is more than n where n is gone; or a channel closed by the next change.
func (s *Stream) from(n uint64) (fs []*Frame, first uint64, wake <-chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone != nil {
		return nil, n, nil, s.gone
	}
	first = max(n, s.first)
	if n == 0 {
		first = max(s.start, s.first)
	}
	if i := first - s.first; i < uint64(len(s.frames)) {
		return s.frames[i:len(s.frames):len(s.frames)], first, nil, nil
	}
	return nil, first, s.wake, nil
}

// clock is the stream's RTP time now.
func (s *Stream) clock() uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last + ticks(time.Since(s.lastAt))
}

// Codec returns what is known of the coding; Codec.Codec is "" for nothing.
func (s *Stream) Codec() Codec {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.codec
}

func (s *Stream) setCodec(c Codec) (changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.FPS == 0 {
		c.FPS = s.codec.FPS
	}
	changed = c != s.codec
	s.codec = c
	return changed
}

// setKind takes what a camera says before its first picture. A stream of another
// coding is another stream: what is cached is forgotten and its readers end.
func (s *Stream) setKind(d Description) (changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := "h264"
	if d.H265 {
		name = "h265"
	}
	was := s.codec
	if was.Codec != name {
		s.codec = Codec{Codec: name}
		if s.count > 0 || was.Codec != "" || d.H265 { // what is not known is taken for H.264
			s.era++
			s.drop(len(s.frames))
			s.signal()
		}
	}
	s.codec.Audio = d.Sound.Codec
	return s.codec != was
}

// setBFrames notes whether pictures go back in time.
func (s *Stream) setBFrames(b bool) (changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed = s.codec.BFrames != b
	s.codec.BFrames = b
	return changed
}

// coding is what Reader compares: it ends where it is no longer what it was.
func (s *Stream) coding() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.era
}

// rtpAt is the stream's RTP time at a time of the hub's clock, as even as Frame.Due.
func (s *Stream) rtpAt(t time.Time) uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last + ticks(t.Sub(s.due))
}

// key returns the newest key frame, or a channel that closes when there is news.
func (s *Stream) key() (*Frame, <-chan struct{}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.start - s.first; s.start >= s.first && i < uint64(len(s.frames)) {
		return s.frames[i], nil, nil
	}
	return nil, s.wake, s.gone
}

// counts is a reading of a stream's counters.
type counts struct {
	frames, octets, keys uint64
	at                   time.Time // of the newest frame
	gop                  time.Duration
}

func (s *Stream) counts() counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return counts{s.count, s.octets, s.keys, s.lastAt, s.gop}
}
