package whep

import (
	"sync"

	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
)

// reply is what is answered to a microphone: packets of Opus, as they come, on the same
// connection.
type reply struct {
	track *webrtc.TrackLocalStaticRTP

	mu sync.Mutex
	n  uint16
	at uint32
}

func newReply() (*reply, error) {
	t, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, "answer", "dongyue")
	if err != nil {
		return nil, err
	}
	return &reply{track: t}, nil
}

// write sends a packet that lasts so many samples at 48 kHz. Before the connection stands
// it goes nowhere: nobody wants to hear it later.
func (r *reply) write(packet []byte, samples uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.track.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: r.n, Timestamp: r.at}, Payload: packet})
	r.n++
	r.at += samples
}

// listens tells whether the section that speaks also listens: sendrecv, which is what a
// section without a direction is (RFC 8866, 6.7).
func listens(offer string) bool {
	var d sdp.SessionDescription
	if d.UnmarshalString(offer) != nil {
		return false
	}
	for _, m := range d.MediaDescriptions {
		if m.MediaName.Media != "audio" {
			continue
		}
		for _, one := range []string{"sendonly", "recvonly", "inactive"} {
			if _, ok := m.Attribute(one); ok {
				return false
			}
		}
		return true
	}
	return false
}
