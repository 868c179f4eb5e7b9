package notify

import (
	"context"
	"net/http"

	"dongyue/internal/event"
)

// NtfyChannel pushes letters to phones through an ntfy server. An addressee's
// address is a topic, which is as good as a password: choose one that nobody
// guesses.
type NtfyChannel struct {
	URL       string // of the server
	Token     string // "": none
	PerMinute int
	Client    *http.Client
}

// ntfyText is the longest message, in bytes; a longer one would become a file.
const ntfyText = 4096

// Traits implements Channel.
func (c *NtfyChannel) Traits() Traits {
	return Traits{Type: Ntfy, Target: host(c.URL), PerMinute: c.PerMinute, Secrets: append(keysIn(c.URL), c.Token)}
}

// Send implements Channel.
func (c *NtfyChannel) Send(ctx context.Context, l *Letter) error {
	h := http.Header{}
	if c.Token != "" {
		h.Set("Authorization", "Bearer "+c.Token)
	}
	_, err := post(ctx, c.Client, c.URL, h, struct {
		Topic    string   `json:"topic"`
		Title    string   `json:"title"`
		Message  string   `json:"message"`
		Priority int      `json:"priority"`
		Tags     []string `json:"tags,omitempty"`
		Sequence string   `json:"sequence_id"` // a server that knows it (2.16) shows a repeat in the place of the first
	}{l.To[0].Address, within(l.Subject, ntfyText), within(l.Body, ntfyText), ntfyPriority(l), ntfyTags(l), l.ID})
	return err
}

// ntfyPriority is 5, which rings through "do not disturb", for life safety and
// what is critical.
func ntfyPriority(l *Letter) int {
	switch {
	case l.LifeSafety || l.Priority == event.Critical:
		return 5
	case l.Priority == event.High:
		return 4
	case l.Priority == event.Low:
		return 2
	}
	return 3
}

func ntfyTags(l *Letter) []string {
	if l.LifeSafety || l.Priority == event.Critical {
		return []string{"rotating_light"}
	}
	return nil
}
