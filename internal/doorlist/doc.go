// Package doorlist is the list of rights by which a door decides while it is
// alone: its format, who may change it, and the decision itself.
//
// It is the one thing that hub and controller must agree on to the byte, so it
// stands on the ground floor beside the words of the protocol and knows no room.
// docs/protocol.md describes the same for those who build a controller.
//
// A list is a head that the hub signed and a set of entries whose hash stands in
// the head. It comes whole or as the difference to an older one; either way the
// door accepts it only when the entries that it then has are the signed ones.
// What does not fit is refused whole and the list before stays.
//
// Nothing here opens a network connection, a file or a clock. A Keeper belongs to one
// goroutine; everything else is values.
package doorlist
