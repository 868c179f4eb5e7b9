package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/pion/interceptor"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
)

// api is a WebRTC client without reports of its own: what a check wants to be
// sent it sends. Packets that come twice are shown to it.
func api(set webrtc.SettingEngine) *webrtc.API {
	set.DisableSRTPReplayProtection(true)
	set.SetIncludeLoopbackCandidate(true)
	media := &webrtc.MediaEngine{}
	if err := media.RegisterDefaultCodecs(); err != nil {
		panic(err) // they are the library's own
	}
	return webrtc.NewAPI(webrtc.WithSettingEngine(set), webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(&interceptor.Registry{}))
}

// peer makes a client that offers the kinds named: "video", "audio" or "data".
func (v *visit) peer(set webrtc.SettingEngine, kinds ...string) (*webrtc.PeerConnection, string, error) {
	pc, err := api(set).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, "", err
	}
	v.cleanup(func() { _ = pc.GracefulClose() })
	for _, k := range kinds {
		if k == "data" {
			_, err = pc.CreateDataChannel("talk", nil)
		} else {
			_, err = pc.AddTransceiverFromKind(webrtc.NewRTPCodecType(k), webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
		}
		if err != nil {
			return nil, "", err
		}
	}
	o, err := pc.CreateOffer(nil)
	if err != nil {
		return nil, "", err
	}
	return pc, o.SDP, pc.SetLocalDescription(o)
}

// offer is an offer that nobody will connect by.
func (v *visit) offer(kinds ...string) (string, error) {
	if len(kinds) == 0 {
		kinds = []string{"video"}
	}
	_, o, err := v.peer(webrtc.SettingEngine{}, kinds...)
	return o, err
}

// lines edits an offer line by line; "" takes a line out.
func lines(offer string, edit func(line string) string) string {
	var b strings.Builder
	for l := range strings.SplitSeq(strings.TrimRight(offer, "\r\n"), "\r\n") {
		if l = edit(l); l != "" {
			b.WriteString(l + "\r\n")
		}
	}
	return b.String()
}

// without takes the lines out that begin so.
func without(offer string, prefixes ...string) string {
	return lines(offer, func(l string) string {
		for _, p := range prefixes {
			if strings.HasPrefix(l, p) {
				return ""
			}
		}
		return l
	})
}

// with puts a line behind each line that begins so.
func with(offer, prefix, line string) string {
	return lines(offer, func(l string) string {
		if strings.HasPrefix(l, prefix) {
			return l + "\r\n" + line
		}
		return l
	})
}

// parse reads an answer and checks what every answer owes its offer: as many
// sections of the same kinds in the same order (RFC 3264, 6).
func parse(offer, answer string) (o, a *sdp.SessionDescription, err error) {
	o, a = &sdp.SessionDescription{}, &sdp.SessionDescription{}
	if err := o.UnmarshalString(offer); err != nil {
		return nil, nil, fmt.Errorf("the offer of this check: %w", err)
	}
	if err := a.UnmarshalString(answer); err != nil {
		return nil, nil, fmt.Errorf("the answer is not SDP: %w", err)
	}
	if len(o.MediaDescriptions) != len(a.MediaDescriptions) {
		return nil, nil, fmt.Errorf("%d sections offered, %d answered", len(o.MediaDescriptions), len(a.MediaDescriptions))
	}
	for i, m := range o.MediaDescriptions {
		if k := a.MediaDescriptions[i].MediaName.Media; k != m.MediaName.Media {
			return nil, nil, fmt.Errorf("section %d is %s in the offer and %s in the answer", i, m.MediaName.Media, k)
		}
	}
	return o, a, nil
}

// attr is an attribute of a section, or of the session.
func attr(d *sdp.SessionDescription, m *sdp.MediaDescription, name string) (string, bool) {
	if v, ok := m.Attribute(name); ok {
		return v, true
	}
	return d.Attribute(name)
}

// section is the first video section that was accepted.
func section(d *sdp.SessionDescription) (*sdp.MediaDescription, error) {
	for _, m := range d.MediaDescriptions {
		if m.MediaName.Media == "video" && m.MediaName.Port.Value != 0 {
			return m, nil
		}
	}
	return nil, errors.New("no video section was accepted")
}

// play posts an offer and parses what comes back.
func (v *visit) play(offer string) (o, a *sdp.SessionDescription, err error) {
	r, err := v.post(offer)
	if err := created(r, err); err != nil {
		return nil, nil, err
	}
	return parse(offer, r.body)
}
