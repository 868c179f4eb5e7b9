package lighting

import (
	"testing"
	"time"
)

// hours are how bright a plan wants lamps over the hours of a night, from noon to noon: one
// sign an hour, at its half.
func hours(p *Plan, calendar string, night Date, place Place, zone *time.Location) string {
	w := Wish{Points: p.points(calendar, night, 2, place, zone)}
	out := ""
	for h := range 24 {
		pct, _, _ := w.Level(night.noon(zone).Add(time.Duration(h)*time.Hour + 30*time.Minute))
		out += map[int]string{0: ".", 60: "-", 100: "#"}[pct]
	}
	return out
}

// The shipped plan lets lamps burn in the dark and nowhere by day: where the sun rises
// before the clock's 05:00, where it does not set, and where it does not rise.
func TestNoLampBurnsByDay(t *testing.T) {
	east, p := china(), shipped()
	west := time.FixedZone("", -8*3600)
	for what, c := range map[string]struct {
		place Place
		zone  *time.Location
		night Date
		want  string // 12:30 … 11:30
	}{
		"Dayi in June":               {dayi(), east, Date{2026, 6, 21}, "........###------#......"},
		"Shanghai, sunrise 04:51":    {Place{31.23, 121.47}, east, Date{2026, 6, 21}, ".......####------......."},
		"Harbin, sunrise 03:43":      {Place{45.75, 126.65}, east, Date{2026, 6, 21}, "........###-----........"},
		"Harbin in December":         {Place{45.75, 126.65}, east, Date{2026, 12, 21}, "....#######------##....."},
		"Los Angeles in June":        {Place{34.05, -118.24}, west, Date{2026, 6, 21}, ".......####------......."},
		"Longyearbyen in June":       {Place{78.2, 15.6}, time.FixedZone("", 2*3600), Date{2026, 6, 21}, "........................"},
		"Longyearbyen in December":   {Place{78.2, 15.6}, time.FixedZone("", 3600), Date{2026, 12, 21}, "###########------#######"},
		"McMurdo in June, dark":      {Place{-77.85, 166.67}, time.FixedZone("", 12*3600), Date{2026, 6, 21}, "###########------#######"},
		"Apia, beyond the date line": {Place{-13.83, -171.77}, time.FixedZone("", 13*3600), Date{2026, 6, 21}, "......#####------##....."},
	} {
		if got := hours(&p, "paths", c.night, c.place, c.zone); got != c.want {
			t.Errorf("%s: %s, want %s", what, got, c.want)
		}
	}
}

// A festival's night, which the sun alone begins and ends, is there in the polar night too,
// and a white night needs no lamps.
func TestTheSunAlone(t *testing.T) {
	p := shipped()
	p.Programmes = append(p.Programmes, Programme{ID: "dusk", Switches: []Switch{{At: "dusk", Pct: 100}, {At: "23:00", Pct: 60}, {At: "dawn", Pct: 0}}})
	for what, c := range map[string]struct {
		programme string
		place     Place
		night     Date
		want      string
	}{
		"polar night":  {"festival", Place{78.2, 15.6}, Date{2026, 12, 21}, "########################"},
		"polar day":    {"festival", Place{78.2, 15.6}, Date{2026, 6, 21}, "........................"},
		"white nights": {"dusk", Place{65.0, 25.5}, Date{2026, 6, 21}, "........................"},
	} {
		p.Calendars[0].Rules = []Rule{{Programme: c.programme}}
		if got := hours(&p, "paths", c.night, c.place, time.FixedZone("", 2*3600)); got != c.want {
			t.Errorf("%s: %s, want %s", what, got, c.want)
		}
	}
}

// A period of the photocell begins and ends in the night that names it, wherever the date
// line is.
func TestPhotocellBeyondTheDateLine(t *testing.T) {
	zone := time.FixedZone("", 13*3600)
	p := Programme{Switches: []Switch{{At: "sunset", Pct: 100}, {At: "sunrise", Pct: 0}}, Sensor: []Period{{From: "dusk", To: "23:00", On: 30, Off: 90, Pct: 50}}}
	got := p.night(Date{2026, 6, 21}, Place{-13.83, -171.77}, zone)
	if len(got) != 4 || got[1].On != 30 || got[0].At.In(zone).Format("01-02 15") != "06-21 18" {
		t.Errorf("%+v", got)
	}
}

// An override holds on when the hub's clock is set back.
func TestOverrideAndAClockThatIsSetBack(t *testing.T) {
	s := newStreet(t)
	s.step(0)
	s.call(201, "chen", "POST", "/lighting/overrides", `{"target":"group:all","pct":30,"until":"`+s.now.Add(time.Hour).UTC().Format(time.RFC3339)+`","reason":"电影放映"}`)
	s.step(-30 * time.Minute)
	if w := s.wish["lamp-e001"]; w.Override == nil || w.Override.Pct != 30 {
		t.Errorf("%+v", w)
	}
}
