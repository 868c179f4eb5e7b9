// Package devices knows what exists in the community: which devices there are,
// what they may say (one child folder per kind), how they are (the twin), and
// what they were told to do (commands).
//
// It must not judge: whether a value is dangerous is for the rules, whether a
// person may pass is for access. It opens no socket; the broker carries bytes
// in and out.
//
// Concurrency: every method of Registry may be called from any goroutine.
// Decode, Live, Authenticate, Get and In work in memory. Handle belongs to the
// one follower of the journal and runs in that follower's transaction; the hub
// has one writing connection, so Command, Seed and the HTTP operations must
// never be called from inside a transaction. Run owns the only goroutine.
package devices
