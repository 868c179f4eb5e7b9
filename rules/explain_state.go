package rules

import (
	"strings"
	"time"

	"dongyue/internal/event"
)

// Asked is what a question is about, and where it stands.
type Asked struct{ Device, Part, Zone, Via string }

// Standing is how the engine has a rule stand for a device and part.
type Standing struct {
	Phase    string       // "": nothing is the matter; pending, firing or ending
	At       time.Time    // of the newest event that counted
	Deadline time.Time    // of the phase; zero: none
	Event    *event.Event // the evidence; nil: none
	Silenced []Silencer
	Disabled string // why the rule is switched off; "": it is not
	Silence  *Silence
	Group    *GroupStanding
}

// Silencer is a rule that fires and silences another.
type Silencer struct{ Rule, Device, Part string }

// Silence is how a rule with `absent` waits.
type Silence struct {
	Heard time.Time // the last sign of life; zero: none yet
	Due   time.Time // when the patience ends
}

// GroupStanding is how the group of a rule with a quorum stands.
type GroupStanding struct {
	Device  string // by which its alarm goes: zone:east/b01
	Holding int    // devices for which the condition holds
	Heard   int    // devices that are known; 0: they are not counted
}

// The phases of a Standing.
const (
	Pending = "pending"
	Firing  = "firing"
	Ending  = "ending"
)

// Standing tells how a rule stands for a device and part, or for a group.
func (e *Engine) Standing(rule string, a Asked) Standing {
	e.mu.Lock()
	defer e.mu.Unlock()
	var st Standing
	r, ok := e.set.Rule(rule)
	if !ok {
		return st
	}
	st.Disabled = e.stats[r.order].Disabled
	key := subjectKey{rule: r, device: a.Device, part: a.Part}
	if r.Quorum != nil {
		if st.Group = e.groupOf(r, a); st.Group == nil {
			return st
		}
		key = subjectKey{rule: r, device: st.Group.Device, group: true}
	}
	probe := &subject{rule: r, device: key.device, part: key.part, group: key.group, ev: event.Event{Zone: a.Zone, Via: a.Via}}
	if s := e.subject(key); s != nil {
		st.Phase, st.At, st.Deadline = [...]string{"", Pending, Firing, Ending, ""}[s.phase], s.at, s.deadline
		ev := s.ev
		st.Event, probe = &ev, s
	}
	st.Silenced = e.silencers(probe)
	if r.Absent > 0 {
		st.Silence = &Silence{}
		if p := e.records[a.Device].part(a.Part); p != nil {
			if w := p.watch(r); w != nil && w.on {
				*st.Silence = Silence{w.heard, e.due(w)}
			}
		}
	}
	return st
}

// groupOf is the group that is asked about, or the outermost that the device
// belongs to; nil: it belongs to none.
func (e *Engine) groupOf(r *Rule, a Asked) *GroupStanding {
	q := r.Quorum
	ids := q.groups(a.Zone, a.Via, nil)
	if id, zone := strings.CutPrefix(a.Device, q.prefix()); zone && e.groups[groupKey{r, id}] != nil {
		ids = []string{id}
	}
	if len(ids) == 0 {
		return nil
	}
	out := &GroupStanding{Device: q.prefix() + ids[0]}
	if g := e.groups[groupKey{r, ids[0]}]; g != nil {
		out.Holding, out.Heard = len(g.holding), len(g.heard)
	}
	return out
}

// silencers are the subjects that silence one.
func (e *Engine) silencers(s *subject) (out []Silencer) {
	for _, c := range s.rule.causes {
		if e.stats[c.rule.order].Disabled != "" {
			continue
		}
		for _, o := range e.subjectsOf(c.rule) {
			if o == s || !o.silencing() {
				continue
			}
			reaches := false
			switch c.scope {
			case SameZone:
				reaches = inside(s.zone(), o)
			case Upstream:
				reaches = hangs(s.via(), o.device)
			case SameDevice:
				reaches = o.device == s.device && (o.part == s.part || o.part == "")
			}
			if reaches {
				out = append(out, Silencer{c.rule.ID, o.device, o.part})
			}
		}
	}
	return out
}
