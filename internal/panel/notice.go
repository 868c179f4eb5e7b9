package panel

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"dongyue/internal/event"
)

// Notice is a text for panels.
type Notice struct {
	ID         string    `json:"id"`
	Ref        string    `json:"ref" doc:"the official message; empty: a notice of the house"`
	Zones      []string  `json:"zones" doc:"each with all below; an empty text is the whole community"`
	Text       string    `json:"text"`
	Colour     string    `json:"colour" enum:"white,blue,yellow,orange,red"`
	Rank       int       `json:"rank" doc:"2 official and grave, 5 the rest; the lower one is shown"`
	Exercise   bool      `json:"exercise"`
	Author     string    `json:"author"`
	ReleasedBy string    `json:"released_by" doc:"empty: it waits for somebody else than its author"`
	At         time.Time `json:"at"`
	Until      time.Time `json:"until"`
	Ended      bool      `json:"ended"`

	seq int64
}

// Ranks, as broadcasts have them.
const (
	Grave   = 2
	Routine = 5
)

// Bounds of a notice.
const (
	maxText  = 300 // runes; a panel of 16 signs scrolls them in a minute
	maxZones = 100
	longest  = 31 * 24 * time.Hour
	maxOpen  = 200
)

func colours() []string { return []string{"white", "blue", "yellow", "orange", "red"} }

// released reports whether a notice may be shown at all: nobody releases his own words.
func (n *Notice) released() bool {
	return n.Author != "" && n.ReleasedBy != "" && n.ReleasedBy != n.Author
}

// holds reports whether a notice is for a place now.
func (n *Notice) holds(zone string, at time.Time) bool {
	return n.released() && !n.Ended && at.Before(n.Until) && slices.ContainsFunc(n.Zones, func(z string) bool { return event.Within(zone, z) })
}

// strongest is the notice that a place shows: the lower rank, an actual one before an
// exercise, the newer; nil for none.
func strongest(all []Notice, zone string, at time.Time) *Notice {
	var best *Notice
	for i := range all {
		n := &all[i]
		if !n.holds(zone, at) {
			continue
		}
		if best == nil || n.Rank < best.Rank || n.Rank == best.Rank && (!n.Exercise && best.Exercise || n.Exercise == best.Exercise && n.seq > best.seq) {
			best = n
		}
	}
	return best
}

// ending is the next end of a notice after a time; zero: none.
func ending(all []Notice, at time.Time) (end time.Time) {
	for i := range all {
		if n := &all[i]; !n.Ended && n.Until.After(at) && (end.IsZero() || n.Until.Before(end)) {
			end = n.Until
		}
	}
	return end
}

// wrong says what is wrong with a notice of a person; "" for nothing.
func (n *Notice) wrong(at time.Time) string {
	n.Text = strings.TrimSpace(n.Text)
	switch {
	case n.Text == "" || len([]rune(n.Text)) > maxText:
		return fmt.Sprintf("text: 1 to %d characters are wanted", maxText)
	case strings.ContainsFunc(n.Text, unseen):
		return "text: one line without control characters is wanted"
	case len(n.Zones) == 0 || len(n.Zones) > maxZones:
		return `zones: 1 to 100 zones are wanted, "" for the whole community`
	case !slices.Contains(colours(), n.Colour):
		return "colour: white, blue, yellow, orange or red is wanted"
	case !n.Until.After(at) || n.Until.Sub(at) > longest:
		return "until: a time to come, at most 31 days away, is wanted"
	}
	return ""
}

// unseen are signs that a panel can't show, or that turn the order of the others about.
func unseen(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp)
}
