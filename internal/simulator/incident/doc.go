// Package incident is the script of the demonstration: named incidents that
// happen to the simulated devices and cameras, by themselves every couple of
// minutes or when a person asks for one.
//
// An incident is what happens in the estate, never what the hub makes of it: it
// touches devices only, raises no alarm and knows no rule. Each is bounded and
// tidies up, so that the estate is as before when it is over.
//
// Concurrency: Run owns one goroutine per incident that is playing. All methods
// may be called from any goroutine.
package incident
