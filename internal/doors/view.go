package doors

import (
	"context"
	"slices"
	"strings"
	"time"
)

// View is a door as screens show it.
type View struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Zone     string    `json:"zone"`
	Online   bool      `json:"online"`
	Rung     string    `json:"rung" enum:"controlled,schedule_free,manual_override,maintenance,lockdown,fire_release"`
	Cause    string    `json:"cause" doc:"id of what put it there, GET /api/v1/rungs; empty: nothing did"`
	Mode     string    `json:"mode" doc:"the rung that it last reported; empty: it reports none"`
	Order    string    `json:"order" enum:",sent,confirmed,failed,offline" doc:"how far it has followed; empty: it was told nothing"`
	Error    string    `json:"error"`
	Lock     Lock      `json:"lock" enum:"secured,unlocked,fault,unknown"`
	Position Position  `json:"position" enum:"closed,open,fault,unknown"`
	Secure   Secure    `json:"secure" enum:"yes,no,unknown" doc:"secured and closed; unknown whenever one of them is"`
	Alarm    string    `json:"alarm" enum:"normal,forced_open,tamper,door_fault,door_open_too_long,lock_down,free_access,egress_open"`
	Passage  Passage   `json:"passage" enum:",entry,out,free,unlawful" doc:"what the last opening was"`
	OpenFor  float64   `json:"open_for_s"`
	Hours    Hours     `json:"hours"`
	At       time.Time `json:"at" doc:"of the last that was heard of it, door clock"`
}

func (d *Doors) view(id string) (View, bool) {
	l := d.last.Load()
	x, ok := l.doors[id]
	if !ok {
		return View{}, false
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	s := d.states[id]
	if !x.Online { // what it said before says nothing about now
		s = d.o.Times.Next(s, Input{Kind: Lost, At: s.At})
	}
	v := View{
		ID: id, Name: x.Name, Zone: x.Zone, Online: x.Online, Rung: rungOf(l.why[id]).String(), Mode: x.Mode, Hours: d.hours[id],
		Lock: s.LockAxis(), Position: s.PositionAxis(), Secure: s.Secure(), Alarm: s.Alarm(), Passage: s.Passage, At: time.UnixMilli(s.At).UTC(),
	}
	if c := l.why[id]; c != nil {
		v.Cause = c.ID
	}
	if o := d.orders[id]; o != nil {
		v.Order, v.Error = o.state, o.why
	}
	if s.Opened != 0 {
		v.OpenFor = max(0, float64(time.Now().UnixMilli()-s.Skew-s.Opened)/1000)
	}
	return v, true
}

// Views lists the doors of a zone by id.
func (d *Doors) Views(ctx context.Context, zone string) []View {
	d.stand(ctx, now())
	all := []View{}
	for id, x := range d.last.Load().doors {
		if covers([]string{zone}, id, x.Zone) {
			if v, ok := d.view(id); ok {
				all = append(all, v)
			}
		}
	}
	slices.SortFunc(all, func(a, b View) int { return strings.Compare(a.ID, b.ID) })
	return all
}

// Lockdown is a cause with what became of it at each door.
type Lockdown struct {
	Cause
	Targets   int     `json:"targets"`
	Sent      int     `json:"sent" doc:"told, and not there yet"`
	Confirmed int     `json:"confirmed" doc:"by their own report"`
	Failed    int     `json:"failed"`
	Offline   int     `json:"offline"`
	Would     int     `json:"would" doc:"in a drill: would have been told"`
	Doors     []Proof `json:"doors"`
}

func (d *Doors) proven(ctx context.Context, c *Cause) (Lockdown, error) {
	l := Lockdown{Cause: *c}
	var err error
	if l.Doors, err = listProofs(ctx, d.db.Read(), c.ID); err != nil {
		return l, err
	}
	l.Targets = len(l.Doors)
	for _, p := range l.Doors {
		switch p.State {
		case Sent:
			l.Sent++
		case Confirmed:
			l.Confirmed++
		case Failed:
			l.Failed++
		case Offline:
			l.Offline++
		case Would:
			l.Would++
		}
	}
	return l, nil
}

// Standing lists what stands now, highest rung first.
func (d *Doors) Standing(ctx context.Context) ([]Lockdown, error) {
	all, err := listCauses(ctx, d.db.Read(), "WHERE ended_at = 0 ORDER BY rung DESC, seq")
	if err != nil {
		return nil, err
	}
	return d.allProven(ctx, all)
}

func (d *Doors) allProven(ctx context.Context, cs []*Cause) ([]Lockdown, error) {
	out := []Lockdown{}
	for _, c := range cs {
		l, err := d.proven(ctx, c)
		if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
}
