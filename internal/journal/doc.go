// Package journal is the hub's memory of what it has acknowledged: an
// append-only list of events, numbered from 1.
//
// The list is a folder of segment files. An event is in the journal when its
// group has been written to the newest segment and synced; only then is the
// appender told, and only then does a follower see it. Everything behind the
// journal (twin, rules, alarms) keeps a checkpoint and can be rebuilt from here,
// so a crash at any instruction loses nothing and repeats nothing. A SQLite file
// beside the folder, the index, answers queries; it follows the segments like
// any other follower and can be made again from them.
//
// The journal knows no device and no rule, never changes an event, and drops
// only what is older than the retention asks for and every follower has seen
// (Hold). After a failed write it stops for good (fail-stop): what the disk then
// holds is not known, so nothing more is acknowledged until the process has been
// started again. A torn end of the newest segment is cut at the start, for
// nothing of it had been acknowledged; damage anywhere else is reported and left.
//
// All methods may be called from any goroutine. Append queues and returns; Run
// owns the goroutine that writes and the one that calls every done function, in
// the order of Append. A done function must not block for long and must not call
// Append or Close.
package journal
