package lighting

import (
	"context"
	"slices"
	"time"

	"dongyue/internal/event"
)

// Night is when the sun goes and comes, for the night that runs or comes next.
type Night struct {
	Date    string     `json:"date" doc:"of its evening"`
	Begins  time.Time  `json:"begins" doc:"noon"`
	Sunset  *time.Time `json:"sunset"`
	Dusk    *time.Time `json:"dusk"`
	Dawn    *time.Time `json:"dawn"`
	Sunrise *time.Time `json:"sunrise"`
}

func (l *Lighting) night(at time.Time) Night {
	d := nightOf(at, l.o.Zone)
	evening, morning := l.o.Place.sunOf(d, l.o.Zone), l.o.Place.sunOf(d.next(1), l.o.Zone)
	some := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		return &t
	}
	return Night{d.String(), d.noon(l.o.Zone).UTC(), some(evening.Sunset), some(evening.Dusk), some(morning.Dawn), some(morning.Sunrise)}
}

// GroupView is a group as it is now.
type GroupView struct {
	ID        string     `json:"id"`
	Name      event.Text `json:"name"`
	Programme string     `json:"programme" doc:"of tonight; empty: the calendar has none"`
	Points    []Point    `json:"points" doc:"of tonight"`
	Pct       int        `json:"pct" doc:"what the programme or an override asks for now"`
	Override  *Held      `json:"override"`
	Lamps     int        `json:"lamps"`
	Burning   int        `json:"burning"`
	Dark      int        `json:"dark"`
	Faulty    int        `json:"faulty"`
	Offline   int        `json:"offline"`
	PowerW    float64    `json:"power_w"`
}

// LampView is a lamp as it is now.
type LampView struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Zone     string   `json:"zone"`
	Feeder   string   `json:"feeder"`
	Group    string   `json:"group"`
	State    string   `json:"state" enum:"burning,dark,fault,cut,offline"`
	Expected *int     `json:"expected_pct" doc:"null: its photocell decides, or nobody plans for it"`
	DimPct   *float64 `json:"dim_pct"`
	PowerW   *float64 `json:"power_w"`
	Lux      *float64 `json:"lux"`
	InSync   bool     `json:"in_sync" doc:"it has the plan"`
	Faults   []string `json:"faults" doc:"what its meter shows against the plan"`
	Cause    string   `json:"cause" doc:"of an override that holds: manual, alarm, test"`
}

// view is all lamps and groups as they are.
func (l *Lighting) view(ctx context.Context) ([]GroupView, []LampView) {
	now := l.now()
	lamps := []LampView{}
	by := map[string]*GroupView{}
	for _, x := range l.o.Lamps.Lamps(ctx) {
		w, g := l.wish(&x, now)
		v := l.lampView(&x, &w, now)
		if g != nil {
			v.Group = g.ID
			l.count(by, g, &v)
		}
		lamps = append(lamps, v)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	groups := []GroupView{}
	night := nightOf(now, l.o.Zone)
	ends := night.next(1).noon(l.o.Zone)
	for i := range l.plan.Groups {
		g := &l.plan.Groups[i]
		v := by[g.ID]
		if v == nil {
			v = &GroupView{}
		}
		v.ID, v.Name, v.Points = g.ID, g.Name, []Point{}
		if p := l.plan.programme(g.Calendar, night); p != nil {
			v.Programme = p.ID
		}
		w := Wish{Points: l.curve(g.Calendar, night)}
		for _, p := range w.Points {
			if p.At.Before(ends) {
				v.Points = append(v.Points, p)
			}
		}
		if o := strongest(l.overrides, "", g.ID, now); o != nil {
			w.Override = &Held{o.Pct, o.Until, o.Cause}
		}
		v.Override = w.Override
		v.Pct, _, _ = w.Level(now)
		groups = append(groups, *v)
	}
	return groups, lamps
}

func (l *Lighting) count(by map[string]*GroupView, g *Group, x *LampView) {
	v := by[g.ID]
	if v == nil {
		v = &GroupView{}
		by[g.ID] = v
	}
	v.Lamps++
	switch x.State {
	case "burning":
		v.Burning++
	case "dark":
		v.Dark++
	case "fault", "cut":
		v.Faulty++
	case "offline":
		v.Offline++
	}
	if x.PowerW != nil && x.State != "offline" {
		v.PowerW += *x.PowerW
	}
}

func (l *Lighting) lampView(x *Lamp, w *Wish, now time.Time) LampView {
	v := LampView{ID: x.ID, Name: x.Name, Zone: x.Zone, Feeder: x.Feeder, InSync: x.InSync, Faults: []string{}}
	if pct, _, ok := w.Level(now); ok {
		v.Expected = &pct
	}
	if w.Override != nil {
		v.Cause = w.Override.Cause
	}
	for to, r := range map[**float64]Reading{&v.DimPct: x.Dim, &v.PowerW: x.Power, &v.Lux: x.Lux} {
		if !r.At.IsZero() {
			*to = &r.V
		}
	}
	l.mu.Lock()
	for k := range l.faults {
		if k.lamp == x.ID {
			v.Faults = append(v.Faults, k.typ)
		}
	}
	l.mu.Unlock()
	slices.Sort(v.Faults)
	switch {
	case !x.Online:
		v.State = "offline"
	case x.Cut:
		v.State = "cut"
	case x.Fault || len(v.Faults) > 0:
		v.State = "fault"
	case x.Power.V > burns:
		v.State = "burning"
	default:
		v.State = "dark"
	}
	return v
}
