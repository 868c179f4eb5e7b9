package clip

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4/seekablebuffer"

	"dongyue/streams"
)

// track is that of the pictures. Those of sound follow it.
const track = 1

// piece is a fragment as it lies on disk, or is about to.
type piece struct {
	reel   string // file name, in the camera's folder
	at     int64  // first byte in it
	size   int64
	sum    [32]byte // SHA-256
	seq    uint32
	key    bool
	frames int
	sound  int   // track of its sound, 0 where it has none
	pts    int64 // of the first picture, on the session's clock
	dts    int64
	length int64 // ticks, in decoding time
	start  time.Time
	low    time.Time // of the earliest picture, which with B-frames is not the first
	end    time.Time
	read   atomic.Bool // it was read back and is what was written; once is enough for all clips
	notes
}

// notes are what a fragment says of itself in its own box.
type notes struct {
	Gap string     `json:"gap,omitempty"` // code of why pictures are missing before it
	NTP *time.Time `json:"ntp,omitempty"` // of the first picture, by the camera's clock
}

func (n *notes) empty() bool { return n.Gap == "" && n.NTP == nil }

// encoder turns fragments into boxes. It belongs to one writer.
type encoder struct {
	zero   int64  // camera time of the session's 0
	n0     uint64 // number of the session's fragment 1
	params params
	line   order // of what is written as it comes
	past   order // of what a new clip wants from before that
}

// orderOf is the order that a fragment continues, or a new one where it continues none.
func (e *encoder) orderOf(f *fragment) *order {
	o := &e.line
	if f.n+1 < o.after {
		o = &e.past
	}
	last, begun := o.Last()
	if begun && f.n == o.after && f.gap == "" {
		return o
	}
	on := begun && f.n >= o.after
	times := make([]int64, len(f.frames))
	for i, pic := range f.frames {
		times[i] = pic.pts
	}
	o.Decoding = streams.NewDecoding(e.params.track(), times, clockRate/25)
	if on {
		o.After(last)
	}
	return o
}

// encode makes a piece and its bytes.
func (e *encoder) encode(f *fragment) (*piece, []byte, error) {
	o := e.orderOf(f)
	p := &piece{
		seq: uint32(f.n - e.n0 + 1), key: f.key, frames: len(f.frames), pts: f.pts - e.zero, start: f.start(), end: f.until(), notes: notes{Gap: f.gap},
	}
	samples, err := e.samples(f, o, p)
	if err != nil {
		return nil, nil, err
	}
	o.after = f.n + 1
	var out seekablebuffer.Buffer
	if !p.empty() {
		text, err := json.Marshal(p.notes)
		if err != nil {
			return nil, nil, fmt.Errorf("encode notes: %w", err)
		}
		_, _ = out.Write(note(text))
	}
	_, _ = out.Write(clock(p.pts, p.start))
	tracks := []*fmp4.PartTrack{{ID: track, BaseTime: uint64(max(p.dts, 0)), Samples: samples}}
	if t := e.listen(f, o); t != nil {
		p.sound, tracks = t.ID, append(tracks, t)
	}
	var part seekablebuffer.Buffer
	if err := (fmp4.Part{SequenceNumber: p.seq, Tracks: tracks}).Marshal(&part); err != nil {
		return nil, nil, fmt.Errorf("encode fragment: %w", err)
	}
	b := append(out.Bytes(), part.Bytes()...)
	p.size = int64(len(b))
	return p, b, nil
}

func (e *encoder) samples(f *fragment, o *order, p *piece) ([]*fmp4.Sample, error) {
	list := make([]*fmp4.Sample, len(f.frames))
	times := make([]int64, len(f.frames))
	for i, pic := range f.frames {
		if pic.H265 != e.params.h265() {
			return nil, errChanged
		}
		times[i] = o.Next(pic.pts)
		// Its parameter sets stay in a key frame although the header has some: a camera
		// that is set anew while a clip is recorded must not end it, and what it sends when
		// it is set back must not be decoded with the sets in between.
		payload, err := h264.AVCC(pic.NALUs()).Marshal()
		if err != nil {
			return nil, fmt.Errorf("encode picture: %w", err)
		}
		list[i] = &fmp4.Sample{PTSOffset: int32(pic.pts - times[i]), IsNonSyncSample: !pic.Key, Payload: payload}
		if p.NTP == nil && !pic.NTP.IsZero() {
			at := pic.NTP.Add(-span(pic.pts - f.pts)).UTC().Round(time.Microsecond)
			p.NTP = &at
		}
	}
	last := int64(clockRate / 25)
	for i := range list {
		switch {
		case i+1 < len(list):
			last = times[i+1] - times[i]
		case f.next > 0:
			last = o.Peek(f.next) - times[i]
		}
		list[i].Duration = uint32(last)
		p.length += last
	}
	p.dts, p.low = times[0]-e.zero, p.start
	for _, pic := range f.frames {
		p.low = earliest(p.low, f.run.at(pic.pts))
	}
	return list, nil
}

// order is the decoding times of fragments that follow each other.
type order struct {
	streams.Decoding
	after uint64 // number of the fragment that goes on
	ear   ear
}

// inOrder puts pieces of one session in the order of time. One that lies there twice,
// after a failure, counts once.
func inOrder(ps []*piece) []*piece {
	slices.SortStableFunc(ps, func(a, b *piece) int { return cmp.Compare(a.seq, b.seq) })
	return slices.CompactFunc(ps, func(a, b *piece) bool { return a.seq == b.seq })
}
