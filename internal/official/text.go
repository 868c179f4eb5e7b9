package official

import (
	"cmp"
	"slices"
	"strings"

	"dongyue/internal/cap"
)

// maxSpoken is what is read out (bytes); the rest is on the screen.
const maxSpoken = 1200

// Text is what is read out of a message. Where it is too long the description is cut: what
// to do comes behind it and must be heard.
func Text(m *cap.Message) string {
	x := here(m)
	if x == nil {
		return ""
	}
	end := "。"
	if !chinese(x) {
		end = ". "
	}
	s := spoken(end, x.Headline, x.Description, x.Instruction)
	if s == "" {
		s = spoken(end, x.Event)
	}
	if over := len(s) - maxSpoken; over > 0 {
		d := strings.TrimSpace(x.Description)
		s = spoken(end, x.Headline, cut(d, max(0, len(d)-over)), x.Instruction)
	}
	return cut(s, maxSpoken)
}

func chinese(x *cap.Info) bool { return strings.HasPrefix(strings.ToLower(x.Language), "zh") }

// here is what is said and shown of a message that has only what is for here: its info in
// Chinese, or in the first language. Of several that are for a place on the plan each is said
// with it, so that nobody takes another's for the own, and the gravest gives the colour.
func here(m *cap.Message) *cap.Info {
	x := m.Chinese()
	if x == nil {
		return nil
	}
	var all []*cap.Info
	for i := range m.Infos {
		placed := slices.ContainsFunc(m.Infos[i].Areas, func(a cap.Area) bool { return len(a.Polygons)+len(a.Circles)+len(a.Geocodes) > 0 })
		if y := &m.Infos[i]; placed && y.Language == x.Language {
			all = append(all, y)
		}
	}
	if len(all) < 2 {
		return x
	}
	one := *x
	one.Headline = each(all, func(y *cap.Info) string { return cmp.Or(y.Headline, y.Event) })
	one.Description = each(all, func(y *cap.Info) string { return y.Description })
	one.Instruction = each(all, func(y *cap.Info) string { return y.Instruction })
	one.Areas = nil
	for _, y := range all {
		one.Areas = append(one.Areas, y.Areas...)
		if grade(y) < grade(&one) {
			one.Severity = y.Severity
		}
	}
	return &one
}

// each are the parts of several infos, each with its place.
func each(all []*cap.Info, part func(*cap.Info) string) string {
	colon, stop := "：", "；"
	if !chinese(all[0]) {
		colon, stop = ": ", "; "
	}
	var parts []string
	for _, y := range all {
		s := strings.TrimSpace(part(y))
		if s == "" {
			continue
		}
		var places []string
		for _, a := range y.Areas {
			places = append(places, a.Desc)
		}
		if len(places) > 0 {
			s = strings.Join(places, "、") + colon + s
		}
		parts = append(parts, strings.TrimRight(s, "。. "))
	}
	return strings.Join(parts, stop)
}

// grade is how grave an info is, the gravest first.
func grade(x *cap.Info) int {
	i := slices.Index([]string{"Extreme", "Severe", "Moderate", "Minor"}, x.Severity)
	if i < 0 {
		return 4
	}
	return i
}

// spoken are sentences, one behind the other.
func spoken(end string, all ...string) string {
	var parts []string
	for _, s := range all {
		if s = strings.TrimSpace(s); s != "" {
			parts = append(parts, strings.TrimRight(s, "。. ")+end)
		}
	}
	return strings.TrimSpace(strings.Join(parts, ""))
}

// cut is the beginning of a text, at most n bytes.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}
