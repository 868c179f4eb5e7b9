// Package access decides who may go through which door, and remembers who did.
//
// Duty: people, their credentials and rights; the decision on a badge, which is
// one pure function over an index in memory; the answer to the door; opening
// from the desk and from the resident's phone; the badge log. It must not judge
// what else happens at a door (forced, held, duress: that is for rules), and it
// never moves a lock itself: it orders commands from a Commander.
//
// Nobody comes in by doubt. What is unknown, unreadable, late or not found is
// refused with one reason, and a badge that was not answered within three
// seconds is never answered, because nobody stands there any more.
//
// Card values are not kept: only their HMAC under a key, and the last four
// digits to recognise a card on the screen. PINs have a salt of their own besides.
//
// What the rules of a door remember – who is in which area, who waits for a
// second person, what is used up – stands in the tables and is read and written
// in the transaction of the badge; nothing of it is in memory, so neither a
// restart nor a rolled-back batch can make it wrong.
//
// Concurrency: all methods may be called by any goroutine, but Handle,
// Committed and Undone belong to one follower, which calls Handle inside its
// transaction and then exactly one of the other two. Changes are serialised:
// they are committed, then in the index, then answered; so the next badge after
// an answer already meets the change.
package access
