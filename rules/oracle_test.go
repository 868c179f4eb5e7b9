package rules

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"

	"dongyue/internal/event"
)

// slowJudge is the engine written down the slow way, to compare with: it asks
// every rule about every event by CEL, keeps all readings there have been, counts
// groups by looking at all devices, and finds the next deadline by looking at
// all of them. It has no index, no translated conditions, no memory between
// events but the states themselves.
type slowJudge struct {
	t      *testing.T
	set    *Set
	c      *compiler
	prg    map[string]cel.Program
	states map[subjectKey]*slowState
	waits  map[subjectKey]*slowWatch
	past   []event.Event // all that was in time, in the order of judgement
	heard  map[groupKey]map[string]bool
	clock  time.Time
	moment time.Time
	back   time.Time
	out    []string
	free   []*slowState // silenced by what has just ended
}

type slowState struct {
	subjectKey
	phase               phase
	deadline, quiet, at time.Time
	due                 time.Time
	ev                  event.Event
	around              string // the zone around all members, of a group by what they hang on
}

type slowWatch struct {
	last time.Time
	due  bool
	ev   event.Event
}

func newSlowJudge(t *testing.T, set *Set, c *compiler) *slowJudge {
	return &slowJudge{
		t: t, set: set, c: c, prg: map[string]cel.Program{}, states: map[subjectKey]*slowState{}, waits: map[subjectKey]*slowWatch{},
		heard: map[groupKey]map[string]bool{},
	}
}

func (j *slowJudge) eval(text string, r *Rule, channel event.Channel, ev *event.Event) verdict {
	if text == "" {
		return yes
	}
	prg := j.prg[text]
	if prg == nil {
		a, iss := j.c.env.Compile(text)
		if iss.Err() != nil {
			j.t.Fatal(iss.Err())
		}
		var err error
		if prg, err = j.c.env.Program(a); err != nil {
			j.t.Fatal(err)
		}
		j.prg[text] = prg
	}
	out, _, err := prg.Eval(map[string]any{
		"data": dataOf(ev), "device": ev.Device, "kind": string(ev.Kind), "zone": ev.Zone, "part": ev.Part, "type": ev.Type, "at": ev.At,
		windowVariable: j.windows(text, r, channel, ev),
	})
	switch {
	case err != nil:
		return unknown
	case out == types.True:
		return yes
	case out == types.False:
		return no
	}
	return unknown
}

// windows works out every window that an expression asks, from all that has been.
func (j *slowJudge) windows(text string, r *Rule, channel event.Channel, ev *event.Event) map[string]float64 {
	values := map[string]float64{}
	for i := range j.set.conditions.windows {
		w := &j.set.conditions.windows[i]
		if !strings.Contains(text, w.fn+"(") {
			continue
		}
		if w.ofWatch() && w.counted != r.counted() {
			continue
		}
		if w.fn == changedFn {
			if x, ok := j.changed(r, w, ev); ok {
				values[w.name()] = x
			}
		} else if w.fn == countFn {
			values[w.name()] = j.count(r, w, ev)
		} else if w.channel == channel {
			if x, ok := j.measure(w, int32(i), ev); ok {
				values[w.name()] = x
			}
		}
	}
	return values
}

func (j *slowJudge) count(r *Rule, w *windowDef, ev *event.Event) (n float64) {
	var times []time.Time
	for i := range j.past {
		p := &j.past[i]
		if p.Device != ev.Device || p.Part != ev.Part || !r.On.matches(p) || j.eval(r.Where, r, p.Channel, p) != yes {
			continue
		}
		at := happened(p)
		if n := len(times); n > 0 && heard(p).Sub(times[n-1]) > 2*w.span {
			times = nil // forgotten
		}
		if len(times) > 0 {
			at = latest(at, times[len(times)-1])
		}
		times = append(times, at)
	}
	if n := len(times); n > 0 && heard(ev).Sub(times[n-1]) > 2*w.span {
		return 0
	}
	from := happened(ev).Add(-w.span)
	if len(times) > 0 { // the window has gone on to its newest
		from = latest(from, times[len(times)-1].Add(-w.span))
	}
	for _, at := range times {
		if !at.Before(from) {
			n++
		}
	}
	return n
}

// changed compares the event with the last in time before it that had such a value.
func (j *slowJudge) changed(r *Rule, w *windowDef, ev *event.Event) (x float64, ok bool) {
	var newest *event.Event
	var was any
	for i := range j.past {
		p := &j.past[i]
		v, there := dataOf(p)[w.metric]
		if p.Device != ev.Device || p.Part != ev.Part || !there || !r.On.matches(p) || j.eval(r.Where, r, p.Channel, p) != yes {
			continue
		}
		if newest != nil && happened(p).Before(happened(newest)) {
			continue
		}
		if p.ID == ev.ID {
			if newest == nil {
				return 0, false
			}
			return float64(index01(was != v)), true
		}
		newest, was = p, v
	}
	return 0, false
}

// asksFor reports whether some rule keeps the window on the route of an event.
func (j *slowJudge) asksFor(window int32, ev *event.Event) bool {
	return slices.ContainsFunc(j.set.Rules, func(r *Rule) bool {
		c := j.set.conditions
		if r.On.matches(ev) && (slices.Contains(c.asks(r.where), window) || slices.Contains(c.asks(r.when), window)) {
			return true
		}
		return r.Clear != nil && slices.Contains(c.asks(r.Clear.when), window) && r.Clear.matches(ev)
	})
}

func (j *slowJudge) measure(w *windowDef, window int32, ev *event.Event) (float64, bool) {
	var at []time.Time
	var v []float64
	for i := range j.past {
		p := &j.past[i]
		x, number := dataOf(p)[w.metric].(float64)
		if p.Device != ev.Device || p.Part != ev.Part || p.Channel != w.channel || !number || !j.asksFor(window, p) {
			continue
		}
		if n := len(at); n > 0 && heard(p).Sub(at[n-1]) > 2*w.span {
			at, v = nil, nil // forgotten
		}
		if n := len(at); n > 0 && happened(p).Before(at[n-1]) {
			continue
		}
		at, v = append(at, happened(p)), append(v, x)
	}
	n := len(at)
	if n > 0 && heard(ev).Sub(at[n-1]) > 2*w.span {
		return 0, false
	}
	for n > 0 && at[0].Before(latest(at[n-1], happened(ev)).Add(-w.span)) {
		at, v, n = at[1:], v[1:], n-1
	}
	if n == 0 || at[n-1].Sub(at[0]) < w.span/2 || happened(ev).Sub(at[n-1]) > w.span/2 {
		return 0, false
	}
	switch w.fn {
	case minFn:
		return slices.Min(v), true
	case maxFn:
		return slices.Max(v), true
	case avgFn:
		sum := 0.0
		for _, x := range v {
			sum += x
		}
		return sum / float64(n), true
	case rateFn:
		sum := 0.0
		for i := 1; i < n; i++ {
			if at[i].After(at[0]) { // what came with the first is before the window
				sum += increase(v[i-1], v[i])
			}
		}
		return sum / at[n-1].Sub(at[0]).Seconds(), true
	}
	var ps []point
	for i := range at { // of equal times the last counts
		if n := len(ps); n > 0 && ps[n-1].at == at[i].UnixNano() {
			ps = ps[:n-1]
		}
		ps = append(ps, point{at: at[i].UnixNano(), v: v[i]})
	}
	return slope(ps)
}

func (j *slowJudge) process(ev event.Event) {
	if ev.Kind == event.Hub {
		var since time.Time
		_ = since.UnmarshalText([]byte(dataOf(&ev)["away_since"].(string)))
		j.advance(since)
		for _, s := range j.states {
			if !s.due.IsZero() {
				s.deadline = latest(s.deadline, heard(&ev).Add(min(s.deadline.Sub(since), 10*time.Second)))
			}
		}
		j.back = heard(&ev)
		j.advance(heard(&ev))
		return
	}
	j.advance(heard(&ev))
	j.moment = heard(&ev)
	if !ev.Late {
		j.past = append(j.past, ev)
	}
	at := happened(&ev)
	for _, r := range j.set.Rules {
		j.ask(r, &ev, at)
		j.assemble(r, at, &ev)
	}
	j.catchUp(at)
}

func (j *slowJudge) ask(r *Rule, ev *event.Event, at time.Time) {
	where := unknown
	on := r.On.matches(ev)
	if on {
		where = j.eval(r.Where, r, r.On.Channel, ev)
	}
	if where == yes && r.Quorum != nil && r.Quorum.SharePct > 0 {
		for _, id := range r.Quorum.groups(ev.Zone, ev.Via, nil) {
			k := groupKey{r, id}
			if j.heard[k] == nil {
				j.heard[k] = map[string]bool{}
			}
			j.heard[k][ev.Device] = true
		}
	}
	if r.Absent > 0 {
		j.attend(r, where, ev, at)
		return
	}
	say, end := unknown, unknown
	if where == yes {
		say = j.eval(r.When, r, r.On.Channel, ev)
	}
	clears := r.Clear != nil && (r.Clear.Own && r.Clear.matches(ev) || !r.Clear.Own && on)
	if say != yes && clears {
		end = j.eval(r.Clear.When, r, r.Clear.Channel, ev)
	}
	var sig signal
	switch {
	case say == yes:
		sig = holds
	case r.Clear == nil && say == no:
		sig = ends
	case r.Clear == nil:
	case end == yes:
		sig = ends
	default:
		if say == no {
			sig |= lapses
		}
		if end == no {
			sig |= notOver
		}
	}
	if sig == 0 {
		return
	}
	for _, s := range j.subjects(func(s *slowState) bool {
		all := sig != holds && ev.Part == "" && clears && r.Clear.Own
		return s.rule == r && s.device == ev.Device && !s.group && (s.part == ev.Part || all)
	}) {
		j.change(s, ev, sig, at)
		if sig == holds {
			return
		}
	}
	if k := (subjectKey{rule: r, device: ev.Device, part: ev.Part}); sig == holds && j.states[k] == nil {
		j.begin(k, ev, at)
	}
}

func (j *slowJudge) begin(k subjectKey, ev *event.Event, at time.Time) {
	s := &slowState{subjectKey: k, phase: phasePending, at: at, ev: *ev}
	j.states[k] = s
	if k.rule.For > 0 {
		s.due, s.deadline = at.Add(k.rule.For), j.moment.Add(k.rule.For)
	} else {
		j.fire(s, at)
	}
}

// subjects are those that are chosen, in order.
func (j *slowJudge) subjects(chosen func(*slowState) bool) (out []*slowState) {
	for _, s := range j.states {
		if chosen(s) {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b *slowState) int {
		return cmp.Or(cmp.Compare(a.rule.order, b.rule.order), cmp.Compare(a.device, b.device), index01(a.group)-index01(b.group), cmp.Compare(a.part, b.part))
	})
	return out
}

func (s *slowState) member() bool { return s.rule.Quorum != nil && !s.group }
func (s *slowState) held() bool   { return s.phase == phasePending && s.deadline.IsZero() }

func (j *slowJudge) change(s *slowState, ev *event.Event, sig signal, at time.Time) {
	if s.rule.measured() && ev.Late && (!s.ev.Late || at.Before(s.at)) {
		return
	}
	at = latest(at, s.at)
	if !s.due.IsZero() && !at.Before(s.due) {
		j.expire(s, s.due)
		if j.states[s.subjectKey] != s {
			if sig == holds {
				j.begin(s.subjectKey, ev, at)
			}
			return
		}
	}
	switch {
	case s.phase == phaseSettling && sig == holds:
		j.again(s, ev, at)
	case s.phase == phasePending && sig&(ends|lapses) != 0:
		j.drop(s)
	case s.phase == phasePending && sig == holds:
		held := s.held()
		s.at, s.ev = at, *ev
		if held {
			j.fire(s, at)
		}
	case (s.phase == phaseFiring || s.phase == phaseEnding) && sig == holds:
		j.goOn(s, ev, at)
	case s.phase == phaseFiring && sig == ends:
		s.at = at
		if s.rule.Keep == 0 {
			j.end(s, ev, at)
		} else {
			s.phase, s.due, s.deadline = phaseEnding, at.Add(s.rule.Keep), j.moment.Add(s.rule.Keep)
		}
	case s.phase == phaseEnding && sig&notOver != 0:
		s.phase, s.at, s.deadline, s.due = phaseFiring, at, time.Time{}, time.Time{}
	}
}

func (j *slowJudge) goOn(s *slowState, ev *event.Event, at time.Time) {
	fresh := s.ev.Late && !ev.Late
	if s.phase == phaseFiring && s.rule.measured() && !fresh {
		return
	}
	s.at = at
	if s.phase == phaseEnding {
		s.phase, s.deadline, s.due = phaseFiring, time.Time{}, time.Time{}
	}
	if s.rule.momentary() {
		s.deadline = j.moment.Add(s.rule.Keep)
	}
	if s.rule.measured() && !fresh {
		return
	}
	if fresh || !ev.Late {
		s.ev = *ev
	}
	what := "repeated"
	if fresh {
		what = "raised"
	}
	j.say(what, s, at, ev)
}

func (j *slowJudge) say(what string, s *slowState, at time.Time, ev *event.Event) {
	if s.member() {
		return
	}
	late := ""
	if ev.Late {
		late = " late"
	}
	j.out = append(j.out, fmt.Sprintf("@%s %s %s %s/%s by %s%s", at.Sub(testEpoch()), what, s.rule.ID, s.device, s.part, ev.ID, late))
}

func (j *slowJudge) again(s *slowState, ev *event.Event, at time.Time) {
	s.phase, s.at, s.ev, s.deadline, s.due = phasePending, at, *ev, time.Time{}, time.Time{}
	if s.rule.For > 0 && !s.group {
		s.deadline, s.due = j.moment.Add(s.rule.For), at.Add(s.rule.For)
	} else {
		j.fire(s, at)
	}
}

func (j *slowJudge) drop(s *slowState) {
	if s.quiet.After(j.moment) {
		s.phase, s.deadline, s.due = phaseSettling, s.quiet, time.Time{}
		return
	}
	delete(j.states, s.subjectKey)
	j.release(s)
}

func (j *slowJudge) fire(s *slowState, at time.Time) {
	s.deadline, s.due = time.Time{}, time.Time{}
	if !s.member() && j.silenced(s) {
		return
	}
	s.phase, s.quiet = phaseFiring, time.Time{}
	if s.rule.momentary() && !s.group {
		if s.deadline = j.moment.Add(s.rule.Keep); s.rule.Keep == 0 {
			delete(j.states, s.subjectKey)
		}
	}
	j.say("raised", s, at, &s.ev)
}

func (j *slowJudge) end(s *slowState, ev *event.Event, at time.Time) {
	j.say("returned", s, at, ev)
	if s.rule.Settle > 0 && !s.member() {
		s.phase, s.quiet = phaseSettling, j.moment.Add(s.rule.Settle)
		s.deadline, s.due = s.quiet, time.Time{}
		return
	}
	delete(j.states, s.subjectKey)
	j.release(s)
}

func (j *slowJudge) zone(s *slowState) string {
	switch {
	case !s.group:
		return s.ev.Zone
	case s.rule.Quorum.By == ByVia:
		return s.around
	}
	return strings.TrimPrefix(s.device, zonePrefix)
}

// around is the zone that holds those of all members, and of the event.
func (j *slowJudge) around(r *Rule, devices map[string]bool, ev *event.Event) string {
	zone := ev.Zone
	for _, s := range j.states {
		for s.rule == r && s.member() && devices[s.device] && !event.Within(s.ev.Zone, zone) {
			zone = parent(zone)
		}
	}
	return zone
}

func (j *slowJudge) via(s *slowState) string {
	switch {
	case !s.group:
		return s.ev.Via
	case s.rule.Quorum.By == ByVia:
		before, _, _ := strings.Cut("/"+s.ev.Via+"/", "/"+s.device+"/")
		return strings.Trim(before, "/")
	}
	return ""
}

// covers reports whether a cause reaches a consequence.
func (j *slowJudge) covers(cause, s *slowState, scope Scope) bool {
	switch scope {
	case SameZone:
		return (cause.group || cause.ev.Zone != "") && event.Within(j.zone(s), j.zone(cause))
	case Upstream:
		return slices.Contains(strings.Split(j.via(s), "/"), cause.device)
	default:
		return s.device == cause.device
	}
}

func (j *slowJudge) silenced(s *slowState) bool {
	for _, c := range j.states {
		if c.member() || c.phase == phasePending && !c.held() && c.quiet.IsZero() {
			continue
		}
		for i, id := range s.rule.DependsOn {
			scope := s.rule.Scopes[i]
			samePart := scope != SameDevice || c.part == s.part || c.part == ""
			if c.rule.ID == id && samePart && j.covers(c, s, scope) {
				return true
			}
		}
		if c.rule == s.rule && c.group && s.group && c.rule.Quorum.By == ByVia && j.covers(c, s, Upstream) {
			return true
		}
	}
	return false
}

func (j *slowJudge) release(cause *slowState) {
	if cause.member() {
		return
	}
	tell := func(r *Rule, scope Scope) {
		j.free = append(j.free, j.subjects(func(s *slowState) bool {
			return s.rule == r && s.held() && !s.member() && j.covers(cause, s, scope)
		})...)
	}
	for _, r := range j.set.Rules {
		if q := r.Quorum; r == cause.rule && q != nil && q.By == ByVia {
			tell(r, Upstream)
		}
		for i, id := range r.DependsOn {
			if id == cause.rule.ID {
				tell(r, r.Scopes[i])
			}
		}
	}
}

func (j *slowJudge) catchUp(at time.Time) {
	for len(j.free) > 0 {
		s := j.free[0]
		j.free = j.free[1:]
		if j.states[s.subjectKey] == s && s.held() {
			j.fire(s, at)
		}
	}
}

// assemble counts the groups of a rule anew.
func (j *slowJudge) assemble(r *Rule, at time.Time, ev *event.Event) {
	if r.Quorum == nil {
		return
	}
	holding := map[string]map[string]bool{}
	for _, s := range j.subjects(func(s *slowState) bool {
		return s.rule == r && s.member() && (s.phase == phaseFiring || s.phase == phaseEnding)
	}) {
		for _, id := range r.Quorum.groups(s.ev.Zone, s.ev.Via, nil) {
			if holding[id] == nil {
				holding[id] = map[string]bool{}
			}
			holding[id][s.device] = true
		}
	}
	var ids []string
	for id := range holding {
		ids = append(ids, id)
	}
	for _, s := range j.subjects(func(s *slowState) bool { return s.rule == r && s.group }) {
		ids = append(ids, strings.TrimPrefix(s.device, r.Quorum.prefix()))
	}
	// Outer steps of the way first.
	depth := func(id string) int { return slices.Index(strings.Split(ev.Via, "/"), id) }
	slices.SortFunc(ids, func(a, b string) int { return cmp.Or(cmp.Compare(depth(a), depth(b)), strings.Compare(a, b)) })
	for _, id := range slices.Compact(ids) {
		n, heard := len(holding[id]), len(j.heard[groupKey{r, id}])
		k := subjectKey{rule: r, device: r.Quorum.prefix() + id, group: true}
		s := j.states[k]
		reached := r.Quorum.reached(n, heard)
		switch {
		case s == nil && reached:
			s = &slowState{subjectKey: k, phase: phasePending, at: at, ev: *ev, around: j.around(r, holding[id], ev)}
			j.states[k] = s
			j.fire(s, at)
		case s == nil:
		case s.phase == phasePending && !reached:
			j.drop(s)
		case s.phase == phaseFiring && r.Quorum.over(n, heard):
			j.end(s, ev, latest(at, s.at))
		case s.phase == phaseSettling && reached:
			s.around = j.around(r, holding[id], ev)
			j.again(s, ev, at)
		}
	}
}

func (j *slowJudge) attend(r *Rule, where verdict, ev *event.Event, at time.Time) {
	if where == unknown || ev.Late {
		return
	}
	k := subjectKey{rule: r, device: ev.Device, part: ev.Part}
	if where == yes {
		j.waits[k] = &slowWatch{last: heard(ev), due: true, ev: *ev}
	} else {
		delete(j.waits, k)
	}
	if s := j.states[k]; s != nil {
		j.change(s, ev, ends, at)
	}
}

// advance lets what has run out happen, the earliest first.
func (j *slowJudge) advance(now time.Time) {
	j.clock = latest(j.clock, now)
	for {
		var next *slowState
		var at time.Time
		var silent subjectKey
		for k, w := range j.waits {
			due := latest(w.last, j.back).Add(k.rule.Absent)
			if w.due && (at.IsZero() || due.Before(at) || due.Equal(at) && keyLess(k, silent)) {
				at, silent = due, k
			}
		}
		for _, s := range j.states {
			if s.deadline.IsZero() {
				continue
			}
			if d := s.deadline; at.IsZero() || d.Before(at) || d.Equal(at) && (next == nil && keyLess(s.subjectKey, silent) || next != nil && keyLess(s.subjectKey, next.subjectKey)) {
				at, next = d, s
			}
		}
		if at.IsZero() || at.After(j.clock) {
			return
		}
		j.moment = at
		if next != nil {
			j.ring(next, at)
		} else {
			j.lapse(silent, at)
		}
		j.catchUp(at)
	}
}

func keyLess(a, b subjectKey) bool {
	return cmp.Or(cmp.Compare(a.rule.order, b.rule.order), cmp.Compare(a.device, b.device), cmp.Compare(a.part, b.part), index01(a.group)-index01(b.group)) < 0
}

func (j *slowJudge) ring(s *slowState, at time.Time) {
	if !s.due.IsZero() {
		at = s.due
	}
	j.expire(s, at)
	j.assemble(s.rule, at, &s.ev)
}

func (j *slowJudge) expire(s *slowState, at time.Time) {
	s.deadline, s.due = time.Time{}, time.Time{}
	switch {
	case s.phase == phasePending:
		s.at = latest(s.at, at)
		j.fire(s, at)
	case s.phase == phaseSettling, s.rule.momentary() && !s.group:
		delete(j.states, s.subjectKey)
		j.release(s)
	default:
		j.end(s, &s.ev, at)
	}
}

func (j *slowJudge) lapse(k subjectKey, at time.Time) {
	w := j.waits[k]
	w.due = false
	switch s := j.states[k]; {
	case s == nil:
		s = &slowState{subjectKey: k, phase: phasePending, at: at, ev: w.ev}
		j.states[k] = s
		j.fire(s, at)
	case s.phase == phaseSettling:
		j.again(s, &w.ev, at)
	case s.phase == phaseEnding:
		s.phase, s.at, s.deadline, s.due = phaseFiring, at, time.Time{}, time.Time{}
	}
}
