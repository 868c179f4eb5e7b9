// Package rules judges events. A rule names what it watches (kind, channel,
// type, zone), the condition on it, and how long that must hold; the engine
// keeps one small state machine per rule, device and part
//
//	inactive → pending (for) → firing → ending (keep_firing_for) → inactive
//
// and says what changed as Transitions.
//
// The engine reads nothing but events, its own state and the time that events
// carry: the same events give the same transitions, byte for byte. It raises no
// alarm, writes no table and calls no device; whoever calls it does.
//
// A reading that does not carry a metric says nothing about it: a condition
// that can't be worked out leaves the state as it was. What arrives late
// (event.LateAfter) may raise, marked Late, but carries no actions.
//
// An Engine is safe for use by several goroutines; calls are served one after
// the other, and their order is the order of judgement.
package rules
