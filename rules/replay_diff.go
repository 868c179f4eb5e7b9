package rules

import (
	"cmp"
	"context"
	"slices"
	"time"

	"dongyue/internal/event"
)

// Difference is an alarm that only one of two sets raises.
type Difference struct {
	Change   string         `json:"change" enum:"added,removed" doc:"added: only the candidate raises it; removed: only the live set does"`
	At       time.Time      `json:"at"`
	Rule     string         `json:"rule"`
	Device   string         `json:"device"`
	Part     string         `json:"part"`
	Priority event.Priority `json:"priority"`
}

// sameWithin is how far apart two sets may raise an alarm for the same rule, device
// and part and still mean the same: a longer `for` delays it, it does not remove it.
const sameWithin = 15 * time.Minute

// mostDifferences are listed; the rest is counted.
const mostDifferences = 1000

// comparison pairs what two sets raise. What stays alone for sameWithin is a
// difference, so only that much is in memory.
type comparison struct {
	waiting map[alarmKey][]*unpaired
	queue   []*unpaired // in the order in which they came
	out     []Difference
	more    int
	moved   int // pairs whose halves are apart
}

type unpaired struct {
	annunciation
	side   int
	paired bool
}

func newComparison() *comparison { return &comparison{waiting: map[alarmKey][]*unpaired{}} }

// run compares batch by batch. With one side it only takes what that one tells.
func (c *comparison) run(ctx context.Context, sides []*side) error {
	for {
		var until time.Time
		open := false
		for i, s := range sides {
			v, ok := <-s.out
			open = open || ok
			until = v.until
			if len(sides) == 1 {
				continue
			}
			for _, a := range v.raised {
				c.add(i, a)
			}
		}
		if !open {
			c.expire(func(*unpaired) bool { return true })
			slices.SortStableFunc(c.out, byTime)
			return ctx.Err()
		}
		c.expire(func(u *unpaired) bool { return until.Sub(u.at) > sameWithin })
	}
}

func byTime(a, b Difference) int {
	return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Device, b.Device), cmp.Compare(a.Part, b.Part), cmp.Compare(a.Change, b.Change))
}

func (c *comparison) add(side int, a annunciation) {
	k := a.key()
	if others := c.waiting[k]; len(others) > 0 && others[0].side != side {
		if others[0].paired = true; !others[0].at.Equal(a.at) {
			c.moved++
		}
		c.drop(k)
		return
	}
	u := &unpaired{annunciation: a, side: side}
	c.waiting[k] = append(c.waiting[k], u)
	c.queue = append(c.queue, u)
}

// drop takes the first that waits for a key away.
func (c *comparison) drop(k alarmKey) {
	if c.waiting[k] = c.waiting[k][1:]; len(c.waiting[k]) == 0 {
		delete(c.waiting, k)
	}
}

func (c *comparison) expire(due func(*unpaired) bool) {
	n := 0
	for n < len(c.queue) && (c.queue[n].paired || due(c.queue[n])) {
		if u := c.queue[n]; !u.paired {
			c.drop(u.key())
			c.differ(u)
		}
		n++
	}
	if n == 0 {
		return
	}
	c.queue = append(c.queue[:0], c.queue[n:]...)
}

func (c *comparison) differ(u *unpaired) {
	if len(c.out) == mostDifferences {
		c.more++
		return
	}
	change := "added"
	if u.side == 1 {
		change = "removed"
	}
	c.out = append(c.out, Difference{change, u.at, u.rule, u.device, u.part, u.priority})
}
