package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// DingTalkChannel posts letters into a group by its robot (钉钉自定义机器人). The token
// is in the address. An addressee's address is a mobile number or a user id that
// is mentioned, or "@all".
type DingTalkChannel struct {
	URL       string // https://oapi.dingtalk.com/robot/send?access_token=…
	Secret    string // 加签; "": the robot goes by a key word or an address list
	PerMinute int
	Client    *http.Client
	Now       func() time.Time // nil: time.Now
}

// dingTalkText is the longest text that the robot takes, in bytes.
const dingTalkText = 20_000

// Traits implements Channel.
func (c *DingTalkChannel) Traits() Traits {
	return Traits{Type: DingTalk, Target: host(c.URL), Shared: true, PerMinute: c.PerMinute, Secrets: append(keysIn(c.URL), c.Secret)}
}

// Send implements Channel.
func (c *DingTalkChannel) Send(ctx context.Context, l *Letter) error {
	to, err := c.signed()
	if err != nil {
		return err
	}
	var body struct {
		Type string `json:"msgtype"`
		Text struct {
			Content string `json:"content"`
		} `json:"text"`
		At struct {
			Mobiles []string `json:"atMobiles,omitempty"`
			Users   []string `json:"atUserIds,omitempty"`
			All     bool     `json:"isAtAll"`
		} `json:"at"`
	}
	body.Type = "text"
	var mentions []string
	for _, a := range l.To {
		switch {
		case a.Address == "":
			continue
		case a.Address == "@all":
			body.At.All = true
			continue
		case mobile(a.Address):
			body.At.Mobiles = append(body.At.Mobiles, a.Address)
		default:
			body.At.Users = append(body.At.Users, a.Address)
		}
		mentions = append(mentions, "@"+a.Address) // it is shown where it stands in the text
	}
	tail := ""
	if len(mentions) > 0 {
		tail = "\n" + strings.Join(mentions, " ")
	}
	body.Text.Content = within(l.text(), dingTalkText-len(tail)) + tail
	answer, err := post(ctx, c.Client, to, nil, &body)
	if err != nil {
		return err
	}
	return robotAnswer(answer, codes{slow: []int{130101, 130102, 90018, 90030, 410100}, again: []int{-1}})
}

// signed is the address with the time and the signature.
func (c *DingTalkChannel) signed() (string, error) {
	if c.Secret == "" {
		return c.URL, nil
	}
	u, err := url.Parse(c.URL)
	if err != nil {
		return "", fmt.Errorf("%w: the address is none", ErrRefused)
	}
	stamp := strconv.FormatInt(clock(c.Now).UnixMilli(), 10)
	q := u.Query()
	q.Set("timestamp", stamp)
	q.Set("sign", signDingTalk(c.Secret, stamp))
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// signDingTalk is base64(HMAC-SHA256(key = secret, milliseconds + "\n" + secret)).
func signDingTalk(secret, stamp string) string {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(stamp + "\n" + secret))
	return base64.StdEncoding.EncodeToString(m.Sum(nil))
}
