// Package alarm keeps alarms from the first signal to the close, in the words of
// ISA-18.2 / IEC 62682 and OPC UA Part 9, and what was done about them.
//
//	           ack                 return
//	unacked_active → acked_active ───────→ normal (closed)
//	      │ return                            ↑
//	      └──────→ unacked_returned ──ack─────┘
//
// There is one open alarm per rule, device and part, and beside it one of a
// drill; what is raised again counts up. A latched alarm does not close by
// itself: when it has returned and is acknowledged it stays acked_active, with
// returned_at set and active false, until a person closes it. shelved,
// suppressed and out_of_service hide these states, which go on beneath; alarms
// of life safety are never hidden. The whole machine is in machine.go.
//
// Every open alarm belongs to one incident (correlate.go, docs/adr/0007), and
// what calls the operators is the incident (annunciate.go). The calls are what
// floods (flood.go) and figures (kpi.go) count.
//
// What one transaction does is a batch: read once, moved in memory, written
// together with the journal, the feed and the actions that are asked for.
// Actions wait in the outbox; each is carried out once, by its key also across a
// crash, and not at all once its deadline has passed. Timers are times in the
// tables and fire once, also across a restart. This package carries nothing out
// itself, judges no event and sends no message.
//
// Alarms is safe for use by several goroutines.
package alarm
