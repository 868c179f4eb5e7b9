package agent

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"dongyue/internal/sound"
)

// rtpArgs announce sound that will be sent, and the key that it is encrypted with.
type rtpArgs struct {
	SSRC   uint32 `json:"ssrc"`
	Key    string `json:"key"`
	Coding string `json:"coding"`
	Length int64  `json:"length_ms"`
}

const (
	keyBytes, saltBytes = 16, 12          // AES-128-GCM, RFC 7714
	firstIn             = 3 * time.Second // until the first packet
	silentIn            = 2 * time.Second // until what was sent counts as broken off
	queued              = 100             // packets: two seconds
	replayWindow        = 64
)

// rtpPort takes sound that is sent. It plays only what was announced by a command, and
// only packets that were made with the announced key: anybody may send to a port.
type rtpPort struct {
	conn    *net.UDPConn
	addr    string
	refused *atomic.Int64

	mu       sync.Mutex
	expected *incoming
}

func openRTP(host net.IP, refused *atomic.Int64, over <-chan struct{}) (*rtpPort, error) {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: host})
	if err != nil {
		return nil, err
	}
	p := &rtpPort{conn: conn, addr: conn.LocalAddr().String(), refused: refused}
	go func() {
		<-over
		_ = conn.Close()
	}()
	go p.read()
	return p, nil
}

func (p *rtpPort) read() {
	buf := make([]byte, 2048)
	for {
		n, err := p.conn.Read(buf)
		if err != nil {
			return
		}
		p.mu.Lock()
		in := p.expected
		p.mu.Unlock()
		if in == nil || !in.take(buf[:n]) {
			p.refused.Add(1)
		}
	}
}

// expect gives the sound that is announced.
func (p *rtpPort) expect(ctx context.Context, a *rtpArgs) (sound.Source, io.Closer, error) {
	key, err := base64.StdEncoding.DecodeString(a.Key)
	if err != nil || len(key) != keyBytes+saltBytes {
		return nil, nil, errors.New("bad key")
	}
	lock, err := srtp.CreateContext(key[:keyBytes], key[keyBytes:], srtp.ProtectionProfileAeadAes128Gcm, srtp.SRTPReplayProtection(replayWindow))
	if err != nil {
		return nil, nil, err
	}
	in := &incoming{ctx: ctx, port: p, lock: lock, args: a, packets: make(chan []byte, queued), wait: firstIn}
	if a.Length > 0 {
		in.left = int(a.Length) * sound.Rate / 1000
	}
	if a.Coding == "opus" {
		if in.opus, err = sound.NewOpus(); err != nil {
			return nil, nil, err
		}
	}
	p.mu.Lock()
	p.expected = in
	p.mu.Unlock()
	return in, in, nil
}

// incoming is one announced stream.
type incoming struct {
	ctx     context.Context //nolint:containedctx // of the message: a source has no other
	port    *rtpPort
	lock    *srtp.Context
	args    *rtpArgs
	opus    *sound.Opus
	packets chan []byte
	left    int // samples until the end; 0: not known
	heard   int
	wait    time.Duration
}

// take believes a packet or does not.
func (in *incoming) take(b []byte) bool {
	var h rtp.Header
	if _, err := h.Unmarshal(b); err != nil || h.SSRC != in.args.SSRC {
		return false
	}
	out, err := in.lock.DecryptRTP(nil, b, &h)
	if err != nil {
		return false
	}
	var p rtp.Packet
	if p.Unmarshal(out) != nil {
		return false
	}
	select {
	case in.packets <- p.Payload:
	default: // late
	}
	return true
}

// Next implements sound.Source.
func (in *incoming) Next() (sound.PCM, error) {
	if in.left > 0 && in.heard >= in.left {
		return nil, io.EOF
	}
	t := time.NewTimer(in.wait)
	defer t.Stop()
	select {
	case <-in.ctx.Done():
		return nil, in.ctx.Err()
	case <-t.C:
		// The last packets may be lost; a second before the end is its end.
		if in.left > 0 && in.left-in.heard < sound.Rate {
			return nil, io.EOF
		}
		return nil, errors.New("nothing is sent")
	case b := <-in.packets:
		in.wait = silentIn
		return in.decode(b)
	}
}

func (in *incoming) decode(b []byte) (sound.PCM, error) {
	if in.opus != nil {
		p, err := in.opus.Decode(b)
		in.heard += len(p)
		return p, err
	}
	p := make(sound.PCM, len(b)/2)
	for i := range p { // L16 is big-endian
		p[i] = int16(uint16(b[2*i])<<8 | uint16(b[2*i+1])) //nolint:gosec // two's complement is the format
	}
	in.heard += len(p)
	return p, nil
}

// Close implements io.Closer.
func (in *incoming) Close() error {
	in.port.mu.Lock()
	defer in.port.mu.Unlock()
	if in.port.expected == in {
		in.port.expected = nil
	}
	return nil
}
