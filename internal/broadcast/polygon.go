package broadcast

import "math"

// edge is how near to a side a point lies on it, in metres: plans are drawn to the
// decimetre.
const edge = 0.05

// Inside tells whether a point lies in a polygon or on its side; its corners need not be
// closed. Where the sides cross, all that they go around is inside (non-zero rule): who
// draws in haste means the whole of it.
func Inside(p Point, polygon []Point) bool {
	around := 0
	for i, j := 0, len(polygon)-1; i < len(polygon); j, i = i, i+1 {
		a, b := polygon[j], polygon[i]
		if beside(p, a, b) {
			return true
		}
		if (a.Y > p.Y) == (b.Y > p.Y) {
			continue
		}
		if left := (b.X-a.X)*(p.Y-a.Y) - (p.X-a.X)*(b.Y-a.Y); b.Y > a.Y && left > 0 {
			around++
		} else if b.Y <= a.Y && left < 0 {
			around--
		}
	}
	return around != 0
}

// beside reports whether a point lies on the side from a to b.
func beside(p, a, b Point) bool {
	x, y := b.X-a.X, b.Y-a.Y
	t := 0.0
	if l := x*x + y*y; l > 0 {
		t = math.Min(math.Max(((p.X-a.X)*x+(p.Y-a.Y)*y)/l, 0), 1)
	}
	return math.Hypot(p.X-a.X-t*x, p.Y-a.Y-t*y) <= edge
}
