package streams

import (
	"slices"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"
)

// deepest is how many pictures a decoder holds back at most (H.264 A.3.1, H.265 A.4.2).
const deepest = 16

// Decoding finds decoding times. With B-frames the times at which pictures are shown
// go to and fro, and a file needs times that only go on and never lie behind the one
// at which a picture is shown.
//
// Where at most n pictures are decoded before one that is shown earlier, the time n
// places below the highest so far is such a time: each picture moves it up by one.
// This needs no look into the pictures, and is the same whether one begins with the
// stream or with a key frame in its middle, with or without leading pictures.
type Decoding struct {
	depth int
	high  []int64 // highest times so far, ascending; deepest+1 of them
	last  int64
	begun bool
}

// NewDecoding begins with a key frame, of which the times of the first pictures are
// known, in decoding order. The leading pictures of the key frame, if it has any, must
// be among them. usual is the time between pictures where these do not tell.
func NewDecoding(c codecs.Codec, first []int64, usual int64) Decoding {
	d := Decoding{depth: max(reorders(c), depthOf(first))}
	low, step := lowest(first, usual)
	for i := range int64(deepest + 1) { // as if pictures had come before
		d.high = append(d.high, low-step*(deepest+1-i))
	}
	return d
}

// lowest is the lowest of some times, and the least distance between two of them.
func lowest(times []int64, usual int64) (low, step int64) {
	s := slices.Sorted(slices.Values(times))
	for i := 1; i < len(s); i++ {
		if d := s[i] - s[i-1]; d > 0 && (step == 0 || d < step) {
			step = d
		}
	}
	if step == 0 {
		step = usual
	}
	return s[0], step
}

// depthOf is how many pictures come before one that is shown earlier.
func depthOf(times []int64) (depth int) {
	for i, t := range times {
		n := 0
		for _, before := range times[:i] {
			if before > t {
				n++
			}
		}
		depth = max(depth, min(n, deepest))
	}
	return depth
}

// After has the times lie behind one that was given before.
func (d *Decoding) After(last int64) { d.last, d.begun = last, true }

// Last is the newest decoding time; ok is false before the first.
func (d *Decoding) Last() (t int64, ok bool) { return d.last, d.begun }

// Next is the decoding time of the next picture.
func (d *Decoding) Next(shown int64) int64 {
	d.high = raised(d.high, shown)
	// More than was thought: the times stand nearly still once, and are right then on.
	i, _ := slices.BinarySearch(d.high, shown+1)
	d.depth = max(d.depth, min(len(d.high)-i, deepest))
	d.last, d.begun = d.at(d.high), true
	return d.last
}

// Peek is the decoding time that a picture would have if it came next.
func (d *Decoding) Peek(shown int64) int64 { return d.at(raised(slices.Clone(d.high), shown)) }

func (d *Decoding) at(high []int64) int64 {
	t := high[len(high)-1-d.depth]
	if d.begun && t <= d.last {
		t = d.last + 1
	}
	return t
}

// raised is the highest times with one more.
func raised(high []int64, shown int64) []int64 {
	i, _ := slices.BinarySearch(high, shown)
	if i == 0 {
		return high
	}
	copy(high, high[1:i])
	high[i-1] = shown
	return high
}

// reorders is how many pictures are decoded before one that is shown earlier, as far
// as the parameter sets tell (H.264 E.2.1, H.265 7.4.3.2.1): most cameras have none
// and some do not say it.
func reorders(c codecs.Codec) (n int) {
	// The parsers are not made for hostile bytes.
	defer func() { _ = recover() }()
	switch c := c.(type) {
	case *codecs.H264:
		var s h264.SPS
		if len(c.SPS) <= maxSPS && s.Unmarshal(c.SPS) == nil && s.VUI != nil && s.VUI.BitstreamRestriction != nil {
			n = int(min(s.VUI.BitstreamRestriction.MaxNumReorderFrames, deepest))
		}
	case *codecs.H265:
		var s h265.SPS
		if len(c.SPS) <= maxSPS && s.Unmarshal(c.SPS) == nil {
			for _, x := range s.MaxNumReorderPics {
				n = max(n, int(min(x, deepest)))
			}
		}
	}
	return n
}
