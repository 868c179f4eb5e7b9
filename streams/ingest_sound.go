package streams

import (
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"
)

// longestG711 is how much of G.711 goes into one packet: 60 ms (bytes).
const longestG711 = 480

// distrust is how far the camera's two clocks may be apart from what the arrival
// of pictures and sound says. Beyond it they are not believed.
const distrust = 2 * time.Second

// soundIn is the way of one connection's sound into the stream.
type soundIn struct {
	sound Sound
	began bool
	in    uint32 // newest camera time
	shift uint32 // stream time − camera time
	even  steady
	skew  time.Duration // Frame.Due − the camera's own time, of the newest picture that has both
	known bool          // skew is
}

// Sound implements Sink.
func (g *ingest) Sound(pieces [][]byte, ts uint32, ntp time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	rate := g.ear.sound.Rate
	if rate == 0 {
		return
	}
	now := g.now()
	at := g.soundTime(ts, now)
	due := g.due(ts, ntp, now)
	for _, b := range pieces {
		for len(b) > 0 && len(b) <= maxSoundBytes {
			piece := b
			if c := g.ear.sound.Codec; (c == PCMA || c == PCMU) && len(b) > longestG711 {
				piece = b[:longestG711]
			}
			b = b[len(piece):]
			n := length(g.ear.sound, piece)
			f := &SoundFrame{TS: at, At: now, Due: due, Data: append([]byte(nil), piece...), Samples: n}
			g.to.sound.put(f)
			g.to.tellSound(g.ear.sound, f)
			at += n
			due = due.Add(time.Duration(n) * time.Second / time.Duration(rate))
		}
	}
}

// soundTime is ingest.time for sound.
func (g *ingest) soundTime(ts uint32, now time.Time) uint32 {
	e := &g.ear
	step := int32(ts - e.in)                                                      //nolint:gosec // modulo 2^32 is meant
	if most := int32(2 * e.sound.Rate); !e.began || step > most || step < -most { //nolint:gosec // Hz
		e.shift = g.to.sound.clock(now) + 1 - ts
		e.began = true
		e.even = steady{}
	}
	return ts + e.shift
}

// due says when a piece is heard: as the camera's clock has it beside the pictures,
// or evenly as it comes where the camera does not tell.
func (g *ingest) due(ts uint32, ntp, now time.Time) time.Time {
	e := &g.ear
	step := time.Duration(int32(ts-e.in)) * time.Second / time.Duration(e.sound.Rate) //nolint:gosec // modulo 2^32 is meant
	came := e.even.add(step, now)
	e.in = ts
	if ntp.IsZero() || !e.known {
		return came
	}
	told := ntp.Add(e.skew)
	if d := told.Sub(came); d > distrust || d < -distrust {
		return came
	}
	return told
}

// length is how many samples a piece has.
func length(s Sound, piece []byte) uint32 {
	switch s.Codec {
	case Opus:
		return uint32(opus.PacketDuration2(piece)) //nolint:gosec // at most 120 ms
	case AAC:
		return 1024
	}
	return uint32(len(piece)) //nolint:gosec // bounded by maxSoundBytes
}
