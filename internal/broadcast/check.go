package broadcast

import (
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"dongyue/internal/web"
)

// check fills what was left out and refuses what makes no sense.
func (b *Broadcasts) check(q *Request) error {
	q.fill()
	if what := q.wrong(); what != "" {
		return web.Fail(http.StatusUnprocessableEntity, "broadcast.invalid", what)
	}
	if what := q.outOfRange(); what != "" {
		return web.Fail(http.StatusUnprocessableEntity, "broadcast.invalid", what)
	}
	return nil
}

// muted tells whether a message must not be heard now: ranks 4 to 6 at night, except for
// an operator who says that it can't wait.
func (b *Broadcasts) muted(rank int, atNight bool, now time.Time) bool {
	return rank >= Operator && (!atNight || rank > Operator) && b.o.Night.at(now.In(b.o.Location))
}

func (q *Request) fill() {
	q.Text = strings.TrimSpace(q.Text)
	if q.Priority == 0 {
		q.Priority = defaultPriority
	}
	if q.Repeat == 0 {
		q.Repeat = 1
	}
	if q.Mode == "" {
		q.Mode = Actual
	}
	if q.Interrupted == "" {
		q.Interrupted = Resume
	}
}

// wrong says what does not go together; "" for nothing.
func (q *Request) wrong() string {
	sources := 0
	for _, s := range []string{q.URL, q.Recording, q.Live} {
		if s != "" {
			sources++
		}
	}
	switch {
	case q.Speaker != "" && (len(q.Zones) > 0 || len(q.Polygon) > 0):
		return "speaker: one loudspeaker, or zones and a polygon, not both"
	case q.TwoWay && (q.Speaker == "" || q.Live == ""):
		return "two_way: a talk needs your microphone (live) and one loudspeaker (speaker)"
	case q.Speaker == "" && len(q.Zones) == 0 && len(q.Polygon) == 0 || len(q.Zones) > maxZones:
		return "zones: name 1 to 100 zones, \"\" for the whole community, or a polygon"
	case len(q.Polygon) != 0 && (len(q.Polygon) < 3 || len(q.Polygon) > 100):
		return "polygon: 3 to 100 corners, in metres on the plan"
	case q.Text == "" && sources == 0:
		return "text: give a text, a recording, a microphone or a url to play"
	case sources > 1:
		return "recording, live, url: give one of them"
	case q.Mode != Actual && q.Mode != Exercise:
		return "mode: actual or exercise"
	case q.Mode == Exercise && q.Text == "" && q.URL != "":
		return "text: an exercise needs a text or a recording of the hub's own, because it opens with the words that say so"
	case q.Mode == Exercise && q.Live != "":
		return "mode: a live voice says itself that it is an exercise"
	case q.Interrupted != Resume && q.Interrupted != Drop:
		return "interrupted: resume or drop"
	case len(q.Key) > 200:
		return "idempotency key: at most 200 bytes"
	}
	for _, p := range q.Polygon {
		if math.IsNaN(p.X) || math.IsNaN(p.Y) || math.Abs(p.X) > 1e6 || math.Abs(p.Y) > 1e6 {
			return "polygon: a corner is not on the plan"
		}
	}
	return ""
}

func (q *Request) outOfRange() string {
	switch {
	case len(q.Text) > maxText:
		return fmt.Sprintf("text: at most %d bytes; shorten it", maxText)
	case len(q.URL) > 2048:
		return "url: at most 2048 bytes"
	case q.Priority < Fire || q.Priority > Music:
		return "priority: 1 (fire) to 6 (music)"
	case q.Repeat < 1 || q.Repeat > maxRepeat:
		return "repeat: 1 to 100"
	case q.VolumePct != nil && (*q.VolumePct < 0 || *q.VolumePct > 100):
		return "volume_pct: 0 to 100"
	}
	return ""
}
