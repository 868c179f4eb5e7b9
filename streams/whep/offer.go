package whep

import (
	"strings"

	"github.com/pion/sdp/v3"
)

// profiles are the H.264 profiles that are answered: profile_idc and constraint
// flags of profile-level-id (RFC 6184, 8.1) as browsers and players offer them.
// Most wanted first.
func profiles() []string {
	return []string{"42e0", "4200", "42c0", "4d00", "4d40", "4de0", "6400", "640c"}
}

// verdict on an offer.
type verdict int

const (
	fine    verdict = iota
	junk            // not SDP, or not an offer that anything could be sent to
	noH264          // no video section with H.264 in packetization mode 1 that we may send to
	tooMany         // more media sections than a viewer has
)

// maxMedia is far above what a viewer of one camera offers.
const maxMedia = 16

// judge looks at an offer before WebRTC does.
func judge(body []byte) (v verdict) {
	defer func() {
		if recover() != nil { // a parser's fault must not be ours
			v = junk
		}
	}()
	var d sdp.SessionDescription
	if d.Unmarshal(body) != nil || len(d.MediaDescriptions) == 0 {
		return junk
	}
	if len(d.MediaDescriptions) > maxMedia {
		return tooMany
	}
	if !has(&d, "ice-ufrag") || !has(&d, "ice-pwd") || !has(&d, "fingerprint") {
		return junk
	}
	for _, m := range d.MediaDescriptions {
		if m.MediaName.Media == "video" && receives(m) && offersH264(m) {
			return fine
		}
	}
	return noH264
}

// has looks for an attribute in the session or in any of its media.
func has(d *sdp.SessionDescription, name string) bool {
	if _, ok := d.Attribute(name); ok {
		return true
	}
	for _, m := range d.MediaDescriptions {
		if _, ok := m.Attribute(name); ok {
			return true
		}
	}
	return false
}

func receives(m *sdp.MediaDescription) bool {
	for _, a := range m.Attributes {
		switch a.Key {
		case "sendonly", "inactive":
			return false
		}
	}
	return true
}

func offersH264(m *sdp.MediaDescription) bool {
	is := map[string]bool{}
	for _, a := range m.Attributes {
		if pt, codec, ok := strings.Cut(a.Value, " "); ok && a.Key == "rtpmap" && strings.HasPrefix(strings.ToUpper(codec), "H264/90000") {
			is[pt] = true
		}
	}
	for _, a := range m.Attributes {
		pt, params, _ := strings.Cut(a.Value, " ")
		if a.Key != "fmtp" || !is[pt] {
			continue
		}
		if param(params, "packetization-mode") == "1" && known(param(params, "profile-level-id")) {
			return true
		}
	}
	return false
}

func known(profile string) bool {
	for _, p := range profiles() {
		if strings.HasPrefix(strings.ToLower(profile), p) {
			return true
		}
	}
	return false
}

// param finds a parameter in the form a=1;b=2.
func param(params, name string) string {
	for p := range strings.SplitSeq(params, ";") {
		if k, v, _ := strings.Cut(strings.TrimSpace(p), "="); strings.EqualFold(k, name) {
			return v
		}
	}
	return ""
}

// fragment is the body of a PATCH (RFC 8840, application/trickle-ice-sdpfrag).
type fragment struct {
	ufrag      string
	candidates []candidate
}

type candidate struct{ mid, line string }

// maxCandidates is far above what a browser has interfaces.
const maxCandidates = 64

// parseFragment reads candidates; unknown lines are passed over, as SDP asks.
func parseFragment(body string) (f fragment, ok bool) {
	mid := ""
	for line := range strings.Lines(body) {
		line = strings.TrimRight(line, "\r\n")
		key, value, _ := strings.Cut(line, ":")
		switch key {
		case "a=mid":
			mid = value
		case "a=ice-ufrag":
			f.ufrag = value
		case "a=candidate":
			if len(f.candidates) == maxCandidates {
				return f, false
			}
			f.candidates = append(f.candidates, candidate{mid, "candidate:" + value})
		}
		if len(line) > 0 && (len(line) < 2 || line[1] != '=') {
			return f, false
		}
	}
	return f, true
}
