package streams

import (
	"slices"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"
	"pgregory.net/rapid"
)

// pts are times of pictures at 25 a second, by their places in the order of showing.
func pts(places ...int64) (out []int64) {
	for _, p := range places {
		out = append(out, 1_000_000+p*3600)
	}
	return out
}

func TestDecodingTimes(t *testing.T) {
	for name, x := range map[string]struct {
		shown, want []int64
	}{
		"without B-frames":     {pts(0, 1, 2, 3), pts(0, 1, 2, 3)},
		"two B-frames":         {pts(0, 3, 1, 2, 6, 4, 5), pts(-1, 0, 1, 2, 3, 4, 5)},
		"B-frames of B-frames": {pts(0, 4, 2, 1, 3, 8, 6, 5, 7), pts(-2, -1, 0, 1, 2, 3, 4, 5, 6)},
		"leading pictures":     {pts(4, 2, 1, 3, 8, 6, 5, 7), pts(-1, 0, 1, 2, 3, 4, 5, 6)},
	} {
		d := NewDecoding(nil, x.shown, 1)
		var got []int64
		for _, at := range x.shown {
			if p, n := d.Peek(at), d.Next(at); p != n {
				t.Errorf("%s: %d was foretold, and %d came", name, p, n)
			}
			got = append(got, d.last)
		}
		if !slices.Equal(got, x.want) {
			t.Errorf("%s: decoded at %v, want %v", name, got, x.want)
		}
	}
}

// Who begins in the middle gets the times that who was there from the beginning has.
func TestDecodingTimesFromTheMiddle(t *testing.T) {
	all := pts(0, 4, 2, 1, 3, 8, 6, 5, 7, 12, 10, 9, 11)
	whole := NewDecoding(nil, all, 1)
	for i, at := range all {
		if want := whole.Next(at); i == 5 {
			late := NewDecoding(nil, all[5:], 1)
			if got := late.Next(at); got != want {
				t.Errorf("decoded at %d, want %d", got, want)
			}
		}
	}
}

// Whatever order pictures come in: decoding times only go on, and where no more are
// held back than the beginning showed, none lies behind the time of its picture.
func TestDecodingTimesOnlyGoOn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shown := rapid.SliceOfNDistinct(rapid.Int64Range(0, 1<<20), 1, 60, rapid.ID).Draw(t, "times")
		known := rapid.IntRange(1, len(shown)).Draw(t, "known")
		d := NewDecoding(nil, shown[:known], 3600)
		real := 0
		for i, at := range shown {
			before, begun := d.Last()
			got := d.Next(at)
			if begun && got <= before {
				t.Fatalf("picture %d is decoded at %d, the one before at %d", i, got, before)
			}
			real = max(real, depthOf(shown[:i+1]))
			if known == len(shown) && real < deepest && depthOf(shown) < deepest && got > at {
				t.Fatalf("picture %d for %d is decoded at %d", i, at, got)
			}
		}
	})
}

// FuzzDecoding: whatever parameter sets say, decoding times only go on.
func FuzzDecoding(f *testing.F) {
	f.Add([]byte{0x67, 0x4d, 0x40, 0x1f, 0xec, 0xa0, 0x28, 0x02, 0xdd, 0x80, 0xb5, 0x01, 0x01, 0x01, 0x40, 0x00, 0x00, 0x03, 0x00, 0x40, 0x00, 0x00, 0x0c, 0x83, 0xc6, 0x0c, 0x65, 0x80}, false)
	f.Add(testSPS265, true)
	f.Add([]byte{}, true)
	f.Fuzz(func(t *testing.T, sps []byte, hevc bool) {
		var c codecs.Codec = &codecs.H264{SPS: sps}
		if hevc {
			c = &codecs.H265{SPS: sps}
		}
		d := NewDecoding(c, pts(0), 3600)
		for n, at := range pts(0, 4, 2, 1, 3, 8, 6, 5, 7) {
			before, begun := d.Last()
			if got := d.Next(at); begun && got <= before {
				t.Fatalf("picture %d is decoded at %d, the one before at %d", n, got, before)
			}
		}
	})
}
