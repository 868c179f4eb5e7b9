// Package broadcast brings messages to the loudspeakers of zones and proves,
// speaker by speaker, what was heard.
//
// It must not speak MQTT: it commands speakers through an interface and learns
// from committed events what became of it. It does not mix: which of two
// messages a speaker plays, the speaker decides by their priorities.
//
// Concurrency: all methods may be called from any goroutine. Handle runs in the
// transaction of the journal's follower; Send and the HTTP operations open their
// own and must not be called from inside one. Run owns the only goroutine.
package broadcast
