package doors

import (
	"slices"
	"testing"

	"dongyue/internal/event"
)

// small is a world of a few ticks, in which every reachable state can be visited.
func small() Times {
	return Times{Grant: 2, Extended: 3, Enter: 1, Exit: 2, Relock: 0, Debounce: 1, Held: 3, HeldLong: 4, Warn: 1, Settle: 2, Stuck: 3}
}

// world is a set of things that can happen at one moment; time passes by one tick.
// All of them at once would be some hundred million states; what does not touch
// each other is searched apart.
type world struct {
	name  string
	in    []Input
	rungs []event.Rung
	least int
}

func worlds() []world {
	tick := Input{Kind: Pass, At: 1}
	return []world{
		{"the leaf", []Input{
			tick, {Kind: Granted}, {Kind: Granted, For: 3}, {Kind: Rex}, {Kind: Opens}, {Kind: Closes},
		}, []event.Rung{event.Controlled}, 500},
		{"the leaf and the ladder", []Input{tick, {Kind: Granted}, {Kind: Opens}, {Kind: Closes}}, event.Rungs(), 500},
		{"the lock and the ladder", []Input{
			tick, {Kind: Closes}, {Kind: Opens}, {Kind: Lost}, {Kind: Sensed, Lock: Secured}, {Kind: Sensed, Lock: Unlocked},
		}, []event.Rung{event.Controlled, event.Maintenance, event.Lockdown, event.FireRelease}, 500},
		{"the button and the contact", []Input{
			tick, {Kind: Rex, On: true}, {Kind: RexOff}, {Kind: Opens}, {Kind: Closes},
			{Kind: Sensed, Position: PositionFault}, {Kind: Sensed, Position: Open}, {Kind: Sensed, Position: Closed}, {Kind: Sensed, Lock: Secured},
		}, []event.Rung{event.Controlled, event.Lockdown}, 500},
	}
}

// still brings a state to the moment 0, so that the same one an hour later is the
// same one.
func still(s State) State {
	rel := func(x *int64) {
		if *x -= s.At; *x <= 0 {
			*x = 0
		}
	}
	rel(&s.Grant)
	rel(&s.Exit)
	if s.Pushed != 0 {
		s.Pushed = 1
	}
	s.GrantAt, s.Opened = 0, 0
	for _, c := range s.conditions() {
		c.Since = 0
		if c.Stage == Waiting {
			c.At -= s.At
		} else {
			c.At = 0
		}
	}
	s.At = 0
	return s
}

// Every state that any order of inputs can reach is visited, breadth first. The
// journal hears of what is due at once: that is one more input.
func TestReachableStates(t *testing.T) {
	for _, w := range worlds() {
		t.Run(w.name, func(t *testing.T) {
			n := w.search(t)
			t.Logf("%d reachable states", n)
			if n < w.least {
				t.Errorf("only %d states: the search does not reach what it should", n)
			}
		})
	}
}

func (w world) search(t *testing.T) int {
	t.Helper()
	for _, r := range w.rungs {
		w.in = append(w.in, Input{Kind: Stands, Rung: r})
	}
	times := small()
	seen := map[State]bool{{}: true}
	for queue := []State{{}}; len(queue) > 0 && !t.Failed(); queue = queue[1:] {
		s := queue[0]
		next := slices.Clone(w.in)
		for _, f := range s.Facts() {
			next = append(next, Input{Kind: Tells, Type: f.Type, On: f.On, Hub: true})
		}
		for _, in := range next {
			in.At += s.At
			n := times.Next(s, in)
			invariants(t, &s, in, &n)
			if n = still(n); !seen[n] {
				seen[n] = true
				queue = append(queue, n)
			}
		}
	}
	return len(seen)
}

func invariants(t *testing.T, before *State, in Input, s *State) {
	t.Helper()
	l, p := s.LockAxis(), s.PositionAxis()
	if s.Secure() == Yes && (l != Secured || p != Closed) {
		t.Errorf("secure with %s and %s", l, p)
	}
	if (l == LockUnknown || p == PositionUnknown || p == PositionFault || l == LockFault) && s.Secure() != Unknown {
		t.Errorf("%s and %s is %s, and must not be known", l, p, s.Secure())
	}
	if in.Kind == Opens && before.Position != Open {
		lawful := s.Passage != Broke
		may := s.At < before.Grant || s.At < before.Exit || before.Pushed != 0 || before.Rung.Free() || before.Lock == Unlocked
		if lawful != may {
			t.Errorf("opening is %q, with grant %d exit %d rung %s lock %s", s.Passage, before.Grant, before.Exit, before.Rung, before.Lock)
		}
		if !lawful && s.Forced.Stage == Idle {
			t.Error("an unlawful opening will not be told")
		}
	}
	if in.Kind == Rex && s.At >= s.Exit {
		t.Errorf("a way out on %s is not open", s.Rung)
	}
	if s.Rung.Free() && (s.Held.Stage == Waiting || s.Warn.Stage == Waiting) {
		t.Errorf("somebody counts on %s", s.Rung)
	}
	if s.Position != Open && (s.Held.Stage == Waiting || s.Warn.Stage == Waiting) {
		t.Errorf("somebody counts a leaf that is %s", p)
	}
	if in.Kind == Sensed && (before.Held.Stage == Told && s.Held.Stage == Idle || before.Forced.Stage == Told && s.Forced.Stage == Idle) {
		t.Error("what the journal has heard of the leaf ended, and nobody says so")
	}
	if in.Kind != Tells && before.Forced.Stage == Due && s.Forced.Stage != Due {
		t.Error("a forced door was forgotten before anybody heard")
	}
}

// play runs a script in the real times; at in ms.
func play(ins ...Input) State {
	t := DefaultTimes()
	s := State{}
	for _, in := range append([]Input{{Kind: Sensed, Lock: Secured, Position: Closed, At: 1}}, ins...) {
		s = t.Next(s, in)
	}
	return s
}

func facts(s State) (names []string) {
	for _, f := range s.Facts() {
		if n := f.Type; f.On {
			names = append(names, n)
		} else {
			names = append(names, "no "+n)
		}
	}
	return names
}

func TestStories(t *testing.T) {
	const m = 1_000_000
	for _, c := range []struct {
		name string
		ins  []Input
		want []string
	}{
		{"opened with no grant", []Input{{Kind: Opens, At: m}, {At: m + 250}}, []string{forcedOpen}},
		{"not before the debounce", []Input{{Kind: Opens, At: m}, {At: m + 249}}, nil},
		{"a REX 240 ms late", []Input{{Kind: Opens, At: m}, {Kind: Rex, At: m + 240}, {At: m + 9000}}, nil},
		{"a REX 260 ms late is too late", []Input{{Kind: Opens, At: m}, {Kind: Rex, At: m + 260}}, []string{forcedOpen}},
		{"closed within the debounce", []Input{{Kind: Opens, At: m}, {Kind: Closes, At: m + 100}, {At: m + 250}}, []string{forcedOpen}},
		{"a grant, an entry", []Input{{Kind: Granted, At: m}, {Kind: Opens, At: m + 900}, {Kind: Closes, At: m + 4000}, {At: m + 20000}}, nil},
		{"granted, nobody came", []Input{{Kind: Granted, At: m}, {At: m + 8000}}, []string{noEntry}},
		{"opened again behind the one who was let in", []Input{
			{Kind: Granted, At: m}, {Kind: Opens, At: m + 900}, {Kind: Closes, At: m + 2000}, {Kind: Opens, At: m + 2600}, {At: m + 2900},
		}, []string{forcedOpen}},
		{"pre-alarm at 20 s", []Input{{Kind: Rex, At: m}, {Kind: Opens, At: m}, {At: m + 20000}}, []string{preAlarm}},
		{"held at 30 s", []Input{{Kind: Rex, At: m}, {Kind: Opens, At: m}, {At: m + 30000}}, []string{heldOpen, preAlarm}},
		{"more time for who needs it", []Input{{Kind: Granted, For: 15000, At: m}, {Kind: Opens, At: m + 9000}, {At: m + 58000}}, nil},
		{"a shop's door may stand open", []Input{{Kind: Stands, Rung: event.ScheduleFree, At: m}, {Kind: Opens, At: m + 1}, {Kind: Sensed, Lock: Unlocked, At: m + 2}, {At: 2 * m}}, nil},
		{"the shop shuts and the door stands open", []Input{
			{Kind: Stands, Rung: event.ScheduleFree, At: m}, {Kind: Opens, At: m + 1}, {Kind: Stands, Rung: event.Controlled, At: m + 60000}, {At: m + 90000},
		}, []string{heldOpen, preAlarm}},
		{"the lock does not fall", []Input{{Kind: Sensed, Lock: Unlocked, At: m}, {At: m + 5000}}, []string{lockFault}},
		{"it is locked down and the bolt is back", []Input{{Kind: Stands, Rung: event.Lockdown, At: m}, {Kind: Sensed, Lock: Unlocked, At: m + 1}, {At: m + 6000}}, []string{lockFault}},
		{"a fault that heals is told too", []Input{
			{Kind: Sensed, Lock: Unlocked, At: m}, {Kind: Tells, Type: lockFault, On: true, Hub: true, At: m + 5000}, {Kind: Sensed, Lock: Secured, At: m + 6000},
		}, []string{"no lock_fault"}},
		{"the button is stuck", []Input{{Kind: Rex, On: true, At: m}, {At: m + 60000}}, []string{rexStuck}},
		{"maintenance has no faults", []Input{{Kind: Stands, Rung: event.Maintenance, At: m}, {Kind: Opens, At: m}, {At: 2 * m}}, nil},
		{"the controller has told by itself", []Input{{Kind: Opens, At: m}, {Kind: Tells, Type: forcedOpen, On: true, At: m + 250}, {At: m + 9000}}, nil},
		{"heard after it was closed", []Input{
			{Kind: Opens, At: m}, {Kind: Closes, At: m + 300}, {Kind: Tells, Type: forcedOpen, On: true, Hub: true, At: m + 700},
		}, []string{"no forced_open"}},
		{"the contact is cut", []Input{{Kind: Sensed, Position: PositionFault, At: m}, {At: m + 1000}}, []string{contact}},
		{"a wire that is touched a moment", []Input{{Kind: Sensed, Position: PositionFault, At: m}, {Kind: Sensed, Position: Closed, At: m + 900}, {At: m + 9000}}, nil},
		{"the contact is mended", []Input{
			{Kind: Sensed, Position: PositionFault, At: m}, {Kind: Tells, Type: contact, On: true, Hub: true, At: m + 1500}, {Kind: Sensed, Position: Closed, At: m + 9000},
		}, []string{"no contact_fault"}},
		{"a controller that tells of the wire, and goes on to report the leaf", []Input{
			{Kind: Tells, Type: contact, On: true, At: m}, {Kind: Sensed, Position: Closed, At: m + 100}, {At: m + 9000},
		}, nil},
		{"the contact is cut and the leaf was open", []Input{{Kind: Rex, At: m}, {Kind: Opens, At: m}, {Kind: Sensed, Position: PositionFault, At: m + 500}, {At: m + 40000}}, []string{contact}},
		{"held, and shut while the line was cut", []Input{
			{Kind: Rex, At: m}, {Kind: Opens, At: m}, {Kind: Tells, Type: preAlarm, On: true, Hub: true, At: m + 20000},
			{Kind: Tells, Type: heldOpen, On: true, Hub: true, At: m + 30000}, {Kind: Lost, At: m + 40000},
			{Kind: Sensed, Lock: Secured, Position: Closed, At: m + 90000},
		}, []string{"no held_open"}},
		{"forced, and the controller only reports its leaf", []Input{
			{Kind: Opens, At: m}, {Kind: Tells, Type: forcedOpen, On: true, At: m + 250}, {Kind: Sensed, Position: Closed, At: m + 9000},
		}, []string{"no forced_open"}},
		{"the report that it is shut comes before the event", []Input{
			{Kind: Opens, At: m}, {Kind: Tells, Type: forcedOpen, On: true, At: m + 250}, {Kind: Sensed, Position: Closed, At: m + 9000}, {Kind: Closes, At: m + 9000},
		}, nil},
		{"the button was let go while the line was cut", []Input{
			{Kind: Rex, On: true, At: m}, {Kind: Lost, At: m + 1000}, {Kind: Sensed, Lock: Secured, Position: Closed, At: m + 9000}, {Kind: Opens, At: m + 20000}, {At: m + 20250},
		}, []string{forcedOpen}},
		{"it is stuck, before and after", []Input{{Kind: Rex, On: true, At: m}, {Kind: Lost, At: m + 1000}, {Kind: Rex, On: true, At: m + 9000}, {At: m + 69000}}, []string{rexStuck}},
		{"the connection was lost while it stood open", []Input{{Kind: Rex, At: m}, {Kind: Opens, At: m}, {Kind: Lost, At: m + 1000}, {At: 2 * m}}, nil},
	} {
		if got := facts(play(c.ins...)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestUnknownIsNeverGood(t *testing.T) {
	var s State
	if s.Secure() != Unknown || s.LockAxis() != LockUnknown || s.PositionAxis() != PositionUnknown {
		t.Errorf("a door that was never heard of is %s, %s, %s", s.Secure(), s.LockAxis(), s.PositionAxis())
	}
	s = play()
	if s.Secure() != Yes || s.Alarm() != "normal" {
		t.Errorf("secured and closed is %s, %s", s.Secure(), s.Alarm())
	}
	if s = play(Input{Kind: Lost, At: 2}); s.Secure() != Unknown {
		t.Errorf("after the connection was lost: %s", s.Secure())
	}
}

// The same events in the same order give the same facts, however long the hub
// takes over them.
func TestReplayGivesTheSame(t *testing.T) {
	w := DefaultTimes()
	script := []Input{
		{Kind: Sensed, Lock: Secured, Position: Closed, At: 10}, {Kind: Opens, At: 5000}, {Kind: Closes, At: 5100}, {Kind: Granted, At: 9000},
		{Kind: Opens, At: 9500}, {Kind: Sensed, Lock: Unlocked, At: 9501}, {Kind: Closes, At: 49000}, {Kind: Rex, On: true, At: 60000}, {At: 200000},
	}
	var whole State
	for _, in := range script {
		whole = w.Next(whole, in)
	}
	var ticked State
	for _, in := range script {
		for at := ticked.At + 100; at < in.At; at += 100 {
			ticked = w.Next(ticked, Input{At: at})
		}
		ticked = w.Next(ticked, in)
	}
	if whole != ticked {
		t.Errorf("without ticks %+v\nwith ticks   %+v", whole, ticked)
	}
}
