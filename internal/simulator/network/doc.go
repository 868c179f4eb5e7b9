// Package network is a bad stretch of network between a WebRTC viewer and its
// server: packets are lost alone or in bursts, arrive late, or not at all. It needs
// no rights and no module of the kernel (tc-netem), and the same seed loses the
// same packets, so tests can rely on it.
//
// It knows nothing of what it carries but where an SDP answer names the server.
//
// Concurrency: Path's methods may be called from any goroutine; Run waits for all
// of its goroutines.
package network
