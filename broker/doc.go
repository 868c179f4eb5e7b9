// Package broker is the hub's MQTT door (3.1.1 and 5): devices publish through
// it, receive commands and configuration from it, and integrators listen.
//
// It embeds an MQTT server that knows sessions, subscriptions and delivery, and
// stands in front of it. The guard (listener, conn, frame) admits sockets, lets
// only whole and well-formed packets through, never lets a write block, and
// catches a panic of one connection. What a device publishes is taken out of the
// stream before the server sees it (ingress): it is checked against the device's
// rights, handed to the Sink, acknowledged when the Sink says that it is on disk,
// in order per connection, and only then delivered to subscribers.
//
// The broker must not decode payloads, know device kinds, or decide what a
// message means. It keeps no store of its own: the Sink is the memory, and
// retained messages live in memory only.
//
// New opens the ports, Run serves until its context ends and then closes every
// connection within five seconds. All other methods may be called from any
// goroutine. The Sink, the Authenticator and the Observer are called from many
// goroutines at once; an Observer must return soon.
package broker
