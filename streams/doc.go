// Package streams keeps the hub's cameras: what is known of them, one pull per
// camera and quality while somebody watches, the pictures packetised once for
// all readers, and a reader that starts in the middle of a group of pictures.
//
// It must not know how a camera is reached (streams/rtsp does) nor how a browser
// is served (streams/whep does), and it never gives a camera's address, user or
// password to anyone: not in an answer, not in an error, not in the log.
//
// Concurrency: Streams, Stream and Lease may be used from any goroutine. A
// Frame never changes after it has been made and is shared by all readers. A
// Reader belongs to the goroutine that runs it; Refresh, Resend, Switch, Stay and
// Showing may be called from others. A Packetizer belongs to one goroutine. Streams.Run owns all
// goroutines of the package.
package streams
