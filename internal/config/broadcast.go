package config

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Hours are the night's beginning and end since midnight; ok is false for no night.
func (b Broadcast) Hours() (from, to time.Duration, ok bool) {
	first, last, _ := strings.Cut(b.Night, "-")
	from, err1 := clock(first)
	to, err2 := clock(last)
	return from, to, err1 == nil && err2 == nil && from != to
}

func clock(s string) (time.Duration, error) {
	t, err := time.Parse("15:04", strings.TrimSpace(s))
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute, err
}

// Place is where the plan's upper left corner is, in degrees; ok is false where nothing
// is said.
func (o Official) Place() (lat, lon, turn float64, ok bool) {
	parts := strings.Split(o.Origin, ",")
	if len(parts) != 3 {
		return 0, 0, 0, false
	}
	var n [3]float64
	for i, p := range parts {
		x, err := strconv.ParseFloat(strings.TrimSpace(p), 64)
		if err != nil || x != x {
			return 0, 0, 0, false
		}
		n[i] = x
	}
	in := n[0] >= -85 && n[0] <= 85 && n[1] >= -180 && n[1] <= 180 && n[2] >= -360 && n[2] <= 360
	return n[0], n[1], n[2], in
}

func (l *loader) broadcast(b Broadcast) {
	if _, _, ok := b.Hours(); !ok && b.Night != "off" {
		l.problem("broadcast.night", fmt.Sprintf("%q is no time of the night", b.Night), "write 22:00-07:00, or off")
	}
	l.address("broadcast.url", b.URL, "write http://192.0.2.10:8080")
}

func (l *loader) official(o Official) {
	if _, _, _, ok := o.Place(); !ok && o.Origin != "" {
		l.problem("official.origin", fmt.Sprintf("%q is no place", o.Origin), "write latitude, longitude, turn in degrees, as 30.6598, 104.0633, 0")
	}
	if o.Sender == "" || strings.ContainsAny(o.Sender, " ,<&\t\n") {
		l.problem("official.sender", "is no name that CAP takes", "write one word without commas, < and &, as hub@dongyue.example")
	}
	for i, g := range o.Geocodes {
		if code, _, ok := strings.Cut(g, "="); !ok || code == "" {
			l.problem(fmt.Sprintf("official.geocodes[%d]", i), fmt.Sprintf("%q is no code and zone", g), "write 510107001=east")
		}
	}
	l.address("official.upstream", o.Upstream, "write https://warnings.example/inbox")
	if o.Alarms && o.Upstream == "" {
		l.problem("official.alarms", "does nothing without official.upstream", "set official.upstream")
	}
}

// address takes an http or https address, or none.
func (l *loader) address(path, s, hint string) {
	u, err := url.Parse(s)
	if s != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		l.problem(path, fmt.Sprintf("%q is no http or https address", s), hint)
	}
}
