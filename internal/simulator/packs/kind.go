package packs

// Kind of a session.
type Kind string

// The kinds. Those of the second group end in a runaway.
const (
	Lithium Kind = "lithium"
	Lead    Kind = "lead"
	Pulse   Kind = "lead, pulsed"
	Aged    Kind = "aged"
	Cold    Kind = "cold"
	OldUnit Kind = "old charger"
	Partial Kind = "partial"
	Noisy   Kind = "noisy meter"
	Cargo   Kind = "cargo tricycle"

	Overcharged Kind = "overcharge"
	Shorted     Kind = "soft short"
	Tripping    Kind = "tripping"
	Contact     Kind = "bad contact"
	Sudden      Kind = "sudden"
)

// Share is how often a kind comes among its group.
type Share struct {
	Kind Kind
	Of   float64
}

// Normal are the sessions that end well.
func Normal() []Share {
	return []Share{
		{Lithium, 0.34},
		{Lead, 0.16},
		{Pulse, 0.04},
		{Aged, 0.14},
		{Cold, 0.08},
		{OldUnit, 0.06},
		{Partial, 0.12},
		{Noisy, 0.04},
		{Cargo, 0.02},
	}
}

// Runaways are the sessions that burn.
func Runaways() []Share {
	return []Share{{Overcharged, 0.35}, {Shorted, 0.30}, {Tripping, 0.20}, {Contact, 0.12}, {Sudden, 0.03}}
}

// Burns reports whether a session of the kind ends in flames.
func (k Kind) Burns() bool {
	switch k {
	case Overcharged, Shorted, Tripping, Contact, Sudden:
		return true
	case Lithium, Lead, Pulse, Aged, Cold, OldUnit, Partial, Noisy, Cargo:
	}
	return false
}
