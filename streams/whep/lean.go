package whep

import (
	"slices"
	"strings"
)

// lean is an offer without what is never answered: codings that no camera sends, and
// header extensions. The library keeps an offer as text and taken apart for as long as
// the viewer stays, and of a browser's nearly all is of this kind.
func lean(offer string) string {
	var b strings.Builder
	head, sections := offer, []string(nil)
	if i := strings.Index(offer, "\nm="); i >= 0 {
		head, sections = offer[:i+1], strings.SplitAfter(offer[i+1:], "\n")
	}
	b.Grow(len(head) + 1024)
	b.WriteString(head)
	for len(sections) > 0 {
		n := 1 + slices.IndexFunc(sections[1:], func(l string) bool { return strings.HasPrefix(l, "m=") })
		if n == 0 {
			n = len(sections)
		}
		leanSection(&b, sections[:n])
		sections = sections[n:]
	}
	return b.String()
}

func leanSection(b *strings.Builder, lines []string) {
	kept := keptTypes(lines)
	for i, l := range lines {
		switch {
		case len(kept) == 0: // it is refused, and the library must see why
		case i == 0:
			f := strings.Fields(l)
			l = strings.Join(append(f[:3:3], kept...), " ") + "\r\n"
		case !keeps(l, kept):
			continue
		}
		b.WriteString(l)
	}
}

// keptTypes are the payload types of a section that may be answered.
func keptTypes(lines []string) (kept []string) {
	f := strings.Fields(lines[0])
	if len(f) < 4 || f[0] != "m=video" && f[0] != "m=audio" {
		return nil
	}
	for _, pt := range f[3:] {
		name := ""
		for _, l := range lines {
			if rest, ok := strings.CutPrefix(l, "a=rtpmap:"+pt+" "); ok {
				name, _, _ = strings.Cut(rest, "/")
			}
		}
		switch strings.ToUpper(name) {
		case "H264", "H265", "OPUS", "PCMU", "PCMA":
			kept = append(kept, pt)
		case "":
			if f[0] == "m=audio" && (pt == "0" || pt == "8") { // RFC 3551, table 4
				kept = append(kept, pt)
			}
		}
	}
	return kept
}

// keeps tells whether a line of a section says something of use.
func keeps(line string, kept []string) bool {
	key, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
	pt, what, _ := strings.Cut(value, " ")
	switch key {
	case "a=extmap", "a=extmap-allow-mixed", "a=ssrc", "a=ssrc-group", "a=rid", "a=simulcast":
		return false
	case "a=rtpmap", "a=fmtp":
		return slices.Contains(kept, pt)
	case "a=rtcp-fb":
		return (pt == "*" || slices.Contains(kept, pt)) && (what == "nack" || what == "nack pli" || what == "ccm fir")
	}
	return true
}
