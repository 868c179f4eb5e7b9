package rtsp

import (
	"context"
	"fmt"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/pion/rtp"

	"dongyue/streams"
)

// Visitor is shown what a camera offers and sends. Its methods are called one at
// a time, Offer first.
type Visitor interface {
	// Offer is the camera's description and the transport it was set up with.
	Offer(d *description.Session, by streams.Transport)
	// Packet is one packet of a track that was played.
	Packet(m *description.Media, f format.Format, p *rtp.Packet)
	// Lost counts packets that did not come.
	Lost(n uint64)
}

// maxTracks is how many tracks Look plays; cameras have two or three.
const maxTracks = 8

// Look plays everything that a camera offers for a while. It returns nil when
// the time is over, and else why it could not.
func (p *Puller) Look(ctx context.Context, from streams.Source, d time.Duration, v Visitor) error {
	if err := streams.CheckURL(from.URL); err != nil {
		return fmt.Errorf("look: %w", err)
	}
	first, others := order(from.Transport)
	err := p.look(ctx, from, first, d, v)
	for _, proto := range others {
		if !refusesTransport(err) {
			break
		}
		err = p.look(ctx, from, proto, d, v)
	}
	return err
}

func (p *Puller) look(ctx context.Context, from streams.Source, proto gortsplib.Protocol, d time.Duration, v Visitor) error {
	c, u, err := p.dial(ctx, from, proto, lossy{v.Lost})
	if err != nil {
		return fmt.Errorf("look: %w", err)
	}
	if err := c.Start(); err != nil {
		return explain(ctx, "connect", err)
	}
	stop := context.AfterFunc(ctx, c.Close)
	defer func() {
		stop()
		c.Close()
	}()
	desc, _, err := c.Describe(u)
	if err != nil {
		return explain(ctx, "describe", err)
	}
	by := streams.TCP
	if proto == gortsplib.ProtocolUDP {
		by = streams.UDP
	}
	played := 0
	for _, m := range desc.Medias {
		if m.IsBackChannel || played == maxTracks {
			continue
		}
		if _, err := c.Setup(desc.BaseURL, m, 0, 0); err != nil {
			return explain(ctx, "setup", err)
		}
		played++
	}
	if played == 0 {
		return fmt.Errorf("setup: %w, but %s", streams.ErrNoVideo, offered(desc))
	}
	v.Offer(desc, by)
	c.OnPacketRTPAny(func(m *description.Media, f format.Format, pkt *rtp.Packet) {
		defer func() { _ = recover() }() // a packet that can't be read is the camera's fault alone
		v.Packet(m, f, pkt)
	})
	if _, err := c.Play(nil); err != nil {
		return explain(ctx, "play", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	enough := time.NewTimer(d)
	defer enough.Stop()
	select {
	case <-enough.C:
		c.Close()
		<-ended //nolint:errcheck // that it was closed
		return nil
	case err := <-ended:
		return explain(ctx, "play", err)
	}
}
