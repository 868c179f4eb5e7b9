package streams

import (
	"slices"
	"time"
)

// Limits of what a reader can send again. The frames themselves are the
// stream's; a reader keeps only which of its numbers they got.
const (
	historyFrames  = 512
	historyPackets = 8192 // a quarter of the number space, so that old and new can be told apart
	historyAge     = 10 * time.Second
)

// sentFrame is one frame as one viewer got it.
type sentFrame struct {
	seq uint16 // of its first packet
	ts  uint32
	f   *Frame
	at  time.Time
}

// history is the newest frames sent, the oldest first.
type history struct {
	list    []sentFrame
	packets int
}

func (h *history) add(s sentFrame) {
	h.list = append(h.list, s)
	h.packets += len(s.f.Payloads)
	n := 0
	for n < len(h.list)-1 {
		old := h.list[n]
		if len(h.list)-n <= historyFrames && h.packets <= historyPackets && s.at.Sub(old.at) <= historyAge {
			break
		}
		h.packets -= len(old.f.Payloads)
		h.list[n] = sentFrame{} // lets the frame go
		n++
	}
	if h.list = h.list[n:]; cap(h.list) < len(h.list)+1 {
		h.list = append(make([]sentFrame, 0, 2*len(h.list)+64), h.list...)
	}
}

// find returns the frame that a packet belonged to.
func (h *history) find(seq uint16) (sentFrame, bool) {
	for _, s := range slices.Backward(h.list) {
		if d := seq - s.seq; int(d) < len(s.f.Payloads) {
			return s, true
		}
	}
	return sentFrame{}, false
}
