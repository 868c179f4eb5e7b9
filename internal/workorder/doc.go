// Package workorder keeps what has to be repaired: requests of residents, and
// orders for the crew.
//
// Duty: an order has a number, a place, a priority with the time by which it is
// due, one person who has it, and a log that is only ever added to. It comes from
// an alarm, from a resident's request, or from the desk. It must not judge
// alarms, command devices, or know accounts: who can be given an order it asks
// of a Staff.
//
// The way of an order: open → taken → done; where the repair can show itself (a
// lamp's meter), it is checking in between, and goes back to taken when nothing shows. Whoever takes it has it; a second
// one is refused, so two never drive to the same lamp. Giving it to somebody
// else never moves the time by which it is due.
//
// Concurrency: all methods may be called by any goroutine; the database's one
// writer orders them. Methods that take a transaction leave Feed.Committed to
// its owner.
package workorder
