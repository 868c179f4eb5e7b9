package streams

import (
	"sync"
	"time"
)

// Sink takes what a Puller pulls. Its methods are called one at a time.
type Sink interface {
	// Describe tells the parameter sets of the session description, if any.
	Describe(sps, pps []byte)
	// Unit is one access unit with the camera's 90 kHz time. The bytes are only
	// read, and not after the return.
	Unit(nalus [][]byte, ts uint32)
	// Lost tells that something is missing or damaged: nothing is forwarded
	// before the next key frame.
	Lost(err error)
}

// jump is the step of the camera's clock from which it counts as set anew.
const jump = 2 * clockRate

// ingest is the way of one connection's access units into the stream.
type ingest struct {
	to      *Stream
	changed func() // the codec is another one
	first   func() // the first frame came
	now     func() time.Time

	mu       sync.Mutex
	pack     Packetizer
	sps      string // parsed already
	began    bool
	needKey  bool
	in       uint32 // newest camera time
	shift    uint32 // stream time − camera time
	frames   int
	damaged  uint64
	back     uint64 // steps back in time: B-frames
	left     uint64 // B-frames left out
	top      uint32 // stream time of the newest picture passed on
	lastLost error
}

func newIngest(to *Stream, changed, first func()) *ingest {
	return &ingest{to: to, changed: changed, first: first, now: time.Now, needKey: true}
}

// Describe implements Sink.
func (g *ingest) Describe(sps, pps []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pack.SetParams(sps, pps)
	g.learn()
}

// Unit implements Sink.
func (g *ingest) Unit(nalus [][]byte, ts uint32) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f, err := g.pack.AccessUnit(nalus)
	if err != nil {
		g.lost(err)
		return
	}
	if f == nil {
		return
	}
	if f.Key {
		g.learn()
	}
	if g.needKey && !f.Key {
		return
	}
	g.needKey = false
	f.At, f.TS = g.now(), g.time(ts)
	if behind := int32(f.TS-g.top) < 0; g.back > 0 && (f.Spare || behind && !f.Key && g.frames > 0) { //nolint:gosec // modulo 2^32 is meant
		g.left++
		return
	}
	g.top = f.TS
	g.to.put(f)
	if g.frames++; g.frames == 1 {
		g.first()
	}
}

// Lost implements Sink.
func (g *ingest) Lost(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lost(err)
}

func (g *ingest) lost(err error) {
	g.damaged++
	g.lastLost = err
	g.needKey = true
}

// WebRTC knows only one time of a picture, so those of a stream with B-frames
// would be shown in the order in which they are coded, to and fro. From the first
// step back on, Unit leaves out the pictures that no other needs, usually all
// B-frames, and those that come too late to be shown, which only other B-frames
// need as a rule: decoders of browsers ask for a key frame at each of them. What
// remains moves evenly, at a lower rate.

// time turns the camera's time into the stream's: the same steps, but a new
// connection or a clock that was set goes on where the stream is now.
func (g *ingest) time(ts uint32) uint32 {
	step := int32(ts - g.in) //nolint:gosec // modulo 2^32 is meant
	if !g.began || step > jump || step < -jump {
		g.shift = g.to.clock() + 1 - ts
		g.began = true
	} else if step < 0 {
		g.back++
	}
	g.in = ts
	return ts + g.shift
}

// learn reads the codec parameters when the parameter set is another one.
func (g *ingest) learn() {
	sps := g.pack.SPS()
	if sps == nil || string(sps) == g.sps {
		return
	}
	g.sps = string(sps)
	c, err := parseSPS(sps)
	if err != nil {
		g.lastLost = err
		return
	}
	if g.to.setCodec(c) {
		g.changed()
	}
}

type ingestStats struct {
	frames        int
	damaged, back uint64
	left          uint64
	lastLost      error
}

func (g *ingest) stats() ingestStats {
	g.mu.Lock()
	defer g.mu.Unlock()
	return ingestStats{g.frames, g.damaged, g.back, g.left, g.lastLost}
}
