package clip

import (
	"bytes"
	"slices"
	"testing"

	"dongyue/streams"
)

// A camera that is set to another size and back, all in one file: each key frame has
// the parameter sets that it needs, or it would be decoded with those in between.
func TestSizesInOneFile(t *testing.T) {
	a := testParams()
	b := params{sps: slices.Clone(a.sps), pps: a.pps}
	b.sps[3] = 0x28 // another level will do
	e := &encoder{zero: -ahead, params: a}
	now := &run{}
	now.came(0, begin())
	var pack streams.Packetizer
	for i, p := range []params{a, b, a} {
		x, err := pack.AccessUnit([][]byte{p.sps, p.pps, {0x65}})
		must(t, err)
		f := &fragment{n: uint64(i), run: now, key: true, pts: int64(i * frameTicks), end: int64((i + 1) * frameTicks)}
		f.frames = []picture{{x, f.pts}}
		_, out, err := e.encode(f)
		must(t, err)
		if !bytes.Contains(out, p.sps) || !bytes.Contains(out, p.pps) {
			t.Errorf("key frame %d has not its parameter sets", i)
		}
	}
}
