// Package alarm keeps alarms from the first signal to the close, in the words of
// ISA-18.2 / IEC 62682, and what was done about them.
//
//	           ack                 return
//	unacked_active → acked_active ───────→ normal (closed)
//	      │ return                            ↑
//	      └──────→ unacked_returned ──ack─────┘
//
// There is one open alarm per rule, device and part; what is raised again counts
// up. A latched alarm (life safety) does not close by itself: when it has
// returned and is acknowledged it stays acked_active, with returned_at set and
// active false, until a person closes it. shelved, suppressed and
// out_of_service are names that are kept for later.
//
// An alarm's change, its journal row, its entry in the feed and the actions that
// it asks for are written in one transaction. Actions wait in the outbox; each
// is carried out once, by its key also across a crash, and not at all once its
// deadline has passed. This package carries nothing out itself, judges no event
// and sends no message.
//
// Alarms is safe for use by several goroutines.
package alarm
