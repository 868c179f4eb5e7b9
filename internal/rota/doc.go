// Package rota knows who is on duty: shifts by the week in the community's local
// time, exceptions to them, and call lists.
//
// Who is on duty at a time is worked out from the plan alone, the same each time.
// Where the plan leaves a gap, everybody who works at the desk is on duty, and the
// answer says so: a gap must not mean that nobody is called.
//
// This package tells nobody that it is their turn, and decides nothing about
// alarms; whoever calls people asks it whom.
//
// Rota is safe for use by several goroutines.
package rota
