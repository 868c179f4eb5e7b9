// Package sound reads, writes and measures recorded sound: what the hub stores and
// sends, and what a loudspeaker gets, is mono PCM of 16 bit at 16 kHz; live speech is
// Opus in Ogg.
//
// It must not know who speaks or listens. It takes bytes of strangers, so every
// reader has limits and never panics.
//
// Concurrency: functions keep no state; a Reader or Writer belongs to one goroutine.
package sound
