package main

import (
	"math"
	"slices"
)

// colour is a straight (not premultiplied) RGB colour with an opacity, all 0…1.
type colour struct{ r, g, b, a float64 }

// rgb takes 0xRRGGBB.
func rgb(hex int) colour {
	return colour{float64(hex>>16&255) / 255, float64(hex>>8&255) / 255, float64(hex&255) / 255, 1}
}

// alpha returns the colour with another opacity.
func (c colour) alpha(a float64) colour { c.a = a; return c }

// mix goes from c (0) to d (1).
func (c colour) mix(d colour, k float64) colour {
	return colour{c.r + (d.r-c.r)*k, c.g + (d.g-c.g)*k, c.b + (d.b-c.b)*k, c.a + (d.a-c.a)*k}
}

// lit makes the colour lighter (k > 1) or darker.
func (c colour) lit(k float64) colour { return colour{c.r * k, c.g * k, c.b * k, c.a} }

// point is a place on the canvas in units of the 1280×720 picture.
type point struct{ x, y float64 }

// canvas is a picture that shapes are drawn on; scale maps its units to pixels.
type canvas struct {
	w, h  int
	scale float64
	pix   []float32 // r, g, b of each pixel, 0…1
	cover []float32 // one row
	cross []crossing
}

type crossing struct {
	x   float64
	dir int
}

func newCanvas(w, h int) *canvas {
	return &canvas{w: w, h: h, scale: float64(w) / 1280, pix: make([]float32, w*h*3), cover: make([]float32, w+2)}
}

// sub is how many lines a pixel row is cut into for smooth edges.
const sub = 4

// fill draws a closed polygon; shade gives the colour at a place, in units.
func (c *canvas) fill(ps []point, shade func(x, y float64) colour) {
	if len(ps) < 3 {
		return
	}
	top, bottom := math.Inf(1), math.Inf(-1)
	for _, p := range ps {
		top, bottom = min(top, p.y*c.scale), max(bottom, p.y*c.scale)
	}
	y0, y1 := max(0, int(math.Floor(top))), min(c.h-1, int(math.Floor(bottom)))
	for y := y0; y <= y1; y++ {
		left, right := c.w, -1
		for s := range sub {
			l, r := c.span(ps, float64(y)+(float64(s)+0.5)/sub)
			left, right = min(left, l), max(right, r)
		}
		for x := left; x <= right; x++ {
			if k := c.cover[x]; k > 0 {
				col := shade((float64(x)+0.5)/c.scale, (float64(y)+0.5)/c.scale)
				c.blend(x, y, col, min(1, float64(k)))
			}
			c.cover[x] = 0
		}
	}
}

// span adds the coverage of one sub-line (non-zero winding) and returns the
// pixels it touched.
func (c *canvas) span(ps []point, y float64) (left, right int) {
	c.cross = c.cross[:0]
	for i, p := range ps {
		q := ps[(i+1)%len(ps)]
		ay, by := p.y*c.scale, q.y*c.scale
		if (ay <= y) == (by <= y) {
			continue
		}
		dir := 1
		if ay > by {
			dir = -1
		}
		c.cross = append(c.cross, crossing{(p.x + (q.x-p.x)*(y-ay)/(by-ay)) * c.scale, dir})
	}
	slices.SortFunc(c.cross, func(a, b crossing) int {
		if a.x < b.x {
			return -1
		}
		return 1
	})
	left, right = c.w, -1
	wind := 0
	for i, k := range c.cross {
		wind += k.dir
		if wind == 0 || i+1 == len(c.cross) {
			continue
		}
		a, b := max(0, k.x), min(float64(c.w), c.cross[i+1].x)
		if b <= a {
			continue
		}
		ia, ib := int(a), min(int(b), c.w-1)
		left, right = min(left, ia), max(right, ib)
		if ia == ib {
			c.cover[ia] += float32((b - a) / sub)
			continue
		}
		c.cover[ia] += float32((float64(ia+1) - a) / sub)
		for x := ia + 1; x < ib; x++ {
			c.cover[x] += 1.0 / sub
		}
		c.cover[ib] += float32((b - float64(ib)) / sub)
	}
	return left, right
}

func (c *canvas) blend(x, y int, col colour, k float64) {
	p := c.pix[(y*c.w+x)*3:]
	k *= col.a
	p[0] += (float32(col.r) - p[0]) * float32(k)
	p[1] += (float32(col.g) - p[1]) * float32(k)
	p[2] += (float32(col.b) - p[2]) * float32(k)
}

// poly draws a polygon in one colour.
func (c *canvas) poly(col colour, ps ...point) { c.fill(ps, flat(col)) }

func flat(col colour) func(x, y float64) colour {
	return func(float64, float64) colour { return col }
}

// gradient goes from a at height y0 to b at y1.
func gradient(y0, y1 float64, a, b colour) func(x, y float64) colour {
	return func(_, y float64) colour { return a.mix(b, clamp((y-y0)/(y1-y0))) }
}

func (c *canvas) rect(x, y, w, h float64, col colour) {
	c.poly(col, point{x, y}, point{x + w, y}, point{x + w, y + h}, point{x, y + h})
}

// ellipse draws a filled ellipse.
func (c *canvas) ellipse(x, y, rx, ry float64, col colour) {
	ps := make([]point, 0, 28)
	for i := range 28 {
		s, k := math.Sincos(float64(i) / 28 * 2 * math.Pi)
		ps = append(ps, point{x + k*rx, y + s*ry})
	}
	c.poly(col, ps...)
}

// taper draws a stroke whose width goes from w0 to w1.
func (c *canvas) taper(a, b point, w0, w1 float64, col colour) {
	ang := math.Atan2(b.y-a.y, b.x-a.x)
	ps := make([]point, 0, 16)
	for i := range 8 {
		s, k := math.Sincos(ang + math.Pi/2 + math.Pi*float64(i)/7)
		ps = append(ps, point{a.x + k*w0/2, a.y + s*w0/2})
	}
	for i := range 8 {
		s, k := math.Sincos(ang - math.Pi/2 + math.Pi*float64(i)/7)
		ps = append(ps, point{b.x + k*w1/2, b.y + s*w1/2})
	}
	c.poly(col, ps...)
}

// glow adds light around a place; rx and ry are where it has faded out.
func (c *canvas) glow(x, y, rx, ry float64, col colour, strength float64) {
	x0, x1 := max(0, int((x-rx)*c.scale)), min(c.w-1, int((x+rx)*c.scale))
	y0, y1 := max(0, int((y-ry)*c.scale)), min(c.h-1, int((y+ry)*c.scale))
	for py := y0; py <= y1; py++ {
		for px := x0; px <= x1; px++ {
			dx := ((float64(px)+0.5)/c.scale - x) / rx
			dy := ((float64(py)+0.5)/c.scale - y) / ry
			k := 1 - dx*dx - dy*dy
			if k <= 0 {
				continue
			}
			k = k * k * k * strength
			p := c.pix[(py*c.w+px)*3:]
			p[0] += float32(col.r*k) * (1 - p[0])
			p[1] += float32(col.g*k) * (1 - p[1])
			p[2] += float32(col.b*k) * (1 - p[2])
		}
	}
}

// puff lays a soft cloud over the picture.
func (c *canvas) puff(x, y, r float64, col colour) {
	x0, x1 := max(0, int((x-r)*c.scale)), min(c.w-1, int((x+r)*c.scale))
	y0, y1 := max(0, int((y-r)*c.scale)), min(c.h-1, int((y+r)*c.scale))
	for py := y0; py <= y1; py++ {
		for px := x0; px <= x1; px++ {
			dx, dy := (float64(px)/c.scale-x)/r, (float64(py)/c.scale-y)/r
			if k := 1 - dx*dx - dy*dy; k > 0 {
				c.blend(px, py, col, k*k)
			}
		}
	}
}

// finish darkens the corners a little and writes the picture as RGB bytes. The
// noise is fixed in place: it hides the steps of dark gradients and costs the
// encoder nothing from frame to frame.
func (c *canvas) finish(out []byte) {
	seed := uint32(1)
	for y := range c.h {
		fy := float64(y)/float64(c.h)*2 - 1
		for x := range c.w {
			fx := float64(x)/float64(c.w)*2 - 1
			v := float32(1 - 0.10*(fx*fx+fy*fy))
			seed = seed*1664525 + 1013904223
			n := (float32(seed>>16)/65536 - 0.5) * 1.6
			i := (y*c.w + x) * 3
			for k := range 3 {
				out[i+k] = byte(max(0, min(255, c.pix[i+k]*v*255+n+0.5)))
			}
		}
	}
}

func clamp(k float64) float64 { return max(0, min(1, k)) }

// smooth is an eased step from 0 at a to 1 at b.
func smooth(a, b, x float64) float64 {
	k := clamp((x - a) / (b - a))
	return k * k * (3 - 2*k)
}
