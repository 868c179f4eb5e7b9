package notify

import (
	"context"
	"net/http"
	"strings"
)

// WeComChannel posts letters into a group by its robot (企业微信群机器人). The key is
// in the address. An addressee's address is a user id or a mobile number that is
// mentioned, or "@all".
type WeComChannel struct {
	URL       string // https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=…
	PerMinute int
	Client    *http.Client
}

// wecomText is the longest text that the robot takes, in bytes.
const wecomText = 2048

// Traits implements Channel.
func (c *WeComChannel) Traits() Traits {
	return Traits{Type: WeCom, Target: host(c.URL), Shared: true, PerMinute: c.PerMinute, Secrets: keysIn(c.URL)}
}

// Send implements Channel.
func (c *WeComChannel) Send(ctx context.Context, l *Letter) error {
	type text struct {
		Content string   `json:"content"`
		Users   []string `json:"mentioned_list,omitempty"`
		Mobiles []string `json:"mentioned_mobile_list,omitempty"`
	}
	t := text{Content: within(l.text(), wecomText)}
	for _, to := range l.To {
		switch {
		case to.Address == "":
		case mobile(to.Address):
			t.Mobiles = append(t.Mobiles, to.Address)
		default:
			t.Users = append(t.Users, to.Address)
		}
	}
	answer, err := post(ctx, c.Client, c.URL, nil, struct {
		Type string `json:"msgtype"`
		Text text   `json:"text"`
	}{"text", t})
	if err != nil {
		return err
	}
	return robotAnswer(answer, codes{slow: []int{45009, 45033}, again: []int{-1, 6000}})
}

// mobile reports whether an address is a number of the mainland's mobile network,
// with or without its country code, or "@all" in the list of numbers.
func mobile(s string) bool {
	s = strings.TrimPrefix(s, "+86")
	if len(s) != 11 || s[0] != '1' {
		return false
	}
	return strings.Trim(s, "0123456789") == ""
}

// within cuts a text to a number of bytes at the end of a character.
func within(s string, most int) string {
	const more = "…"
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most-len(more)], "") + more
}
