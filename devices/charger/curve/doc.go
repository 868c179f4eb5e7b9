// Package curve reads the power and temperature of one socket while a bike
// charges and tells what an honest battery does not do: no decline at the end of
// the charge, power that rises again, power that swings, a plug that heats.
//
// A Port is a value of fixed size. Take moves it on by one sample, at 1 Hz or
// whenever something changes, allocates nothing and knows no clock but that of
// the samples: the same samples give the same findings. What follows from a
// finding is for the guard and the rules.
//
// The thresholds are of Limits. Where they come from a published rule its
// number stands there; the others were set on curves of package
// internal/simulator/packs with seeds that no test uses.
package curve
