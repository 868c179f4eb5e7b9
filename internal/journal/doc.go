// Package journal is the hub's memory of what it has acknowledged: an
// append-only list of events in its own SQLite file, numbered from 1.
//
// An event is in the journal when its group has been synced to disk; only then
// is the appender told, and only then does a follower see it. Everything behind
// the journal (twin, rules, alarms) keeps a checkpoint and can be rebuilt from
// here, so a crash at any instruction loses nothing and repeats nothing.
//
// The journal knows no device and no rule, never changes an event, and drops
// only what is older than the retention asks for. After a failed write it stops
// for good (fail-stop): what the disk then holds is not known, so nothing more
// is acknowledged until the process has been started again.
//
// All methods may be called from any goroutine. Append queues and returns; Run
// owns the one goroutine that writes, and calls every done function, in the
// order of Append. A done function must not block for long and must not call
// Append or Close.
package journal
