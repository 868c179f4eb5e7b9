package whep

import (
	"encoding/hex"
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
	noVideo         // no video section with H.265, or H.264 in packetization mode 1, that we may send to
	tooMany         // more media sections than a viewer has
)

// maxMedia is far above what a viewer of one camera offers.
const maxMedia = 16

// maxTiles is how many pictures a wall has at most.
const maxTiles = 64

// judge looks at an offer before WebRTC does.
func judge(body []byte) verdict {
	d, v := inspect(body, maxMedia)
	if v != fine {
		return v
	}
	for _, m := range d.MediaDescriptions {
		if m.MediaName.Media == "video" && wanted(m) && receives(m) && (offersH264(m) || len(offersH265(m)) > 0) {
			return fine
		}
	}
	return noVideo
}

// judgeWall looks at the offer of a wall. All its video sections must be such that
// every camera can be sent to them; where one is not, mid names it.
func judgeWall(body []byte) (tiles int, mid string, v verdict) {
	d, v := inspect(body, maxTiles+maxMedia)
	if v != fine {
		return 0, "", v
	}
	for _, m := range d.MediaDescriptions {
		if m.MediaName.Media != "video" {
			continue
		}
		if !receives(m) || !offersH264(m) {
			mid, _ = m.Attribute("mid")
			return 0, mid, noVideo
		}
		tiles++
	}
	switch {
	case tiles == 0:
		return 0, "", noVideo
	case tiles > maxTiles:
		return 0, "", tooMany
	}
	return tiles, "", fine
}

// inspect reads an offer that has what WebRTC needs.
func inspect(body []byte, most int) (d *sdp.SessionDescription, v verdict) {
	defer func() {
		if recover() != nil { // a parser's fault must not be ours
			v = junk
		}
	}()
	d = &sdp.SessionDescription{}
	if d.Unmarshal(body) != nil || len(d.MediaDescriptions) == 0 {
		return d, junk
	}
	if len(d.MediaDescriptions) > most {
		return d, tooMany
	}
	if !has(d, "ice-ufrag", something) || !has(d, "ice-pwd", something) || !has(d, "fingerprint", hash) {
		return d, junk
	}
	return d, fine
}

// has looks for an attribute in the session or in any of its media.
func has(d *sdp.SessionDescription, name string, ok func(string) bool) bool {
	if v, there := d.Attribute(name); there && ok(v) {
		return true
	}
	for _, m := range d.MediaDescriptions {
		if v, there := m.Attribute(name); there && ok(v) {
			return true
		}
	}
	return false
}

func something(v string) bool { return v != "" }

// hash tells whether a fingerprint is one: a function, and bytes in hex (RFC 8122, 5).
func hash(v string) bool {
	f := strings.Fields(v)
	if len(f) != 2 {
		return false
	}
	_, err := hex.DecodeString(strings.ReplaceAll(f[1], ":", ""))
	return err == nil
}

// wanted tells whether a section is not switched off: port 0, except for one that
// only says that it shares another's (RFC 9143, 6).
func wanted(m *sdp.MediaDescription) bool {
	_, shares := m.Attribute("bundle-only")
	return m.MediaName.Port.Value != 0 || shares
}

// receiving is an offer of which every section only receives: players may offer to
// send as well, and are answered sendonly (WHEP, 4.2).
func receiving(offer string) string {
	var b strings.Builder
	open := false // a section of sound or pictures that has no direction yet
	end := func() {
		if open {
			b.WriteString("a=recvonly\r\n") // to say nothing means sendrecv (RFC 8866, 6.7)
		}
	}
	for line := range strings.Lines(offer) {
		l := strings.TrimRight(line, "\r\n")
		switch {
		case strings.HasPrefix(l, "m="):
			end()
			open = strings.HasPrefix(l, "m=video") || strings.HasPrefix(l, "m=audio")
		case l == "a=sendrecv":
			l, open = "a=recvonly", false
		case l == "a=recvonly", l == "a=sendonly", l == "a=inactive":
			open = false
		}
		b.WriteString(l + "\r\n")
	}
	end()
	return b.String()
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
	ufrag, pwd string
	candidates []candidate
}

type candidate struct{ mid, line string }

// maxCandidates is far above what a browser has interfaces. Each is sent to for some
// seconds, wherever it leads, so a viewer must not name any number of them.
const maxCandidates = 64

// sparing is an offer with no more candidates in a section than are tried.
func sparing(offer string) string {
	if strings.Count(offer, "a=candidate:") <= maxCandidates {
		return offer
	}
	var b strings.Builder
	n := 0
	for line := range strings.Lines(offer) {
		switch {
		case strings.HasPrefix(line, "m="):
			n = 0
		case strings.HasPrefix(line, "a=candidate:"):
			if n++; n > maxCandidates {
				continue
			}
		}
		b.WriteString(line)
	}
	return b.String()
}

// spare is as many of a viewer's candidates as are tried, after those that came before
// in the same ICE session. Hold x.nego.
func (x *session) spare(list []candidate) []candidate {
	list = list[:min(len(list), maxCandidates-x.tried)]
	x.tried += len(list)
	return list
}

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
		case "a=ice-pwd":
			f.pwd = value
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
