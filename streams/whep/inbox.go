package whep

import (
	"io"

	"github.com/pion/rtcp"
	"github.com/pion/transport/v5/packetio"
)

// RTCP packet types that ask for something (RFC 4585, 6.1); all others are reports,
// which change nothing.
const (
	feedbackOfTransport = 205
	feedbackOfPayload   = 206
)

// inbox takes what a viewer sends under one SSRC, from the goroutine that decrypts it.
// The library's own buffers want a goroutine each that reads them, and keep up to 1 MB
// for every SSRC that a viewer thinks of; here nothing is kept.
type inbox struct {
	x    *session
	ssrc uint32
	tile *tile // nil: not known yet, or none
}

// inbox implements webrtc.SettingEngine.BufferFactory. Pictures and sound of viewers
// are not wanted.
func (x *session) inbox(kind packetio.BufferPacketType, ssrc uint32) io.ReadWriteCloser {
	if kind != packetio.RTCPBufferPacket {
		return nowhere{}
	}
	return &inbox{x: x, ssrc: ssrc}
}

// Write implements io.Writer for one RTCP packet. It never waits: the reader is only
// told.
func (b *inbox) Write(p []byte) (int, error) {
	if len(p) < 2 || p[1] != feedbackOfTransport && p[1] != feedbackOfPayload {
		return len(p), nil
	}
	if b.tile == nil {
		if b.tile = b.x.tileOf(b.ssrc); b.tile == nil {
			return len(p), nil // about the sound
		}
	}
	if packets, err := rtcp.Unmarshal(p); err == nil { // else one bad packet
		b.tile.hear(packets)
	}
	return len(p), nil
}

// Read implements io.Reader: there is nothing to read.
func (*inbox) Read([]byte) (int, error) { return 0, io.EOF }

// Close implements io.Closer.
func (*inbox) Close() error { return nil }

// tileOf finds the tile whose pictures have an SSRC.
func (x *session) tileOf(ssrc uint32) *tile {
	for _, t := range x.tiles {
		if t.track.source() == ssrc {
			return t
		}
	}
	return nil
}

// nowhere forgets what is written to it.
type nowhere struct{}

// Write implements io.Writer.
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }

// Read implements io.Reader.
func (nowhere) Read([]byte) (int, error) { return 0, io.EOF }

// Close implements io.Closer.
func (nowhere) Close() error { return nil }
