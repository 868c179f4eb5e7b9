package agent

import (
	"encoding/json"
	"errors"
	"slices"
	"time"
)

// Door is a unit door with its controller.
type Door struct {
	Device
	times Times
	cards []string // own rights list, for when the hub is away

	rights   int    // version of that list
	mode     string // controlled, free or lockdown
	unlocked bool
	open     bool
	visit    int                    // counts openings and relays, so that old timers do nothing
	asked    map[string]string      // badge event → card, waiting for an answer
	timers   map[string]*time.Timer // of asked
}

// Modes of a door.
const (
	controlled = "controlled"
	free       = "free"
	lockdown   = "lockdown"
)

// defaultRelay is how long an unlock without for_s lasts.
const defaultRelay = 5 * time.Second

type (
	credential struct {
		Type  string `json:"type"`
		Value string `json:"value"`
	}
	badgeData struct {
		Credential credential `json:"credential"`
		Side       string     `json:"side"`
		Decision   string     `json:"decision"`
		Reason     string     `json:"reason"`
	}
	doorState struct {
		Lock     string `json:"lock"`
		Position string `json:"position"`
		Mode     string `json:"mode"`
		Rights   int    `json:"rights_version"`
		Fault    bool   `json:"fault"`
	}
)

func (d *Door) start() {
	d.mode, d.unlocked, d.open = controlled, false, false
	d.asked, d.timers = map[string]string{}, map[string]*time.Timer{}
}

func (d *Door) state() any {
	s := doorState{Lock: "secured", Position: "closed", Mode: d.mode, Rights: d.rights}
	if d.unlocked || d.mode == free {
		s.Lock = "unlocked"
	}
	if d.open {
		s.Position = "open"
	}
	return s
}

// Badge holds a card to the reader outside.
func (d *Door) Badge(card string) { d.do(func() { d.badge(card) }) }

// Exit presses the button inside and walks out.
func (d *Door) Exit() {
	d.do(func() {
		d.happen("rex", "", nil)
		d.relay(defaultRelay, d.times.Pass)
	})
}

// Prop lets somebody out who leaves the door open for a while.
func (d *Door) Prop(stay time.Duration) {
	d.do(func() {
		d.happen("rex", "", nil)
		d.relay(defaultRelay, stay)
	})
}

// Force breaks the door open and leaves it so for a while.
func (d *Door) Force(stay time.Duration) {
	d.do(func() {
		if d.open {
			return
		}
		d.unlocked = false
		v := d.swing(stay)
		d.after(d.times.Debounce, func() {
			if d.visit == v && d.open {
				d.happen("forced_open", "", nil)
			}
		})
	})
}

// Duress opens as usual and tells the hub in silence that somebody is made to.
func (d *Door) Duress(card string) {
	d.do(func() {
		d.happen("duress", "", nil)
		d.badge(card)
	})
}

// Close pulls an open door shut.
func (d *Door) Close() { d.do(func() { d.shut(d.visit) }) }

func (d *Door) badge(card string) {
	if !d.Online() {
		d.decide(card)
		return
	}
	id := d.happen("badge", "", badgeData{credential{"card", card}, "in", "ask", ""})
	d.asked[id] = card
	d.timers[id] = d.after(d.times.Answer, func() {
		if card, waiting := d.answered(id); waiting {
			d.decide(card)
		}
	})
}

// answered ends the waiting for an answer.
func (d *Door) answered(id string) (card string, waiting bool) {
	card, waiting = d.asked[id]
	if waiting {
		d.timers[id].Stop()
		delete(d.asked, id)
		delete(d.timers, id)
	}
	return card, waiting
}

// decide goes by the door's own list and reports what it did.
func (d *Door) decide(card string) {
	b := badgeData{credential{"card", card}, "in", "denied", "unknown_credential"}
	switch {
	case d.mode == lockdown:
		b.Reason = "lockdown"
	case slices.Contains(d.cards, card):
		b.Decision, b.Reason = "granted", "offline_list"
	}
	d.happen("badge", "", b)
	if b.Decision == "granted" {
		d.relay(defaultRelay, d.times.Pass)
	}
}

// relay frees the lock; somebody opens, walks through, and the door falls shut.
func (d *Door) relay(hold, stay time.Duration) {
	d.unlocked = true
	d.report()
	if d.open { // walks in behind somebody else, whose visit goes on
		return
	}
	d.visit++
	v := d.visit
	d.after(min(d.times.Enter, hold), func() {
		if d.visit == v && d.unlocked && !d.open {
			d.swing(stay)
		}
	})
	d.after(hold, func() {
		if d.visit == v && !d.open { // nobody came
			d.unlocked = false
			d.report()
		}
	})
}

// swing opens the leaf for a while; it returns the visit.
func (d *Door) swing(stay time.Duration) int {
	d.open = true
	d.visit++
	v := d.visit
	d.happen("opened", "", nil)
	d.report()
	d.after(d.times.Held, func() {
		if d.visit == v && d.open {
			d.happen("held_open", "", nil)
		}
	})
	d.after(stay, func() { d.shut(v) })
	return v
}

func (d *Door) shut(visit int) {
	if d.visit != visit || !d.open {
		return
	}
	d.open, d.unlocked = false, false
	d.visit++
	d.happen("closed", "", nil)
	d.report()
}

var (
	errTooLate  = errors.New("the door has decided alone")
	errLockdown = errors.New("the door is locked down")
	errUnknown  = errors.New("unknown command")
	errMode     = errors.New("unknown mode")
)

func (d *Door) command(c command) (func(), error) {
	a, err := args[struct {
		For  float64 `json:"for_s"`
		Ref  string  `json:"ref"`
		Mode string  `json:"mode"`
	}](c)
	if err != nil {
		return nil, err
	}
	switch c.Type {
	case "unlock", "deny":
		if a.Ref != "" {
			if _, waiting := d.answered(a.Ref); !waiting {
				return nil, errTooLate
			}
		}
		if c.Type == "deny" {
			return func() { d.finish(c.ID, nil) }, nil
		}
		return d.unlock(c.ID, a.For)
	case "lock":
		return func() { d.lock(c.ID) }, nil
	case "set_mode":
		if !slices.Contains([]string{controlled, free, lockdown}, a.Mode) {
			return nil, errMode
		}
		return func() {
			d.mode = a.Mode
			d.lock(c.ID)
		}, nil
	case "sync":
		return func() {
			d.report()
			d.finish(c.ID, map[string]any{"rights_version": d.rights})
		}, nil
	}
	return nil, errUnknown
}

func (d *Door) unlock(id string, seconds float64) (func(), error) {
	if d.mode == lockdown {
		return nil, errLockdown
	}
	hold := defaultRelay
	if seconds > 0 {
		hold = time.Duration(min(seconds, 3600) * float64(time.Second))
	}
	return func() {
		d.relay(hold, d.times.Pass)
		d.finish(id, nil)
	}, nil
}

func (d *Door) lock(id string) {
	if !d.open {
		d.unlocked = false
		d.visit++
	}
	d.report()
	d.finish(id, nil)
}

// config takes a newer rights list: {"version":7,"cards":["…"]}.
func (d *Door) config(payload []byte) {
	var c struct {
		Version int      `json:"version"`
		Cards   []string `json:"cards"`
	}
	if err := json.Unmarshal(payload, &c); err != nil || c.Version <= d.rights {
		return
	}
	d.rights = c.Version
	if c.Cards != nil {
		d.cards = c.Cards
	}
	d.report()
}
