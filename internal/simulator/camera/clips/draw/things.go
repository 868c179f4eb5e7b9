package main

import (
	"math"
	"math/rand/v2"
)

// clothes of a person.
type clothes struct{ coat, legs, hair colour }

// wardrobe is what people wear; take them by index.
func wardrobe(i int) clothes {
	list := []clothes{
		{rgb(0xb8433a), rgb(0x2b2f3a), rgb(0x1b1614)}, {rgb(0x3a6ea5), rgb(0x3b3a36), rgb(0x2a201a)},
		{rgb(0xe0b24a), rgb(0x2d3a4f), rgb(0x1b1614)}, {rgb(0x4f8a5b), rgb(0x4a3f38), rgb(0x8d8d8d)},
		{rgb(0xd9d6cf), rgb(0x46506a), rgb(0x1b1614)}, {rgb(0x7b4f8c), rgb(0x24242a), rgb(0x33261d)},
		{rgb(0x2f3b52), rgb(0x6a6258), rgb(0x1b1614)}, {rgb(0xe07b5a), rgb(0x3d4450), rgb(0x2a201a)},
	}
	return list[i%len(list)]
}

// person draws somebody at a place, walking towards ang; step is the phase of
// the walk in turns, tall the height in metres.
func (v *view) person(f frame, step, tall float64, w clothes, light float64) {
	k := tall / 1.72
	swing := math.Sin(step * 2 * math.Pi)
	bob := math.Abs(math.Cos(step*2*math.Pi)) * 0.03
	coat, legs, skin := w.coat.lit(light), w.legs.lit(light), rgb(0xd9a98a).lit(light)
	v.disc(f.at.add(vec{0.05, 0.01, 0.05}), 0.34*k, rgb(0x000000).alpha(0.28))
	hip := (0.86 + bob) * k
	limb := func(side, phase float64, from, to, reach, width float64, col colour) {
		a := phase * reach
		v.stroke(f.p(0, from, side), f.p(a*0.55*k, (from+to)/2+0.02, side), width*k, col)
		v.stroke(f.p(a*0.55*k, (from+to)/2+0.02, side), f.p(a*k, to, side), width*0.8*k, col)
	}
	limb(0.09*k, swing, hip, 0.06*k+max(0, -swing)*0.08, 0.34, 0.16, legs.lit(0.85))
	limb(-0.09*k, -swing, hip, 0.06*k+max(0, swing)*0.08, 0.34, 0.16, legs)
	shoulder := (1.40 + bob) * k
	limb(0.22*k, -swing, shoulder, 0.88*k, 0.26, 0.11, coat.lit(0.8))
	v.stroke(f.p(0, hip+0.02, 0), f.p(0.02, shoulder-0.06, 0), 0.36*k, coat)
	limb(-0.22*k, swing, shoulder, 0.88*k, 0.26, 0.11, coat.lit(0.92))
	head := f.p(0.03, (1.60+bob)*k, 0)
	v.ball(head.add(vec{0, 0.035 * k, 0}), 0.125*k, w.hair.lit(light))
	v.ball(f.p(0.06, (1.575+bob)*k, 0), 0.10*k, skin)
}

// car draws a small car with its headlights and its brake lights on or off.
func (v *view) car(f frame, col colour, light float64, lamps, brake bool) {
	col = col.lit(light)
	shadow := rgb(0x000000).alpha(0.35)
	v.face(shadow, f.p(-2.3, 0.01, -1.05), f.p(2.3, 0.01, -1.05), f.p(2.3, 0.01, 1.05), f.p(-2.3, 0.01, 1.05))
	dark := rgb(0x15171b).lit(max(0.5, light))
	s, c := math.Sincos(f.ang)
	side := 1.0
	if (vec{-s, 0, c}).dot(v.eye.sub(f.at)) < 0 {
		side = -1
	}
	v.box(f, 0, 0, 0.28, 4.4, 1.76, 0.55, col)
	slope := func(up, back, front, w float64) [4]vec {
		return [4]vec{f.p(back, up, -w), f.p(front, up, -w), f.p(front, up, w), f.p(back, up, w)}
	}
	v.solid(rgb(0x27323d).lit(max(0.45, light)), slope(0.83, -1.75, 1.05, 0.80), slope(1.36, -1.25, 0.45, 0.64))
	v.solid(col.lit(1.04), slope(1.35, -1.27, 0.47, 0.65), slope(1.42, -1.15, 0.35, 0.58))
	v.stroke(f.p(-0.42, 0.85, side*0.8), f.p(-0.42, 1.36, side*0.65), 0.07, col)
	for _, a := range []float64{-1.4, 1.4} {
		wheel := make([]vec, 0, 20)
		hub := make([]vec, 0, 20)
		for i := range 20 {
			sn, cs := math.Sincos(float64(i) / 20 * 2 * math.Pi)
			wheel = append(wheel, f.p(a+cs*0.33, 0.33+sn*0.33, side*0.885))
			hub = append(hub, f.p(a+cs*0.18, 0.33+sn*0.18, side*0.89))
		}
		v.face(dark, wheel...)
		v.face(rgb(0x9aa0a8).lit(light), hub...)
	}
	front := frame{f.at, f.ang}.p(1, 0, 0).sub(f.at).dot(v.eye.sub(f.at)) > 0
	for _, w := range []float64{-0.66, 0.66} {
		if front {
			v.ball(f.p(2.21, 0.64, w), 0.11, rgb(0xfff4d8))
			if lamps {
				v.shine(f.p(2.25, 0.64, w), 0.9, rgb(0xfff0c8), 0.7)
			}
		} else {
			v.ball(f.p(-2.21, 0.66, w), 0.10, rgb(0xc22a22))
			if brake || lamps {
				v.shine(f.p(-2.25, 0.66, w), 0.8, rgb(0xff4030), 0.7)
			}
		}
	}
	if lamps {
		v.pool(f.p(6.0, 0.02, 0), 3.6, rgb(0xfff0c8), 0.12)
	}
}

// tree draws a tree whose crown moves with sway (metres at its top).
func (v *view) tree(at vec, tall float64, seed uint64, leaf colour, sway float64) {
	r := rand.New(rand.NewPCG(seed, 7)) //nolint:gosec // a drawing, not a secret
	trunk := rgb(0x4b3a2c)
	if v.ambient < 0.3 {
		trunk = trunk.lit(0.35)
	}
	v.disc(at.add(vec{0.6, 0.01, 0.2}), tall*0.30, rgb(0x000000).alpha(0.20))
	v.stroke(at, at.add(vec{sway * 0.3, tall * 0.55, 0}), tall*0.045, trunk)
	for i := range 26 {
		h := 0.42 + 0.56*float64(i)/26
		wide := tall * 0.30 * math.Sin(math.Pi*(0.16+0.80*(h-0.42)/0.58))
		a, d := r.Float64()*2*math.Pi, math.Sqrt(r.Float64())*wide
		shake := sway * h * (0.8 + 0.5*r.Float64())
		p := at.add(vec{math.Cos(a)*d + shake, tall * h, math.Sin(a) * d * 0.6})
		light := 0.72 + 0.45*(h-0.42)/0.58 - 0.10*math.Cos(a) + 0.10*r.Float64()
		v.ball(p, tall*(0.085+0.05*r.Float64()), leaf.lit(light))
	}
}

// hedge is a low row of green.
func (v *view) hedge(x, z, w, d, h float64, col colour) {
	v.box(frame{at: vec{x + w/2, 0, z + d/2}}, 0, 0, 0, w, d, h, col)
}

// block draws a residential building with rows of windows; lit is the share of
// windows with light.
func (v *view) block(x, z, w, d, h float64, wall colour, lit float64, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 3)) //nolint:gosec // a drawing, not a secret
	f := frame{at: vec{x + w/2, 0, z + d/2}}
	v.box(f, 0, 0, 0, w, d, h, wall)
	for y := 1.2; y+1.6 < h; y += 3.0 {
		for wx := 1.0; wx+1.6 < w; wx += 3.2 {
			glass := rgb(0x39475a)
			if v.ambient < 0.3 {
				glass = rgb(0x10151f)
			}
			if r.Float64() < lit {
				glass = rgb(0xf3c878).lit(0.75 + 0.3*r.Float64())
			}
			a := x + wx
			v.face(glass, vec{a, y, z}, vec{a + 1.7, y, z}, vec{a + 1.7, y + 1.5, z}, vec{a, y + 1.5, z})
			v.face(wall.lit(0.55), vec{a - 0.2, y - 0.18, z - 0.05}, vec{a + 1.9, y - 0.18, z - 0.05}, vec{a + 1.9, y, z - 0.05}, vec{a - 0.2, y, z - 0.05})
		}
	}
}

// bike draws an electric scooter that stands across the view.
func (v *view) bike(f frame, col colour, light float64) {
	dark := rgb(0x1a1c20).lit(max(0.6, light))
	v.face(rgb(0).alpha(0.3), f.p(-0.9, 0.01, -0.3), f.p(0.9, 0.01, -0.3), f.p(0.9, 0.01, 0.3), f.p(-0.9, 0.01, 0.3))
	wheel := func(a float64) {
		for _, k := range []struct {
			r float64
			c colour
		}{{0.30, dark}, {0.19, rgb(0x6d737b).lit(light)}, {0.08, dark}} {
			ps := make([]vec, 0, 18)
			for i := range 18 {
				s, c := math.Sincos(float64(i) / 18 * 2 * math.Pi)
				ps = append(ps, f.p(a+c*k.r, 0.30+s*k.r, 0))
			}
			v.face(k.c, ps...)
		}
	}
	wheel(-0.62)
	wheel(0.62)
	body := col.lit(light)
	v.face(body, f.p(-0.75, 0.48, 0), f.p(-0.1, 0.36, 0), f.p(0.25, 0.34, 0), f.p(0.38, 0.42, 0), f.p(0.2, 0.50, 0), f.p(-0.05, 0.72, 0), f.p(-0.7, 0.74, 0))
	v.stroke(f.p(0.62, 0.30, 0), f.p(0.40, 1.02, 0), 0.09, dark)
	v.face(body.lit(1.1), f.p(0.34, 0.40, 0), f.p(0.56, 0.50, 0), f.p(0.46, 0.98, 0), f.p(0.34, 0.96, 0))
	v.stroke(f.p(-0.72, 0.80, 0), f.p(-0.08, 0.78, 0), 0.13, dark)
	v.stroke(f.p(0.44, 1.06, -0.26), f.p(0.36, 1.06, 0.26), 0.05, dark)
	v.stroke(f.p(0.36, 1.06, 0.22), f.p(0.36, 1.24, 0.3), 0.03, dark)
}
