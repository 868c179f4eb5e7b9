package panel

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// Content is what one panel is to show, as docs/protocol.md has it. An empty message is a
// dark panel.
type Content struct {
	Panel      string    `json:"panel"`
	Message    string    `json:"message"`
	Text       string    `json:"text"`
	Colour     string    `json:"colour"`
	Mode       string    `json:"mode"` // actual or exercise
	Author     string    `json:"author"`
	ReleasedBy string    `json:"released_by"`
	IssuedAt   time.Time `json:"issued_at"`
	Until      time.Time `json:"until"`
}

// signedAs opens what is signed, so that the signature is good for nothing else.
const signedAs = "dongyue panel 1\n"

// Signed is the member "panel" of what a pole is wanted to be: the bytes that were
// signed, so that nobody has to make them again.
type Signed struct {
	Content   string `json:"content"`
	Signature string `json:"signature"` // base64, Ed25519
}

// sign makes the member.
func sign(key ed25519.PrivateKey, c *Content) (Signed, error) {
	b, err := json.Marshal(c)
	if err != nil {
		return Signed{}, fmt.Errorf("panel: encode content: %w", err)
	}
	return Signed{string(b), base64.StdEncoding.EncodeToString(ed25519.Sign(key, append([]byte(signedAs), b...)))}, nil
}

// preface opens an exercise, so that nobody runs.
const preface = "【演习】"

// contentOf is what a panel is to show of a notice; a dark panel of none.
func contentOf(panel string, n *Notice) Content {
	if n == nil {
		return Content{Panel: panel}
	}
	c := Content{
		Panel: panel, Message: n.ID, Text: n.Text, Colour: n.Colour, Mode: "actual", Author: n.Author, ReleasedBy: n.ReleasedBy, Until: n.Until.UTC(),
	}
	if n.Exercise {
		c.Mode, c.Text = "exercise", preface+n.Text
	}
	return c
}

// hash is that of a shown text, as a panel reports it; "" for a dark one.
func hash(text string) string {
	if text == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// wanted is what was wanted of a panel before; a dark one when nothing was.
func wanted(member json.RawMessage) (c Content) {
	var s Signed
	if json.Unmarshal(member, &s) != nil || json.Unmarshal([]byte(s.Content), &c) != nil {
		return Content{}
	}
	return c
}

// same reports whether two contents look alike on the same panel.
func (c *Content) same(d *Content) bool {
	return c.Message == d.Message && c.Text == d.Text && c.Colour == d.Colour && c.Until.Equal(d.Until)
}
