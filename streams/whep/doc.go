// Package whep is the browser's door to the cameras: WHEP over HTTP
// (draft-ietf-wish-whep), then WebRTC with one UDP and one TCP port for all.
//
// It decides nothing about cameras and touches no coding: it answers an offer at
// once, whether the camera answers or not, and lets a streams.Reader write to the
// viewer. A viewer's connection outlives the camera's outages; that of a wall has many
// tiles, whose cameras change without a new negotiation and are deleted without its
// end. It asks no server on the network for addresses (no STUN, no mDNS).
//
// Concurrency: Server's methods may be called from any goroutine. Each tile has
// one goroutine that sends and one that reads what the viewer reports; Run waits
// for all of them.
package whep
