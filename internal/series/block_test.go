package series

import (
	"bytes"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

var exact = cmp.Options{
	cmp.AllowUnexported(point{}, minute{}, sample{}), cmpopts.EquateEmpty(),
	cmp.Comparer(func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }),
}

// What goes into a block comes out bit for bit, whatever the values are.
func TestBlocksRoundTrip(t *testing.T) {
	value := rapid.OneOf(
		rapid.Float64(), rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 1e300, 5e-324, 1 << 53, -1 << 53, 0.1, 1e-6, 1e-7}),
		rapid.Map(rapid.IntRange(-10_000, 10_000), func(n int) float64 { return float64(n) / 10 }),
	)
	rapid.Check(t, func(t *rapid.T) {
		points := []point{}
		at := rapid.Int64Range(0, 1<<42).Draw(t, "at")
		for range rapid.IntRange(0, 50).Draw(t, "n") {
			at += rapid.Int64Range(1, 100_000).Draw(t, "step")
			points = append(points, point{at, value.Draw(t, "v")})
		}
		got, err := decodePoints(encodePoints(points))
		if diff := cmp.Diff(points, got, exact); err != nil || diff != "" {
			t.Fatalf("%v %s", err, diff)
		}
		var samples []sample
		for _, p := range points {
			samples = append(samples, sample{rapid.Int64Range(1, 1<<40).Draw(t, "series"), p})
		}
		all, err := decodeSamples(encodeSamples(samples))
		if diff := cmp.Diff(samples, all, exact); err != nil || diff != "" {
			t.Fatalf("%v %s", err, diff)
		}
		ms := minutesOf(points)
		for i := range ms {
			ms[i].sum = decimal(ms[i].sum)
		}
		back, err := decodeMinutes(encodeMinutes(ms))
		if diff := cmp.Diff(ms, back, exact); err != nil || diff != "" {
			t.Fatalf("%v %s", err, diff)
		}
	})
}

// merge is a union by time in which the first list wins.
func TestMerge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string, v float64) (out []point) {
			var b buffer
			for _, at := range rapid.SliceOfN(rapid.Int64Range(0, 30), 0, 20).Draw(t, name) {
				b.add(point{at, v})
			}
			return b.points
		}
		a, b := draw("a", 1), draw("b", 2)
		want := map[int64]float64{}
		for _, p := range b {
			want[p.at] = p.v
		}
		for _, p := range a {
			want[p.at] = p.v
		}
		got, last := merge(a, b), int64(-1)
		if len(got) != len(want) {
			t.Fatalf("%v + %v = %v", a, b, got)
		}
		for _, p := range got {
			if p.at <= last || want[p.at] != p.v {
				t.Fatalf("%v + %v = %v", a, b, got)
			}
			last = p.at
		}
	})
}

func TestBlocksAreSmall(t *testing.T) {
	var points []point
	for i := range int64(90) {
		points = append(points, point{1_700_000_000_000 + i*10_000, 41.2 + float64(i%5)/10})
	}
	for i := range points {
		points[i].v = math.Round(points[i].v*10) / 10
	}
	if n := len(encodePoints(points)); n > 3*90 {
		t.Errorf("90 points of a steady sensor take %d bytes", n)
	}
}

// FuzzBlocks: a damaged row is an error or a block, never a panic or a flood of
// memory; and what was read is written the same way.
func FuzzBlocks(f *testing.F) {
	points := []point{{1, 1.5}, {60_001, math.Pi}, {120_000, -3}}
	f.Add(encodePoints(points))
	f.Add(encodeMinutes(minutesOf(points)))
	f.Add(encodeSamples([]sample{{1, points[0]}, {9, points[1]}}))
	f.Add([]byte{})
	f.Add([]byte{blockVersion, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := decodePoints(b); err == nil {
			if again, err := decodePoints(encodePoints(p)); err != nil || !cmp.Equal(p, again, exact) {
				t.Fatalf("%v became %v, %v", p, again, err)
			}
			minutesOf(p)
		}
		if s, err := decodeSamples(b); err == nil {
			if c := encodeSamples(s); len(c) > len(b)+20*len(s) || bytes.Equal(c, nil) {
				t.Fatalf("%d bytes became %d", len(b), len(c))
			}
		}
		_, _ = decodeMinutes(b)
	})
}
