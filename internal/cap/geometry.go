package cap

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

func parsePoint(s string) (p Point, err error) {
	lat, lon, ok := strings.Cut(s, ",")
	if !ok {
		return p, fmt.Errorf("%.40q is no point; write latitude,longitude", s)
	}
	var err1, err2 error
	p.Lat, err1 = strconv.ParseFloat(lat, 64)
	p.Lon, err2 = strconv.ParseFloat(lon, 64)
	if err1 != nil || err2 != nil || !(math.Abs(p.Lat) <= 90) || !(math.Abs(p.Lon) <= 180) { //nolint:staticcheck // NaN is out as well
		return p, fmt.Errorf("%.40q is not on the earth; write latitude,longitude in degrees", s)
	}
	return p, nil
}

// parsePolygon reads points that end where they began and do not cross (3.2.4).
func parsePolygon(s string) (p Polygon, err error) {
	for f := range strings.FieldsSeq(s) {
		x, err := parsePoint(f)
		if err != nil {
			return nil, err
		}
		if len(p) > 0 && p[len(p)-1] == x {
			continue // a corner that is told twice is one
		}
		if p = append(p, x); len(p) > maxPoints {
			return nil, fmt.Errorf("has more than %d points", maxPoints)
		}
	}
	switch {
	case len(p) < 4:
		return nil, errors.New("has fewer than four points")
	case p[0] != p[len(p)-1]:
		return nil, errors.New("is not closed: the last point must be the first one")
	case p.crosses():
		return nil, errors.New("crosses itself: what is inside is not defined")
	}
	return p, nil
}

func parseCircle(s string) (c Circle, err error) {
	f := strings.Fields(s)
	if len(f) != 2 {
		return c, fmt.Errorf("%.40q is no circle; write latitude,longitude radius", s)
	}
	if c.Point, err = parsePoint(f[0]); err != nil {
		return c, err
	}
	c.RadiusKM, err = strconv.ParseFloat(f[1], 64)
	if err != nil || !(c.RadiusKM >= 0 && c.RadiusKM <= 20_040) { //nolint:staticcheck // NaN is out as well
		return c, fmt.Errorf("radius %.20q is not from 0 to 20040 km", f[1])
	}
	return c, nil
}

// Unrolled are the corners with longitudes that go on past 180°, for a polygon that lies
// on both sides of the date line: its edges are the shorter way around the earth.
func (p Polygon) Unrolled() Polygon {
	out := make(Polygon, len(p))
	for i, x := range p {
		if i > 0 {
			if by := x.Lon - p[i-1].Lon; by > 180 && by < 360 {
				x.Lon -= 360
			} else if by < -180 && by > -360 {
				x.Lon += 360
			}
			x.Lon += out[i-1].Lon - p[i-1].Lon
		}
		out[i] = x
	}
	return out
}

// crosses tells whether two edges that are no neighbours meet.
func (p Polygon) crosses() bool {
	p = p.Unrolled()
	if p[0] != p[len(p)-1] {
		return true // it goes around a pole
	}
	n := len(p) - 1
	for i := range n {
		for j := i + 1; j < n; j++ {
			if j == i+1 || i == 0 && j == n-1 {
				continue // they share a point
			}
			if meet(p[i], p[i+1], p[j], p[j+1]) {
				return true
			}
		}
	}
	return false
}

// turn is positive where c lies to the left of a→b.
func turn(a, b, c Point) float64 {
	return (b.Lon-a.Lon)*(c.Lat-a.Lat) - (b.Lat-a.Lat)*(c.Lon-a.Lon)
}

func meet(a, b, c, d Point) bool {
	t1, t2, t3, t4 := turn(a, b, c), turn(a, b, d), turn(c, d, a), turn(c, d, b)
	if t1*t2 < 0 && t3*t4 < 0 {
		return true
	}
	on := func(a, b, p Point) bool {
		return min(a.Lat, b.Lat) <= p.Lat && p.Lat <= max(a.Lat, b.Lat) && min(a.Lon, b.Lon) <= p.Lon && p.Lon <= max(a.Lon, b.Lon)
	}
	return t1 == 0 && on(a, b, c) || t2 == 0 && on(a, b, d) || t3 == 0 && on(c, d, a) || t4 == 0 && on(c, d, b)
}
