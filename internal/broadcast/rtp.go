package broadcast

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"dongyue/internal/sound"
)

// RTPArgs are what a loudspeaker needs to take sound that is sent to it, and to tell it
// from anybody else's: the key is made for this message at this loudspeaker.
type RTPArgs struct {
	SSRC     uint32 `json:"ssrc"`
	Key      string `json:"key"`       // base64 of the AES-128-GCM key (16 bytes) and its salt (12): RFC 7714
	Coding   string `json:"coding"`    // l16: 16 kHz mono, RFC 3551; opus: RFC 7587
	LengthMS int64  `json:"length_ms"` // 0: until it is stopped
}

// Codings of RTPArgs.
const (
	codingL16  = "l16"
	codingOpus = "opus"
)

const (
	keyBytes, saltBytes = 16, 12
	frame               = 20 * time.Millisecond
	lead                = 10 // frames that are sent at once, as a buffer against the network's jitter
)

// rtpArgs makes the key of a node's turn: nobody can guess it, and it is the same when it
// is asked for again.
func (b *Broadcasts) rtpArgs(bc *Broadcast, n *NodeOf) *RTPArgs {
	mac := hmac.New(sha256.New, b.o.Key)
	_, _ = fmt.Fprintf(mac, "rtp\x00%s\x00%s\x00%d", bc.ID, n.Device, n.turn)
	sum := mac.Sum(nil)
	a := &RTPArgs{
		SSRC: binary.BigEndian.Uint32(sum[:4]), Key: base64.StdEncoding.EncodeToString(sum[4 : 4+keyBytes+saltBytes]),
		Coding: codingL16, LengthMS: max(bc.LengthMS-n.PositionMS, 0),
	}
	if bc.mic != "" {
		a.Coding, a.LengthMS = codingOpus, 0
	}
	return a
}

// transmit sends the sound of a node's turn until it ends or is silenced.
func (b *Broadcasts) transmit(bc *Broadcast, n *NodeOf, to string, a *RTPArgs) {
	ctx, end := b.airtime(context.Background(), bc.ID, n.Device)
	head, position := *bc, time.Duration(n.PositionMS)*time.Millisecond
	device := n.Device
	go func() {
		defer end()
		if err := b.send(ctx, &head, position, to, a); err != nil && ctx.Err() == nil {
			b.log.Warn("broadcast: sound was not sent", "broadcast_id", head.ID, "device_id", device, "err", err)
		}
	}()
}

func (b *Broadcasts) send(ctx context.Context, bc *Broadcast, from time.Duration, to string, a *RTPArgs) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "udp", to)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	key, err := base64.StdEncoding.DecodeString(a.Key)
	if err != nil {
		return err
	}
	lock, err := srtp.CreateContext(key[:keyBytes], key[keyBytes:], srtp.ProtectionProfileAeadAes128Gcm)
	if err != nil {
		return err
	}
	x := &sender{conn: conn, lock: lock, ssrc: a.SSRC}
	if bc.mic != "" {
		return x.live(ctx, b.mics.find(bc.mic))
	}
	p, err := b.openProgram(bc, from)
	if err != nil {
		return err
	}
	defer func() { _ = p.Close() }()
	return x.file(ctx, p)
}

// sender writes one stream of SRTP.
type sender struct {
	conn net.Conn
	lock *srtp.Context
	ssrc uint32
	n    uint16
	at   uint32
}

// Payload types: dynamic ones (RFC 3551, 6), as SDP is not spoken here.
const (
	typeL16  = 96
	typeOpus = 111
)

func (x *sender) packet(pt uint8, payload []byte, samples uint32) error {
	h := rtp.Header{Version: 2, PayloadType: pt, SequenceNumber: x.n, Timestamp: x.at, SSRC: x.ssrc}
	raw, err := h.Marshal()
	if err != nil {
		return err
	}
	out, err := x.lock.EncryptRTP(nil, append(raw, payload...), &h)
	if err != nil {
		return err
	}
	x.n++
	x.at += samples
	_, err = x.conn.Write(out)
	return err
}

// file sends a programme in time, a few frames ahead.
func (x *sender) file(ctx context.Context, p io.Reader) error {
	size := sound.Samples(frame)
	buf := make([]byte, 2*size)
	began := time.Now()
	for i := 0; ; i++ {
		n, err := io.ReadFull(p, buf)
		if n == 0 {
			return nil
		}
		for j := 0; j+1 < n; j += 2 { // L16 is big-endian (RFC 3551, 4.5.11)
			buf[j], buf[j+1] = buf[j+1], buf[j]
		}
		if err := x.packet(typeL16, buf[:n&^1], uint32(size)); err != nil { //nolint:gosec // 320
			return err
		}
		if err != nil {
			return nil //nolint:nilerr // the end
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Until(began.Add(time.Duration(i-lead) * frame))):
		}
	}
}

// live passes a voice on.
func (x *sender) live(ctx context.Context, m *microphone) error {
	if m == nil {
		return nil
	}
	e := m.listen()
	if e == nil {
		return nil
	}
	defer m.leave(e)
	for {
		select {
		case <-ctx.Done():
			return nil
		case p, ok := <-e.packets:
			if !ok {
				return nil
			}
			if err := x.packet(typeOpus, p, uint32(sound.Duration(p))); err != nil { //nolint:gosec // at most 5760
				return err
			}
		}
	}
}
