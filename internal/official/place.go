package official

import (
	"context"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

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

// where are the zones that a message is for, and what of it is said there: infos of other
// places are left out, and so are those that are over. None is for another place.
// What can't be placed is for everybody: nobody is left out because a plan is missing; see
// everybody.
func (o *Official) where(ctx context.Context, m *cap.Message, now time.Time) (zones []string, said *cap.Message) {
	all := o.o.Zones.Zones(ctx)
	hit := map[string]bool{}
	anywhere, x := true, *m
	x.Infos = nil
	for i := range m.Infos {
		info := &m.Infos[i]
		if e := info.Expires; e != nil && !e.After(now) {
			continue
		}
		here, placed := o.placed(info, all)
		if placed {
			anywhere = false
			maps.Copy(hit, here)
		}
		if !placed || len(here) > 0 { // what names no place follows what does
			x.Infos = append(x.Infos, *info)
		}
	}
	if anywhere {
		hit[""] = true
	}
	if len(hit) == 0 {
		x.Infos = nil
	}
	return top(hit), &x
}

// everybody says what the hub would have to know so that a message is not for the whole
// community; "" where it is meant so, or is for some zones.
func (o *Official) everybody(ctx context.Context, m *cap.Message, zones []string) string {
	if m == nil || !slices.Contains(zones, "") {
		return ""
	}
	all := o.o.Zones.Zones(ctx)
	for i := range m.Infos {
		if why := o.lacks(&m.Infos[i], all); why != "" {
			return why + ": everybody hears it"
		}
	}
	return ""
}

// lacks is what the hub would have to know to place an info; "" for nothing.
func (o *Official) lacks(info *cap.Info, all []Zone) string {
	for i := range info.Areas {
		a := &info.Areas[i]
		switch {
		case len(a.Geocodes) > 0 && len(o.o.Geocodes) == 0:
			return "official.geocodes is not set, and the area has the code " + a.Geocodes[0].Value
		case len(a.Polygons)+len(a.Circles) == 0:
		case o.o.Origin == nil:
			return "official.origin is not set, and the area has a polygon or a circle"
		case !drawn(all):
			return "no zone is drawn on the plan, and the area has a polygon or a circle"
		}
	}
	return ""
}

// placed are the zones that an info is for; ok is false where it names no place.
func (o *Official) placed(info *cap.Info, all []Zone) (hit map[string]bool, ok bool) {
	hit = map[string]bool{}
	for i := range info.Areas {
		a := &info.Areas[i]
		if len(a.Polygons)+len(a.Circles)+len(a.Geocodes) == 0 {
			continue // described in words only
		}
		ok = true
		for _, g := range a.Geocodes {
			for _, zone := range o.coded(g.Value) {
				hit[zone] = true
			}
		}
		if len(a.Polygons)+len(a.Circles) == 0 {
			continue
		}
		if o.o.Origin == nil || !drawn(all) {
			hit[""] = true
			continue
		}
		o.drawnIn(a, all, hit)
	}
	return hit, ok
}

// coded are the zones of a code. One of a county or province, which ends in 00 (GB/T 2260),
// is for all codes in it. A hub that knows no codes knows of none that it is elsewhere.
func (o *Official) coded(code string) (zones []string) {
	if len(o.o.Geocodes) == 0 {
		return []string{""}
	}
	if zone, ok := o.o.Geocodes[code]; ok {
		return []string{zone}
	}
	if len(code) < 6 || strings.Trim(code, "0123456789") != "" {
		return nil
	}
	within := code
	for strings.HasSuffix(within, "00") && len(within) > 2 && len(within)%2 == 0 {
		within = within[:len(within)-2]
	}
	for known, zone := range o.o.Geocodes {
		if within != code && strings.HasPrefix(known, within) {
			zones = append(zones, zone)
		}
	}
	return zones
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
			if r.touches(o.o.Origin.outline(p)) {
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

// outline is a polygon on the plan, with the date line beyond the horizon.
func (g *Origin) outline(p cap.Polygon) []point {
	p = p.Unrolled()
	east := 0.0 // the turn around the earth in which it lies around the plan, or next to it
	if lo, hi := extent(p); g.Lon < lo-180 {
		east = -360
	} else if g.Lon > hi+180 {
		east = 360
	}
	ps := make([]point, len(p))
	for i := range p {
		ps[i] = g.plan(cap.Point{Lat: p[i].Lat, Lon: p[i].Lon + east})
	}
	return ps
}

func extent(p cap.Polygon) (lo, hi float64) {
	lo, hi = 1e9, -1e9
	for i := range p {
		lo, hi = min(lo, p[i].Lon), max(hi, p[i].Lon)
	}
	return lo, hi
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
