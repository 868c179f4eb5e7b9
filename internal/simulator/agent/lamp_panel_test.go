package agent

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"testing"
	"time"
)

// What a panel believes, and what it does not: unsigned, for another panel, older than
// what it has, or released by its own author.
func TestWhatAPanelBelieves(t *testing.T) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	other := ed25519.NewKeyFromSeed(append(make([]byte, ed25519.SeedSize-1), 1))
	now := time.Date(2026, 7, 1, 8, 0, 0, 0, time.UTC)
	good := panelContent{
		Panel: "lamp-1", Message: "m-1", Text: "暴雨红色预警", Colour: "red", Mode: "actual", Author: "met@x", ReleasedBy: "official",
		IssuedAt: now, Until: now.Add(time.Hour),
	}
	signed := func(by ed25519.PrivateKey, c panelContent) *signedPanel {
		b, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		return &signedPanel{string(b), base64.StdEncoding.EncodeToString(ed25519.Sign(by, append([]byte("dongyue panel 1\n"), b...)))}
	}
	change := func(f func(*panelContent)) panelContent {
		c := good
		f(&c)
		return c
	}
	tampered := signed(key, good)
	tampered.Content = string(json.RawMessage(tampered.Content[:len(tampered.Content)-1])) + " }"
	for name, c := range map[string]struct {
		s    *signedPanel
		want string
		text string
	}{
		"the good one":           {signed(key, good), "", good.Text},
		"a dark one":             {signed(key, panelContent{Panel: "lamp-1", IssuedAt: now}), "", ""},
		"over":                   {signed(key, change(func(c *panelContent) { c.Until = now })), "", ""},
		"another key":            {signed(other, good), "wrong_signature", ""},
		"changed":                {tampered, "wrong_signature", ""},
		"unsigned":               {&signedPanel{Content: signed(key, good).Content}, "wrong_signature", ""},
		"for another panel":      {signed(key, change(func(c *panelContent) { c.Panel = "lamp-2" })), "wrong_panel", ""},
		"an old one":             {signed(key, change(func(c *panelContent) { c.IssuedAt = now.Add(-2 * time.Minute) })), "old", ""},
		"released by its author": {signed(key, change(func(c *panelContent) { c.ReleasedBy = c.Author })), "not_released", ""},
		"released by nobody":     {signed(key, change(func(c *panelContent) { c.ReleasedBy = "" })), "not_released", ""},
		"of nobody":              {signed(key, change(func(c *panelContent) { c.Author = "" })), "not_released", ""},
	} {
		p := &textPanel{pole: "lamp-1", key: key.Public().(ed25519.PublicKey), issued: now.Add(-time.Minute)}
		got, refused := p.read(c.s, now)
		if refused != c.want || refused == "" && got.Text != c.text {
			t.Errorf("%s: %q %q, want %q %q", name, got.Text, refused, c.text, c.want)
		}
	}
}
