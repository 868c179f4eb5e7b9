// Package ladder is what the hub does when a charger is about to burn, rung by
// rung:
//
//	cut        the socket is cut; if its power is not gone within a second, the feeder
//	neighbours + the two sockets on either side, a warning at the shed
//	evacuate   + the feeder, a broadcast to the shed and the units that face it, their
//	           doors unlocked for rescuers (not held open: smoke), lamps at 100 %,
//	           the card for the call to 119
//
// The people are called by the alarm's own escalation; the call to 119 is made by
// a person.
//
// Plan is pure: the same rung and place give the same steps. A reaction with its
// steps is on disk before the first command goes out, each command has a key of
// its reaction and step, so a hub that was killed midway goes on where it was and
// repeats nothing. A step is proved by what the world says (the meter, the doors,
// the loudspeakers), not by an answer, and stands in the alarm's journal.
//
// Nothing here waits for anything beyond the hub and its devices. The cabinet
// cuts by itself too.
package ladder
