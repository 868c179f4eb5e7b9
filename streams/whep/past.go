package whep

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"dongyue/streams"
	"dongyue/streams/egress"
)

// road is the way past the library to one viewer: its keys, and where it is. All of
// its tracks take it.
type road struct {
	keys *egress.Keys
	conn *egress.Conn
	to   atomic.Pointer[netip.AddrPort]
}

// open finds the road when the connection stands. It is nil where there is none, and
// the library sends: no keys, TCP, or a relay between.
func (e *engine) open(tap *egress.Tap, ice *webrtc.ICETransport) *road {
	if tap == nil {
		return nil
	}
	keys, err := tap.Keys()
	if err != nil {
		return nil
	}
	pair, err := ice.GetSelectedCandidatePair()
	if err != nil {
		return nil
	}
	r := &road{keys: keys, conn: e.conn}
	if !r.follow(pair) {
		return nil
	}
	return r
}

// follow takes the pair that ICE has chosen; false is one that the socket can't reach.
func (r *road) follow(p *webrtc.ICECandidatePair) bool {
	if p == nil || p.Local == nil || p.Remote == nil || p.Local.Protocol != webrtc.ICEProtocolUDP || p.Local.Typ == webrtc.ICECandidateTypeRelay {
		return false
	}
	host, err := netip.ParseAddr(p.Remote.Address)
	if err != nil {
		return false
	}
	to := netip.AddrPortFrom(host, p.Remote.Port)
	r.to.Store(&to)
	return true
}

// hangUpTCP gives back what a viewer has on the TCP port, for whom there is no way from
// the road to there: three goroutines and 10 KB for each address of this machine.
func (e *engine) hangUpTCP(ufrag string) { e.tcp.RemoveConnByUfrag(ufrag) }

// past sends one track over the road. One goroutine uses it.
type past struct {
	*road
	seal *egress.Sealer
	bufs *buffers
}

func (e *engine) past(r *road) (*past, error) {
	s, err := r.keys.Sealer()
	if err != nil {
		return nil, err
	}
	return &past{road: r, seal: s, bufs: e.bufs}, nil
}

// usualBytes is enough for most frames, and a quarter of MaxBytes: as many buffers are
// in use as frames are on their way.
const usualBytes = egress.MaxBytes / 4

// buffers are *[]byte of usualBytes and of MaxBytes, for frames on their way.
type buffers struct{ usual, most sync.Pool }

func newBuffers() *buffers {
	room := func(n int) sync.Pool {
		return sync.Pool{New: func() any { b := make([]byte, 0, n); return &b }}
	}
	return &buffers{usual: room(usualBytes), most: room(egress.MaxBytes)}
}

// of is the buffers for n bytes, sent in parts where they are more than MaxBytes.
func (b *buffers) of(n int) *sync.Pool {
	if n <= usualBytes {
		return &b.usual
	}
	return &b.most
}

// send encrypts packets one behind the other and sends as many together as the
// kernel takes: all of one length, but for the last.
func (p *past) send(h *rtp.Header, number uint64, payloads [][]byte, end bool) error {
	total := 0
	for _, b := range payloads {
		total += egress.HeaderBytes + len(b) + p.seal.Overhead()
	}
	pool := p.bufs.of(total)
	hold, _ := pool.Get().(*[]byte)
	defer pool.Put(hold)
	buf, to := (*hold)[:0], *p.to.Load()
	var busy error
	seg, n, short := 0, 0, false
	flush := func() error {
		err := p.conn.Send(buf, seg, to)
		if errors.Is(err, egress.ErrFull) {
			busy, err = streams.ErrBusy, nil
		}
		buf, n, short = (*hold)[:0], 0, false
		return err
	}
	for i, b := range payloads {
		size := egress.HeaderBytes + len(b) + p.seal.Overhead()
		if n > 0 && (short || size > seg || n == egress.MaxSegments || len(buf)+size > egress.MaxBytes) {
			if err := flush(); err != nil {
				return err
			}
		}
		if n == 0 {
			seg = size
		}
		short = size < seg
		at := len(buf)
		buf = buf[:at+size]
		write(buf[at:], h, uint16(number)+uint16(i), end && i == len(payloads)-1) //nolint:gosec // modulo 2^16 is meant
		p.seal.Seal(buf[at:], b, h.SSRC, number+uint64(i))
		n++
	}
	if err := flush(); err != nil {
		return err
	}
	return busy
}

// write writes an RTP header without extension (RFC 3550, 5.1).
func write(b []byte, h *rtp.Header, seq uint16, marker bool) {
	b[0], b[1] = 2<<6, h.PayloadType
	if marker {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], seq)
	binary.BigEndian.PutUint32(b[4:], h.Timestamp)
	binary.BigEndian.PutUint32(b[8:], h.SSRC)
}
