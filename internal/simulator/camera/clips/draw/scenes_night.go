package main

import (
	"math"
	"math/rand/v2"
)

// nightSky fills the picture with a dark sky over dark ground.
func nightSky(v *view, horizon float64) {
	all := []point{{0, 0}, {1280, 0}, {1280, 720}, {0, 720}}
	v.fill(all, gradient(0, horizon, rgb(0x0b1226), rgb(0x26304a)))
}

// shed is the e-bike charging shed at night: ports blink, one battery smokes.
func shed() scene {
	setup := func(v *view) {
		v.look(vec{-1.2, 3.5, -7.6}, vec{0.4, 1.15, 2.0}, 62)
		v.sun, v.ambient = vec{-0.2, 0.9, -0.5}.unit(), 0.35
		v.haze = rgb(0x141b2e).alpha(0.5)
	}
	back := func(v *view) {
		nightSky(v, 200)
		v.block(-26, 22, 18, 8, 26, rgb(0x2a3145), 0.22, 4)
		v.block(-4, 26, 22, 8, 30, rgb(0x242b3f), 0.18, 9)
		v.block(21, 20, 16, 8, 22, rgb(0x2b3247), 0.25, 12)
		v.ground(-60, -8, 120, 60, 0, rgb(0x1c222d))
		v.ground(-6.4, 0.6, 13.4, 3.6, 0.01, rgb(0x39414c))
		for i := range 13 {
			v.ground(-6.4+float64(i)*1.1, 0.6, 0.05, 3.4, 0.02, rgb(0xc9cdd2).alpha(0.5))
		}
		v.ground(-6.6, -0.1, 13.8, 0.12, 0.02, rgb(0xd9b23c).alpha(0.55))
		wall := frame{at: vec{0.3, 0, 4.35}}
		v.box(wall, 0, 0, 0, 13.6, 0.2, 2.5, rgb(0x5b6675))
		for i := range 6 {
			v.face(rgb(0x46505e), vec{-6.3 + float64(i)*2.26, 0.15, 4.2}, vec{-4.3 + float64(i)*2.26, 0.15, 4.2}, vec{-4.3 + float64(i)*2.26, 0.5, 4.2}, vec{-6.3 + float64(i)*2.26, 0.5, 4.2})
		}
		for i := range 4 {
			at := frame{at: vec{-5 + float64(i)*3.4, 0, 4.14}}
			v.box(at, 0, 0, 1.12, 1.2, 0.22, 0.78, rgb(0xd5dbe1))
			v.box(at, 0, -0.12, 1.70, 1.0, 0.03, 0.10, rgb(0x2f6fb3))
		}
		for _, x := range []float64{-6.3, 0.3, 6.9} {
			v.box(frame{at: vec{x, 0, 0.6}}, 0, 0, 0, 0.14, 0.14, 2.55, rgb(0x6d7886))
			v.box(frame{at: vec{x, 0, 4.2}}, 0, 0, 0, 0.14, 0.14, 2.75, rgb(0x6d7886))
		}
		v.face(rgb(0x6f8296).alpha(0.92), vec{-6.9, 2.62, 0.1}, vec{7.5, 2.62, 0.1}, vec{7.5, 2.85, 4.6}, vec{-6.9, 2.85, 4.6})
		v.box(frame{at: vec{0.3, 0, 0.1}}, 0, 0, 2.50, 14.4, 0.10, 0.16, rgb(0x8a97a6))
	}
	draw := func(v *view, t float64) {
		flicker := 1.0
		if k := math.Mod(t*10, 10); k > 6.1 && k < 6.5 && int(k*25)%3 == 0 {
			flicker = 0.55
		}
		for i, x := range []float64{-4.4, 0.3, 5.0} {
			on := 1.0
			if i == 2 {
				on = flicker
			}
			v.stroke(vec{x - 0.9, 2.52, 2.2}, vec{x + 0.9, 2.52, 2.2}, 0.07, rgb(0xf4f8ff).lit(on))
			v.shine(vec{x, 2.5, 2.2}, 2.6, rgb(0xdfe9ff), 0.42*on)
			v.pool(vec{x, 0, 2.0}, 4.4, rgb(0xcfe0ff), 0.26*on)
		}
		colours := []int{0xe8ecef, 0xc8463c, 0x3a7fc0, 0x2f3540, 0xe2b84c, 0x57a07a, 0xd7d9dc, 0x8c4fa0, 0x3f8fa8, 0xb9452f}
		for i, col := range colours {
			x := -5.75 + float64(i)*1.22
			if i == 4 || i == 8 {
				continue
			}
			f := frame{vec{x, 0, 2.2 + 0.12*math.Sin(float64(i)*2.1)}, math.Pi/2 - 0.42}
			v.put(f.at, func() { v.bike(f, rgb(col), 0.92) })
		}
		v.put(vec{0, 1, 4.0}, func() { ports(v, t) })
		hot := vec{2.55, 0.62, 2.05}
		v.put(hot.add(vec{0, 0, -0.4}), func() { smoke(v, hot, t) })
		v.paint()
	}
	return scene{"charger-shed", setup, back, draw}
}

// ports are the 24 lights of the four charging boxes.
func ports(v *view, t float64) {
	for i := range 24 {
		box, k := i/6, i%6
		p := vec{-5 + float64(box)*3.4 - 0.42 + float64(k)*0.17, 1.36, 4.0}
		col, on := rgb(0x35d07a), 1.0
		switch {
		case i == 15: // the hot one
			col, on = rgb(0xff3b30), 0.25+0.75*math.Round(math.Mod(t*20, 1))
		case i%5 == 3:
			col = rgb(0x4a7dff)
		case i%7 == 2:
			on = 0.15
		default:
			on = 0.45 + 0.55*math.Pow(math.Sin(math.Pi*(t*5+float64(i)*0.37)), 2)
		}
		v.ball(p, 0.055, col.lit(0.35+0.65*on))
		v.shine(p, 0.42, col, 0.75*on)
	}
}

// smoke rises in puffs that come round with the loop.
func smoke(v *view, from vec, t float64) {
	for i := range 34 {
		age := math.Mod(t*3+float64(i)/34, 1)
		drift := math.Sin(age*5+float64(i)*1.3)*0.14*age + 0.55*age*age
		p := from.add(vec{drift, age * 2.3, -0.1 * age})
		q, s, ok := v.at(p)
		if ok {
			a := 0.42 * math.Sin(math.Pi*min(1, age*1.1+0.08)) * (1 - 0.40*age)
			v.puff(q.x, q.y, (0.13+0.62*age)*s, rgb(0xc3c8d0).alpha(a))
		}
	}
	v.shine(from, 0.7, rgb(0xff7a33), 0.40+0.14*math.Sin(t*2*math.Pi*14))
}

// path is the garden path under lamp poles, with trees in the wind.
func path() scene {
	setup := func(v *view) {
		v.look(vec{-2.2, 3.6, -6}, vec{0.5, 1.3, 12}, 58)
		v.sun, v.ambient = vec{0.2, 0.9, -0.3}.unit(), 0.26
		v.haze = rgb(0x1a2440).alpha(0.9)
	}
	lampsAt := []vec{{-2.7, 0, 3}, {2.9, 0, 9}, {-2.7, 0, 15}, {2.9, 0, 22}, {-2.7, 0, 30}, {2.9, 0, 39}}
	back := func(v *view) {
		nightSky(v, 260)
		r := rand.New(rand.NewPCG(5, 5)) //nolint:gosec // a drawing, not a secret
		for range 70 {
			v.ellipse(r.Float64()*1280, r.Float64()*190, 0.9, 0.9, rgb(0xdfe6ff).alpha(0.25+0.5*r.Float64()))
		}
		v.glow(1010, 82, 120, 120, rgb(0xbfd0ff), 0.45)
		v.ellipse(1010, 82, 26, 26, rgb(0xf1efe2))
		v.ellipse(1019, 77, 23, 23, rgb(0x1a2340))
		v.block(-40, 52, 26, 8, 30, rgb(0x20283c), 0.25, 21)
		v.block(-9, 58, 20, 8, 34, rgb(0x1d2539), 0.20, 23)
		v.block(16, 50, 24, 8, 27, rgb(0x222a3f), 0.28, 27)
		v.ground(-70, -8, 140, 90, 0, rgb(0x14241f))
		v.ground(-1.9, -8, 3.8, 78, 0.01, rgb(0x474a55))
		for i := range 40 {
			v.ground(-1.9, -6+float64(i)*1.6, 3.8, 0.06, 0.02, rgb(0x2e313b).alpha(0.8))
		}
		for _, x := range []float64{-2.1, 1.9} {
			v.ground(x, -8, 0.2, 78, 0.02, rgb(0x6b6e78))
		}
	}
	draw := func(v *view, t float64) {
		for _, p := range lampsAt {
			v.pool(vec{p.x * 0.55, 0, p.z}, 4.6, rgb(0xffd79a), 0.50)
		}
		for i := range 16 {
			side := float64(i%2)*2 - 1
			z := 3.5 + float64(i/2)*5.6
			at := vec{side * (6.4 + 1.6*math.Sin(float64(i)*1.9)), 0, z}
			gust := math.Sin(2*math.Pi*(3*t)-float64(i)*0.55) + 0.4*math.Sin(2*math.Pi*7*t+float64(i))
			v.put(at, func() { v.tree(at, 4.6+1.0*math.Sin(float64(i)*3.1), uint64(i+1), rgb(0x2f5741).lit(0.95), 0.30*gust) })
		}
		for i, p := range lampsAt {
			v.put(p, func() { lamp(v, p, t, i) })
		}
		walk := t
		a := frame{vec{-0.7, 0, 2 + 30*walk}, math.Pi / 2}
		v.put(a.at, func() { v.person(a, t*19, 1.7, wardrobe(4), underLamps(a.at, lampsAt)) })
		b := frame{vec{0.8, 0, 34 - 31*walk}, -math.Pi / 2}
		v.put(b.at, func() { v.person(b, t*27, 1.75, wardrobe(7), underLamps(b.at, lampsAt)) })
		v.paint()
	}
	return scene{"lamp-path", setup, back, draw}
}

func underLamps(p vec, lamps []vec) float64 {
	light := 0.42
	for _, l := range lamps {
		d := p.sub(l)
		light += 0.62 / (1 + d.dot(d)/7)
	}
	return min(1.05, light)
}

// lamp is one pole with its light and the moths around it.
func lamp(v *view, p vec, t float64, i int) {
	arm := 0.7
	if p.x > 0 {
		arm = -0.7
	}
	top, head := p.add(vec{0, 4.2, 0}), p.add(vec{arm, 4.25, 0})
	v.stroke(p, top, 0.11, rgb(0x555d6b))
	v.stroke(top, head, 0.08, rgb(0x555d6b))
	v.box(frame{at: p}, 0, 0, 0, 0.3, 0.3, 0.5, rgb(0x6b7380))
	v.stroke(head.add(vec{-0.22, -0.02, 0}), head.add(vec{0.22, -0.02, 0}), 0.12, rgb(0xfff3d6))
	v.shine(head, 2.7, rgb(0xffdca0), 0.70)
	v.shine(head.add(vec{0, -1.2, 0}), 2.4, rgb(0xffd08a), 0.16)
	v.ball(p.add(vec{0, 1.35, -0.08}), 0.05, rgb(0xff4a3a))
	for m := range 4 {
		s, c := math.Sincos(2*math.Pi*(t*float64(5+m*2+i)) + float64(m)*1.7)
		v.ball(head.add(vec{c * 0.35, -0.25 + s*0.22, s * 0.3}), 0.022, rgb(0xfff6e0).alpha(0.8))
	}
}
