// Package broker is the hub's MQTT door (3.1.1 and 5): devices publish through
// it, receive commands and configuration from it, and integrators listen.
//
// The guard (listener, conn, frame) admits sockets, lets only whole and
// well-formed packets through, never lets a write block, and catches a panic of
// one connection. What a device publishes (ingress) is checked against the
// device's rights, handed to the Sink, acknowledged when the Sink says that it is
// on disk, in order per connection, and only then delivered to subscribers.
//
// A client's session (memory) holds what is on its way to the client; messages
// are put into it, not into a connection, so that a change of the connection
// loses none. The session of a program that is to be kept also has a place in the
// journal: what it could not be given, because it or the hub was away, it gets
// from there. Packets and the index of topics are those of mochi-mqtt; its server
// is not used.
//
// The broker must not decode payloads, know device kinds, or decide what a
// message means. It keeps no messages: the Sink is the memory, and retained
// messages live in memory only.
//
// New opens the ports, Run serves until its context ends and then closes every
// connection within five seconds. All other methods may be called from any
// goroutine. The Sink, the Authenticator and the Observer are called from many
// goroutines at once; an Observer must return soon. Locks are taken in this
// order: memory.mu, then outbox.mu or transit.mu; never two memories at once.
package broker
