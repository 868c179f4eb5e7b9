package agent

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"time"
)

// textPanel is the text panel of a pole. It shows nothing that the hub has not signed for
// it, nothing that its author released himself, and nothing older than what it had.
type textPanel struct {
	pole   string
	key    ed25519.PublicKey
	now    panelContent
	issued time.Time // of the newest that was believed
}

// signedPanel is the member "panel" of the configuration.
type signedPanel struct {
	Content   string `json:"content"`
	Signature string `json:"signature"`
}

type panelContent struct {
	Panel      string    `json:"panel"`
	Message    string    `json:"message"`
	Text       string    `json:"text"`
	Colour     string    `json:"colour"`
	Mode       string    `json:"mode"`
	Author     string    `json:"author"`
	ReleasedBy string    `json:"released_by"`
	IssuedAt   time.Time `json:"issued_at"`
	Until      time.Time `json:"until"`
}

type (
	panelState struct {
		Message string `json:"message"`
		Text    string `json:"text"`
		SHA256  string `json:"sha256"`
	}
	panelShown struct {
		Message string `json:"message"`
		SHA256  string `json:"sha256"`
	}
	panelRefused struct {
		Message string `json:"message"`
		Reason  string `json:"reason"`
	}
)

func (p *textPanel) state() *panelState {
	if p == nil {
		return nil
	}
	return &panelState{p.now.Message, p.now.Text, p.hash()}
}

func (p *textPanel) hash() string {
	if p.now.Text == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(p.now.Text))
	return hex.EncodeToString(sum[:])
}

// read believes a content or says why not.
func (p *textPanel) read(s *signedPanel, now time.Time) (c panelContent, refused string) {
	sig, err := base64.StdEncoding.DecodeString(s.Signature)
	if err != nil || !ed25519.Verify(p.key, []byte("dongyue panel 1\n"+s.Content), sig) {
		return c, "wrong_signature"
	}
	switch err := json.Unmarshal([]byte(s.Content), &c); {
	case err != nil:
		return c, "bad_format"
	case c.Panel != p.pole:
		return c, "wrong_panel"
	case c.IssuedAt.Before(p.issued):
		return c, "old"
	case c.Text != "" && (c.Author == "" || c.ReleasedBy == "" || c.Author == c.ReleasedBy):
		return c, "not_released"
	case c.Text != "" && !now.Before(c.Until):
		c = panelContent{Panel: c.Panel, IssuedAt: c.IssuedAt} // it came too late
	}
	return c, ""
}

// show puts a content on the panel and says so, or says why not.
func (l *Lamp) show(s *signedPanel) {
	p, now := l.panel, time.Now()
	c, refused := p.read(s, now)
	if refused != "" {
		l.happen("panel_refused", "", panelRefused{c.Message, refused})
		return
	}
	p.issued = c.IssuedAt
	if c.Message == p.now.Message && c.Text == p.now.Text && c.Until.Equal(p.now.Until) {
		return
	}
	p.now = c
	l.happen("panel_shown", "", panelShown{c.Message, p.hash()})
	if left := c.Until.Sub(now); c.Text != "" {
		l.after(left, func() { l.darken(c.Message) })
	}
}

// darken ends a text at its end, also when the hub is away.
func (l *Lamp) darken(message string) {
	p := l.panel
	if p.now.Message != message || time.Now().Before(p.now.Until) {
		return
	}
	p.now = panelContent{Panel: p.pole}
	l.happen("panel_shown", "", panelShown{"", ""})
	l.report()
}
