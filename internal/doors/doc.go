// Package doors knows how every door stands: on which rung of the ladder and
// why, whether its lock and its leaf are where they should be, and what became of
// each order to change that.
//
// It must not decide who passes; that is for access, which asks Rung. It must not
// raise alarms: what it concludes goes into the journal as an event of the door,
// as the controller's own events do, and the rules judge both alike.
//
// Concurrency: Rung, States and the HTTP operations may be called from any
// goroutine. Handle, Committed and Undone belong to the journal's follower. Run
// owns the only goroutine; it alone commands doors.
package doors
