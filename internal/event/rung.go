package event

// Rung is how a door stands at this moment. Several causes may ask for several
// rungs at once; the highest one counts. A rung is never "restored": when the
// cause of the highest goes, what is left decides anew.
type Rung int

// The rungs, from the lowest to the highest. Nobody's way out depends on any of
// them.
const (
	// Controlled opens for those who have a right.
	Controlled Rung = iota
	// ScheduleFree is open for everybody, by the clock: a shop's hours.
	ScheduleFree
	// ManualOverride is open for everybody, because somebody said so.
	ManualOverride
	// Maintenance is open and makes no alarms: a crew works on the door.
	Maintenance
	// Lockdown lets nobody in.
	Lockdown
	// FireRelease is unlocked for those who come to rescue. It does not hold the
	// door open: what closes keeps the smoke out.
	FireRelease

	rungs
)

// Rungs lists them from the lowest to the highest.
func Rungs() []Rung {
	all := make([]Rung, rungs)
	for i := range all {
		all[i] = Rung(i)
	}
	return all
}

// String is the name in the protocol and the API.
func (r Rung) String() string {
	switch r {
	case Controlled:
		return "controlled"
	case ScheduleFree:
		return "schedule_free"
	case ManualOverride:
		return "manual_override"
	case Maintenance:
		return "maintenance"
	case Lockdown:
		return "lockdown"
	case FireRelease:
		return "fire_release"
	case rungs:
	}
	return "unknown"
}

// ParseRung reads a name. Controllers of before say free for a door that is open
// for everybody.
func ParseRung(name string) (Rung, bool) {
	if name == "free" {
		return ManualOverride, true
	}
	for _, r := range Rungs() {
		if r.String() == name {
			return r, true
		}
	}
	return Controlled, false
}

// Free reports whether the lock is open for everybody on this rung.
func (r Rung) Free() bool {
	switch r {
	case ScheduleFree, ManualOverride, Maintenance, FireRelease:
		return true
	case Controlled, Lockdown, rungs:
	}
	return false
}

// Admits reports whether somebody outside gets in on this rung, with a live right
// or without one. The way out asks nobody.
func (r Rung) Admits(right bool) bool { return r.Free() || r == Controlled && right }
