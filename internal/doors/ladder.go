package doors

import (
	"slices"
	"strings"
	"time"

	"dongyue/internal/event"
)

// What puts doors on a rung.
const (
	ByHand     = "hand"
	ByLockdown = "lockdown"
	ByFire     = "fire"
	ByHours    = "hours" // of a door; made of its schedule, never stored
)

// doorArea is before the id of a single door in a list of areas; what has no such
// mark is a zone with all below it.
const doorArea = "door:"

// Cause is why doors of some areas stand on a rung, from its beginning to its end.
type Cause struct {
	ID      string     `json:"id"`
	Kind    string     `json:"kind" enum:"hand,lockdown,fire,hours"`
	Rung    string     `json:"rung" doc:"docs/protocol.md, set_mode"`
	Areas   []string   `json:"areas" doc:"zones, each with all below; \"\" is the whole community; door:ID is one door"`
	Plan    string     `json:"plan"`
	Drill   bool       `json:"drill" doc:"an exercise: no door is commanded"`
	Source  string     `json:"source" doc:"the door whose fire input it was"`
	Actor   string     `json:"actor"`
	By      string     `json:"by" doc:"the actor's name; empty: the hub"`
	Reason  string     `json:"reason"`
	BeganAt time.Time  `json:"began_at"`
	Until   *time.Time `json:"until"`
	EndedAt *time.Time `json:"ended_at"`
	EndedBy string     `json:"ended_by"`

	rung event.Rung
	seq  int64
}

// holds reports whether the cause counts at a time.
func (c *Cause) holds(now time.Time) bool {
	return !c.Drill && c.EndedAt == nil && (c.Until == nil || now.Before(*c.Until))
}

// covers reports whether a door lies in the areas.
func (c *Cause) covers(door, zone string) bool { return covers(c.Areas, door, zone) }

func covers(areas []string, door, zone string) bool {
	return slices.ContainsFunc(areas, func(a string) bool {
		if id, one := strings.CutPrefix(a, doorArea); one {
			return id == door
		}
		return event.Within(zone, a)
	})
}

// Top is the ladder: of all causes that hold for a door the highest counts, and
// of those the one that was first. It looks at what holds now and nothing else,
// so a rung that is left is decided anew. nil: the door is controlled.
func Top(causes []*Cause, door, zone string, now time.Time) *Cause {
	var top *Cause
	for _, c := range causes {
		if c.holds(now) && c.covers(door, zone) && (top == nil || c.rung > top.rung) {
			top = c
		}
	}
	return top
}

// Hours are when a door is free by the clock.
type Hours struct {
	Schedule string `json:"schedule" maxLength:"500" doc:"mon-fri 08:00-18:00; empty: never"`
	FirstIn  bool   `json:"first_in" doc:"not before somebody with a right has come in"`

	when Schedule
}

// Schedule says when something holds; access has one.
type Schedule interface {
	Allows(at time.Time) bool
}

// free reports whether the hours hold. With first-in they begin with the first
// grant since the schedule began: whoever has the key opens the shop.
func (h *Hours) free(now, granted time.Time) bool {
	if h.when == nil || !h.when.Allows(now) {
		return false
	}
	if !h.FirstIn {
		return true
	}
	if granted.IsZero() || granted.After(now) || now.Sub(granted) > 7*24*time.Hour {
		return false
	}
	for at := now; at.After(granted); at = at.Add(-time.Minute) {
		if !h.when.Allows(at) {
			return false
		}
	}
	return h.when.Allows(granted)
}
