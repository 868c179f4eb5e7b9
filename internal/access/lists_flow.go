package access

import (
	"context"
	"fmt"
	"time"

	"dongyue/internal/doorlist"
)

// How lists flow to the doors. A whole list of 20,000 credentials is 1.4 MB: pushed at
// once it would fill what the broker holds for a slow controller, which is then cut off.
const (
	flowTick    = 50 * time.Millisecond
	fullBacklog = 128 << 10 // bytes that wait for a door; it gets no more before they have left
	atOnce      = 4         // messages of up to 64 KiB in one turn
	mostWhole   = 16        // doors that are sent lists of several messages at a time
)

// sendLists sends to each connected door what it lacks, again and slower until it says
// that it has it. One list is under way at a time: a difference is made for the version
// that the door has, and the next one for what it has then.
func (x *Access) sendLists(ctx context.Context, t time.Time) {
	long := 0
	for _, d := range x.lists.doors {
		if len(d.rest) > 0 {
			long++
		}
	}
	for _, d := range x.lists.doors {
		switch {
		case !d.online || len(d.rest) > 0 || d.have < 0 || d.current() || d.head == nil, d.mustWait(t):
			continue
		case long >= mostWhole && d.tree.Len() > doorlist.EntriesPerPart && (d.whole || d.confirmed() == 0):
			continue // their turn comes
		}
		if d.told != d.version {
			d.wait = 0
		}
		d.wait = min(max(2*d.wait, firstRetry), lastRetry)
		b := d.body()
		ms, err := doorlist.Split(d.door.ID, d.version, b.Base, b.Encode())
		if err != nil {
			x.log.ErrorContext(ctx, "list was not cut into messages", "device_id", d.door.ID, "version", d.version, "err", err)
			continue
		}
		d.told, d.waiting, d.rest = d.version, true, ms
		x.flow(ctx, d, t)
		if len(d.rest) > 0 {
			long++
		}
	}
}

// mustWait reports whether nothing is to be sent to a door now: it has not answered to
// the last list, and still may.
func (d *doorRights) mustWait(t time.Time) bool {
	if d.told == d.version {
		return t.Before(d.next)
	}
	return d.waiting && t.Before(d.sent.Add(firstRetry))
}

// flowOn goes on with lists of many messages.
func (x *Access) flowOn(ctx context.Context, t time.Time) {
	l := &x.lists
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, d := range l.doors {
		if len(d.rest) > 0 && d.online {
			x.flow(ctx, d, t)
		}
	}
}

// flow sends as much of a list as the door's connection takes.
func (x *Access) flow(ctx context.Context, d *doorRights, t time.Time) {
	for n := 0; len(d.rest) > 0 && n < atOnce && x.lists.send.Backlog(d.door.ID) < fullBacklog; n++ {
		if err := x.lists.send.SendList(d.door.ID, d.rest[0]); err != nil {
			x.log.DebugContext(ctx, "list was not sent", "device_id", d.door.ID, "version", d.told, "err", fmt.Errorf("send list: %w", err))
			d.rest = nil // again at its time
			break
		}
		d.rest = d.rest[1:]
	}
	d.sent, d.next = t, t.Add(d.wait)
}
