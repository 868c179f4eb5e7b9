package main

import "math"

// plaza is the square in the middle: people walk, the fountain plays.
func plaza() scene {
	setup := func(v *view) {
		v.look(vec{0.5, 8.2, -13}, vec{0, 0.2, 5.5}, 60)
		v.sun, v.ambient = vec{0.55, 0.75, -0.35}.unit(), 0.55
		v.haze = rgb(0xe3ecf2).alpha(0.6)
	}
	back := func(v *view) {
		daySky(v, 200, rgb(0x86b8e3), rgb(0xe3eef4))
		v.block(-44, 40, 24, 10, 30, rgb(0xd9bfa0), 0.04, 41)
		v.block(-14, 44, 26, 10, 34, rgb(0xcfb391), 0.03, 43)
		v.block(18, 40, 26, 10, 28, rgb(0xdcc6aa), 0.04, 47)
		v.ground(-80, -16, 160, 120, 0, rgb(0x86a868))
		v.ground(-16, -14, 32, 40, 0.01, rgb(0xd3c8b6))
		for i := range 33 {
			v.ground(-16+float64(i), -14, 0.03, 40, 0.012, rgb(0xb9ad9a))
		}
		for i := range 26 {
			v.ground(-16, -14+float64(i)*1.6, 32, 0.04, 0.012, rgb(0xb9ad9a))
		}
		for _, r := range []struct {
			r   float64
			col int
		}{{7.6, 0xb5826a}, {7.2, 0xdcd2c0}, {5.2, 0xc69278}, {4.9, 0xe2d9c8}} {
			v.disc(vec{0, 0.015, 6}, r.r, rgb(r.col))
		}
		for _, x := range []float64{-15.6, 11.6} {
			for _, z := range []float64{-2, 8, 18} {
				v.box(frame{at: vec{x + 2, 0, z + 2}}, 0, 0, 0, 4, 4, 0.4, rgb(0xc9c1b3))
				v.box(frame{at: vec{x + 2, 0, z + 2}}, 0, 0, 0.4, 3.7, 3.7, 0.1, rgb(0x5f9150))
			}
		}
	}
	draw := func(v *view, t float64) {
		for i := range 6 {
			at := vec{-13.6 + 27.2*float64(i%2), 0.4, 0 + float64(i/2)*10}
			v.put(at, func() { v.tree(at, 5.2, uint64(90+i), rgb(0x5a9a4c), 0.16*math.Sin(2*math.Pi*2*t+float64(i)*0.9)) })
		}
		for _, b := range []frame{{vec{-9, 0, 1}, 1.2}, {vec{9, 0, 1}, -1.2}, {vec{-9.2, 0, 11}, 1.9}, {vec{9.2, 0, 11}, -1.9}} {
			v.put(b.at, func() {
				v.box(b, 0, 0, 0.38, 1.8, 0.5, 0.08, rgb(0x9b6a43))
				v.box(b, -0.7, 0, 0, 0.1, 0.4, 0.38, rgb(0x55504a))
				v.box(b, 0.7, 0, 0, 0.1, 0.4, 0.38, rgb(0x55504a))
			})
		}
		v.put(vec{0, 0, 6}, func() { fountain(v, t) })
		crowd(v, t)
		v.paint()
	}
	return scene{"plaza", setup, back, draw}
}

func fountain(v *view, t float64) {
	v.disc(vec{0, 0.01, 6}, 2.9, rgb(0x8f8a80))
	v.disc(vec{0, 0.36, 6}, 2.7, rgb(0xcfc8ba))
	v.disc(vec{0, 0.40, 6}, 2.4, rgb(0x6fb0cc))
	for i := range 5 {
		k := math.Mod(t*6+float64(i)/5, 1)
		v.disc(vec{0, 0.405 + 0.001*float64(i), 6}, 0.3+2.0*k, rgb(0xffffff).alpha(0.16*(1-k)))
	}
	v.box(frame{at: vec{0, 0, 6}}, 0, 0, 0.3, 0.5, 0.5, 0.7, rgb(0xd9d2c4))
	for i := range 110 {
		age := math.Mod(t*10+float64(i)*0.6180339, 1)
		s, c := math.Sincos(float64(i*i) * 0.731)
		h := 1.0 + 5.4*age - 5.4*age*age*1.15
		v.ball(vec{c * age * 1.55, max(0.42, h), 6 + s*age*1.55}, 0.055+0.03*age, rgb(0xf2fbff).alpha(0.75-0.35*age))
	}
}

// crowd is who crosses the square; every way begins and ends outside the
// picture or comes back to where it began.
func crowd(v *view, t float64) {
	line := func(k int, from, to vec, turn float64, tall float64) {
		p := math.Mod(t+turn, 1)
		at := from.add(to.sub(from).times(p))
		f := frame{at, math.Atan2(to.z-from.z, to.x-from.x)}
		way := math.Sqrt(to.sub(from).dot(to.sub(from)))
		v.put(at, func() { v.person(f, math.Round(way/1.45)*p, tall, wardrobe(k), 1) })
	}
	line(0, vec{-19, 0, 1.2}, vec{18, 0, -2.0}, 0.0, 1.72)
	line(1, vec{-19, 0, 0.4}, vec{18, 0, -2.9}, 0.01, 1.60)
	line(3, vec{17, 0, 13}, vec{-18, 0, 14.5}, 0.35, 1.70)
	line(5, vec{18, 0, 2.2}, vec{-13, 0, -8}, 0.62, 1.66)
	line(4, vec{-4.2, 0, 26}, vec{-6.5, 0, -12}, 0.2, 1.75)
	line(6, vec{7.6, 0, -12}, vec{5.8, 0, 26}, 0.55, 1.78)
	line(7, vec{-17, 0, 18}, vec{16, 0, 19.5}, 0.8, 1.65)
	ring := func(k int, r, turn, tall, laps float64) { // children run around the fountain
		a := 2 * math.Pi * (t*laps + turn)
		s, c := math.Sincos(a)
		f := frame{vec{c * r, 0, 6 + s*r}, a + math.Pi/2}
		v.put(f.at, func() { v.person(f, t*laps*16+turn, tall, wardrobe(k), 1) })
	}
	ring(2, 4.1, 0, 1.18, 1)
	ring(0, 4.4, 0.07, 1.10, 1)
	ring(3, 6.3, 0.5, 1.68, 1)
	for i := range 9 { // pigeons
		s, c := math.Sincos(float64(i) * 2.2)
		hop := math.Abs(math.Sin(2*math.Pi*(t*12+float64(i)*0.3))) * 0.06
		p := vec{4.6 + c*1.1, 0.1 + hop, -3.6 + s*0.8}
		v.put(p, func() {
			v.ball(p, 0.12, rgb(0x7d8792))
			v.ball(p.add(vec{0.1, 0.1, 0}), 0.06, rgb(0x5b6570))
		})
	}
}

// park is the car park along the road in the late afternoon.
func park() scene {
	setup := func(v *view) {
		v.look(vec{-4.5, 6.6, -10.5}, vec{1.8, 0.2, 6.0}, 60)
		v.sun, v.ambient = vec{-0.7, 0.55, -0.4}.unit(), 0.50
		v.haze = rgb(0xf0d9bd).alpha(0.5)
	}
	back := func(v *view) {
		daySky(v, 220, rgb(0x8fb0d0), rgb(0xf6dcb8))
		v.block(-46, 42, 26, 10, 27, rgb(0xe0c19a), 0.10, 51)
		v.block(-14, 46, 24, 10, 32, rgb(0xd4b28a), 0.08, 53)
		v.block(16, 40, 30, 10, 25, rgb(0xe3c8a4), 0.10, 57)
		v.ground(-80, -14, 160, 120, 0, rgb(0x8ca468))
		v.ground(-60, -3.6, 120, 7.2, 0.01, rgb(0x66676c))
		for i := range 34 {
			v.ground(-50+float64(i)*3.2, -0.06, 1.7, 0.12, 0.02, rgb(0xf2ead6))
		}
		v.ground(-60, -3.9, 120, 0.25, 0.02, rgb(0xcfcabf))
		v.ground(-18, 3.6, 36, 13.6, 0.01, rgb(0x75767a))
		for i := range 13 {
			v.ground(-17+float64(i)*2.8, 4.0, 0.10, 4.8, 0.02, rgb(0xf2ead6))
			v.ground(-17+float64(i)*2.8, 12.2, 0.10, 4.8, 0.02, rgb(0xf2ead6))
		}
		v.hedge(-18, 17.4, 36, 1.0, 0.8, rgb(0x5d8a48))
		for _, x := range []float64{-12, 2, 14} {
			v.stroke(vec{x, 0, 18}, vec{x, 5, 18}, 0.12, rgb(0x777d84))
			v.stroke(vec{x, 5, 18}, vec{x - 0.9, 5.1, 17.4}, 0.10, rgb(0x777d84))
		}
	}
	draw := func(v *view, t float64) {
		paints := []int{0xd9dde2, 0x2d3642, 0xb23b32, 0x3f6fa3, 0xc9a64a, 0x6d737c, 0xeceff1, 0x4d7a5a, 0x8a5a3a}
		for i := range 12 {
			if i == 3 || i == 8 || i == 5 {
				continue
			}
			f := frame{vec{-15.6 + float64(i)*2.8, 0, 14.6}, math.Pi / 2}
			v.put(f.at, func() { v.car(f, rgb(paints[i%9]), 0.95, false, false) })
			if i%2 == 0 && i != 6 {
				g := frame{vec{-15.6 + float64(i)*2.8, 0, 6.4}, -math.Pi / 2}
				v.put(g.at, func() { v.car(g, rgb(paints[(i+4)%9]), 0.95, false, false) })
			}
		}
		for i := range 7 {
			at := vec{-24 + float64(i)*8, 0, 21 + 2*math.Sin(float64(i)*2)}
			v.put(at, func() { v.tree(at, 5.8, uint64(120+i), rgb(0x6a9447), 0.15*math.Sin(2*math.Pi*2*t+float64(i))) })
		}
		drive := func(col int, z, from, to, a, b float64) {
			if t < a || t > b {
				return
			}
			x := from + (to-from)*(t-a)/(b-a)
			f := frame{vec{x, 0, z}, 0}
			if to < from {
				f.ang = math.Pi
			}
			v.put(f.at, func() { v.car(f, rgb(col), 1, true, false) })
		}
		drive(0x2f7fb5, -1.8, -26, 34, 0.00, 0.42)
		drive(0xf0f0ee, 1.8, 36, -26, 0.18, 0.64)
		drive(0xc8902f, -1.8, -26, 34, 0.52, 0.98)
		leaving(v, t)
		w := frame{vec{14 - 24*t, 0, 10.4}, math.Pi}
		v.put(w.at, func() { v.person(w, t*17, 1.7, wardrobe(1), 1) })
		v.paint()
	}
	return scene{"car-park", setup, back, draw}
}

// leaving is a car that backs out of its bay, waits with its lamps on and goes in again.
func leaving(v *view, t float64) {
	k := smooth(0.10, 0.34, t) - smooth(0.62, 0.88, t)
	z := 14.6 - 4.6*k
	f := frame{vec{-15.6 + 5*2.8, 0, z}, math.Pi/2 + 0.5*k}
	moving := t > 0.08 && t < 0.9
	v.put(f.at, func() { v.car(f, rgb(0x3c8d7a), 1, moving, moving) })
}
