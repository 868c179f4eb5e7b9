// Package voice turns texts into speech without asking anybody outside: from
// recordings that come with the hub, or by espeak-ng where it is installed.
//
// It must not choose texts or loudspeakers. espeak-ng is a program of its own that is
// started, never linked.
//
// Concurrency: all methods may be called from any goroutine.
package voice
