package rig

import (
	"slices"
	"time"
)

// Spread is what a set of durations comes to, in milliseconds.
type Spread struct {
	N   int     `json:"n"`
	P50 float64 `json:"p50_ms"`
	P90 float64 `json:"p90_ms"`
	P99 float64 `json:"p99_ms"`
	Max float64 `json:"max_ms"`
}

// SpreadOf sorts all and reads the percentiles.
func SpreadOf(all []time.Duration) Spread {
	s := Spread{N: len(all)}
	if s.N == 0 {
		return s
	}
	slices.Sort(all)
	at := func(q float64) float64 {
		return float64(all[min(s.N-1, int(q*float64(s.N)))].Microseconds()) / 1000
	}
	s.P50, s.P90, s.P99, s.Max = at(.5), at(.9), at(.99), at(1)
	return s
}
