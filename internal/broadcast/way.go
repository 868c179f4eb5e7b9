package broadcast

import (
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Ways of the sound to a loudspeaker.
const (
	byHTTP = "http" // it fetches the sound from the hub
	byRTP  = "rtp"  // the hub sends it, encrypted
	byText = "text" // it speaks the text itself
	byURL  = "url"  // it fetches it from elsewhere
)

// ways are those that are possible, in the order in which they are tried.
func (b *Broadcasts) ways(bc *Broadcast, n Node) (all []string) {
	own := bc.program != "" || bc.mic != ""
	if own && b.o.Base() != "" {
		all = append(all, byHTTP)
	}
	if own && n.RTP != "" {
		all = append(all, byRTP)
	}
	if bc.URL != "" {
		all = append(all, byURL)
	}
	if bc.Text != "" || len(all) == 0 {
		all = append(all, byText)
	}
	return all
}

// way is the one that is to be taken: the one that was set, or the first.
func (b *Broadcasts) way(bc *Broadcast, was string, n Node) string {
	all := b.ways(bc, n)
	for _, w := range all {
		if w == was {
			return w
		}
	}
	return all[0]
}

// after is the way after one that failed; "" when there is none left.
func (b *Broadcasts) after(bc *Broadcast, was string, n Node) string {
	all := b.ways(bc, n)
	for i, w := range all[:len(all)-1] {
		if w == was {
			return all[i+1]
		}
	}
	return ""
}

// play makes the arguments for the way of a node. They follow from its turn alone, so
// that the same order after a crash is the same to the byte.
func (b *Broadcasts) play(bc *Broadcast, n *NodeOf) PlayArgs {
	a := PlayArgs{Message: bc.ID, Priority: bc.urgency(), Repeat: 1, VolumePct: bc.VolumePct, PositionMS: n.PositionMS, Text: bc.spoken()}
	if bc.TwoWay && b.o.Base() != "" {
		a.Back = b.backAddress(bc, n)
	}
	switch n.Path {
	case byHTTP:
		if u := b.address(bc, n); bc.mic != "" {
			a.Stream = u
		} else {
			a.URL = u
		}
	case byRTP:
		a.RTP = b.rtpArgs(bc, n)
	case byURL:
		a.URL, a.Repeat = bc.URL, bc.Repeat
	default:
		a.Repeat, a.PositionMS = bc.Repeat, 0
	}
	return a
}

// urgency is the rank that a loudspeaker is told. One that goes by it itself must let what
// is earnest take the place of any exercise.
func (b *Broadcast) urgency() int {
	if b.Mode == Exercise {
		return max(b.Priority, Operator)
	}
	return b.Priority
}

// address is where a loudspeaker fetches the sound. It is good for the beginning of its
// own turn; what runs goes on.
func (b *Broadcasts) address(bc *Broadcast, n *NodeOf) string {
	v := url.Values{
		"device": {n.Device}, "from": {strconv.FormatInt(n.PositionMS, 10)}, "until": {strconv.FormatInt(n.due.Add(time.Minute).Unix(), 10)},
	}
	v.Set("signature", b.sign(bc.ID, v))
	return strings.TrimRight(b.o.Base(), "/") + "/api/v1/broadcasts/" + bc.ID + "/sound?" + v.Encode()
}
