package streams

import "time"

// Limits of what a reader can send again. The frames themselves are the
// stream's; a reader keeps only which of its numbers they got.
const (
	historyFrames  = 512
	historyPackets = 8192            // a quarter of the number space, so that old and new can be told apart
	historyAge     = 4 * time.Second // a viewer has long asked for a replay by then
)

// sentFrame is one frame as one viewer got it.
type sentFrame struct {
	f      *Frame
	number uint64 // of its first packet
	ts     uint32
	at     uint32 // ms of some clock, modulo 2^32
}

// history is the newest frames sent, in a ring: a viewer at 25 frames a second has
// a hundred of them, and each viewer has its own.
type history struct {
	ring    []sentFrame // as long as a power of two
	from, n int         // the oldest, and how many
	packets int
}

func (h *history) at(i int) *sentFrame { return &h.ring[(h.from+i)&(len(h.ring)-1)] }

func (h *history) add(s sentFrame) {
	if h.n == len(h.ring) {
		h.grow()
	}
	*h.at(h.n) = s
	h.n++
	h.packets += len(s.f.Payloads)
	for h.n > 1 {
		old := h.at(0)
		if h.n <= historyFrames && h.packets <= historyPackets && s.at-old.at <= uint32(historyAge/time.Millisecond) {
			break
		}
		h.packets -= len(old.f.Payloads)
		*old = sentFrame{} // lets the frame go
		h.from = (h.from + 1) & (len(h.ring) - 1)
		h.n--
	}
}

// grow makes room for twice as many.
func (h *history) grow() {
	ring := make([]sentFrame, max(16, 2*len(h.ring)))
	for i := range h.n {
		ring[i] = *h.at(i)
	}
	h.ring, h.from = ring, 0
}

// find returns the frame that a packet belonged to.
func (h *history) find(number uint64) (sentFrame, bool) {
	for i := h.n - 1; i >= 0; i-- {
		if s := h.at(i); number-s.number < uint64(len(s.f.Payloads)) {
			return *s, true
		}
	}
	return sentFrame{}, false
}
