package guard

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"dongyue/devices/charger/curve"
	"dongyue/internal/event"
)

// TestBackFromAPowerCut lets a cabinet lose its power while a socket charges: it says nothing
// afterwards of a session that is over, and that is no silence. One that only lost its
// network goes on to be watched.
func TestBackFromAPowerCut(t *testing.T) {
	at := time.UnixMilli(1_800_000_000_000).UTC()
	for name, c := range map[string]struct {
		boot     string
		watching bool
	}{"power": {"b2", false}, "network": {"b1", true}} {
		g, said := listening(t)
		g.back(presence(at, "b1", true))
		g.take(&event.Event{
			Device: "charger-1", Kind: event.Charger, Zone: "east/b01", Channel: event.Telemetry, Part: "7", At: at, ReceivedAt: at,
			Data: json.RawMessage(`{"state":"charging","power_w":300,"temp_c":30}`),
		})
		g.listen(at.Add(20 * time.Second))
		if got := said(); !strings.Contains(got, `"silent"`) || strings.Contains(got, `"active":false`) {
			t.Fatalf("%s: after 20 s without a word: %s", name, got)
		}
		g.back(presence(at.Add(30*time.Second), c.boot, false))
		g.back(presence(at.Add(40*time.Second), c.boot, true))
		if got := said(); !strings.Contains(got, `"active":false`) {
			t.Errorf("%s: back again, and the silence is not over: %s", name, got)
		}
		g.listen(at.Add(50 * time.Second))
		if got := said(); got != "" {
			t.Errorf("%s: 10 s after its return: %s", name, got)
		}
		g.listen(at.Add(60 * time.Second))
		if got := said(); strings.Contains(got, `"silent"`) != c.watching {
			t.Errorf("%s: 20 s after its return: %q", name, got)
		}
	}
}

func presence(at time.Time, boot string, online bool) *event.Event {
	b, _ := json.Marshal(map[string]bool{"online": online})
	return &event.Event{Device: "charger-1", Kind: event.Charger, Zone: "east/b01", Channel: event.Presence, Boot: boot, At: at, ReceivedAt: at, Data: b}
}

// heard keeps what the guard says until it is asked for.
type heard struct{ text strings.Builder }

func (h *heard) Append(ev event.Event, done func(uint64, bool, error)) {
	h.text.Write(ev.Data)
	done(1, false, nil)
}

// listening is a guard without its register, and what it has said since it was asked last.
func listening(t *testing.T) (*Guard, func() string) {
	t.Helper()
	h := &heard{}
	g := &Guard{
		o:      Options{Journal: h, Log: slog.New(slog.DiscardHandler), Connected: func(string) bool { return true }},
		limits: curve.Default(), sheds: map[string]*shed{},
	}
	return g, func() string {
		defer h.text.Reset()
		return h.text.String()
	}
}
