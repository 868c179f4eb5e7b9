// Package probe looks at a camera once and says what it sends: tracks, coding,
// size, rates, groups of pictures, and what should be set otherwise in it.
//
// It stores nothing, needs no hub, and shows nothing of the camera's address in
// what it returns.
//
// Concurrency: Run may be called from any goroutine.
package probe
