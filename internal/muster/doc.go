// Package muster lists who may be in a building when it has to be left, and takes
// what those on the spot find out: who is safe, who is not there, who is missing.
//
// It must not follow people: a list is made when somebody with a reason asks for
// one, of who lives there and who came in last, and its names go when they are no
// longer needed. It decides nothing about doors.
//
// Concurrency: all methods may be called from any goroutine; none may be called
// from inside a transaction.
package muster
