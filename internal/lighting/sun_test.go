package lighting

import (
	"math"
	"testing"
	"time"
)

func dayi() Place { return Place{30.6, 103.5} }

// Published values. With seconds: NREL's report TP-560-34302 on the Solar Position
// Algorithm (its sample of Golden, Colorado, and its table of rise and set at 35° S),
// and USNO's for 39° N 105° W. To the minute: USNO's tables of one day for Raleigh
// and for Kukuihaele. NREL counts by days of UT: its sunset of 17 October is the one at
// 00:20 UT, of the local evening before; so is USNO's of 2 August. TestTheTwoEvenings has
// the reckoning for that.
func TestSunAgainstAlmanacs(t *testing.T) {
	const toTheSecond, toTheMinute = 30 * time.Second, 60 * time.Second // half a minute of rounding on top
	golden, usno, south := Place{39.742476, -105.1786}, Place{39, -105}, Place{-35, 0}
	raleigh, hawaii := Place{35 + 47/60.0, -78 - 39/60.0}, Place{20 + 7/60.0, -155 - 34/60.0}
	for _, c := range []struct {
		place      Place
		date, what string
		want       string
		within     time.Duration
	}{
		{golden, "2003-10-17", "sunrise", "2003-10-17T06:12:43-07:00", toTheSecond},
		{golden, "2003-10-16", "sunset", "2003-10-16T17:20:19-07:00", toTheSecond},
		{south, "1996-07-05", "sunrise", "1996-07-05T07:08:15Z", toTheSecond},
		{south, "1996-07-05", "sunset", "1996-07-05T17:01:04Z", toTheSecond},
		{south, "2004-12-04", "sunrise", "2004-12-04T04:38:57Z", toTheSecond},
		{south, "2004-12-04", "sunset", "2004-12-04T19:02:02Z", toTheSecond},
		{usno, "2015-01-02", "sunrise", "2015-01-02T07:19:02-07:00", toTheSecond},
		{usno, "2015-01-02", "sunset", "2015-01-02T16:49:10-07:00", toTheSecond},
		{usno, "2015-08-02", "sunrise", "2015-08-02T05:01:26-07:00", toTheSecond},
		{usno, "2015-08-01", "sunset", "2015-08-01T19:11:31-07:00", toTheSecond},
		{raleigh, "2015-07-12", "dawn", "2015-07-12T09:38:00Z", toTheMinute},
		{raleigh, "2015-07-12", "sunrise", "2015-07-12T10:08:00Z", toTheMinute},
		{raleigh, "2015-07-12", "noon", "2015-07-12T17:20:00Z", toTheMinute},
		{raleigh, "2015-07-12", "sunset", "2015-07-13T00:32:00Z", toTheMinute},
		{raleigh, "2015-07-12", "dusk", "2015-07-13T01:02:00Z", toTheMinute},
		{hawaii, "2015-04-02", "sunrise", "2015-04-02T16:15:00Z", toTheMinute},
		{hawaii, "2015-04-03", "sunrise", "2015-04-03T16:14:00Z", toTheMinute},
	} {
		d, err := time.Parse(time.DateOnly, c.date)
		if err != nil {
			t.Fatal(err)
		}
		want, err := time.Parse(time.RFC3339, c.want)
		if err != nil {
			t.Fatal(err)
		}
		s := c.place.SunOn(d.Year(), d.Month(), d.Day())
		got := map[string]time.Time{"dawn": s.Dawn, "sunrise": s.Sunrise, "noon": s.Noon, "sunset": s.Sunset, "dusk": s.Dusk}[c.what]
		if off := got.Sub(want); off.Abs() > c.within {
			t.Errorf("%v %s %s: %s, %s off", c.place, c.date, c.what, got, off)
		}
	}
}

// almanac is the height of the sun's centre in degrees by another way: the formula
// of the Astronomical Almanac, page C5, with sidereal time instead of the equation
// of time (0.01° from 1950 to 2050).
func almanac(p Place, at time.Time) float64 {
	n := float64(at.UnixMilli())/86_400_000 + 2440587.5 - 2451545
	g := radians(357.528 + 0.9856003*n)
	l := radians(280.460 + 0.9856474*n + 1.915*math.Sin(g) + 0.020*math.Sin(2*g))
	e := radians(23.439 - 0.0000004*n)
	ra, dec := math.Atan2(math.Cos(e)*math.Sin(l), math.Cos(l)), math.Asin(math.Sin(e)*math.Sin(l))
	hour := radians(math.Mod(280.46061837+360.98564736629*n+p.Longitude, 360)) - ra
	lat := radians(p.Latitude)
	return degrees(math.Asin(math.Sin(lat)*math.Sin(dec) + math.Cos(lat)*math.Cos(dec)*math.Cos(hour)))
}

// For Dayi no table to the second is published, so each of its times for four years
// is held against the almanac's formula: 30 s are at least 0.1° of height there.
func TestSunOverDayi(t *testing.T) {
	worst := 0.0
	for d := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC); d.Year() < 2030; d = d.AddDate(0, 0, 1) {
		s := dayi().SunOn(d.Year(), d.Month(), d.Day())
		for at, want := range map[time.Time]float64{s.Dawn: civil, s.Sunrise: limb, s.Sunset: limb, s.Dusk: civil} {
			off := math.Abs(almanac(dayi(), at) - want)
			if worst = max(worst, off); off > 0.03 { // 9 s
				t.Errorf("%s: the sun stands %.3f° off", at, off)
			}
		}
		local := d.Add(-8 * time.Hour)
		if !s.Dawn.Before(s.Sunrise) || !s.Sunrise.Before(s.Noon) || !s.Noon.Before(s.Sunset) || !s.Sunset.Before(s.Dusk) ||
			s.Dawn.Before(local) || s.Dusk.After(local.Add(24*time.Hour)) {
			t.Errorf("%s: %+v", d.Format(time.DateOnly), s)
		}
	}
	t.Logf("worst %.4f°", worst)
}

func TestSunThatDoesNotCome(t *testing.T) {
	for _, c := range []struct {
		month time.Month
		up    bool
	}{{time.June, true}, {time.December, false}} {
		s := Place{78.2, 15.6}.SunOn(2026, c.month, 21) // Longyearbyen
		if !s.Sunrise.IsZero() || !s.Sunset.IsZero() || s.Noon.IsZero() {
			t.Errorf("%s: %+v", c.month, s)
		}
	}
	for _, p := range []Place{{90, 0}, {-90, 180}, {0, -180}, {0, 180}} {
		_ = p.SunOn(2026, 3, 20)
	}
}

// Two published sunsets stand above under the local evening before their date. By hand,
// with NOAA's formulas (declination δ, equation of time E, all in degrees and minutes):
//
// Golden, 39.7425° N 105.1786° W, cos H = (sin −0.833° − sin φ sin δ)/(cos φ cos δ),
// local time of the sunset (UTC−7) = 12:00 + 4 min·(105.1786 − 105 + H) − E:
//
//	16 October 2003: δ = −9.02°, E = +14.47 min, H = 83.52° → 12:00 + 334.8 min − 14.5 min = 17:20.3
//	17 October 2003: δ = −9.39°, E = +14.68 min, H = 83.21° → 12:00 + 333.5 min − 14.7 min = 17:18.9
//
// The published 17:20:19 is that of the 16th: at 00:20 on the 17th in UT, by which the
// Solar Position Algorithm counts its days. For 39° N 105° W:
//
//	1 August 2015: δ = +17.87°, E = −6.32 min, H = 106.31° → 12:00 + 425.2 min + 6.3 min = 19:11.5
//	2 August 2015: δ = +17.61°, E = −6.25 min, H = 106.07° → 12:00 + 424.3 min + 6.3 min = 19:10.5
//
// The published 19:11:31 is that of the 1st, at 02:11 on the 2nd in UT. So the dates above
// are right, and those of the publications are days of UT. The sun agrees: on the evening
// named here it stands on the horizon at that time, on the next one clearly below.
func TestTheTwoEvenings(t *testing.T) {
	for _, c := range []struct {
		place    Place
		at       string
		nextDown float64 // how far below the horizon it is a day later, in degrees, at least
	}{
		{Place{39.742476, -105.1786}, "2003-10-16T17:20:19-07:00", 0.2},
		{Place{39, -105}, "2015-08-01T19:11:31-07:00", 0.1},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		if off := almanac(c.place, at) - limb; math.Abs(off) > 0.03 {
			t.Errorf("%s: the sun stands %.3f° off the horizon", c.at, off)
		}
		if off := almanac(c.place, at.AddDate(0, 0, 1)) - limb; off > -c.nextDown {
			t.Errorf("a day after %s: the sun stands %.3f° off the horizon, and would set at the same time", c.at, off)
		}
	}
}

// height is how high the sun stands, by other formulas than the room's: the low precision
// ones of the Astronomical Almanac (page C24, 0.01°), by right ascension and sidereal time.
func height(p Place, at time.Time) float64 {
	n := float64(at.UnixMilli())/86_400_000 + 2440587.5 - 2451545.0
	g := radians(math.Mod(357.528+0.9856003*n, 360))
	lambda := radians(math.Mod(280.460+0.9856474*n, 360) + 1.915*math.Sin(g) + 0.020*math.Sin(2*g))
	tilt := radians(23.439 - 0.0000004*n)
	ascension := math.Atan2(math.Cos(tilt)*math.Sin(lambda), math.Cos(lambda))
	declination := math.Asin(math.Sin(tilt) * math.Sin(lambda))
	hour := radians(math.Mod((18.697374558+24.06570982441908*n)*15+p.Longitude, 360)) - ascension
	lat := radians(p.Latitude)
	return degrees(math.Asin(math.Sin(lat)*math.Sin(declination) + math.Cos(lat)*math.Cos(declination)*math.Cos(hour)))
}

// TestSunByOtherFormulas compares with a search for the height, in both hemispheres, near
// the date line, where nights are white, on a leap day and in years to come.
func TestSunByOtherFormulas(t *testing.T) {
	places := map[string]Place{
		"Dayi": {30.59, 103.52}, "Kashgar": {39.47, 75.99}, "Quito": {-0.18, -78.47}, "Sydney": {-33.87, 151.21}, "Ushuaia": {-54.8, -68.3},
		"Helsinki": {60.17, 24.94}, "Apia": {-13.83, -171.77}, "Suva": {-18.14, 178.44}, "Reykjavik": {64.15, -21.94},
	}
	dates := []time.Time{
		time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC), time.Date(2028, 2, 29, 0, 0, 0, 0, time.UTC), time.Date(2027, 3, 20, 0, 0, 0, 0, time.UTC),
		time.Date(2027, 6, 21, 0, 0, 0, 0, time.UTC), time.Date(2027, 12, 21, 0, 0, 0, 0, time.UTC), time.Date(2049, 9, 23, 0, 0, 0, 0, time.UTC),
	}
	for name, p := range places {
		for _, d := range dates {
			s := p.SunOn(d.Year(), d.Month(), d.Day())
			for _, c := range []struct {
				what     string
				at       time.Time
				h        float64
				from, to time.Duration // of noon, the sun high and low
			}{{"dawn", s.Dawn, civil, 0, -12 * time.Hour}, {"sunrise", s.Sunrise, limb, 0, -12 * time.Hour}, {"sunset", s.Sunset, limb, 0, 12 * time.Hour}, {"dusk", s.Dusk, civil, 0, 12 * time.Hour}} {
				high, low := s.Noon.Add(c.from), s.Noon.Add(c.to)
				comes := height(p, high) > c.h && height(p, low) < c.h
				if comes == c.at.IsZero() {
					t.Errorf("%s on %s in %s: %v, it comes: %v", c.what, d.Format(time.DateOnly), name, c.at, comes)
				}
				if !comes || c.at.IsZero() {
					continue
				}
				for low.Sub(high).Abs() > 100*time.Millisecond {
					if mid := high.Add(low.Sub(high) / 2); height(p, mid) > c.h {
						high = mid
					} else {
						low = mid
					}
				}
				if by := c.at.Sub(low); by.Abs() > 30*time.Second {
					t.Errorf("%s on %s in %s: %s, by other formulas %s", c.what, d.Format(time.DateOnly), name, c.at.Format(time.RFC3339), low.Format(time.RFC3339))
				}
			}
		}
	}
}
