// Package lighting plans when lamps burn and how bright, and sees when they do not
// do so.
//
// Duty: programmes by the clock and by the sun, calendars that choose the programme
// of a night, groups of lamps, and what is stronger than they for a while: a
// person's word and an alarm. The words are those of TALQ 2.7 (control program,
// calendar, lamp actuator). A lamp gets its switching times for the next days with
// what is desired of it, so it keeps them when the hub is away, and one that was
// away gets them when it comes. It must not judge alarms: what a meter shows
// against the plan is reported as an event of the lamp, and rules make of it what
// they do.
//
// A night is named by its evening and lasts from noon to noon, local time.
//
// Concurrency: all methods may be called by any goroutine; Run is called once.
package lighting
