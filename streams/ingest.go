package streams

import (
	"sync"
	"time"
)

// Sink takes what a Puller pulls. Its methods are called one at a time.
type Sink interface {
	// Describe tells what the session description says; it comes first.
	Describe(d Description)
	// Unit is one access unit with the camera's 90 kHz time, and when it was taken
	// by the camera's own clock, zero where that is not known. The bytes are only
	// read, and not after the return.
	Unit(nalus [][]byte, ts uint32, ntp time.Time)
	// Sound is pieces of sound that follow each other, and the time of the first.
	Sound(pieces [][]byte, ts uint32, ntp time.Time)
	// Lost tells that something of the picture is missing or damaged: nothing is
	// forwarded before the next key frame.
	Lost(err error)
}

// Description is what a camera says of its streams before they come.
type Description struct {
	H265   bool     // the picture's coding; H.264 otherwise
	Params [][]byte // parameter sets, if any
	Sound  Sound
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
	after    string // code of why pictures are missing before the next frame
	pack     packetizer
	ear      soundIn
	even     steady
	gauge    gauge
	skipping bool   // leading pictures of the newest key frame can't be decoded
	sps      string // parsed already
	began    bool
	needKey  bool
	in       uint32 // newest camera time
	shift    uint32 // stream time − camera time
	frames   int
	damaged  uint64
	back     uint64 // steps back in time: B-frames
	sure     uint64 // of these, such as were followed by a picture later than all
	late     int    // pictures in a row that are earlier than one before
	calm     int    // pictures since the newest step back
	left     uint64 // B-frames left out
	top      uint32 // stream time of the newest picture passed on
	lastLost error
}

// newIngest begins a connection; after is the code of what ended the one before.
func newIngest(to *Stream, after string, changed, first func()) *ingest {
	return &ingest{to: to, after: after, changed: changed, first: first, now: time.Now, needKey: true, pack: &Packetizer{}}
}

// Describe implements Sink.
func (g *ingest) Describe(d Description) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if d.H265 {
		g.pack = &hevcPacketizer{}
	} else {
		g.pack = &Packetizer{}
	}
	g.pack.setParams(d.Params)
	g.ear = soundIn{sound: d.Sound}
	g.to.sound.set(d.Sound)
	if g.to.setKind(d) {
		g.changed()
	}
	g.learn()
}

// Unit implements Sink.
func (g *ingest) Unit(nalus [][]byte, ts uint32, ntp time.Time) {
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
	if f.Key {
		g.skipping = f.broken || f.clean && g.needKey
	}
	if g.needKey && !f.Key || g.skipping && f.leading {
		return
	}
	g.needKey = false
	f.At, f.NTP = g.now(), ntp
	ts, turned := g.gauge.read(ts, f.At)
	if turned {
		g.began = false
	}
	if g.gauge.own {
		f.NTP, ntp = time.Time{}, time.Time{} // reckoned with a rate that it has not
	}
	f.Due = g.even.add(g.step(ts), f.At)
	f.TS = g.time(ts, f.Key)
	if !ntp.IsZero() {
		g.ear.skew, g.ear.known = f.Due.Sub(ntp), true
	}
	f.After, g.after = g.after, ""
	behind := g.frames > 0 && int32(f.TS-g.top) < 0 //nolint:gosec // modulo 2^32 is meant
	f.left = g.back > 0 && (f.Spare || behind && !f.Key)
	g.to.tell(f)
	if f.left {
		g.left++
		g.to.put(f)
		return
	}
	g.top = f.TS
	g.to.put(f)
	if g.frames++; g.frames == 1 {
		g.first()
	}
	if b := g.back > 0; (b || g.frames == noneWithin) && g.to.setBFrames(b) {
		g.changed()
	}
}

// noneWithin is after how many pictures without one step back in time a stream is
// believed to have no B-frames any more.
const noneWithin = 100

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
	if g.after == "" {
		g.after = codeDamaged
	}
}

// WebRTC knows only one time of a picture, so those of a stream with B-frames
// would be shown in the order in which they are coded, to and fro. From the first
// step back on, Unit leaves out the pictures that no other needs, usually all
// B-frames, and those that come too late to be shown, which only other B-frames
// need as a rule: decoders of browsers ask for a key frame at each of them. What
// remains moves evenly, at a lower rate. Files have two times of a picture, so a
// Follower and a tap get all.

// time turns the camera's time into the stream's: the same steps, but a new
// connection or a clock that was set goes on where the stream is now.
func (g *ingest) time(ts uint32, key bool) uint32 {
	step := int32(ts - g.in) //nolint:gosec // modulo 2^32 is meant
	switch {
	case !g.began || step > jump || step < -jump || g.setBack(ts+g.shift, key):
		g.shift = g.to.clock() + 1 - ts
		g.began, g.back, g.late = true, g.sure, 0
	case step < 0:
		g.back++
		g.calm = 0
	}
	if g.calm++; g.calm == noneWithin && g.back <= once { // B-frames come again and again
		g.back, g.sure = 0, 0
		if g.to.setBFrames(false) {
			g.changed()
		}
	}
	g.in = ts
	return ts + g.shift
}

// once is how many steps back a clock makes that is put right by a little.
const once = 2

// mostReordered is how many pictures in a row may be shown before one that came
// earlier (H.264, A.3.1; H.265, A.4.2: the decoded picture buffer has 16).
const mostReordered = 16

// setBack tells whether the camera's clock was set back, by less than a jump: what comes
// is earlier than what was there, as B-frames are. But no picture is shown before a key
// frame that comes behind it, and of B-frames there is an end.
func (g *ingest) setBack(at uint32, key bool) bool {
	if g.frames == 0 {
		return false
	}
	if int32(at-g.top) >= 0 { //nolint:gosec // modulo 2^32 is meant
		g.late, g.sure = 0, g.back
		return false
	}
	g.late++
	return key || g.late > mostReordered
}

// step is how far a picture is behind the one before, by the camera's clock.
func (g *ingest) step(ts uint32) time.Duration {
	return time.Duration(int32(ts-g.in)) * time.Second / clockRate //nolint:gosec // modulo 2^32 is meant
}

// learn reads the codec parameters when the parameter set is another one.
func (g *ingest) learn() {
	sps := g.pack.SPS()
	if sps == nil || string(sps) == g.sps {
		return
	}
	g.sps = string(sps)
	parse := parseSPS
	if _, is := g.pack.(*hevcPacketizer); is {
		parse = parseSPS265
	}
	c, err := parse(sps)
	if err != nil {
		g.lastLost = err
		return
	}
	was := g.to.Codec()
	c.Audio, c.BFrames = was.Audio, was.BFrames
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
