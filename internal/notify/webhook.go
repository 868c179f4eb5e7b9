package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"dongyue/internal/event"
)

// WebhookChannel posts letters to a program.
type WebhookChannel struct {
	URL       string
	Secret    string // signs; "": no signature
	PerMinute int
	Client    *http.Client
	Now       func() time.Time // nil: time.Now
}

// Headers of a webhook. The signature is the hex form of
// HMAC-SHA256(secret, timestamp + "." + body); a receiver compares it and refuses
// timestamps (Unix seconds) that are minutes old, and drops an id that it knows.
const (
	HeaderID        = "Idempotency-Key"
	HeaderTimestamp = "Dongyue-Timestamp"
	HeaderSignature = "Dongyue-Signature"
)

// hook is the body of a webhook.
type hook struct {
	ID         string         `json:"id"`
	Language   Language       `json:"language"`
	Subject    string         `json:"subject"`
	Body       string         `json:"body"`
	Priority   event.Priority `json:"priority"`
	LifeSafety bool           `json:"life_safety"`
	Alarms     []string       `json:"alarms"`
	At         time.Time      `json:"at"`
	To         []Addressee    `json:"to"`
}

// Traits implements Channel.
func (c *WebhookChannel) Traits() Traits {
	return Traits{Type: Webhook, Target: host(c.URL), Shared: true, PerMinute: c.PerMinute, Secrets: append(keysIn(c.URL), c.Secret)}
}

// Send implements Channel.
func (c *WebhookChannel) Send(ctx context.Context, l *Letter) error {
	body, err := json.Marshal(hook{l.ID, l.Language, l.Subject, l.Body, l.Priority, l.LifeSafety, append([]string{}, l.Alarms...), l.At, l.To})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	h := http.Header{HeaderID: {l.ID}}
	if c.Secret != "" {
		stamp := strconv.FormatInt(clock(c.Now).Unix(), 10)
		h.Set(HeaderTimestamp, stamp)
		h.Set(HeaderSignature, "sha256="+SignWebhook(c.Secret, stamp, body))
	}
	_, err = post(ctx, c.Client, c.URL, h, body)
	return err
}

// SignWebhook is the signature of a webhook's body.
func SignWebhook(secret, timestamp string, body []byte) string {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(timestamp + "."))
	m.Write(body)
	return hex.EncodeToString(m.Sum(nil))
}

func clock(now func() time.Time) time.Time {
	if now == nil {
		return time.Now()
	}
	return now()
}
