package door

import "dongyue/internal/event"

// Rung is how a door stands; the word is everybody's, see event.Rung.
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
