package main

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"dongyue/bench/rig"
)

// watcher is an operator's screen: it follows the stream, and notes when it has
// what.
type watcher struct {
	mu       sync.Mutex
	root     time.Time            // an incident whose root is the lost supply
	rows     map[string]time.Time // first alarm row by rule
	lag      []time.Duration      // received by the broker → row
	entries  int
	raised   int // alarms
	calls    int // incidents that asked for the operators
	lastSeen time.Time
}

func newWatcher() *watcher { return &watcher{rows: map[string]time.Time{}} }

func (w *watcher) take(topic string, data []byte, at time.Time) {
	var x struct {
		Change, Rule string
		Annunciate   bool
		Count        int
		Evidence     struct {
			ReceivedAt time.Time `json:"received_at"`
		}
	}
	if json.Unmarshal(data, &x) != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.entries++
	w.lastSeen = at
	switch {
	case topic == "incident":
		if x.Annunciate {
			w.calls++
		}
		if x.Rule == rootRule && w.root.IsZero() {
			w.root = at
		}
	case topic == "alarm" && x.Change == "raise":
		if _, ok := w.rows[x.Rule]; !ok {
			w.rows[x.Rule] = at
		}
		w.raised++
		if !x.Evidence.ReceivedAt.IsZero() {
			w.lag = append(w.lag, at.Sub(x.Evidence.ReceivedAt))
		}
	}
}

// incident is what the list has of one.
type incident struct {
	Rule       string `json:"rule"`
	LifeSafety bool   `json:"life_safety"`
	Alarms     int    `json:"alarms"`
	Raw        int    `json:"raw"`
	Drill      bool   `json:"drill"`
}

func incidents(ctx context.Context, api *rig.API) ([]incident, error) {
	var list struct{ Items []incident }
	err := api.Get(ctx, "/incidents?state=open&limit=1000", &list)
	return list.Items, err
}

// topmost is the first of the list that is not about life safety, which is always
// ahead.
func topmost(list []incident) incident {
	for _, i := range list {
		if !i.LifeSafety {
			return i
		}
	}
	return incident{}
}

// journaled counts the raw records that are in the journal, by their ids.
func journaled(ctx context.Context, api *rig.API) (int, error) {
	ids := map[string]bool{}
	for after := ""; ; {
		var page struct {
			Items []struct{ ID, Device string }
			Next  string
		}
		if err := api.Get(ctx, "/events?type=fault&limit=1000"+after, &page); err != nil {
			return 0, err
		}
		for _, e := range page.Items {
			ids[e.Device+" "+e.ID] = true
		}
		if page.Next == "" {
			return len(ids), nil
		}
		after = "&after=" + page.Next
	}
}
