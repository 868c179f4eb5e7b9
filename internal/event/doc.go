// Package event is the hub's vocabulary: the words that every room shares and
// nothing else. It holds data and pure functions, imports the standard library
// only, and knows no room.
//
// All values are safe to copy. Slices and raw JSON inside an Event are shared
// and never changed after the Event has been made.
package event
