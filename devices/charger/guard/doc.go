// Package guard follows the curve of every charging socket and tells the journal
// what it finds, as the event `anomaly` of the cabinet: from there it comes to the
// rules like anything a device says. It also keeps the register of batteries that
// were found abnormal at more than one socket; such a one is refused.
//
// It must not actuate anything: that is for the rules and the ladder.
//
// What a restart forgets is the curve of the sessions that run; they are followed
// again from the next sample on, as of a battery that was plugged in then. The
// register and what is known of batteries are on disk.
//
// Live and Handle may be called from different goroutines; Run owns the only one
// of its own.
package guard
