package main

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

func feedbackChecks() []check {
	return []check{
		{level: must, clause: "RFC 3550 6.4.1", what: "sender reports come, of the source of the pictures", run: reports},
		{level: must, clause: "RFC 3550 6.4.1", what: "they count the packets that were sent", run: counted},
		{level: must, clause: "RFC 3550 6.4.1", what: "their two clocks run at 90 kHz to each other, and fit the pictures", run: clocks},
		{level: must, clause: "RFC 4585 6.2.1", what: "a NACK is answered by the same packet", run: nack},
		{level: must, clause: "RFC 4585 6.2.1", what: "a NACK for eight packets in a row by all eight", run: nackRow},
		{level: must, clause: "RFC 4585 6.2.1", what: "a NACK for what was never sent by nothing, and pictures go on", run: nackNever},
		{level: should, clause: "RFC 4585 6.3.1", what: "a PLI is answered by a key frame within 500 ms", run: refresh(func(ssrc uint32) rtcp.Packet {
			return &rtcp.PictureLossIndication{MediaSSRC: ssrc}
		})},
		{level: should, clause: "RFC 5104 4.3.1", what: "so is a FIR", run: refresh(func(ssrc uint32) rtcp.Packet {
			return &rtcp.FullIntraRequest{MediaSSRC: ssrc, FIR: []rtcp.FIREntry{{SSRC: ssrc, SequenceNumber: 1}}}
		})},
		{level: must, clause: "RFC 6184 8.4", what: "a key frame has its parameter sets each time", run: everyKey},
		{level: should, clause: "RFC 5104 4.3.1.2", what: "a flood of PLIs is not answered by a flood of key frames", run: flood},
		{level: must, clause: "RFC 3550 6.1", what: "reports that can't be read end nothing", run: garbled},
		{level: must, clause: "RFC 3550 6.6", what: "a BYE of somebody else ends nothing", run: byes},
	}
}

func (x *viewer) say(p ...rtcp.Packet) error { return x.pc.WriteRTCP(p) }

// reported waits for n sender reports, and returns those.
func (v *visit) reported(n int) (*viewer, []report, error) {
	x, err := v.playing(way{}, 10)
	if err != nil {
		return nil, nil, err
	}
	var rs []report
	err = x.until(v.ctx, 12*time.Second, fmt.Sprintf("%d sender reports do not come", n), func() bool {
		rs = x.reports[:min(n, len(x.reports))]
		return len(rs) == n
	})
	return x, rs, err
}

func reports(v *visit) (string, error) {
	x, rs, err := v.reported(1)
	if err != nil {
		return "", err
	}
	r := rs[0]
	if r.SSRC != x.ssrc() {
		return "", fmt.Errorf("of %d, the pictures are of %d", r.SSRC, x.ssrc())
	}
	return "the first " + r.came.Sub(x.posted).Round(time.Millisecond).String() + " after the offer", nil
}

// counted allows for packets on their way, and for some that were lost: a report may
// overtake a whole picture on a busy machine.
func counted(v *visit) (string, error) {
	const lost = 50
	x, rs, err := v.reported(2)
	if err != nil {
		return "", err
	}
	r := rs[1]
	reported := int(r.PacketCount)
	if err := x.until(v.ctx, 5*time.Second, fmt.Sprintf("%d packets were reported and do not come", reported), func() bool {
		return len(x.packets) >= reported-lost
	}); err != nil {
		return "", err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	octets, n := 0, 0
	for i, p := range x.packets {
		if !p.came.After(r.came) {
			n++
		}
		if i < reported {
			octets += len(p.Payload)
		}
	}
	if n > reported+lost {
		return "", fmt.Errorf("%d packets reported, %d had come", reported, n)
	}
	if d := float64(r.OctetCount) / float64(octets); d < 0.8 || d > 1.2 {
		return "", fmt.Errorf("%d bytes of payload reported, %d came in as many packets", r.OctetCount, octets)
	}
	return fmt.Sprintf("%d packets, %d bytes", r.PacketCount, r.OctetCount), nil
}

func clocks(v *visit) (string, error) {
	x, rs, err := v.reported(3)
	if err != nil {
		return "", err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	a, b := rs[0], rs[2]
	hz := float64(b.RTPTime-a.RTPTime) / (float64(b.NTPTime-a.NTPTime) / (1 << 32))
	if hz < 85_500 || hz > 94_500 {
		return "", fmt.Errorf("%.0f ticks a second", hz)
	}
	var near packet
	for _, p := range x.packets {
		if !p.came.After(b.came) {
			near = p
		}
	}
	off := float64(int32(b.RTPTime-near.Timestamp)) / 90
	if off < -1000 || off > 1000 {
		return "", fmt.Errorf("a report is %.0f ms away from the picture that came with it", off)
	}
	return fmt.Sprintf("%.0f ticks a second, %.0f ms from the picture beside it", hz, off), nil
}

// lost asks for packets again and waits for them, in the form of RFC 4585 or of RFC 4588.
func (v *visit) lost(pick func(ps []packet) []packet) (string, error) {
	x, err := v.playing(way{}, 40)
	if err != nil {
		return "", err
	}
	want := pick(x.got(0))
	var seqs []uint16
	for _, p := range want {
		seqs = append(seqs, p.SequenceNumber)
	}
	n, asked := x.count(), time.Now()
	if err := x.say(&rtcp.TransportLayerNack{MediaSSRC: x.ssrc(), Nacks: rtcp.NackPairsFromSequenceNumbers(seqs)}); err != nil {
		return "", err
	}
	for _, w := range want {
		err := x.until(v.ctx, 3*time.Second, fmt.Sprintf("packet %d does not come again", w.SequenceNumber), func() bool {
			return slices.ContainsFunc(x.packets[n:], func(p packet) bool {
				return p.SequenceNumber == w.SequenceNumber && p.Timestamp == w.Timestamp && p.Marker == w.Marker && bytes.Equal(p.Payload, w.Payload)
			})
		})
		if err != nil {
			return "", err
		}
	}
	return since(asked), nil
}

func nack(v *visit) (string, error) {
	return v.lost(func(ps []packet) []packet { return ps[10:11] })
}

func nackRow(v *visit) (string, error) {
	return v.lost(func(ps []packet) []packet { return ps[8:16] })
}

func nackNever(v *visit) (string, error) {
	x, err := v.playing(way{}, 10)
	if err != nil {
		return "", err
	}
	ps := x.got(0)
	far := ps[len(ps)-1].SequenceNumber + 10_000
	if err := x.say(&rtcp.TransportLayerNack{MediaSSRC: x.ssrc(), Nacks: []rtcp.NackPair{{PacketID: far, LostPackets: 0xffff}}}); err != nil {
		return "", err
	}
	if err := x.more(v.ctx, 30, v.patience); err != nil {
		return "", err
	}
	s, err := contiguous(x, x.got(0))
	return s, err
}

// refresh asks for a key frame at a moment at which none is due.
func refresh(ask func(ssrc uint32) rtcp.Packet) func(*visit) (string, error) {
	return func(v *visit) (string, error) {
		x, err := v.settled()
		if err != nil {
			return "", err
		}
		n, asked := x.count(), time.Now()
		if err := x.say(ask(x.ssrc())); err != nil {
			return "", err
		}
		at, err := x.key(v.ctx, n, v.patience)
		if err != nil {
			return "", err
		}
		d := at.Sub(asked).Round(time.Millisecond)
		if d > 500*time.Millisecond {
			return "", fmt.Errorf("after %s", d)
		}
		return fmt.Sprintf("after %s", d), nil
	}
}

// settled is a viewer for whom the beginning is over: servers do not answer twice at once.
func (v *visit) settled() (*viewer, error) {
	x, err := v.playing(way{}, 20)
	if err == nil {
		time.Sleep(time.Second)
	}
	return x, err
}

func everyKey(v *visit) (string, error) {
	x, err := v.settled()
	if err != nil {
		return "", err
	}
	n := x.count()
	if err := x.say(&rtcp.PictureLossIndication{MediaSSRC: x.ssrc()}); err != nil {
		return "", err
	}
	if _, err := x.key(v.ctx, n, v.patience); err != nil {
		return "", err
	}
	fs, err := frames(x.got(0))
	if err != nil {
		return "", err
	}
	keys := 0
	for _, f := range fs {
		if f.key() {
			if keys++; !slices.Contains(f.types, nalSPS) || !slices.Contains(f.types, nalPPS) {
				return "", fmt.Errorf("key frame %d has units of the types %v", keys, f.types)
			}
		}
	}
	if keys < 2 {
		return "", skipped("only one key frame came")
	}
	return fmt.Sprintf("%d key frames", keys), nil
}

// flood asks 200 times in 2 s: a key frame weighs as much as a second of the others.
func flood(v *visit) (string, error) {
	x, err := v.settled()
	if err != nil {
		return "", err
	}
	n := x.count()
	for range 200 {
		if err := x.say(&rtcp.PictureLossIndication{MediaSSRC: x.ssrc()}); err != nil {
			return "", err
		}
		time.Sleep(10 * time.Millisecond)
	}
	fs, err := frames(x.got(n))
	if err != nil {
		return "", err
	}
	keys := 0
	for _, f := range fs {
		if f.key() {
			keys++
		}
	}
	if keys > 20 { // one in 100 ms; more is one for each request
		return "", fmt.Errorf("%d key frames in 2 s", keys)
	}
	return fmt.Sprintf("%d key frames in 2 s", keys), nil
}

func garbled(v *visit) (string, error) {
	x, err := v.playing(way{}, 10)
	if err != nil {
		return "", err
	}
	for _, raw := range []rtcp.RawPacket{
		{0x81, 205, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2}, {0x9f, 206, 0, 1, 0, 0, 0, 1}, {0x8f, 204, 0, 1, 1, 2, 3, 4}, {0x85, 255, 0, 1, 9, 9, 9, 9},
	} {
		if err := x.say(&raw); err != nil {
			return "", err
		}
	}
	return "pictures go on", x.more(v.ctx, 30, v.patience)
}

func byes(v *visit) (string, error) {
	x, err := v.playing(way{}, 10)
	if err != nil {
		return "", err
	}
	if err := x.say(&rtcp.Goodbye{Sources: []uint32{x.ssrc() + 1}}); err != nil {
		return "", err
	}
	if err := x.more(v.ctx, 30, v.patience); err != nil {
		return "", err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.state != webrtc.PeerConnectionStateConnected {
		return "", errors.New("the connection is " + x.state.String())
	}
	return "pictures go on", nil
}
