package official

import (
	"strings"

	"dongyue/internal/cap"
)

// maxSpoken is what is read out (bytes); the rest is on the screen.
const maxSpoken = 1200

// Text is what is read out of a message. Where it is too long the description is cut: what
// to do comes behind it and must be heard.
func Text(m *cap.Message) string {
	x := m.Chinese()
	if x == nil {
		return ""
	}
	end := "。"
	if !strings.HasPrefix(strings.ToLower(x.Language), "zh") {
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
