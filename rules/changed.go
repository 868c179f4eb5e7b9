package rules

import (
	"hash/fnv"
	"math"
)

// A value is kept for changed as a point: what it is of in n, in v the number, 1 for
// true, or the hash of a text. Two points are enough: the newest, and the one before
// it.

// compared is a value as changed compares it; ok is false for what is not there, and
// for lists and objects, which are not compared.
func (s *slot) compared() (p point, ok bool) {
	p.n = float64(s.shape)
	switch s.shape {
	case shapeNumber:
		p.v = s.num
	case shapeFlag:
		p.v = float64(index01(s.on))
	case shapeText:
		h := fnv.New64a()
		_, _ = h.Write(s.text)
		p.v = math.Float64frombits(h.Sum64())
	case shapeNull:
	default:
		return p, false
	}
	return p, true
}

// same reports whether two points are of the same value.
func (p point) same(o point) bool {
	if p.n != o.n {
		return false
	}
	return p.v == o.v || math.Float64bits(p.v) == math.Float64bits(o.v) // a hash may be no number
}

// changed is 1 where the newest value is another than the one before it, 0 where it
// is the same; ok is false where there was none before.
func changed(ps []point) (x float64, ok bool) {
	n := len(ps)
	if n < 2 {
		return 0, false
	}
	return float64(index01(!ps[n-1].same(ps[n-2]))), true
}

// compare puts a value behind the newest; one that is older than that has been
// overtaken and is not looked at.
func (s *series) compare(at int64, p point) bool {
	ps := s.live()
	n := len(ps)
	if n > 0 && at < ps[n-1].at {
		return false
	}
	p.at = at
	if n == 2 {
		ps[0], ps[1] = ps[1], p
		return true
	}
	s.points = append(s.points, p)
	return true
}

// compare takes the event's value into a window, once per event however many rules
// ask for it.
func (e *Engine) compare(v *view, window int32) {
	if e.noted[window] == v.turn {
		return
	}
	p, ok := v.at(v.windows[window].path).compared()
	if !ok {
		return
	}
	if e.refresh(v, window).compare(happened(v.ev).UnixNano(), p) {
		e.noted[window] = v.turn
	}
}
