package official

import (
	"context"
	"math"
	"slices"
	"strings"

	"dongyue/internal/cap"
)

// Origin is where the plan lies: the place of its upper left corner, and how many degrees
// its upper edge is turned clockwise from east.
type Origin struct{ Lat, Lon, Turn float64 }

// point is a place on the plan, in metres: x along its upper edge, y down.
type point struct{ x, y float64 }

// Metres of a degree of latitude; over a community the earth is flat.
const degree = 111_195

func (g *Origin) plan(p cap.Point) point {
	east := (p.Lon - g.Lon) * math.Cos(g.Lat*math.Pi/180) * degree
	north := (p.Lat - g.Lat) * degree
	sin, cos := math.Sincos(g.Turn * math.Pi / 180)
	return point{east*cos - north*sin, -east*sin - north*cos}
}

// Earth is where a point of the plan lies.
func (g *Origin) Earth(x, y float64) cap.Point {
	sin, cos := math.Sincos(g.Turn * math.Pi / 180)
	east, north := x*cos-y*sin, -x*sin-y*cos
	return cap.Point{Lat: g.Lat + north/degree, Lon: g.Lon + east/(degree*math.Cos(g.Lat*math.Pi/180))}
}

// where are the zones that a message is for; here is false when it is for another place.
// What can't be placed is for everybody: nobody is left out because a plan is missing.
func (o *Official) where(ctx context.Context, m *cap.Message) (zones []string, here bool) {
	all := o.o.Zones.Zones(ctx)
	hit := map[string]bool{}
	placed := false
	for i := range m.Infos {
		for _, a := range m.Infos[i].Areas {
			if len(a.Polygons)+len(a.Circles)+len(a.Geocodes) == 0 {
				continue // described in words only
			}
			for _, g := range a.Geocodes {
				placed = true
				if zone, ok := o.o.Geocodes[g.Value]; ok {
					hit[zone] = true
				}
			}
			if len(a.Polygons)+len(a.Circles) == 0 {
				continue
			}
			if o.o.Origin == nil || !drawn(all) {
				return []string{""}, true
			}
			placed = true
			o.drawnIn(&a, all, hit)
		}
	}
	if !placed {
		return []string{""}, true
	}
	return top(hit), len(hit) > 0
}

func drawn(all []Zone) bool {
	return slices.ContainsFunc(all, func(z Zone) bool { return z.Shape[2] > 0 && z.Kind != "community" })
}

// drawnIn marks the zones that an area touches.
func (o *Official) drawnIn(a *cap.Area, all []Zone, hit map[string]bool) {
	for _, z := range all {
		if z.Shape[2] <= 0 || z.Kind == "community" {
			continue
		}
		r := rect{z.Shape[0], z.Shape[1], z.Shape[0] + z.Shape[2], z.Shape[1] + z.Shape[3]}
		for _, p := range a.Polygons {
			ps := make([]point, len(p))
			for i := range p {
				ps[i] = o.o.Origin.plan(p[i])
			}
			if r.touches(ps) {
				hit[z.ID] = true
			}
		}
		for _, c := range a.Circles {
			if r.near(o.o.Origin.plan(c.Point)) <= c.RadiusKM*1000 {
				hit[z.ID] = true
			}
		}
	}
}

// top are the zones that lie in no other of them.
func top(hit map[string]bool) (zones []string) {
	for z := range hit {
		inner := hit[""] && z != ""
		for i := range z {
			if z[i] == '/' && hit[z[:i]] {
				inner = true
			}
		}
		if !inner {
			zones = append(zones, z)
		}
	}
	slices.SortFunc(zones, strings.Compare)
	return zones
}

type rect struct{ x0, y0, x1, y1 float64 }

func (r rect) has(p point) bool { return p.x >= r.x0 && p.x <= r.x1 && p.y >= r.y0 && p.y <= r.y1 }

// near is how far a point lies from the rectangle.
func (r rect) near(p point) float64 {
	return math.Hypot(max(r.x0-p.x, 0, p.x-r.x1), max(r.y0-p.y, 0, p.y-r.y1))
}

// touches tells whether a closed polygon and the rectangle have a point in common.
func (r rect) touches(ps []point) bool {
	corners := []point{{r.x0, r.y0}, {r.x1, r.y0}, {r.x1, r.y1}, {r.x0, r.y1}}
	if slices.ContainsFunc(ps, r.has) || inside(corners[0], ps) {
		return true
	}
	for i := 1; i < len(ps); i++ {
		for j := range corners {
			if cross(ps[i-1], ps[i], corners[j], corners[(j+1)%4]) {
				return true
			}
		}
	}
	return false
}

func inside(p point, ps []point) bool {
	in := false
	for i, j := 0, len(ps)-1; i < len(ps); j, i = i, i+1 {
		a, b := ps[i], ps[j]
		if (a.y > p.y) != (b.y > p.y) && p.x < (b.x-a.x)*(p.y-a.y)/(b.y-a.y)+a.x {
			in = !in
		}
	}
	return in
}

func cross(a, b, c, d point) bool {
	side := func(p, q, r point) float64 { return (q.x-p.x)*(r.y-p.y) - (q.y-p.y)*(r.x-p.x) }
	return side(a, b, c)*side(a, b, d) < 0 && side(c, d, a)*side(c, d, b) < 0
}
