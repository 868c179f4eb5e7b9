package official

import (
	"slices"
	"sync"

	"dongyue/internal/cap"
)

// affairs lets messages of one affair be acted on one after the other, so that a cancel
// finds what it cancels, and does not let it wait for the voice of another.
type affairs struct {
	mu   sync.Mutex
	free sync.Cond // of mu
	busy map[string]bool
}

func newAffairs() *affairs {
	a := &affairs{busy: map[string]bool{}}
	a.free.L = &a.mu
	return a
}

// names are those of a message and of what it refers to.
func names(m *cap.Message) []string {
	all := []string{m.Sender + " " + m.Identifier} // neither has spaces
	for _, r := range m.References {
		all = append(all, r.Sender+" "+r.Identifier)
	}
	return all
}

// begin waits until nothing is done about any of the names, and takes them all.
func (a *affairs) begin(names []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for slices.ContainsFunc(names, func(n string) bool { return a.busy[n] }) {
		a.free.Wait()
	}
	for _, n := range names {
		a.busy[n] = true
	}
}

func (a *affairs) end(names []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, n := range names {
		delete(a.busy, n)
	}
	a.free.Broadcast()
}
