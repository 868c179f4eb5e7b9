package rtsp

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"maps"
	"slices"
	"strings"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/sdpunmarshaler"
)

// The library refuses a whole description for one line that it can't read, so a
// camera whose sound is described badly would show no picture. mendSDP keeps what
// matters here – the sections, their codings and control addresses – in the form
// that the standards have (RFC 8866, RFC 2326 C.1), and leaves out the rest.

// maxSections is far above what a camera has streams.
const maxSections = 32

// mendSDP returns a description that the library reads, and the parameter sets in
// it by payload type, also such as the library would not take. A description of
// which nothing can be read is returned as it came: the error is the library's then.
func mendSDP(body []byte) (mended []byte, sets map[string][][]byte) {
	head, sections := split(body)
	sets = map[string][][]byte{}
	top := "v=0\r\ns=" + cmp.Or(head.title, " ") + "\r\n" + head.whole() // RFC 8866, 5.3
	out := []byte(top)
	for _, s := range sections {
		found := map[string][][]byte{}
		text := s.mend(found)
		if !readable(top + text) { // its parameters are what it stumbles over
			s.bare = true
			text = s.mend(found)
		}
		if !readable(top + text) {
			continue
		}
		out = append(out, text...)
		maps.Copy(sets, found)
	}
	if len(out) == len(top) {
		return body, sets
	}
	return out, sets
}

// section is the head of a description, or one of its media.
type section struct {
	title string   // s=
	media []string // m=
	lines []attribute
	bare  bool // without parameters
}

type attribute struct{ key, value string }

func split(body []byte) (head *section, all []*section) {
	head = &section{}
	now := head
	for line := range strings.SplitSeq(strings.ReplaceAll(string(body), "\r", "\n"), "\n") {
		kind, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch kind {
		case "s":
			head.title = value
		case "m":
			if len(all) == maxSections {
				return head, all
			}
			now = &section{media: strings.Fields(value)}
			all = append(all, now)
		case "a":
			key, value, _ := strings.Cut(value, ":")
			now.lines = append(now.lines, attribute{strings.ToLower(strings.TrimSpace(key)), strings.TrimSpace(value)})
		}
	}
	return head, all
}

// whole is what is said of all media. A control address is of use only where it is
// an absolute one; else Content-Base counts, as for *.
func (s *section) whole() string {
	var out strings.Builder
	for _, a := range s.lines {
		if u, err := base.ParseURL(a.value); a.key == "control" && err == nil && u.Host != "" || a.key == "key-mgmt" {
			out.WriteString("a=" + a.key + ":" + a.value + "\r\n")
		}
	}
	return out.String()
}

// mend writes the section anew, "" where there is no sense in it.
func (s *section) mend(sets map[string][][]byte) string {
	if len(s.media) < 4 {
		return ""
	}
	var types []string
	for _, pt := range s.media[3:] {
		if !slices.Contains(types, pt) {
			types = append(types, pt)
		}
	}
	var out strings.Builder
	say := func(parts ...string) { out.WriteString(strings.Join(parts, "") + "\r\n") }
	say("m=", strings.ToLower(s.media[0]), " 0 ", strings.ToUpper(s.media[2]), " ", strings.Join(types, " "))
	codings, params := s.formats()
	for _, pt := range types {
		if c := codings[pt]; c != "" {
			say("a=rtpmap:", pt, " ", c)
		}
		if p := parameters(params[pt], codings[pt], s.bare, func(b []byte) { sets[pt] = append(sets[pt], b) }); p != "" {
			say("a=fmtp:", pt, " ", p)
		}
	}
	for _, a := range s.lines {
		switch a.key {
		case "control":
			if c := control(a.value); c != "" {
				say("a=control:", c)
			}
		case "key-mgmt":
			say("a=key-mgmt:", a.value)
		case "sendonly":
			say("a=sendonly")
		}
	}
	return out.String()
}

// formats are codings and parameters by payload type. The coding of a picture that
// is not named is told by its parameters.
func (s *section) formats() (codings, params map[string]string) {
	codings, params = map[string]string{}, map[string]string{}
	for _, a := range s.lines {
		pt, value, _ := strings.Cut(a.value, " ")
		switch a.key {
		case "rtpmap":
			codings[pt] = coding(value)
		case "fmtp":
			params[pt] = value
		}
	}
	for pt, p := range params {
		if p = strings.ToLower(p); codings[pt] != "" || !strings.EqualFold(s.media[0], "video") {
			continue
		}
		switch {
		case strings.Contains(p, "sprop-sps"), strings.Contains(p, "sprop-vps"):
			codings[pt] = codingH265
		case strings.Contains(p, "sprop-parameter-sets"), strings.Contains(p, "packetization-mode"), strings.Contains(p, "profile-level-id"):
			codings[pt] = codingH264
		}
	}
	return codings, params
}

const (
	codingH264 = "H264/90000"
	codingH265 = "H265/90000"
)

// coding is a coding and its clock. That of H.264 and H.265 is 90 kHz whatever a
// camera says (RFC 6184, 8.2.1; RFC 7798, 7.1): some write their frame rate there,
// or nothing.
func coding(value string) string {
	value = strings.ReplaceAll(value, " ", "")
	name, _, _ := strings.Cut(value, "/")
	switch strings.ToUpper(name) {
	case "H264":
		return codingH264
	case "H265", "HEVC":
		return codingH265
	}
	return value
}

// parameters writes them without the spaces that do not belong there, and parameter
// sets in the form and order that the library asks for; found is told each of them.
func parameters(value, coding string, bare bool, found func([]byte)) string {
	var out []string
	mode := false
	for p := range strings.SplitSeq(value, ";") {
		key, v, ok := strings.Cut(p, "=")
		key, v = strings.ToLower(strings.TrimSpace(key)), strings.TrimSpace(v)
		if !ok {
			continue
		}
		if key == "packetization-mode" {
			mode = true
		}
		if key == "sprop-parameter-sets" || key == "sprop-vps" || key == "sprop-sps" || key == "sprop-pps" {
			all := parameterSets(v)
			for _, b := range all {
				found(b)
			}
			v = encode(all, key)
		}
		if !bare && v != "" {
			out = append(out, key+"="+v)
		}
	}
	// Who does not name the mode means single packets (RFC 6184, 8.2.1) and mostly
	// sends fragments; the library would refuse the former over UDP.
	if coding == codingH264 && (!mode || bare) {
		out = append(out, "packetization-mode=1")
	}
	return strings.Join(out, ";")
}

// parameterSets reads them without minding padding, start codes or their order.
func parameterSets(v string) [][]byte {
	var all [][]byte
	for part := range strings.SplitSeq(v, ",") {
		part = strings.TrimRight(strings.ReplaceAll(strings.Trim(part, `"`), " ", ""), "=")
		b, err := base64.RawStdEncoding.DecodeString(part)
		if err != nil {
			continue
		}
		for n := range bytes.SplitSeq(b, []byte{0, 0, 1}) {
			if n = bytes.TrimRight(n, "\x00"); len(n) > 1 {
				all = append(all, n)
			}
		}
	}
	return all
}

// encode writes parameter sets as the library reads them: of H.264 the sequence's
// first, of H.265 one.
func encode(all [][]byte, key string) string {
	text := base64.StdEncoding.EncodeToString
	if key != "sprop-parameter-sets" {
		if len(all) == 0 {
			return ""
		}
		return text(all[0])
	}
	var sps, pps string
	for _, n := range all {
		switch n[0] & 0x1f {
		case 7:
			sps = cmp.Or(sps, text(n))
		case 8:
			pps = cmp.Or(pps, text(n))
		}
	}
	if sps == "" || pps == "" {
		return ""
	}
	return sps + "," + pps
}

// control is the address of one section: absolute, relative, or "" for that of the
// whole (RFC 2326, C.1.1). One that can't be read must not reach the library, which
// would go on without an address.
func control(c string) string {
	if c == "*" {
		return ""
	}
	for _, scheme := range []string{"rtsp://", "rtsps://"} {
		if len(c) > len(scheme) && strings.EqualFold(c[:len(scheme)], scheme) {
			c = scheme + c[len(scheme):]
			if u, err := base.ParseURL(c); err != nil || u.Host == "" {
				return ""
			}
			return c
		}
	}
	if _, err := base.ParseURL("rtsp://camera/" + c); err != nil {
		return ""
	}
	return c
}

// readable tells whether the library takes a description.
func readable(text string) bool {
	d, err := sdpunmarshaler.Unmarshal([]byte(text))
	if err != nil {
		return false
	}
	var s description.Session
	return s.Unmarshal2(d) == nil
}
