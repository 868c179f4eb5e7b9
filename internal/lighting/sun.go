package lighting

import (
	"math"
	"time"
)

// Place is where the lamps stand, in degrees; north and east are positive.
type Place struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
}

// Sun is what the sun does on a date. A zero time does not come on that date: near
// the poles the sun may stay up or down.
type Sun struct {
	Dawn    time.Time `json:"dawn" doc:"beginning of civil twilight, the sun's centre 6° below the horizon"`
	Sunrise time.Time `json:"sunrise" doc:"upper limb at the horizon"`
	Noon    time.Time `json:"noon"`
	Sunset  time.Time `json:"sunset"`
	Dusk    time.Time `json:"dusk" doc:"end of civil twilight"`
}

// The heights of the sun's centre in degrees that mark its hours.
const (
	limb  = -0.8333 // radius 16′ and refraction 34′, as almanacs have it
	civil = -6.0
)

// SunOn works out the sun of a date at a place after Meeus, Astronomical Algorithms,
// chapters 25 and 28 (0.01°), as NOAA's solar calculator does.
func (p Place) SunOn(year int, month time.Month, day int) Sun {
	midnight := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	noon := p.pass(midnight)
	s := Sun{Noon: noon}
	s.Dawn, s.Dusk = p.at(midnight, civil, -1), p.at(midnight, civil, 1)
	s.Sunrise, s.Sunset = p.at(midnight, limb, -1), p.at(midnight, limb, 1)
	return s
}

// sunOf is the sun of a date by the clocks of a zone, which may be far from the sun's own:
// east of the date line some count the days of the west.
func (p Place) sunOf(d Date, zone *time.Location) Sun {
	s := p.SunOn(d.Year, d.Month, d.Day)
	switch off := s.Noon.Sub(d.noon(zone)); {
	case off > 12*time.Hour:
		d = d.next(-1)
	case off < -12*time.Hour:
		d = d.next(1)
	default:
		return s
	}
	return p.SunOn(d.Year, d.Month, d.Day)
}

// height is how high the sun stands at its noon, in degrees.
func (p Place) height(noon time.Time) float64 {
	declination, _ := sun(noon)
	return 90 - math.Abs(p.Latitude-degrees(declination))
}

// pass is when the sun crosses the meridian. The midnight is that of the date, read
// as UTC: east of Greenwich what is worked out from it falls before.
func (p Place) pass(midnight time.Time) time.Time {
	t := p.meridian(midnight, midnight.Add(12*time.Hour))
	return p.meridian(midnight, t)
}

func (p Place) meridian(midnight, near time.Time) time.Time {
	_, equation := sun(near)
	return midnight.Add(minutes(720 - 4*p.Longitude - equation))
}

// at is when the sun stands at a height, before (-1) or after (1) noon; zero when
// it never does. The sun moves on while one calculates with it, so the second
// result is used to calculate anew.
func (p Place) at(midnight time.Time, height float64, side float64) time.Time {
	t := p.pass(midnight)
	for range 4 {
		declination, _ := sun(t)
		lat := radians(p.Latitude)
		cos := (math.Sin(radians(height)) - math.Sin(lat)*math.Sin(declination)) / (math.Cos(lat) * math.Cos(declination))
		if math.IsNaN(cos) || cos < -1 || cos > 1 {
			return time.Time{}
		}
		t = p.meridian(midnight, t).Add(minutes(side * 4 * degrees(math.Acos(cos))))
	}
	return t.Round(time.Second)
}

// sun is the sun's declination in radians and the equation of time in minutes.
func sun(t time.Time) (declination, equation float64) {
	c := (float64(t.UnixMilli())/86_400_000 + 2440587.5 - 2451545) / 36525 // Julian centuries since 2000; 70 s of ΔT are nothing here
	mean := radians(math.Mod(280.46646+c*(36000.76983+c*0.0003032), 360))
	anomaly := radians(357.52911 + c*(35999.05029-0.0001537*c))
	eccentricity := 0.016708634 - c*(0.000042037+0.0000001267*c)
	centre := math.Sin(anomaly)*(1.914602-c*(0.004817+0.000014*c)) + math.Sin(2*anomaly)*(0.019993-0.000101*c) + math.Sin(3*anomaly)*0.000289
	node := radians(125.04 - 1934.136*c)
	longitude := mean + radians(centre-0.00569-0.00478*math.Sin(node))
	obliquity := radians(23 + (26+(21.448-c*(46.815+c*(0.00059-c*0.001813)))/60)/60 + 0.00256*math.Cos(node))
	declination = math.Asin(math.Sin(obliquity) * math.Sin(longitude))
	y := math.Pow(math.Tan(obliquity/2), 2)
	e := y*math.Sin(2*mean) - 2*eccentricity*math.Sin(anomaly) + 4*eccentricity*y*math.Sin(anomaly)*math.Cos(2*mean) -
		y*y*math.Sin(4*mean)/2 - 1.25*eccentricity*eccentricity*math.Sin(2*anomaly)
	return declination, 4 * degrees(e)
}

func radians(d float64) float64 { return d * math.Pi / 180 }
func degrees(r float64) float64 { return r * 180 / math.Pi }

func minutes(m float64) time.Duration { return time.Duration(m * float64(time.Minute)) }
