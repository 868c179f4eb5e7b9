package alarm

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// reach walks every state that inputs can lead to, for an alarm of one kind, and
// hands each step to f.
func reach(start axes, f func(from axes, in input, to axes, o outcome)) map[axes]bool {
	seen := map[axes]bool{start: true}
	for todo := []axes{start}; len(todo) > 0; {
		from := todo[0]
		todo = todo[1:]
		for in := range inputs {
			to, o := from.next(in)
			f(from, in, to, o)
			if !seen[to] {
				seen[to] = true
				todo = append(todo, to)
			}
		}
	}
	return seen
}

func kinds() map[string]axes {
	return map[string]axes{
		"plain": {}, "latched": {Latched: true}, "life safety": {Latched: true, Safety: true}, "life safety, latch not written": {Safety: true},
	}
}

// What must hold in every state that can be reached, and of every step.
func TestReachableStates(t *testing.T) {
	for name, start := range kinds() {
		t.Run(name, func(t *testing.T) {
			states := reach(start, func(from axes, in input, to axes, o outcome) {
				step := fmt.Sprintf("%+v --%d--> %+v %+v", from, in, to, o)
				for what, bad := range map[string]bool{
					"life safety is hidden":                                       to.Safety && to.hidden(),
					"life safety is neither told nor acknowledged":                to.Safety && to.Open && !to.Closed && !to.Acked && !to.Told,
					"life safety is not latched":                                  to.Safety && to.Open && !to.Latched,
					"what stands and nobody has seen was told to nobody":          to.Open && !to.Closed && to.Active && !to.Acked && !to.hidden() && !to.Told,
					"it closed by itself while active":                            !from.Closed && to.Closed && in != reset && to.Active,
					"it closed by itself though latched":                          !from.Closed && to.Closed && in != reset && to.Latched,
					"it closed by itself though somebody was told and saw it not": !from.Closed && to.Closed && in != reset && to.Told && !to.Acked,
					"it closed by itself though shelved":                          !from.Closed && to.Closed && in != reset && to.Shelf != "",
					"something leads out of closed":                               from.Closed && (to != from || o.ok),
					"a hidden alarm calls":                                        o.call != "" && to.hidden(),
					"a closed alarm calls":                                        o.call != "" && to.Closed,
					"it changed though the input did not apply":                   !o.ok && to != from,
					"nothing to write down":                                       o.ok && o.what == "",
					"acknowledged, and not by a person":                           !from.Acked && to.Acked && in != acknowledged,
					"the acknowledgement is gone without a new beginning":         from.Acked && !to.Acked && in != begins,
					"something but begins opened it":                              !from.Open && to.Open && in != begins,
					"a closed alarm is off or shelved":                            to.Closed && to.hidden(),
					"its kind changed":                                            from.Safety != to.Safety || from.Open && from.Latched != to.Latched,
					"one_shot outlives the condition":                             to.Shelf == OneShot && !to.Active,
					"nothing but the end ended it":                                from.Active && !to.Active && in != ends,
				} {
					if bad {
						t.Errorf("%s: %s", what, step)
					}
				}
				if to.Open && !to.Closed && to.Safety && !to.Acked && to.every(0) == 0 {
					t.Errorf("nobody is reminded of life safety: %s", step)
				}
				if every := to.every(time.Minute); every != 0 && (to.hidden() || to.Closed) || to.every(time.Hour) > time.Hour {
					t.Errorf("reminded: %s", step)
				}
			})
			names := map[State]bool{}
			for x := range states {
				names[x.state()] = true
			}
			hidden := names[Shelved] || names[Suppressed] || names[OutOfService]
			if hidden == start.Safety || !names[UnackedActive] || !names[AckedActive] || !names[UnackedReturned] || !names[Normal] {
				t.Errorf("states %v", names)
			}
			// From everywhere a person can bring it to an end.
			for x := range states {
				if !x.Open || x.Closed {
					continue
				}
				if to, o := x.next(reset); !to.Closed || !o.ok {
					t.Errorf("%+v can't be closed", x)
				}
			}
		})
	}
}

// oracle knows an alarm's state from all that ever happened to it, by looking
// back each time.
type oracle struct {
	kind  axes
	story []input
}

// lastOf is the place of the last of the inputs, -1 when there was none.
func (o *oracle) lastOf(ins ...input) int {
	for i, in := range slices.Backward(o.story) {
		if slices.Contains(ins, in) {
			return i
		}
	}
	return -1
}

// state says what is shown, in the words of the standard.
func (o *oracle) state() State {
	began := o.lastOf(begins)
	if began < 0 || o.lastOf(reset) >= 0 {
		return Normal
	}
	active := began > o.lastOf(ends)
	acked := o.lastOf(acknowledged) > began
	latched := o.kind.Latched || o.kind.Safety
	off := o.off()
	switch {
	case off != "":
		return off
	case o.shelved() != "":
		return Shelved
	case !active && acked && !latched:
		return Normal
	case acked:
		return AckedActive
	case active:
		return UnackedActive
	}
	return UnackedReturned
}

func (o *oracle) off() State {
	if o.kind.Safety {
		return ""
	}
	switch i := o.lastOf(suppressed, outOfService, inService); {
	case i < 0 || o.story[i] == inService:
		return ""
	case o.story[i] == suppressed:
		return Suppressed
	}
	return OutOfService
}

func (o *oracle) shelved() string {
	i := o.lastOf(shelvedTimed, shelvedOnce, unshelved)
	switch {
	case i < 0 || o.kind.Safety || o.story[i] == unshelved:
		return ""
	case o.story[i] == shelvedTimed:
		return Timed
	case o.lastOf(ends) > i:
		return ""
	}
	return OneShot
}

// told reports whether anybody was called since it began: at the beginning, or
// when it came back into sight while it stood and nobody had seen it.
func (o *oracle) told() bool {
	all := o.story
	defer func() { o.story = all }()
	for n := o.lastOf(begins) + 1; n <= len(all); n++ {
		o.story = all[:n]
		if o.shelved() == "" && o.off() == "" && o.lastOf(begins) > max(o.lastOf(ends), o.lastOf(acknowledged)) {
			return true
		}
	}
	return false
}

// allowed says by the standard's words whether the input means anything now.
func (o *oracle) allowed(in input) bool {
	began := o.lastOf(begins)
	active := began > o.lastOf(ends)
	switch in {
	case begins:
		return true
	case again, ends:
		return active
	case acknowledged:
		return o.lastOf(acknowledged) < began
	case shelvedTimed, shelvedOnce:
		return !o.kind.Safety && o.off() == "" && (in == shelvedTimed || active)
	case unshelved:
		return o.shelved() != ""
	case suppressed:
		return !o.kind.Safety && o.off() != Suppressed
	case outOfService:
		return !o.kind.Safety && o.off() != OutOfService
	case inService:
		return o.off() != ""
	case reminded:
		hidden := o.off() != "" || o.shelved() != ""
		return !hidden && (active || o.kind.Safety && o.lastOf(acknowledged) < began)
	default:
		return true
	}
}

// over reports whether the story has come to its end.
func (o *oracle) over() bool {
	began := o.lastOf(begins)
	if began < 0 {
		return false
	}
	if o.lastOf(reset) >= 0 {
		return true
	}
	returned := o.lastOf(ends) > began
	acked := o.lastOf(acknowledged) > began
	return returned && !o.kind.Latched && !o.kind.Safety && o.shelved() == "" && (acked || !o.told())
}

func TestMachineAgainstOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := &oracle{kind: axes{Latched: rapid.Bool().Draw(t, "latched"), Safety: rapid.Bool().Draw(t, "safety")}}
		x := o.kind
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			in := input(rapid.IntRange(0, int(inputs)-1).Draw(t, "input"))
			open := o.lastOf(begins) >= 0
			want := !o.over() && (open || in == begins) && o.allowed(in)
			var got outcome
			x, got = x.next(in)
			if got.ok != want {
				t.Fatalf("after %v: input %d applies: %v", o.story, in, got.ok)
			}
			if want {
				o.story = append(o.story, in)
			}
			state := o.state()
			if o.over() {
				state = Normal
			}
			if x.state() != state || x.Closed != o.over() || x.Open && !x.Closed && x.Told != o.told() {
				t.Fatalf("after %v: %s %+v, the oracle says %s, over %v, told %v", o.story, x.state(), x, state, o.over(), o.told())
			}
		}
	})
}
