// Package panel puts words on the text panels of lamp poles (TALQ 2.7: text display).
//
// Duty: of the notices that hold for a panel it chooses the one that is shown, signs it
// for that panel alone and wants it there, and compares what the panel says that it shows.
// A notice of the house is shown only after somebody else than its author has released it;
// one of the authorities was released by its signature. It must not verify messages of the
// authorities and must not make sound.
//
// Concurrency: all methods may be called by any goroutine; Run is called once.
package panel
