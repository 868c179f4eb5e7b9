// Package official takes warnings of the authorities (CAP 1.2), lets them be heard where
// they belong, and tells their senders what became of them.
//
// It must not make sound: it asks for broadcasts. It believes only what is signed with a
// key that was put there by hand; all else is silent and raises an alarm.
//
// Concurrency: all methods may be called from any goroutine; Receive, Settled and Publish
// open their own transactions. Run owns the folder and the outbox.
package official
