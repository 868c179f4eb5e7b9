package lighting

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"dongyue/internal/event"
)

// Plan is all that people plan: programmes, the calendars that choose them, and the
// groups that follow a calendar.
type Plan struct {
	Programmes []Programme `json:"programmes"`
	Calendars  []Calendar  `json:"calendars"`
	Groups     []Group     `json:"groups"`
}

// Calendar chooses the programme of a night: the first of its rules that holds. As
// in TALQ their order is their priority.
type Calendar struct {
	ID    string     `json:"id"`
	Name  event.Text `json:"name"`
	Rules []Rule     `json:"rules"`
}

// Rule holds for nights between two dates and on weekdays; what is left out does
// not limit it.
type Rule struct {
	Programme string   `json:"programme"`
	From      string   `json:"from,omitempty" doc:"first night: 2026-02-16, or 11-01 of every year"`
	To        string   `json:"to,omitempty" doc:"last night, in the same form; every year it may be before from, over new year"`
	Weekdays  []string `json:"weekdays,omitempty" doc:"mon … sun, of the evening"`
}

// Group are lamps that burn alike: a dimming group. A lamp belongs to the group that
// names it, else to the one that names the nearest zone around it.
type Group struct {
	ID       string     `json:"id"`
	Name     event.Text `json:"name"`
	Calendar string     `json:"calendar"`
	Zones    []string   `json:"zones,omitempty" doc:"with what is below them; an empty text is the whole community"`
	Lamps    []string   `json:"lamps,omitempty"`
}

// shipped is the plan of a hub whose people have made none: all lamps from sunset to
// sunrise, dimmed when nobody is about.
func shipped() Plan {
	return Plan{
		Programmes: []Programme{
			{ID: "night", Name: event.Text{ZH: "平日：日落开、深夜调暗", EN: "Every night: on at sunset, dimmed late"}, Switches: []Switch{
				{At: "sunset+10m", Pct: 100}, {At: "23:00", Pct: 60}, {At: "05:00", Pct: 100}, {At: "sunrise-10m", Pct: 0},
			}},
			{ID: "festival", Name: event.Text{ZH: "节日：通宵全亮", EN: "Festival: full all night"}, Switches: []Switch{{At: "sunset", Pct: 100}, {At: "sunrise", Pct: 0}}},
		},
		Calendars: []Calendar{{ID: "paths", Name: event.Text{ZH: "道路", EN: "Paths"}, Rules: []Rule{
			{Programme: "festival", From: "2027-02-05", To: "2027-02-20"}, // the eve of the spring festival to the lantern festival
			{Programme: "festival", From: "10-01", To: "10-07"},
			{Programme: "night"},
		}}},
		Groups: []Group{{ID: "all", Name: event.Text{ZH: "全部路灯", EN: "All lamps"}, Calendar: "paths", Zones: []string{""}}},
	}
}

func weekdays() []string { return []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"} }

// holds reports whether a rule holds for a night.
func (r *Rule) holds(night Date) bool {
	if len(r.Weekdays) > 0 && !slices.Contains(r.Weekdays, weekdays()[night.weekday()]) {
		return false
	}
	day := night.String()
	if yearly(r.From) || yearly(r.To) {
		day = day[5:]
		if r.From != "" && r.To != "" && r.To < r.From {
			return day >= r.From || day <= r.To
		}
	}
	return (r.From == "" || day >= r.From) && (r.To == "" || day <= r.To)
}

func yearly(date string) bool { return len(date) == len("01-02") }

// programme is the one of a night.
func (p *Plan) programme(calendar string, night Date) *Programme {
	i := slices.IndexFunc(p.Calendars, func(c Calendar) bool { return c.ID == calendar })
	if i < 0 {
		return nil
	}
	for _, r := range p.Calendars[i].Rules {
		if r.holds(night) {
			if j := slices.IndexFunc(p.Programmes, func(x Programme) bool { return x.ID == r.Programme }); j >= 0 {
				return &p.Programmes[j]
			}
		}
	}
	return nil
}

// points are what a calendar asks for over some nights, by time; the first is what
// holds when they begin.
func (p *Plan) points(calendar string, from Date, nights int, place Place, zone *time.Location) []Point {
	begin := from.noon(zone).UTC()
	out := []Point{{At: begin}}
	for i := -1; i < nights; i++ { // the night before says how the first begins
		night := from.next(i)
		programme := p.programme(calendar, night)
		if programme == nil {
			continue
		}
		for _, x := range programme.night(night, place, zone) {
			if x.At.After(begin) {
				out = append(out, x)
			} else {
				x.At = begin
				out[0] = x
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Point) int { return a.At.Compare(b.At) })
	return out
}

// group is the group of a lamp; nil: none.
func (p *Plan) group(lamp *Lamp) *Group {
	var best *Group
	deepest := -1
	for i := range p.Groups {
		g := &p.Groups[i]
		if slices.Contains(g.Lamps, lamp.ID) {
			return g
		}
		for _, z := range g.Zones {
			if event.Within(lamp.Zone, z) && len(z) > deepest {
				best, deepest = g, len(z)
			}
		}
	}
	return best
}

// maxParts bounds programmes, calendars and groups each.
const maxParts = 100

// check says what is wrong with a plan, all at once.
func (p *Plan) check() []string {
	var wrong []string
	ids := func(what string, n int, id func(int) string) map[string]bool {
		seen := map[string]bool{}
		if n > maxParts {
			wrong = append(wrong, fmt.Sprintf("%s: %d, at most %d", what, n, maxParts))
		}
		for i := range n {
			switch x := id(i); {
			case !event.ValidDevice(x):
				wrong = append(wrong, fmt.Sprintf("%s[%d].id %q: lower-case letters, digits and - are wanted", what, i, x))
			case seen[x]:
				wrong = append(wrong, fmt.Sprintf("%s[%d].id %q: is there twice", what, i, x))
			default:
				seen[x] = true
			}
		}
		return seen
	}
	programmes := ids("programmes", len(p.Programmes), func(i int) string { return p.Programmes[i].ID })
	calendars := ids("calendars", len(p.Calendars), func(i int) string { return p.Calendars[i].ID })
	ids("groups", len(p.Groups), func(i int) string { return p.Groups[i].ID })
	say := func(what string, i int, id string) func(string, ...any) {
		return func(format string, args ...any) {
			wrong = append(wrong, fmt.Sprintf("%s[%d] %s: ", what, i, id)+fmt.Sprintf(format, args...))
		}
	}
	for i := range p.Programmes {
		p.Programmes[i].check(say("programmes", i, p.Programmes[i].ID))
	}
	for i := range p.Calendars {
		p.Calendars[i].check(programmes, say("calendars", i, p.Calendars[i].ID))
	}
	for i := range p.Groups {
		g, bad := &p.Groups[i], say("groups", i, p.Groups[i].ID)
		if strings.TrimSpace(g.Name.ZH) == "" || strings.TrimSpace(g.Name.EN) == "" {
			bad("name: both languages are wanted")
		}
		if !calendars[g.Calendar] {
			bad("calendar %q: there is none of this id", g.Calendar)
		}
	}
	return wrong
}

func (c *Calendar) check(programmes map[string]bool, say func(format string, args ...any)) {
	if strings.TrimSpace(c.Name.ZH) == "" || strings.TrimSpace(c.Name.EN) == "" {
		say("name: both languages are wanted")
	}
	for i, r := range c.Rules {
		if !programmes[r.Programme] {
			say("rules[%d].programme %q: there is none of this id", i, r.Programme)
		}
		for _, d := range []string{r.From, r.To} {
			if _, err := time.Parse(time.DateOnly, strings.Repeat("2028-", min(1, max(0, 10-len(d))))+d); d != "" && err != nil { // a leap year
				say("rules[%d] %q: a date such as 2026-02-16, or 11-01 for every year, is wanted", i, d)
			}
		}
		switch {
		case r.From == "" || r.To == "":
		case yearly(r.From) != yearly(r.To):
			say("rules[%d]: from and to are both with a year, or both without", i)
		case !yearly(r.From) && r.To < r.From:
			say("rules[%d]: to is before from", i)
		}
		for _, w := range r.Weekdays {
			if !slices.Contains(weekdays(), w) {
				say("rules[%d].weekdays %q: mon, tue, wed, thu, fri, sat, sun are wanted", i, w)
			}
		}
	}
	// A night that no rule holds for would be dark by omission.
	if n := len(c.Rules); n == 0 || c.Rules[n-1].From != "" || c.Rules[n-1].To != "" || len(c.Rules[n-1].Weekdays) > 0 {
		say("rules: the last one must hold always (no from, to, weekdays), so that no night is left out")
	}
}
