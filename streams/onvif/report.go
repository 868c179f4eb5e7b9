package onvif

import (
	"context"
	"strings"
	"time"
)

// Reporter takes what rules are to judge. It returns when it is on the disk.
type Reporter interface {
	Notice(ctx context.Context, n Noticed) error
}

// maxTold is how many states of one camera the rules may be told of.
const maxTold = 64

// report tells the rules what has changed, and each state once when the hub begins to
// follow: what ended while it was not listening must not stand for ever. The windows
// of a camera are one thing, so that the end in one does not hide that another goes
// on; inputs are what the installer has wired to each, and count for themselves.
func (r *Room) report(ctx context.Context, id string, f *follow, e Event) {
	if r.o.Reports == nil {
		return
	}
	n, key := f.sum(id, e)
	was, known := f.told[key]
	if !e.Moment && (known && was == n.Active || !known && len(f.told) >= maxTold) {
		return
	}
	if err := r.o.Reports.Notice(ctx, n); err != nil {
		if ctx.Err() == nil {
			r.o.Log.Error("what a camera noticed is not in the journal", "camera_id", id, "kind", n.Kind, "err", err)
		}
		return // it is told again when the camera repeats it
	}
	if !e.Moment {
		f.told[key] = n.Active
	}
}

// sum is the event as rules see it, and what it is about.
func (f *follow) sum(id string, e Event) (n Noticed, key string) {
	n = Noticed{id, e.At.UTC().Truncate(time.Millisecond), e.Kind, e.Source, e.Active}
	if e.Kind == "input" {
		return n, e.Kind + " " + e.Source
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for k, on := range f.active {
		if on && strings.HasPrefix(k, e.Kind+" ") {
			n.Active = true
		}
	}
	return n, e.Kind
}
