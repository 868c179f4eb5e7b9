// Package doorbell carries a ring at a door to the phones of the home that was rung:
// who may take the call, who was first, who may see the door's camera and until when.
//
// It must not open doors: that is done with the resident's own right, by access. It
// keeps no picture and no sound. A call lasts at most two minutes, whatever anybody
// does or forgets; with it ends the right to look.
//
// Concurrency: all methods may be called from any goroutine, but Handle and
// Committed belong to one follower, which calls Handle inside its transaction.
package doorbell
