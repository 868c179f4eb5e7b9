package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// FeishuChannel posts letters into a group by its robot (飞书自定义机器人). The key is
// in the address. An addressee's address is an open or user id that is mentioned,
// or "@all".
type FeishuChannel struct {
	URL       string // https://open.feishu.cn/open-apis/bot/v2/hook/…
	Secret    string // 签名校验; "": the robot goes by a key word or an address list
	PerMinute int
	Client    *http.Client
	Now       func() time.Time // nil: time.Now
}

// feishuText is the longest text, in bytes: a request may have 20 KB.
const feishuText = 16_000

// Traits implements Channel.
func (c *FeishuChannel) Traits() Traits {
	return Traits{Type: Feishu, Target: host(c.URL), Shared: true, PerMinute: c.PerMinute, Secrets: append(keysIn(c.URL), c.Secret)}
}

// Send implements Channel.
func (c *FeishuChannel) Send(ctx context.Context, l *Letter) error {
	var body struct {
		Timestamp string `json:"timestamp,omitempty"`
		Sign      string `json:"sign,omitempty"`
		Type      string `json:"msg_type"`
		Content   struct {
			Text string `json:"text"`
		} `json:"content"`
	}
	body.Type = "text"
	if c.Secret != "" {
		body.Timestamp = strconv.FormatInt(clock(c.Now).Unix(), 10)
		body.Sign = signFeishu(c.Secret, body.Timestamp)
	}
	// The text knows one tag, <at>; what comes from names must not be one.
	plain := strings.NewReplacer("<", "＜", ">", "＞", `"`, "”")
	text := plain.Replace(within(l.text(), feishuText))
	var mentions []string
	for _, a := range l.To {
		switch a.Address {
		case "":
		case "@all":
			mentions = append(mentions, `<at user_id="all"></at>`)
		default:
			mentions = append(mentions, `<at user_id="`+plain.Replace(a.Address)+`">`+plain.Replace(a.Name)+"</at>")
		}
	}
	if len(mentions) > 0 {
		text += "\n" + strings.Join(mentions, " ")
	}
	body.Content.Text = text
	answer, err := post(ctx, c.Client, c.URL, nil, &body)
	if err != nil {
		return err
	}
	return robotAnswer(answer, codes{slow: []int{9499, 11232}, again: []int{11233, 1500}})
}

// signFeishu is base64(HMAC-SHA256(key = seconds + "\n" + secret, nothing)): the
// text is the key and what is signed is empty.
func signFeishu(secret, stamp string) string {
	m := hmac.New(sha256.New, []byte(stamp+"\n"+secret))
	return base64.StdEncoding.EncodeToString(m.Sum(nil))
}
