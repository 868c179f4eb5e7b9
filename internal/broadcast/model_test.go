package broadcast_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"dongyue/internal/broadcast"
	"dongyue/internal/event"
)

// horn is a loudspeaker that goes by ranks itself, as the simulated one does, and whose word
// reaches the hub when the test wants.
type horn struct {
	now     string
	ranks   map[string]int
	waiting []string
	away    bool
	said    []event.Event // not yet heard by the hub
}

func (h *horn) say(typ, message string) { h.said = append(h.said, happened("s-1", typ, message)) }

func (h *horn) begin(message string) {
	h.now = message
	h.say("playing", message)
}

func (h *horn) play(message string, rank int) {
	h.ranks[message] = rank
	if h.now != "" && h.now != message {
		if rank > h.ranks[h.now] {
			h.waiting = append(h.waiting, message)
			slices.SortStableFunc(h.waiting, func(a, b string) int { return cmp.Compare(h.ranks[a], h.ranks[b]) })
			return
		}
		h.say("overridden", h.now)
	}
	h.begin(message)
}

func (h *horn) finish() {
	if h.now == "" {
		return
	}
	h.say("finished", h.now)
	h.now = ""
	if len(h.waiting) > 0 {
		next := h.waiting[0]
		h.waiting = h.waiting[1:]
		h.begin(next)
	}
}

func (h *horn) stop(message string) {
	h.waiting = slices.DeleteFunc(h.waiting, func(w string) bool { return w == message })
	if h.now == message {
		h.finish()
	}
}

// Whatever is asked for, stopped and interrupted, and however late the loudspeaker's word
// comes: in the end the hub knows what is heard, and nothing is heard that it has stopped.
// The games are the same each time.
func TestTheHubKnowsWhatIsHeard(t *testing.T) {
	for game := range uint64(games) {
		dice := rand.New(rand.NewPCG(game, 7))
		one := func(n int) int { return dice.IntN(n) }
		r := fresh(t)
		h := &horn{ranks: map[string]int{}}
		r.estate.onTap = func(_ string, p play) {
			if !h.away {
				h.play(p.Args.Message, p.Args.Priority)
			}
		}
		r.estate.onStop = func(message string) {
			if !h.away {
				h.stop(message)
			}
		}
		hear := func(n int) {
			if h.away {
				return
			}
			n = min(n, len(h.said))
			evs := slices.Clone(h.said[:n])
			h.said = h.said[n:]
			r.handle(evs...)
			r.give()
		}
		var all []string
		for range 1 + one(12) {
			switch what := []string{"send", "send", "replace", "stop", "finish", "hear", "hear", "lose", "return"}[one(9)]; what {
			case "send", "replace":
				if h.away {
					continue // it fails at once
				}
				q := broadcast.Request{Zones: []string{"east/b01"}, Text: fmt.Sprint("x", len(all)), Priority: 1 + one(6), Mode: broadcast.Actual}
				if one(2) == 0 {
					q.Mode = broadcast.Exercise
				}
				if what == "replace" && len(all) > 0 {
					q.Replaces = all[one(len(all))]
				}
				all = append(all, r.send(q).ID)
			case "stop":
				if len(all) > 0 {
					if _, err := r.Stop(t.Context(), all[one(len(all))], "chen"); err != nil {
						t.Fatal(err)
					}
				}
			case "finish":
				h.finish()
			case "hear":
				hear(1 + one(4))
			case "lose":
				if !h.away {
					h.away = true
					r.handle(presence("s-1", false))
					r.give()
				}
			case "return":
				if h.away {
					h.away = false
					r.handle(presence("s-1", true))
					r.give()
				}
			}
		}
		if h.away {
			h.away = false
			r.handle(presence("s-1", true))
			r.give()
		}
		for len(h.said) > 0 {
			hear(len(h.said))
		}
		var playing []string
		heard := h.now
		for i, id := range all {
			bc, err := r.Find(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			s := bc.Nodes[0].State
			if s == broadcast.Playing {
				playing = append(playing, id)
			}
			if id == h.now && s == broadcast.Failed && bc.StoppedAt == "" {
				heard = "" // it lost its network meanwhile, and says at its end that it was heard
			}
			if id == h.now && bc.StoppedAt != "" {
				t.Errorf("game %d: message %d was stopped and is heard (%s)", game, i, s)
			}
		}
		if got := strings.Join(playing, ","); got != heard {
			t.Errorf("game %d: heard is %q, the hub says %q", game, heard, got)
		}
	}
}

// games are how many of them are played.
const games = 50
