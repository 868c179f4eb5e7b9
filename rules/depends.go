package rules

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"dongyue/internal/event"
)

// Scope says for whom a cause silences its consequences.
type Scope string

// The scopes of depends_on.
const (
	SameDevice Scope = "device" // the cause fires for the same device and part, or the device as a whole
	SameZone   Scope = "zone"   // it fires for a zone, or a device in a zone, that the subject's lies in
	Upstream   Scope = "via"    // it fires for what the subject's device hangs on
)

// link ties a rule to one that it depends on, or that depends on it.
type link struct {
	rule  *Rule
	scope Scope
}

// causes are what silences by zone, and what is silenced from elsewhere than its
// own device.
type causes struct {
	zones map[zoneKey]int // subjects that silence there
	held  map[*Rule]map[*subject]struct{}
}

type zoneKey struct {
	rule *Rule
	zone string
}

func newCauses() causes {
	return causes{zones: map[zoneKey]int{}, held: map[*Rule]map[*subject]struct{}{}}
}

// standing is what a subject has been counted as.
type standing struct {
	silences, held, member bool
	zone, via              string
}

// silences reports whether a subject keeps down what depends on it: while it
// fires, while something else keeps it down, and until it has settled.
func (s *subject) silences() bool {
	return s.phase != phasePending || s.held() || !s.quiet.IsZero()
}

// zone is where a subject stands.
func (s *subject) zone() string {
	switch {
	case !s.group:
		return s.ev.Zone
	case s.rule.Quorum.By == ByVia:
		return s.note
	}
	return strings.TrimPrefix(s.device, zonePrefix)
}

// via is what a subject hangs on.
func (s *subject) via() string {
	if !s.group {
		return s.ev.Via
	}
	if s.rule.Quorum.By != ByVia {
		return ""
	}
	return above(s.ev.Via, s.device)
}

// above is the part of a path in front of one of its steps.
func above(via, id string) string {
	rest := via
	for at := 0; rest != ""; {
		step, after, _ := strings.Cut(rest, "/")
		if step == id {
			return strings.TrimSuffix(via[:at], "/")
		}
		at += len(step) + 1
		rest = after
	}
	return ""
}

// recount brings what is derived from subjects up to date with this one.
func (e *Engine) recount(s *subject) {
	var now standing
	switch r := s.rule; {
	case s.member():
		if s.phase == phaseFiring || s.phase == phaseEnding {
			now = standing{member: true, zone: s.ev.Zone, via: s.ev.Via}
		}
	default:
		if r.zoned && s.silences() {
			now.silences, now.zone = true, s.zone()
			// A device of no zone is not everywhere; the whole community is.
			if now.zone == "" && !s.group {
				now.silences = false
			}
		}
		now.held = r.remote && s.held()
	}
	e.count(s, now)
}

func (e *Engine) count(s *subject, now standing) {
	was := s.counted
	if was == now {
		return
	}
	s.counted = now
	if was.silences {
		k := zoneKey{s.rule, was.zone}
		if e.causes.zones[k]--; e.causes.zones[k] == 0 {
			delete(e.causes.zones, k)
		}
	}
	if now.silences {
		e.causes.zones[zoneKey{s.rule, now.zone}]++
	}
	if was.held {
		delete(e.causes.held[s.rule], s)
	}
	if now.held {
		if e.causes.held[s.rule] == nil {
			e.causes.held[s.rule] = map[*subject]struct{}{}
		}
		e.causes.held[s.rule][s] = struct{}{}
	}
	if was.member {
		e.enlist(s, was.zone, was.via, -1)
	}
	if now.member {
		e.enlist(s, now.zone, now.via, 1)
	}
}

// silenced reports whether a rule that this one depends on fires within its
// scope. A rule that has been disabled silences nobody: it may never hear the
// end.
func (e *Engine) silenced(s *subject) bool {
	for _, c := range s.rule.causes {
		if e.stats[c.rule.order].Disabled == "" && e.reaches(c, s) {
			return true
		}
	}
	return false
}

// withItself adds to the causes, or the dependents, of a rule about what devices
// hang on: when a feeder fires, the switches that hang on it say nothing new.
func (r *Rule) withItself(ls []link) []link {
	if r.Quorum != nil && r.Quorum.By == ByVia {
		ls = append(ls, link{r, Upstream})
	}
	return ls
}

func (e *Engine) reaches(c link, s *subject) bool {
	switch c.scope {
	case SameZone:
		for z := s.zone(); ; z = parent(z) {
			if e.causes.zones[zoneKey{c.rule, z}] > 0 {
				return true
			}
			if z == "" {
				return false
			}
		}
	case Upstream:
		for step := range strings.SplitSeq(s.via(), "/") {
			if slices.ContainsFunc(e.records[step].of(c.rule), (*subject).silencing) {
				return true
			}
		}
	case SameDevice:
		for _, o := range e.records[s.device].of(c.rule) {
			if o.silencing() && (o.part == s.part || o.part == "") {
				return true
			}
		}
	}
	return false
}

// silencing is silences for a subject that others see: one that only counts
// towards a group silences nobody.
func (s *subject) silencing() bool { return !s.member() && s.silences() }

// release notes what a subject has silenced. It is looked at when every rule has
// had its say about the event: the same event may end it too.
func (e *Engine) release(s *subject) {
	if s.member() {
		return
	}
	for _, d := range s.rule.dependents {
		if d.scope == SameDevice {
			for _, o := range e.records[s.device].of(d.rule) {
				if o.held() && !o.member() {
					e.released = append(e.released, o)
				}
			}
			continue
		}
		n := len(e.released)
		for o := range e.causes.held[d.rule] {
			if d.scope == Upstream && hangs(o.via(), s.device) || d.scope == SameZone && inside(o.zone(), s) {
				e.released = append(e.released, o)
			}
		}
		slices.SortFunc(e.released[n:], func(a, b *subject) int {
			return cmp.Or(strings.Compare(a.device, b.device), strings.Compare(a.part, b.part), index01(a.group)-index01(b.group))
		})
	}
}

// hangs reports whether a device is a step of a path.
func hangs(via, device string) bool {
	for step := range strings.SplitSeq(via, "/") {
		if step == device {
			return true
		}
	}
	return false
}

// inside reports whether a zone lies in that of a cause.
func inside(zone string, s *subject) bool {
	outer := s.zone()
	return (outer != "" || s.group) && event.Within(zone, outer)
}

// catchUp raises what is still the matter and no longer silenced.
func (e *Engine) catchUp(at time.Time) {
	for i := 0; i < len(e.released); i++ { // one may release another
		s := e.released[i]
		if e.subject(s.key()) == s && s.held() {
			e.touch(s.key())
			e.fire(s, at)
		}
	}
	e.released = e.released[:0]
}
