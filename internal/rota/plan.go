package rota

import (
	"cmp"
	"slices"
	"time"

	"dongyue/internal/event"
)

// Shift is a turn that comes back on some days of the week.
type Shift struct {
	ID         string     `json:"id" minLength:"1" maxLength:"40" doc:"of your choice: day, night"`
	Name       event.Text `json:"name"`
	From       string     `json:"from" pattern:"^([01][0-9]|2[0-3]):[0-5][0-9]$" example:"19:00" doc:"local time"`
	To         string     `json:"to" pattern:"^([01][0-9]|2[0-3]):[0-5][0-9]$" example:"07:00" doc:"local time; at or before from: on the next day"`
	Days       []int      `json:"days" doc:"on which it begins, 1 Monday … 7 Sunday"`
	Team       []string   `json:"team" maxItems:"50" doc:"account ids"`
	Supervisor string     `json:"supervisor" maxLength:"100" doc:"account id; empty: none"`
}

// Override is an exception for a while: one person goes, another comes, or both.
type Override struct {
	ID     string    `json:"id"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Out    string    `json:"out" doc:"account id of who is not there; empty: nobody leaves"`
	In     string    `json:"in" doc:"account id of who is there instead; empty: nobody"`
	Reason string    `json:"reason"`
	By     string    `json:"by" doc:"who wrote it"`
	At     time.Time `json:"at"`
}

// Plan is all that who-is-on-duty depends on.
type Plan struct {
	Shifts    []Shift
	Overrides []Override // by the time they were written: the later has the last word
	Zone      *time.Location
}

// Turn is one occurrence of a shift.
type Turn struct {
	Shift    *Shift
	From, To time.Time
}

// Duty is who is there at a moment.
type Duty struct {
	Turns      []Turn   // that run at the time, the last begun first; none: a gap
	People     []string // account ids; none: the plan has nobody
	Supervisor string
	Until      time.Time // when the plan says something else next, at the latest a week on
}

// OnDuty works out who is on duty at a time.
func (p *Plan) OnDuty(at time.Time) Duty {
	d := Duty{Turns: p.turns(at)}
	for _, t := range d.Turns {
		for _, id := range t.Shift.Team {
			d.add(id)
		}
		d.Supervisor = cmp.Or(d.Supervisor, t.Shift.Supervisor)
	}
	for i := range p.Overrides {
		if o := &p.Overrides[i]; !at.Before(o.From) && at.Before(o.To) {
			d.except(o)
		}
	}
	d.Until = p.until(at)
	return d
}

func (d *Duty) add(id string) {
	if id != "" && !slices.Contains(d.People, id) {
		d.People = append(d.People, id)
	}
}

// except applies an override. Who stands in for somebody does so only while that
// one would be there: a swap written for a day does not put a person into the
// other's free hours.
func (d *Duty) except(o *Override) {
	i := slices.Index(d.People, o.Out)
	supervises := o.Out != "" && d.Supervisor == o.Out
	switch {
	case o.Out == "":
		d.add(o.In)
		return
	case i < 0 && !supervises:
		return
	}
	if i >= 0 {
		d.People = slices.Delete(d.People, i, i+1)
		d.add(o.In)
	}
	if supervises {
		d.Supervisor = o.In
	}
}

// turns are those that run at a time, the last begun first; begun together, in
// the order of the plan.
func (p *Plan) turns(at time.Time) (out []Turn) {
	for i := range p.Shifts {
		for _, day := range p.around(at) {
			if t, ok := p.turn(&p.Shifts[i], day); ok && !at.Before(t.From) && at.Before(t.To) {
				out = append(out, t)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Turn) int { return b.From.Compare(a.From) })
	return out
}

// around are the local days on which a turn that runs at the time can have begun.
func (p *Plan) around(at time.Time) [2]time.Time {
	l := at.In(p.Zone)
	today := time.Date(l.Year(), l.Month(), l.Day(), 12, 0, 0, 0, p.Zone) // noon is in every day, also where clocks change
	return [2]time.Time{today, today.AddDate(0, 0, -1)}
}

// turn is a shift's turn that begins on a local day. Where clocks change, it is as
// long as the clock on the wall says: shifts that follow each other still meet.
func (p *Plan) turn(s *Shift, day time.Time) (Turn, bool) {
	if !slices.Contains(s.Days, weekday(day)) {
		return Turn{}, false
	}
	from, to := p.clock(day, s.From), p.clock(day, s.To)
	if s.To <= s.From {
		to = p.clock(day.AddDate(0, 0, 1), s.To)
	}
	return Turn{s, from, to}, true
}

// weekday is 1 Monday … 7 Sunday.
func weekday(day time.Time) int { return (int(day.Weekday())+6)%7 + 1 }

// clock is when the clock on the wall shows hh:mm on a local day.
func (p *Plan) clock(day time.Time, hhmm string) time.Time {
	t, err := time.Parse("15:04", hhmm)
	if err != nil {
		return day // Check has refused it
	}
	return time.Date(day.Year(), day.Month(), day.Day(), t.Hour(), t.Minute(), 0, 0, p.Zone).UTC()
}

// until is the next moment after a time at which a turn or an override begins or
// ends.
func (p *Plan) until(at time.Time) time.Time {
	next := at.Add(7 * 24 * time.Hour)
	see := func(t time.Time) {
		if t.After(at) && t.Before(next) {
			next = t
		}
	}
	for i := range p.Shifts {
		for ahead := -1; ahead <= 7; ahead++ {
			if t, ok := p.turn(&p.Shifts[i], p.around(at)[0].AddDate(0, 0, ahead)); ok {
				see(t.From)
				see(t.To)
			}
		}
	}
	for i := range p.Overrides {
		see(p.Overrides[i].From)
		see(p.Overrides[i].To)
	}
	return next
}

// Next is who is on duty after the turn that runs at a time; in a gap, who comes
// first. ok is false when nobody comes within a week.
func (p *Plan) Next(at time.Time) (d Duty, when time.Time, ok bool) {
	when = at
	if now := p.turns(at); len(now) > 0 {
		when = now[0].To
		if d = p.OnDuty(when); len(d.People) > 0 {
			return d, when, true
		}
	}
	for limit := at.Add(7 * 24 * time.Hour); when.Before(limit); {
		when = p.until(when)
		if d = p.OnDuty(when); len(d.People) > 0 && len(d.Turns) > 0 {
			return d, when, true
		}
	}
	return Duty{}, at, false
}

// ShiftAt is the turn that runs at a time; ok is false in a gap. Of several it is
// the last begun.
func (p *Plan) ShiftAt(at time.Time) (Turn, bool) {
	if all := p.turns(at); len(all) > 0 {
		return all[0], true
	}
	return Turn{}, false
}
