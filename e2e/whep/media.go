package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/pion/webrtc/v4"
)

// maxPayload is what a path of 1,280 bytes (the least of IPv6) leaves to RTP over
// SRTP, with some room for those who count otherwise.
const maxPayload = 1200

func mediaChecks() []check {
	// played looks at the first pictures: 5 s of a camera at 25 a second.
	played := func(f func(x *viewer, ps []packet) (string, error)) func(*visit) (string, error) {
		return func(v *visit) (string, error) {
			x, err := v.playing(way{}, 100)
			if err != nil {
				return "", err
			}
			return f(x, x.got(0))
		}
	}
	return []check{
		{level: must, clause: "WHEP 4", what: "pictures come", run: played(func(x *viewer, ps []packet) (string, error) {
			return "the first packet " + ps[0].came.Sub(x.posted).Round(time.Millisecond).String() + " after the offer", nil
		})},
		{level: should, clause: "RFC 6184 8.4", what: "who joins a running stream gets a key frame within a second", run: joins},
		{level: must, clause: "RFC 6184 8.4", what: "the first picture is a key frame, with parameter sets in front of it", run: played(firstKey)},
		{level: must, clause: "RFC 3550 8", what: "all packets have one source", run: played(func(_ *viewer, ps []packet) (string, error) {
			for _, p := range ps {
				if p.SSRC != ps[0].SSRC {
					return "", fmt.Errorf("%d and %d", ps[0].SSRC, p.SSRC)
				}
			}
			return fmt.Sprint(ps[0].SSRC), nil
		})},
		{level: must, clause: "RFC 3550 5.1", what: "sequence numbers go up by one", run: played(contiguous)},
		{level: must, clause: "RFC 3550 5.1", what: "time goes on from picture to picture", run: played(monotone)},
		{level: must, clause: "RFC 6184 5.1", what: "the marker is on the last packet of a picture, and on no other", run: played(markers)},
		{level: must, clause: "RFC 6184 8.2.1", what: "the clock is 90 kHz", run: clock},
		{level: must, clause: "RFC 6184 5", what: "every packet is well formed in packetization mode 1", run: played(func(_ *viewer, ps []packet) (string, error) {
			fs, err := frames(ps)
			return fmt.Sprintf("%d pictures in %d packets", len(fs), len(ps)), err
		})},
		{level: must, clause: "RFC 6184 5.8", what: "fragments begin, go on and end in one picture", run: played(func(_ *viewer, ps []packet) (string, error) {
			return fmt.Sprintf("%d packets", len(ps)), whole(ps)
		})},
		{level: must, clause: "RFC 8200 5", what: "no payload is longer than 1,200 bytes", run: played(func(_ *viewer, ps []packet) (string, error) {
			most := 0
			for _, p := range ps {
				most = max(most, len(p.Payload))
			}
			if most > maxPayload {
				return "", fmt.Errorf("%d bytes", most)
			}
			return fmt.Sprintf("%d at most", most), nil
		})},
		{level: must, clause: "RFC 3264 6.1", what: "the payload type is one of the answer, and stays", run: played(payloadType)},
		{level: must, clause: "RFC 8285 6", what: "packets carry no header extension that was not agreed upon", run: played(agreed)},
		{level: must, clause: "RFC 5764 4.1", what: "SRTP works where the client is the DTLS server", run: roles(webrtc.DTLSRoleServer)},
		{level: must, clause: "RFC 5764 4.1", what: "SRTP works where the client is the DTLS client", run: roles(webrtc.DTLSRoleClient)},
		{level: should, clause: "RFC 8827 6.5", what: "pictures come with AES-GCM, if the client takes nothing else", run: gcm},
		{level: must, clause: "RFC 3550 8", what: "two viewers have each their own sequence", run: two},
		{level: must, clause: "RFC 6544 4.1", what: "pictures come over TCP, if the answer has a candidate for it", run: overTCP},
	}
}

func joins(v *visit) (string, error) {
	first, err := v.playing(way{}, 5)
	if err != nil {
		return "", err
	}
	if err := first.more(v.ctx, 40, v.patience); err != nil {
		return "", err
	}
	x, err := v.watch(way{})
	if err != nil {
		return "", err
	}
	at, err := x.key(v.ctx, 0, v.patience)
	if err != nil {
		return "", err
	}
	d := at.Sub(x.posted).Round(time.Millisecond)
	if d > time.Second {
		return "", fmt.Errorf("after %s", d)
	}
	return fmt.Sprintf("after %s", d), nil
}

func firstKey(_ *viewer, ps []packet) (string, error) {
	fs, err := frames(ps)
	if err != nil {
		return "", err
	}
	sps, pps, idr := slices.Index(fs[0].types, nalSPS), slices.Index(fs[0].types, nalPPS), slices.Index(fs[0].types, nalIDR)
	if sps < 0 || pps < 0 || idr < sps || idr < pps {
		return "", fmt.Errorf("it has units of the types %v", fs[0].types)
	}
	return fmt.Sprintf("units of the types %v", fs[0].types), nil
}

func contiguous(_ *viewer, ps []packet) (string, error) {
	for i := 1; i < len(ps); i++ {
		if ps[i].SequenceNumber != ps[i-1].SequenceNumber+1 {
			return "", fmt.Errorf("%d follows %d", ps[i].SequenceNumber, ps[i-1].SequenceNumber)
		}
	}
	return fmt.Sprintf("%d packets from %d on", len(ps), ps[0].SequenceNumber), nil
}

// monotone takes B-frames for granted no more than WebRTC does: it has one time per picture.
func monotone(_ *viewer, ps []packet) (string, error) {
	n := 0
	for i := 1; i < len(ps); i++ {
		switch step := int32(ps[i].Timestamp - ps[i-1].Timestamp); {
		case step < 0:
			return "", fmt.Errorf("it goes back by %d ticks", -step)
		case step > 0:
			n++
		}
	}
	return fmt.Sprintf("%d steps", n), nil
}

func markers(_ *viewer, ps []packet) (string, error) {
	n := 0
	for i := 1; i < len(ps); i++ {
		if last := ps[i].Timestamp != ps[i-1].Timestamp; last != ps[i-1].Marker {
			return "", fmt.Errorf("packet %d: marker is %v, but the next picture begins: %v", ps[i-1].SequenceNumber, ps[i-1].Marker, last)
		}
		if ps[i].Marker {
			n++
		}
	}
	return fmt.Sprintf("%d pictures", n), nil
}

// clock compares 3 s of live pictures with the time in which they came.
func clock(v *visit) (string, error) {
	x, err := v.playing(way{}, 5)
	if err != nil {
		return "", err
	}
	time.Sleep(time.Second) // what a server has kept for the beginning is over by then
	n := x.count()
	time.Sleep(3 * time.Second)
	ps := x.got(n)
	if len(ps) < 10 {
		return "", errors.New("pictures stand still")
	}
	a, b := ps[0], ps[len(ps)-1]
	hz := float64(b.Timestamp-a.Timestamp) / b.came.Sub(a.came).Seconds()
	if hz < 75_000 || hz > 105_000 {
		return "", fmt.Errorf("%.0f Hz", hz)
	}
	return fmt.Sprintf("%.0f Hz", hz), nil
}

func payloadType(x *viewer, ps []packet) (string, error) {
	_, a, err := parse(x.offer, x.answer)
	if err != nil {
		return "", err
	}
	m, err := section(a)
	if err != nil {
		return "", err
	}
	pt := strconv.Itoa(int(ps[0].PayloadType))
	if _, ok := h264(m)[pt]; !ok {
		return "", fmt.Errorf("%s is not H.264 in the answer", pt)
	}
	for _, p := range ps {
		if p.PayloadType != ps[0].PayloadType {
			return "", fmt.Errorf("%d and %d", ps[0].PayloadType, p.PayloadType)
		}
	}
	return pt, nil
}

func agreed(x *viewer, ps []packet) (string, error) {
	_, a, err := parse(x.offer, x.answer)
	if err != nil {
		return "", err
	}
	m, err := section(a)
	if err != nil {
		return "", err
	}
	known := map[string]bool{}
	for _, at := range m.Attributes {
		if at.Key == "extmap" {
			known[uri(at.Value)[:1]] = true
		}
	}
	for _, p := range ps {
		for _, id := range p.GetExtensionIDs() {
			if !known[strconv.Itoa(int(id))] && id < 10 {
				return "", fmt.Errorf("extension %d", id)
			}
		}
	}
	return fmt.Sprintf("%d agreed upon", len(known)), nil
}

// roles offers one DTLS role only.
func roles(r webrtc.DTLSRole) func(*visit) (string, error) {
	setup := map[webrtc.DTLSRole]string{webrtc.DTLSRoleServer: "passive", webrtc.DTLSRoleClient: "active"}[r]
	return func(v *visit) (string, error) {
		x, err := v.playing(way{offer: func(o string) string {
			return lines(o, func(l string) string {
				if l == "a=setup:actpass" {
					return "a=setup:" + setup
				}
				return l
			})
		}}, 20)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%s, %d packets", x.pc.SCTP().Transport().State(), x.count()), nil
	}
}
