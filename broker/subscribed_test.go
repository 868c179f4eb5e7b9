package broker

import (
	"slices"
	"sync"
	"testing"
)

// ear is an Observer that also wants to know of subscriptions.
type ear struct {
	silent
	mu    sync.Mutex
	heard []string
}

func (e *ear) Subscribed(id Identity, filter string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard = append(e.heard, id.ID+" "+filter)
}

func (e *ear) all() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.heard)
}

func TestObserverHearsOfSubscriptions(t *testing.T) {
	e := &ear{}
	h := start(t, func(o *Options) { o.Observer = e })
	c := loggedIn(t, h, 5, "door-1", connectOptions{})
	c.subscribe(1, "dy/v1/door/door-2/command") // refused
	c.subscribe(2, "dy/v1/door/door-1/command")
	eventually(t, "the subscription is heard of", func() bool {
		return slices.Equal(e.all(), []string{"door-1 dy/v1/door/door-1/command"})
	})
}
