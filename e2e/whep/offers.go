package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// offerChecks are offers that a server must get along with: it is answered, the
// answer fits, and the video in it is accepted.
func offerChecks() []check {
	video := []string{"video"}
	// fits posts an edited offer.
	fits := func(kinds []string, edit func(string) string) func(*visit) (string, error) {
		return func(v *visit) (string, error) {
			o, err := v.offer(kinds...)
			if err != nil {
				return "", err
			}
			return v.fit(edit(o))
		}
	}
	asIs := func(o string) string { return o }
	return []check{
		{level: must, clause: "RFC 3264 6", what: "video only", run: fits(video, asIs)},
		{level: must, clause: "RFC 3264 6", what: "video and audio, as browsers offer", run: fits([]string{"video", "audio"}, asIs)},
		{level: must, clause: "RFC 3264 6", what: "audio before video", run: fits([]string{"audio", "video"}, asIs)},
		{level: must, clause: "RFC 3264 6", what: "two videos: the second may be rejected, not the order changed", run: fits([]string{"video", "video"}, asIs)},
		{level: must, clause: "RFC 8841 10.3", what: "a data channel beside the video", run: fits([]string{"video", "data"}, asIs)},
		{level: must, clause: "WHEP 4.2", what: "sendrecv, which players may offer, is answered sendonly", run: func(v *visit) (string, error) {
			o, err := v.offer()
			if err != nil {
				return "", err
			}
			return v.direction(strings.Replace(o, "a=recvonly", "a=sendrecv", 1))
		}},
		{level: must, clause: "RFC 8866 6.7", what: "so is no direction, which means sendrecv", run: func(v *visit) (string, error) {
			o, err := v.offer()
			if err != nil {
				return "", err
			}
			return v.direction(without(o, "a=recvonly"))
		}},
		{level: must, clause: "RFC 8866 5", what: "unknown attributes and unknown lines of feedback are passed over", run: fits(video, func(o string) string {
			return with(with(o, "a=mid", "a=x-unheard-of:1 2 3\r\na=extmap:15 urn:example:unheard-of\r\na=rtcp-fb:* x-unheard"), "t=", "a=x-of-the-session")
		})},
		{level: must, clause: "RFC 8866 9", what: "lines that end in LF alone", run: fits(video, func(o string) string { return strings.ReplaceAll(o, "\r\n", "\n") })},
		{level: should, clause: "RFC 8866 5", what: "a line of 16,000 bytes", run: fits(video, func(o string) string { return with(o, "a=mid", "a=x-long:"+strings.Repeat("z", 16_000)) })},
		{level: must, clause: "RFC 8866 5", what: "bytes that are not UTF-8 in an unknown attribute", run: fits(video, func(o string) string { return with(o, "a=mid", "a=x-bytes:\xff\xfe\x80") })},
		{level: must, clause: "RFC 8866 5.3", what: "a session name and an originator in Chinese", run: fits(video, func(o string) string { return strings.Replace(o, "s=-", "s=东门", 1) })},
		{level: must, clause: "RFC 5888 4", what: "an identification tag that is no number", run: fits(video, func(o string) string {
			return strings.NewReplacer("a=mid:0", "a=mid:vid.1-x", "BUNDLE 0", "BUNDLE vid.1-x").Replace(o)
		})},
		{level: must, clause: "RFC 8445 2.5", what: "a client that is ICE-lite", run: fits(video, func(o string) string { return with(o, "t=", "a=ice-lite") })},
		{level: must, clause: "RFC 8839 4.2", what: "candidates in the offer, some of which lead nowhere", run: fits(video, func(o string) string {
			return with(o, "a=mid", "a=candidate:1 1 udp 2130706431 192.0.2.1 9 typ host\r\na=candidate:2 1 udp 2130706431 7a3c1f2e-0000-4000-8000-000000000000.local 9 typ host\r\na=end-of-candidates")
		})},
		{level: must, clause: "RFC 8839 5.1", what: "a candidate of an unknown transport is passed over", run: fits(video, func(o string) string {
			return with(o, "a=mid", "a=candidate:1 1 sctp 2130706431 192.0.2.1 9 typ host")
		})},
		{level: must, clause: "RFC 8122 5.1", what: "several fingerprints, one of them sha-256", run: fits(video, func(o string) string {
			return with(o, "a=fingerprint:sha-256", "a=fingerprint:sha-1 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33")
		})},
		{level: must, clause: "RFC 8839 5.4", what: "ICE credentials in the session instead of the section", run: fits(video, func(o string) string {
			u, p := regexp.MustCompile(`a=ice-ufrag:\S+`).FindString(o), regexp.MustCompile(`a=ice-pwd:\S+`).FindString(o)
			return with(without(o, "a=ice-ufrag", "a=ice-pwd"), "t=", u+"\r\n"+p)
		})},
		{level: must, clause: "RFC 6184 8.1", what: "H.264 under a high payload number, behind other codecs", run: fits(video, asLast)},
	}
}

// asLast offers H.264 once, as 127, behind VP8 that the client prefers.
func asLast(o string) string {
	o = without(o, "a=rtpmap", "a=fmtp", "a=rtcp-fb")
	o = regexp.MustCompile(`(m=video \d+ \S+) .*`).ReplaceAllString(o, "$1 96 127")
	return with(o, "a=mid", "a=rtpmap:96 VP8/90000\r\na=rtpmap:127 H264/90000\r\na=fmtp:127 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\na=rtcp-fb:127 nack pli")
}

// fit posts an offer and wants video accepted.
func (v *visit) fit(offer string) (string, error) {
	o, a, err := v.play(offer)
	if err != nil {
		return "", err
	}
	if _, err := section(a); err != nil {
		return "", err
	}
	var s []string
	for i, m := range a.MediaDescriptions {
		how := "accepted"
		if m.MediaName.Port.Value == 0 {
			how = "rejected"
		}
		s = append(s, o.MediaDescriptions[i].MediaName.Media+" "+how)
	}
	return strings.Join(s, ", "), nil
}

// direction wants every accepted section to send.
func (v *visit) direction(offer string) (string, error) {
	_, a, err := v.play(offer)
	if err != nil {
		return "", err
	}
	m, err := section(a)
	if err != nil {
		return "", err
	}
	if _, ok := attr(a, m, "sendonly"); !ok {
		return "", errors.New("the video is not sendonly")
	}
	return "sendonly", nil
}

// badOfferChecks are offers that must be refused, by an error that is the client's.
func badOfferChecks() []check {
	bad := func(edit func(string) string) func(*visit) (string, error) {
		return func(v *visit) (string, error) {
			o, err := v.offer()
			if err != nil {
				return "", err
			}
			r, err := v.post(edit(o))
			return refused(r, err)
		}
	}
	// civil offers may be taken or not, but are no fault of the server.
	civil := func(kinds []string, edit func(string) string) func(*visit) (string, error) {
		return func(v *visit) (string, error) {
			o, err := v.offer(kinds...)
			if err != nil {
				return "", err
			}
			r, err := v.post(edit(o))
			if err != nil {
				return "", err
			}
			if r.status == 201 {
				_, _, err := parse(edit(o), r.body)
				return "201", err
			}
			return refused(r, nil)
		}
	}
	video := []string{"video"}
	says := func(s string) func(string) string { return func(string) string { return s } }
	none := func(o string) string { return without(o, "a=rtpmap", "a=fmtp") }
	return []check{
		{level: must, clause: "WHEP 4.2", what: "an empty body", run: bad(says(""))},
		{level: must, clause: "WHEP 4.2", what: "text that is not SDP", run: bad(says("hello"))},
		{level: must, clause: "WHEP 4.2", what: "bytes that are not text", run: bad(says("v=0\r\n\x00\xff\xfe\x01"))},
		{level: must, clause: "WHEP 4.2", what: "an offer cut off in the middle", run: bad(func(o string) string { return o[:len(o)/3] })},
		{level: must, clause: "WHEP 4.2", what: "JSON that holds an offer", run: bad(func(o string) string { return fmt.Sprintf(`{"type":"offer","sdp":%q}`, o) })},
		{level: must, clause: "RFC 8866 5.1", what: "another version of SDP", run: bad(func(o string) string { return strings.Replace(o, "v=0", "v=7", 1) })},
		{level: must, clause: "RFC 3264 5", what: "no media section", run: bad(func(o string) string { return o[:strings.Index(o, "m=")] })},
		// These may also be answered with a section that is switched off or inactive (RFC 3264 6): a refusal tells the player more.
		{level: should, clause: "RFC 3264 6", what: "only a video section that is switched off (port 0)", run: bad(func(o string) string { return strings.Replace(without(o, "a=group"), "m=video 9", "m=video 0", 1) })},
		{level: should, clause: "WHEP 4.2", what: "sendonly: a player that only sends", run: bad(func(o string) string { return strings.ReplaceAll(o, "a=recvonly", "a=sendonly") })},
		{level: should, clause: "WHEP 4.2", what: "inactive", run: bad(func(o string) string { return strings.ReplaceAll(o, "a=recvonly", "a=inactive") })},
		{level: must, clause: "RFC 3264 6", what: "no codec at all that the stream has", run: bad(func(o string) string {
			return strings.NewReplacer("H264/90000", "H263/90000", "H265/90000", "H261/90000", "VP8/90000", "JPEG/90000", "VP9/90000", "MPV/90000", "AV1/90000", "CelB/90000").Replace(o)
		})},
		{level: must, clause: "RFC 8829 5.2", what: "payload types without rtpmap", run: bad(none)},
		{level: must, clause: "RFC 8839 5.4", what: "no ice-ufrag", run: bad(func(o string) string { return without(o, "a=ice-ufrag") })},
		{level: must, clause: "RFC 8839 5.4", what: "no ice-pwd", run: bad(func(o string) string { return without(o, "a=ice-pwd") })},
		{level: must, clause: "RFC 5763 5", what: "no fingerprint", run: bad(func(o string) string { return without(o, "a=fingerprint") })},
		{level: must, clause: "RFC 8122 5", what: "a fingerprint that is no hash", run: bad(func(o string) string {
			return regexp.MustCompile(`a=fingerprint:.*`).ReplaceAllString(o, "a=fingerprint:sha-256 ZZ")
		})},
		{level: should, clause: "RFC 3264 5", what: "an answer that pretends to be an offer (setup:active, sendonly)", run: bad(func(o string) string {
			return strings.NewReplacer("a=recvonly", "a=sendonly", "a=setup:actpass", "a=setup:active").Replace(o)
		})},
		{level: must, clause: "RFC 9110 15.6", what: "a fingerprint of sha-1 only is no fault of the server", run: civil(video, func(o string) string {
			return regexp.MustCompile(`a=fingerprint:.*`).ReplaceAllString(o, "a=fingerprint:sha-1 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33")
		})},
		{level: must, clause: "RFC 9110 15.6", what: "an ICE password that is too short is none either", run: civil(video, func(o string) string {
			return regexp.MustCompile(`a=ice-pwd:.*`).ReplaceAllString(o, "a=ice-pwd:short")
		})},
		{level: must, clause: "RFC 9110 15.6", what: "nor a client without rtcp-mux", run: civil(video, func(o string) string { return without(o, "a=rtcp-mux") })},
		{level: must, clause: "RFC 9110 15.6", what: "nor a client without BUNDLE", run: civil([]string{"video", "audio"}, func(o string) string { return without(o, "a=group") })},
		{level: must, clause: "RFC 9110 15.6", what: "nor audio alone", run: civil([]string{"audio"}, func(o string) string { return o })},
		{level: must, clause: "RFC 9110 15.6", what: "nor a data channel alone", run: civil([]string{"data"}, func(o string) string { return o })},
		{level: must, clause: "RFC 9110 15.6", what: "nor two sections with the same tag", run: civil([]string{"video", "video"}, func(o string) string { return strings.ReplaceAll(o, "a=mid:1", "a=mid:0") })},
		{level: must, clause: "RFC 9110 15.6", what: "nor a candidate that is none", run: civil(video, func(o string) string { return with(o, "a=mid", "a=candidate:nonsense") })},
		{level: must, clause: "RFC 9110 15.6", what: "nor no setup attribute", run: civil(video, func(o string) string { return without(o, "a=setup") })},
		{level: must, clause: "RFC 9110 15.6", what: "nor two hundred sections", run: civil(video, func(o string) string { return o + strings.Repeat(o[strings.Index(o, "m="):], 200) })},
		{level: must, clause: "RFC 9110 15.6", what: "nor ten thousand attributes", run: civil(video, func(o string) string { return o + strings.Repeat("a=x:y\r\n", 10_000) })},
	}
}

// answerChecks look at the answer to a browser's offer of video and audio.
func answerChecks() []check {
	about := func(f func(a answered) (string, error), kinds ...string) func(*visit) (string, error) {
		return func(v *visit) (string, error) {
			offer, err := v.offer(append(kinds, "video", "audio")...)
			if err != nil {
				return "", err
			}
			o, a, err := v.play(offer)
			if err != nil {
				return "", err
			}
			m, err := section(a)
			if err != nil {
				return "", err
			}
			return f(answered{o, a, m})
		}
	}
	value := func(name string, ok func(string) bool) func(a answered) (string, error) {
		return func(a answered) (string, error) {
			s, there := attr(a.answer, a.video, name)
			if !there || !ok(s) {
				return "", fmt.Errorf("a=%s:%s", name, s)
			}
			return strings.TrimSuffix(name+":"+s, ":"), nil
		}
	}
	every := func(string) bool { return true }
	return []check{
		{level: must, clause: "WHEP 4.2", what: "the direction is sendonly", run: about(value("sendonly", every))},
		{level: must, clause: "RFC 5763 5", what: "of actpass the answer makes active or passive", run: about(value("setup", func(s string) bool { return s == "active" || s == "passive" }))},
		{level: must, clause: "RFC 5763 5", what: "of active it makes passive", run: role("active", "passive")},
		{level: must, clause: "RFC 5763 5", what: "of passive it makes active", run: role("passive", "active")},
		{level: must, clause: "WHEP 4.4.1", what: "rtcp-mux is accepted", run: about(value("rtcp-mux", every))},
		{level: must, clause: "RFC 9143 7.3", what: "the BUNDLE group holds what is accepted, and nothing that is rejected", run: about(func(a answered) (string, error) { return bundle(a.offer, a.answer) })},
		{level: must, clause: "RFC 9143 7.3", what: "and still does with a data channel in front", run: about(func(a answered) (string, error) { return bundle(a.offer, a.answer) }, "data")},
		{level: must, clause: "RFC 8845 5.3", what: "user fragment and password are long enough (24 and 128 bits)", run: about(func(a answered) (string, error) {
			u, _ := attr(a.answer, a.video, "ice-ufrag")
			p, _ := attr(a.answer, a.video, "ice-pwd")
			if len(u) < 4 || len(p) < 22 {
				return "", fmt.Errorf("%d and %d characters", len(u), len(p))
			}
			return fmt.Sprintf("%d and %d characters", len(u), len(p)), nil
		})},
		{level: must, clause: "RFC 8122 5", what: "the fingerprint is of sha-256 or better", run: about(value("fingerprint", regexp.MustCompile(`^sha-(256|384|512) ([0-9A-F]{2}:){31,63}[0-9A-F]{2}$`).MatchString))},
		{level: must, clause: "WHEP 4.3.2", what: "all candidates of the server are in the answer, as addresses", run: about(candidates)},
		{level: must, clause: "RFC 3264 6.1", what: "only payload types that were offered are answered", run: about(func(a answered) (string, error) { return subset(a.offer, a.video) })},
		{level: must, clause: "RFC 6184 8.2.2", what: "H.264 is answered in packetization mode 1, by a profile that was offered", run: about(func(a answered) (string, error) { return profile(a.offer, a.video) })},
		{level: must, clause: "RFC 8285 6", what: "only header extensions that were offered are answered", run: about(func(a answered) (string, error) { return extensions(a.offer, a.video) })},
		{level: should, clause: "RFC 4585 4.2", what: "feedback by nack and nack pli is accepted", run: about(func(a answered) (string, error) {
			var fb []string
			for _, x := range a.video.Attributes {
				if x.Key == "rtcp-fb" {
					fb = append(fb, x.Value)
				}
			}
			all := strings.Join(fb, "; ")
			if !regexp.MustCompile(`\bnack(;|$)`).MatchString(all) || !strings.Contains(all, "nack pli") {
				return "", fmt.Errorf("rtcp-fb: %s", all)
			}
			return all, nil
		})},
		{level: must, clause: "WHEP 4.4.2", what: "there is one MediaStream, with an identification", run: about(func(a answered) (string, error) { return oneStream(a.answer) })},
		{level: must, clause: "RFC 8839 5.4", what: "each session has ICE credentials of its own", run: fresh},
		{level: must, clause: "RFC 8829 5.3.1", what: "the answer has an origin, a name and a time", run: about(func(a answered) (string, error) {
			if a.answer.Origin.UnicastAddress == "" || a.answer.SessionName == "" || len(a.answer.TimeDescriptions) == 0 {
				return "", errors.New("o=, s= or t= is missing")
			}
			return "o=, s= and t=", nil
		})},
	}
}
