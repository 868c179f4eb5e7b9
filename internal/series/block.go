package series

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// A block is: version, count, times, values. Times are varints, each the
// difference to the last difference (a steady beat costs one byte). A column of
// values is: a scale, then, for decimals with up to six places, varints of the
// differences between the values times ten to the scale; for any other numbers
// the scale is raw and eight bytes each follow.
const (
	blockVersion = 1
	maxScale     = 6
	raw          = 0xff
	maxExact     = 1 << 53 // integers up to here are exact in a float64

	// maxBlock bounds what a damaged count can ask for: a slot has 900,000 ms.
	maxBlock = slotLength
)

var errDamaged = errors.New("series: damaged block")

// minute is the sum of one minute's points.
type minute struct {
	at       int64 // ms, its beginning
	min, max float64
	sum      float64
	count    int64
}

const minuteLength = 60 * 1000

// minutesOf sums ordered points by the minute.
func minutesOf(points []point) []minute {
	var out []minute
	for _, p := range points {
		at := p.at - mod(p.at, minuteLength)
		if n := len(out); n == 0 || out[n-1].at != at {
			out = append(out, minute{at: at, min: p.v, max: p.v})
		}
		m := &out[len(out)-1]
		m.min, m.max, m.sum, m.count = min(m.min, p.v), max(m.max, p.v), m.sum+p.v, m.count+1
	}
	return out
}

// mod is the remainder that is never negative.
func mod(a, b int64) int64 { return ((a % b) + b) % b }

// encodePoints makes a block of ordered points.
func encodePoints(points []point) []byte {
	b := binary.AppendUvarint([]byte{blockVersion}, uint64(len(points)))
	at, step := int64(0), int64(0)
	values := make([]float64, len(points))
	for i, p := range points {
		b = binary.AppendVarint(b, p.at-at-step)
		at, step = p.at, p.at-at
		values[i] = p.v
	}
	return encodeColumn(b, values)
}

// decodePoints reads a block.
func decodePoints(b []byte) ([]point, error) {
	r := reader{b: b}
	n := r.head()
	points := make([]point, n)
	at, step := int64(0), int64(0)
	for i := range points {
		d := r.varint()
		step += d
		at += step
		points[i].at = at
	}
	for i, v := range r.column(n) {
		points[i].v = v
	}
	return points, r.end()
}

// encodeMinutes makes a block of ordered minutes.
func encodeMinutes(ms []minute) []byte {
	b := binary.AppendUvarint([]byte{blockVersion}, uint64(len(ms)))
	at := int64(0)
	low, high, sum := make([]float64, len(ms)), make([]float64, len(ms)), make([]float64, len(ms))
	for i, m := range ms {
		b = binary.AppendVarint(b, m.at/minuteLength-at)
		b = binary.AppendUvarint(b, uint64(m.count))
		at = m.at / minuteLength
		low[i], high[i], sum[i] = m.min, m.max, decimal(m.sum)
	}
	return encodeColumn(encodeColumn(encodeColumn(b, low), high), sum)
}

// decodeMinutes reads a block of minutes.
func decodeMinutes(b []byte) ([]minute, error) {
	r := reader{b: b}
	n := r.head()
	ms := make([]minute, n)
	at := int64(0)
	for i := range ms {
		at += r.varint()
		ms[i].at, ms[i].count = at*minuteLength, int64(r.uvarint())
		if ms[i].count < 1 {
			r.fail()
		}
	}
	for i, v := range r.column(n) {
		ms[i].min = v
	}
	for i, v := range r.column(n) {
		ms[i].max = v
	}
	for i, v := range r.column(n) {
		ms[i].sum = v
	}
	return ms, r.end()
}

// decimal takes the noise of adding off a sum of decimals: 0.1+0.2 is 0.3.
func decimal(v float64) float64 {
	const places = 1e6
	if math.Abs(v) >= maxExact/places {
		return v
	}
	return math.Round(v*places) / places
}

func encodeColumn(b []byte, values []float64) []byte {
	scale, ok := scaleOf(values)
	if !ok {
		b = append(b, raw)
		for _, v := range values {
			b = binary.BigEndian.AppendUint64(b, math.Float64bits(v))
		}
		return b
	}
	b = append(b, byte(scale))
	last, ten := int64(0), math.Pow10(scale)
	for _, v := range values {
		n := int64(math.Round(v * ten))
		b = binary.AppendVarint(b, n-last)
		last = n
	}
	return b
}

// scaleOf is the least number of decimal places that holds every value exactly.
func scaleOf(values []float64) (int, bool) {
	scale := 0
	for _, v := range values {
		for !holds(v, scale) {
			if scale++; scale > maxScale {
				return 0, false
			}
		}
	}
	for _, v := range values { // a greater scale may be too great for an earlier value
		if !holds(v, scale) {
			return 0, false
		}
	}
	return scale, true
}

// holds reports whether the value comes back bit for bit; -0 does not.
func holds(v float64, scale int) bool {
	ten := math.Pow10(scale)
	n := math.Round(v * ten)
	return math.Abs(n) < maxExact && math.Float64bits(float64(int64(n))/ten) == math.Float64bits(v)
}

// reader walks over a block and remembers that it was damaged.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) fail() { r.b, r.bad = nil, true }

// head reads version and count.
func (r *reader) head() int {
	if len(r.b) == 0 || r.b[0] != blockVersion {
		r.fail()
		return 0
	}
	r.b = r.b[1:]
	n := r.uvarint()
	if n > maxBlock || n > uint64(len(r.b)) { // a point takes a byte at least
		r.fail()
		return 0
	}
	return int(n)
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) column(n int) []float64 {
	if len(r.b) == 0 {
		r.fail()
		return nil
	}
	scale := r.b[0]
	r.b = r.b[1:]
	values := make([]float64, n)
	if scale == raw {
		if len(r.b) < 8*n {
			r.fail()
			return nil
		}
		for i := range values {
			values[i] = math.Float64frombits(binary.BigEndian.Uint64(r.b[8*i:]))
		}
		r.b = r.b[8*n:]
		return values
	}
	if scale > maxScale {
		r.fail()
		return nil
	}
	last, ten := int64(0), math.Pow10(int(scale))
	for i := range values {
		last += r.varint()
		values[i] = float64(last) / ten
	}
	return values
}

// end reports damage, and bytes that nobody asked for.
func (r *reader) end() error {
	if r.bad || len(r.b) > 0 {
		return errDamaged
	}
	return nil
}

// encodeSamples makes the row of one arrival: count, then series, time and value.
func encodeSamples(samples []sample) []byte {
	b := binary.AppendUvarint(append(make([]byte, 0, 16*len(samples)+8), blockVersion), uint64(len(samples)))
	at := int64(0)
	for _, s := range samples {
		b = binary.AppendUvarint(b, uint64(s.series))
		b = binary.AppendVarint(b, s.at-at)
		b = binary.BigEndian.AppendUint64(b, math.Float64bits(s.v))
		at = s.at
	}
	return b
}

func decodeSamples(b []byte) ([]sample, error) {
	r := reader{b: b}
	if len(b) == 0 || b[0] != blockVersion {
		return nil, errDamaged
	}
	r.b = b[1:]
	n := r.uvarint()
	if n > uint64(len(r.b))/10 { // a sample takes ten bytes at least
		return nil, fmt.Errorf("%w: %d samples in %d bytes", errDamaged, n, len(b))
	}
	samples := make([]sample, n)
	at := int64(0)
	for i := range samples {
		samples[i].series = int64(r.uvarint())
		at += r.varint()
		samples[i].at = at
		if len(r.b) < 8 {
			return nil, errDamaged
		}
		samples[i].v = math.Float64frombits(binary.BigEndian.Uint64(r.b))
		r.b = r.b[8:]
	}
	return samples, r.end()
}
