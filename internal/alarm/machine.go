package alarm

import "time"

// axes are the independent facts that an alarm's state is made of, after OPC UA
// Part 9: ActiveState, AckedState, LatchedState, ShelvingState and
// SuppressedState or OutOfServiceState. The state that is shown is a view of
// them; what is hidden goes on underneath.
//
// Each input moves them as follows ("calls": asks to be annunciated; an open
// alarm is hidden while it is shelved, suppressed or out of service):
//
//	input           where                       leads to
//	begins          not there, or open          active, unacked; calls unless hidden
//	again           active                      counted
//	ends            active                      returned; one_shot shelving ends; may settle
//	acknowledged    unacked                     acked; may settle
//	shelvedTimed    open, not off, not safety   shelved
//	shelvedOnce     active, not off, not safety shelved until it ends
//	unshelved       shelved                     as beneath; calls if active and unacked; may settle
//	suppressed,
//	outOfService    open, not safety            off
//	inService       off                         as beneath; calls if active and unacked; may settle
//	reminded        visible and active, or life calls
//	                safety and unacked
//	reset           open                        closed by a person (mayClose guards it)
//
// An alarm settles, that is closes by itself, when it has returned, is neither
// latched nor shelved, and was acknowledged or never told to anybody. Life safety
// (GB 50394: held until manual reset, a panic button can't be disarmed) is always
// latched and is never hidden, so only reset closes it. Nothing leads out of
// closed. What is not in the table is refused to a person and ignored from the hub.
type axes struct {
	Active, Acked   bool
	Latched, Safety bool
	Shelf           string // "", OneShot or Timed
	Off             State  // "", Suppressed or OutOfService
	Told            bool   // has called since it began
	Open            bool
	Closed          bool
}

// The kinds of shelving.
const (
	OneShot = "one_shot" // until the condition ends
	Timed   = "timed"
)

// input is what can happen to an alarm.
type input int

const (
	begins input = iota
	again
	ends
	acknowledged
	shelvedTimed
	shelvedOnce
	unshelved
	suppressed
	outOfService
	inService
	reminded
	reset
	inputs // how many there are
)

// The reasons for which an alarm calls, and an incident annunciates.
const (
	CallNew       = "new"
	CallAgain     = "again" // came back
	CallUnshelved = "unshelved"
	CallInService = "in_service"
	CallReAlarm   = "realarm"
	CallPriority  = "priority"    // of the incident rose
	CallSafety    = "life_safety" // joined the incident
)

// outcome is what an input brought about.
type outcome struct {
	ok   bool   // the input applied
	what string // for the journal
	then string // a second line: what it entailed
	call string
}

func (x axes) hidden() bool { return x.Shelf != "" || x.Off != "" }

func (x axes) settled() bool {
	return !x.Active && !x.Latched && x.Shelf == "" && (x.Acked || !x.Told)
}

// next is the whole machine.
func (x axes) next(in input) (axes, outcome) {
	if x.Closed || !x.Open && in != begins {
		return x, outcome{}
	}
	switch in {
	case begins:
		return x.begin()
	case again:
		return x, outcome{ok: x.Active, what: Repeat}
	case ends:
		return x.end()
	case acknowledged:
		if x.Acked {
			return x, outcome{}
		}
		x.Acked = true
		return x.settle(outcome{ok: true, what: Ack})
	case shelvedTimed, shelvedOnce:
		return x.shelve(in)
	case unshelved:
		if x.Shelf == "" {
			return x, outcome{}
		}
		x.Shelf = ""
		return x.appear(outcome{ok: true, what: Unshelve, call: CallUnshelved})
	case suppressed, outOfService:
		return x.off(in)
	case inService:
		if x.Off == "" {
			return x, outcome{}
		}
		x.Off = ""
		return x.appear(outcome{ok: true, what: InService, call: CallInService})
	case reminded:
		due := !x.hidden() && (x.Active || x.Safety && !x.Acked)
		if !due {
			return x, outcome{}
		}
		return x, outcome{ok: true, what: ReAlarmed, call: CallReAlarm}
	default: // reset
		x.Closed, x.Shelf, x.Off = true, "", ""
		return x, outcome{ok: true, what: Close}
	}
}

// begin: a condition that comes back wants a person anew.
func (x axes) begin() (axes, outcome) {
	o := outcome{ok: true, what: Raise, call: CallNew}
	if x.Open {
		o.call = CallAgain
	}
	x.Open, x.Active, x.Acked, x.Told = true, true, false, !x.hidden()
	x.Latched = x.Latched || x.Safety
	if x.hidden() {
		o.call = ""
	}
	return x, o
}

func (x axes) end() (axes, outcome) {
	if !x.Active {
		return x, outcome{}
	}
	o := outcome{ok: true, what: Return}
	x.Active = false
	if x.Shelf == OneShot {
		x.Shelf, o.then = "", Unshelve
	}
	return x.settle(o)
}

func (x axes) shelve(in input) (axes, outcome) {
	if x.Safety || x.Off != "" || in == shelvedOnce && !x.Active {
		return x, outcome{}
	}
	x.Shelf = Timed
	if in == shelvedOnce {
		x.Shelf = OneShot
	}
	return x, outcome{ok: true, what: Shelve}
}

func (x axes) off(in input) (axes, outcome) {
	to, what := OutOfService, TakenOut
	if in == suppressed {
		to, what = Suppressed, Suppress
	}
	if x.Safety || x.Off == to {
		return x, outcome{}
	}
	x.Off = to
	return x, outcome{ok: true, what: what}
}

// appear is what an alarm does that is no longer hidden.
func (x axes) appear(o outcome) (axes, outcome) {
	if x.hidden() || !x.Active || x.Acked {
		o.call = ""
	} else {
		x.Told = true
	}
	return x.settle(o)
}

func (x axes) settle(o outcome) (axes, outcome) {
	if x.settled() {
		x.Closed, x.Off = true, ""
	}
	return x, o
}

// state is what is shown.
func (x axes) state() State {
	switch {
	case !x.Open || x.Closed:
		return Normal
	case x.Off != "":
		return x.Off
	case x.Shelf != "":
		return Shelved
	case x.Acked:
		return AckedActive
	case x.Active:
		return UnackedActive
	}
	return UnackedReturned
}

// safetyReAlarm is how often life safety annunciates until a person has
// acknowledged it, also where its rule says nothing.
const safetyReAlarm = 2 * time.Minute

// every is after what time an alarm annunciates again; 0: it does not.
func (x axes) every(rule time.Duration) time.Duration {
	switch {
	case !x.Open || x.Closed || x.hidden():
		return 0
	case x.Safety && !x.Acked:
		if rule > 0 {
			return min(rule, safetyReAlarm)
		}
		return safetyReAlarm
	case x.Active:
		return rule
	}
	return 0
}
