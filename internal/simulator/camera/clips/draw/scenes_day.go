package main

import "math"

func daySky(v *view, horizon float64, high, low colour) {
	v.fill([]point{{0, 0}, {1280, 0}, {1280, 720}, {0, 720}}, gradient(0, horizon, high, low))
}

// door is the entrance of a unit at dusk: somebody comes home.
func door() scene {
	setup := func(v *view) {
		v.look(vec{2.6, 3.3, -6.6}, vec{-0.25, 1.35, 2.2}, 56)
		v.sun, v.ambient = vec{0.45, 0.75, -0.6}.unit(), 0.5
		v.haze = rgb(0xd9c3b0).alpha(0.2)
	}
	wall := rgb(0xcbb79f)
	back := func(v *view) {
		daySky(v, 200, rgb(0x8fa8c4), rgb(0xe7c7a6))
		v.ground(-40, -10, 80, 60, 0, rgb(0x8b8781))
		for i := range 14 {
			v.ground(-9, -6+float64(i)*0.75, 18, 0.035, 0.005, rgb(0x6f6b66))
			v.ground(-9+float64(i)*1.35, -6, 0.035, 9, 0.005, rgb(0x6f6b66))
		}
		v.box(frame{at: vec{0, 0, 6}}, 0, 0, 0, 26, 6, 12, wall)
		for i := range 3 {
			x := []float64{-8.2, 4.4, 8.6}[i]
			v.face(rgb(0x6b5b4d), vec{x - 0.1, 1.0, 2.99}, vec{x + 2.5, 1.0, 2.99}, vec{x + 2.5, 2.9, 2.99}, vec{x - 0.1, 2.9, 2.99})
			v.face(rgb(0xf0c987).lit(0.9-0.2*float64(i%2)), vec{x, 1.1, 2.98}, vec{x + 2.4, 1.1, 2.98}, vec{x + 2.4, 2.8, 2.98}, vec{x, 2.8, 2.98})
			v.face(rgb(0x6b5b4d), vec{x + 1.15, 1.1, 2.97}, vec{x + 1.25, 1.1, 2.97}, vec{x + 1.25, 2.8, 2.97}, vec{x + 1.15, 2.8, 2.97})
		}
		v.face(rgb(0x9c3b2e), vec{-3.2, 0, 2.98}, vec{3.2, 0, 2.98}, vec{3.2, 3.5, 2.98}, vec{-3.2, 3.5, 2.98})
		v.face(rgb(0x7c2d24), vec{-3.2, 2.75, 2.97}, vec{3.2, 2.75, 2.97}, vec{3.2, 2.85, 2.97}, vec{-3.2, 2.85, 2.97})
		v.box(frame{at: vec{0, 0, 1.6}}, 0, 0, 0, 5.4, 2.8, 0.16, rgb(0xa8a39b))
		v.box(frame{at: vec{0, 0, 0.1}}, 0, 0, 0, 5.0, 0.5, 0.08, rgb(0xb3aea6))
		v.face(rgb(0x3a2c22), vec{-1.35, 0.16, 2.96}, vec{1.35, 0.16, 2.96}, vec{1.35, 2.62, 2.96}, vec{-1.35, 2.62, 2.96})
	}
	draw := func(v *view, t float64) {
		open := smooth(0.44, 0.52, t) * (1 - smooth(0.74, 0.84, t))
		v.face(rgb(0xf6dca8), vec{-1.25, 0.17, 2.95}, vec{1.25, 0.17, 2.95}, vec{1.25, 2.52, 2.95}, vec{-1.25, 2.52, 2.95})
		v.face(rgb(0xd9b77e), vec{-1.25, 0.17, 2.94}, vec{1.25, 0.17, 2.94}, vec{0.75, 0.55, 2.94}, vec{-0.75, 0.55, 2.94})
		v.face(rgb(0xb68e5c), vec{-0.45, 0.55, 2.94}, vec{0.45, 0.55, 2.94}, vec{0.45, 2.0, 2.94}, vec{-0.45, 2.0, 2.94})
		v.stroke(vec{0, 0.55, 2.93}, vec{0, 2.0, 2.93}, 0.03, rgb(0x8a6940))
		who := func(z, x float64, k int, step float64, in bool) {
			f := frame{vec{x, 0, z}, math.Pi / 2}
			if !in {
				f.ang = -math.Pi / 2
			}
			up := 0.16 * smooth(0.0, 0.5, z)
			f.at.y = up
			v.person(f, step, 1.70, wardrobe(k), 1)
		}
		walk := smooth(0.02, 0.44, t)*0.86 + smooth(0.52, 0.70, t)*0.14
		z := -5.2 + walk*8.5
		inside := z > 2.9
		if inside && t < 0.80 {
			who(2.9, 0.1, 0, walk*9, true)
		}
		leaf := func(x0, x1 float64) {
			v.face(rgb(0xbfd6de).alpha(0.50), vec{x0, 0.17, 2.93}, vec{x1, 0.17, 2.93}, vec{x1, 2.5, 2.93}, vec{x0, 2.5, 2.93})
			for _, x := range []float64{x0, x1} {
				v.stroke(vec{x, 0.17, 2.92}, vec{x, 2.5, 2.92}, 0.07, rgb(0x4a4d52))
			}
			v.stroke(vec{x0, 0.2, 2.92}, vec{x1, 0.2, 2.92}, 0.07, rgb(0x4a4d52))
			v.stroke(vec{x0, 2.48, 2.92}, vec{x1, 2.48, 2.92}, 0.07, rgb(0x4a4d52))
		}
		leaf(-1.25-open*1.05, -0.02-open*1.05)
		leaf(0.02+open*1.05, 1.25+open*1.05)
		v.face(rgb(0x30343a), vec{1.75, 1.15, 2.92}, vec{2.1, 1.15, 2.92}, vec{2.1, 1.75, 2.92}, vec{1.75, 1.75, 2.92})
		screen, ring := rgb(0x5aa7e0), rgb(0xd04a3c)
		if t > 0.40 && t < 0.84 {
			screen, ring = rgb(0x6fe0a0), rgb(0x4be08a)
		}
		v.face(screen, vec{1.80, 1.42, 2.91}, vec{2.05, 1.42, 2.91}, vec{2.05, 1.70, 2.91}, vec{1.80, 1.70, 2.91})
		v.ball(vec{1.92, 1.28, 2.91}, 0.05, ring)
		v.shine(vec{1.92, 1.4, 2.9}, 0.8, screen, 0.35)
		if !inside {
			v.put(vec{0, 0, z}, func() { who(z, 0.1+0.9*(1-walk)+0.5*math.Sin(walk*3)*(1-walk), 0, walk*9, true) })
		}
		canopy(v)
		for _, x := range []float64{-2.9, 2.9} {
			at := vec{x, 0.16, 1.9}
			v.put(at, func() {
				v.box(frame{at: at}, 0, 0, 0, 0.6, 0.6, 0.5, rgb(0xd8d2c6))
				v.tree(at.add(vec{0, 0.35, 0}), 1.5, uint64(x*10+50), rgb(0x3f7a45), 0.06*math.Sin(2*math.Pi*(2*t+x)))
			})
		}
		v.put(vec{-4.6, 0, 0.4}, func() { v.bike(frame{vec{-4.7, 0, 0.9}, 0.3}, rgb(0x2f80b8), 0.95) })
		cat := math.Mod(t*2, 2)
		v.put(vec{0, 0, -1.5}, func() { stroll(v, frame{vec{-7.5 + cat*7, 0, -1.2}, 0}, t) })
		v.paint()
	}
	return scene{"unit-door", setup, back, draw}
}

// canopy is the roof over the steps, with its down-lights.
func canopy(v *view) {
	v.put(vec{0, 3, 1.5}, func() {
		v.box(frame{at: vec{0, 0, 1.75}}, 0, 0, 2.95, 5.6, 2.7, 0.22, rgb(0x8f2f26))
		for _, x := range []float64{-1.6, 0, 1.6} {
			v.shine(vec{x, 2.92, 1.2}, 1.0, rgb(0xffdf9e), 0.5)
			v.pool(vec{x, 0.16, 1.5}, 1.6, rgb(0xffdf9e), 0.18)
		}
	})
}

// stroll is a cat that crosses the picture.
func stroll(v *view, f frame, t float64) {
	fur := rgb(0x3a3532)
	for i, a := range []float64{-0.16, -0.10, 0.12, 0.18} {
		k := math.Sin(2*math.Pi*t*26+float64(i)*math.Pi/2) * 0.07
		v.stroke(f.p(a, 0.18, 0), f.p(a+k, 0.01, 0), 0.05, fur)
	}
	v.stroke(f.p(-0.2, 0.22, 0), f.p(0.2, 0.23, 0), 0.15, fur)
	v.ball(f.p(0.30, 0.32, 0), 0.085, fur)
	v.stroke(f.p(0.26, 0.38, 0), f.p(0.25, 0.43, 0), 0.04, fur)
	v.stroke(f.p(0.34, 0.38, 0), f.p(0.35, 0.43, 0), 0.04, fur)
	v.stroke(f.p(-0.2, 0.24, 0), f.p(-0.36, 0.42+0.03*math.Sin(2*math.Pi*t*8), 0), 0.04, fur)
}

// gate is the east gate: the barrier lets cars in and out.
func gate() scene {
	setup := func(v *view) {
		v.look(vec{-6.8, 4.6, -9.2}, vec{0.8, 0.7, 4.4}, 58)
		v.sun, v.ambient = vec{-0.5, 0.8, -0.45}.unit(), 0.52
		v.haze = rgb(0xdfe8ef).alpha(0.55)
	}
	back := func(v *view) {
		daySky(v, 250, rgb(0x7fb2e0), rgb(0xdcebf4))
		for i, x := range []float64{180, 620, 1050} {
			y := 60 + 30*float64(i%2)
			for k := range 5 {
				v.puff(x+float64(k)*46, y+10*math.Sin(float64(k)*2), 60, rgb(0xffffff).alpha(0.5))
			}
		}
		v.block(-34, 44, 20, 10, 28, rgb(0xd8c3a5), 0.05, 31)
		v.block(-8, 48, 22, 10, 33, rgb(0xcdb699), 0.04, 35)
		v.block(20, 42, 22, 10, 26, rgb(0xdac8ad), 0.05, 37)
		v.ground(-80, -12, 160, 110, 0, rgb(0x8fae72))
		v.ground(-4.2, -14, 8.4, 90, 0.01, rgb(0x6a6d72))
		for _, x := range []float64{-4.4, 4.2} {
			v.ground(x, -14, 0.25, 90, 0.02, rgb(0xd0cfc8))
		}
		for i := range 20 {
			v.ground(-0.07, -12+float64(i)*3.4, 0.14, 1.8, 0.02, rgb(0xf3efe0))
		}
		for i := range 9 {
			v.ground(-3.9+float64(i)*0.9, 8.6, 0.5, 1.8, 0.025, rgb(0xf3efe0).alpha(0.9))
		}
		for _, x := range []float64{-14, 5.2} {
			v.hedge(x, 5.2, 9, 1.0, 0.9, rgb(0x4f8a4a))
			v.box(frame{at: vec{x + 4.5, 0, 6.6}}, 0, 0, 0, 9, 0.3, 2.3, rgb(0xd9cdb8))
			v.box(frame{at: vec{x + 4.5, 0, 6.6}}, 0, 0, 2.3, 9.2, 0.45, 0.18, rgb(0x9c4a36))
		}
		for _, x := range []float64{-5.0, 5.0} {
			v.box(frame{at: vec{x, 0, 6.4}}, 0, 0, 0, 0.9, 0.9, 4.4, rgb(0xb9a284))
		}
		v.box(frame{at: vec{0, 0, 6.4}}, 0, 0, 4.4, 11.6, 1.1, 0.7, rgb(0x8c3b2b))
		v.box(frame{at: vec{0, 0, 6.4}}, 0, 0, 5.1, 12.4, 1.7, 0.25, rgb(0x6d2c21))
		for i := range 4 {
			v.face(rgb(0xe8c45a), vec{-1.8 + float64(i)*1.0, 4.5, 5.82}, vec{-1.2 + float64(i)*1.0, 4.5, 5.82}, vec{-1.2 + float64(i)*1.0, 5.0, 5.82}, vec{-1.8 + float64(i)*1.0, 5.0, 5.82})
		}
	}
	draw := func(v *view, t float64) {
		for i := range 6 {
			at := vec{[]float64{-9, -12.5, 8.5, 12, -8, 9.5}[i], 0, []float64{9, 13, 9.5, 14, 18, 20}[i]}
			v.put(at, func() { v.tree(at, 5.6, uint64(i+70), rgb(0x4d8f4a), 0.14*math.Sin(2*math.Pi*(2*t)+float64(i))) })
		}
		hut(v, t)
		// The car in drives up, waits for the bar and goes on; the one out has its own bar.
		in := -16 + 15.0*smooth(0.02, 0.28, t) + 46*math.Pow(clamp((t-0.40)/0.52), 1.7)
		out := 42 - 37.5*smooth(0.30, 0.62, t) - 24*math.Pow(clamp((t-0.72)/0.26), 1.5)
		va, vb := frame{vec{2.1, 0, in}, math.Pi / 2}, frame{vec{-2.1, 0, out}, -math.Pi / 2}
		v.put(va.at, func() { v.car(va, rgb(0xe9ecef), 1, false, t > 0.2 && t < 0.42) })
		v.put(vb.at, func() { v.car(vb, rgb(0xc43d33), 1, false, false) })
		bar(v, vec{4.15, 0, 2.6}, -1, smooth(0.30, 0.40, t)*(1-smooth(0.66, 0.76, t)))
		bar(v, vec{-4.15, 0, 3.2}, 1, smooth(0.62, 0.72, t)*(1-smooth(0.92, 0.99, t)))
		g := frame{vec{4.9, 0, -4.6 + 9*t}, math.Pi / 2}
		v.put(g.at, func() { v.person(g, t*11, 1.66, wardrobe(2), 1) })
		v.paint()
	}
	return scene{"east-gate", setup, back, draw}
}

// hut is the guard's house with the guard in front of it.
func hut(v *view, t float64) {
	at := frame{at: vec{6.6, 0, 2.4}}
	v.put(at.at.add(vec{0, 0, 1}), func() {
		v.box(at, 0, 0, 0, 2.2, 2.4, 1.0, rgb(0xe6e0d2))
		v.box(at, 0, 0, 1.0, 2.1, 2.3, 1.15, rgb(0x7fa6b8))
		v.box(at, 0, 0, 2.15, 2.8, 3.0, 0.25, rgb(0x34506b))
		v.box(at, 0, 0, 2.4, 0.8, 0.4, 0.12, rgb(0x34506b))
		v.shine(vec{6.6, 2.52, 2.4}, 0.8, rgb(0x4f9bff), 0.5+0.5*math.Sin(2*math.Pi*t*10))
	})
	who := frame{vec{5.2, 0, 1.4}, math.Pi + 0.25*math.Sin(2*math.Pi*t)}
	v.put(who.at, func() {
		v.person(who, 0.02*math.Sin(2*math.Pi*t*2), 1.76, clothes{rgb(0x27406b), rgb(0x1c2233), rgb(0x1c2233)}, 1)
	})
}

// bar is a barrier; up goes from 0 to 1, dir is where its arm points.
func bar(v *view, at vec, dir, up float64) {
	v.put(at, func() {
		v.box(frame{at: at}, 0, 0, 0, 0.45, 0.45, 1.05, rgb(0xe8a53a))
		s, c := math.Sincos(up * 1.42)
		base := at.add(vec{0, 0.95, -0.26})
		for i := range 8 {
			col := rgb(0xf5f5f2)
			if i%2 == 0 {
				col = rgb(0xd23b30)
			}
			a, b := float64(i)*0.48, float64(i+1)*0.48
			v.stroke(base.add(vec{dir * c * a, s * a, 0}), base.add(vec{dir * c * b, s * b, 0}), 0.13, col)
		}
		lamp := rgb(0xe0463a)
		if up > 0.9 {
			lamp = rgb(0x46d67a)
		}
		v.ball(at.add(vec{0, 1.2, -0.2}), 0.10, lamp)
		v.shine(at.add(vec{0, 1.2, -0.3}), 0.6, lamp, 0.6)
	})
}
