// Package evidence is what a clip's manifest says and how a clip is checked
// against it: which bytes belong to it, their hashes, the chain over these, and the
// signature of the installation that recorded it.
//
// It uses the standard library only and knows nothing of cameras or of the hub, so
// that the program which checks a clip is small enough to be read by an expert who
// trusts neither. docs/operations.md says how to do the same without it.
//
// Concurrency: everything here is a value or a function; a Report belongs to its
// caller.
package evidence
