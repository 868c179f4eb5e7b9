package main

import (
	"math"
	"slices"
)

// vec is a place in metres: x to the right, y up, z away from the camera.
type vec struct{ x, y, z float64 }

func (a vec) add(b vec) vec       { return vec{a.x + b.x, a.y + b.y, a.z + b.z} }
func (a vec) sub(b vec) vec       { return vec{a.x - b.x, a.y - b.y, a.z - b.z} }
func (a vec) dot(b vec) float64   { return a.x*b.x + a.y*b.y + a.z*b.z }
func (a vec) cross(b vec) vec     { return vec{a.y*b.z - a.z*b.y, a.z*b.x - a.x*b.z, a.x*b.y - a.y*b.x} }
func (a vec) times(k float64) vec { return vec{a.x * k, a.y * k, a.z * k} }

func (a vec) unit() vec { return a.times(1 / math.Sqrt(a.dot(a))) }

// view is a pinhole camera over a canvas.
type view struct {
	*canvas
	eye                vec
	right, up, forward vec
	focal              float64
	sun                vec     // where the light comes from
	ambient            float64 // light on faces turned away from it
	haze               colour  // the air's colour, a its share at 100 m

	later []thing
}

// thing is drawn after all that is farther away.
type thing struct {
	far  float64
	draw func()
}

func (v *view) look(eye, at vec, fov float64) {
	v.eye = eye
	v.forward = at.sub(eye).unit()
	v.right = vec{0, 1, 0}.cross(v.forward).unit()
	v.up = v.forward.cross(v.right)
	v.focal = 640 / math.Tan(fov/2*math.Pi/180)
}

// at projects a place; size is how many units a metre has there.
func (v *view) at(p vec) (q point, size float64, ok bool) {
	d := p.sub(v.eye)
	z := d.dot(v.forward)
	if z < 0.2 {
		return point{}, 0, false
	}
	k := v.focal / z
	return point{640 + d.dot(v.right)*k, 360 - d.dot(v.up)*k}, k, true
}

// far is the distance along the view.
func (v *view) far(p vec) float64 { return p.sub(v.eye).dot(v.forward) }

// air mixes the haze in.
func (v *view) air(col colour, p vec) colour {
	k := clamp(v.far(p) / 100 * v.haze.a)
	a := col.a
	col = col.mix(v.haze, k)
	col.a = a
	return col
}

// face draws a flat polygon; what lies behind the camera is cut off.
func (v *view) face(col colour, ps ...vec) {
	near := make([]vec, 0, len(ps)+2)
	for i, p := range ps {
		q := ps[(i+1)%len(ps)]
		a, b := v.far(p)-0.3, v.far(q)-0.3
		if a > 0 {
			near = append(near, p)
		}
		if (a > 0) != (b > 0) {
			near = append(near, p.add(q.sub(p).times(a/(a-b))))
		}
	}
	if len(near) < 3 {
		return
	}
	out, mid := make([]point, len(near)), vec{}
	for i, p := range near {
		out[i], _, _ = v.at(p)
		mid = mid.add(p.times(1 / float64(len(near))))
	}
	v.poly(v.air(col, mid), out...)
}

// ground draws a rectangle that lies on the ground (or at height y).
func (v *view) ground(x, z, w, d, y float64, col colour) {
	v.face(col, vec{x, y, z}, vec{x + w, y, z}, vec{x + w, y, z + d}, vec{x, y, z + d})
}

// disc draws a flat circle at height p.y.
func (v *view) disc(p vec, r float64, col colour) {
	ps := make([]vec, 0, 32)
	for i := range 32 {
		s, c := math.Sincos(float64(i) / 32 * 2 * math.Pi)
		ps = append(ps, vec{p.x + c*r, p.y, p.z + s*r})
	}
	v.face(col, ps...)
}

// solid draws a convex body of four lower and four upper corners, each going
// round in the same direction. Faces turned away are left out.
func (v *view) solid(col colour, low, high [4]vec) {
	var mid vec
	for i := range 4 {
		mid = mid.add(low[i]).add(high[i])
	}
	mid = mid.times(1.0 / 8)
	faces := [][]vec{high[:], low[:]}
	for i := range 4 {
		j := (i + 1) % 4
		faces = append(faces, []vec{low[i], low[j], high[j], high[i]})
	}
	for _, f := range faces {
		n := f[1].sub(f[0]).cross(f[2].sub(f[0]))
		if n.dot(n) < 1e-9 {
			n = f[2].sub(f[0]).cross(f[3].sub(f[0]))
		}
		n = n.unit()
		if n.dot(f[0].sub(mid)) < 0 {
			n = n.times(-1)
		}
		if n.dot(v.eye.sub(f[0])) <= 0 {
			continue
		}
		k := v.ambient + (1-v.ambient)*max(0, n.dot(v.sun))
		v.face(col.lit(k), f...)
	}
}

// frame is a place with a direction on the ground.
type frame struct {
	at  vec
	ang float64 // 0 looks along +x, in radians
}

// p turns along (forward), side (left) and up into a place.
func (f frame) p(along, up, side float64) vec {
	s, c := math.Sincos(f.ang)
	return f.at.add(vec{along*c - side*s, up, along*s + side*c})
}

// box is a solid whose lower face is centred at (along, side).
func (v *view) box(f frame, along, side, low, length, width, height float64, col colour) {
	l, w := length/2, width/2
	c := func(up float64) [4]vec {
		return [4]vec{f.p(along-l, up, side-w), f.p(along+l, up, side-w), f.p(along+l, up, side+w), f.p(along-l, up, side+w)}
	}
	v.solid(col, c(low), c(low+height))
}

// stroke draws a bar between two places, width in metres.
func (v *view) stroke(a, b vec, width float64, col colour) {
	pa, sa, ok1 := v.at(a)
	pb, sb, ok2 := v.at(b)
	if ok1 && ok2 {
		v.taper(pa, pb, max(0.7, width*sa), max(0.7, width*sb), v.air(col, a))
	}
}

// ball draws a circle of radius r metres.
func (v *view) ball(p vec, r float64, col colour) {
	if q, s, ok := v.at(p); ok {
		v.ellipse(q.x, q.y, r*s, r*s, v.air(col, p))
	}
}

// shine adds light around a place, r metres wide.
func (v *view) shine(p vec, r float64, col colour, strength float64) {
	if q, s, ok := v.at(p); ok {
		v.glow(q.x, q.y, r*s, r*s, col, strength)
	}
}

// pool adds light on the ground around a place.
func (v *view) pool(p vec, r float64, col colour, strength float64) {
	q, s, ok := v.at(p)
	if !ok {
		return
	}
	flatness := max(0.12, -v.forward.y+0.1+(v.eye.y-p.y)/max(1, v.far(p))*0.6)
	v.glow(q.x, q.y, r*s, r*s*flatness, col, strength)
}

// put keeps something for the sorted pass.
func (v *view) put(p vec, draw func()) { v.later = append(v.later, thing{v.far(p), draw}) }

// paint draws what was put, the farthest first.
func (v *view) paint() {
	slices.SortStableFunc(v.later, func(a, b thing) int {
		if a.far > b.far {
			return -1
		}
		return 1
	})
	for _, t := range v.later {
		t.draw()
	}
	v.later = v.later[:0]
}
