// Package egress sends RTP to many WebRTC viewers at a fraction of what it costs
// to send through the WebRTC library: a frame is encrypted into one buffer
// (RFC 3711, RFC 7714) and leaves in one system call (UDP generic segmentation
// offload), and no lock is shared by viewers.
//
// The library keeps ICE, DTLS and RTCP. Tap takes the SRTP keys from its hooks,
// Conn is the socket that both send on. Where something of this is not to be had
// (another DTLS suite, TCP, a relay), there are no keys, and the caller sends
// through the library.
//
// Concurrency: Conn may be used by any goroutines. A Sealer belongs to one.
package egress
