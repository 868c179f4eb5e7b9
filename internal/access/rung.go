package access

import "dongyue/internal/event"

// Rung is how a door stands at this moment; the ladder that is kept for the doors
// says which. The highest cause counts.
type Rung = event.Rung

// The rungs, from the lowest to the highest.
const (
	Controlled     = event.Controlled
	ScheduleFree   = event.ScheduleFree
	ManualOverride = event.ManualOverride
	Maintenance    = event.Maintenance
	Lockdown       = event.Lockdown
	FireRelease    = event.FireRelease
)

// Rungs tells where a door stands. It is asked for every badge and must answer
// from memory.
type Rungs interface {
	Rung(door string) event.Rung
}
