package agent

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"dongyue/internal/doorlist"
	"dongyue/internal/event"
)

// Door is a unit door with its controller.
type Door struct {
	Device
	times Times
	cards []string // own rights list, for when the hub is away; of a controller that knows no signed ones
	list  *doorlist.Keeper

	rights   int // version of that list
	mode     event.Rung
	beep     bool // the pre-alarm at the door
	unlocked bool
	open     bool
	loop     string                 // of the contact: "" whole, else cut or shorted
	leaving  bool                   // somebody was let out and is not through yet: nothing may lock before
	lift     *lift                  // nil: the controller calls none
	visit    int                    // counts openings and relays, so that old timers do nothing
	asked    map[string]credential  // badge event → what was shown, waiting for an answer
	timers   map[string]*time.Timer // of asked
}

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
	linkData struct {
		Link string `json:"link"`
	}
	ringData struct {
		Flat string `json:"flat"`
	}
	doorState struct {
		Lock     string     `json:"lock"`
		Position string     `json:"position"`
		Mode     string     `json:"mode"`
		Rights   int        `json:"rights_version"`
		Fault    bool       `json:"fault"`
		Beep     bool       `json:"beep"`
		Lift     *liftState `json:"lift,omitempty"`
		List     *listState `json:"rights,omitempty"`
	}
)

func (d *Door) start() {
	d.mode, d.unlocked, d.open, d.beep, d.leaving = event.Controlled, false, false, false, false
	if d.list != nil { // until the hub says otherwise
		d.mode = d.list.Rung()
	}
	d.asked, d.timers = map[string]credential{}, map[string]*time.Timer{}
}

func (d *Door) state() any {
	s := doorState{Lock: "secured", Position: "closed", Mode: d.mode.String(), Rights: d.rights, Beep: d.beep}
	if d.unlocked || d.mode.Free() {
		s.Lock = "unlocked"
	}
	if d.open {
		s.Position = "open"
	}
	if d.loop != "" {
		s.Position = d.loop
	}
	s.List, s.Lift = d.listState(), d.lift.state()
	return s
}

// Badge holds a card to the reader outside.
func (d *Door) Badge(card string) { d.Show("card", card) }

// Show holds anything to the reader outside: a card, a code, a PIN that is typed.
func (d *Door) Show(typ, value string) { d.do(func() { d.badge(credential{typ, value}) }) }

// ShowInside holds anything to the reader inside, on the way out: nobody is asked
// anything, but whose pass ends with that does not come in again.
func (d *Door) ShowInside(typ, value string) {
	d.do(func() {
		c := credential{typ, value}
		if d.Online() {
			d.happen("badge", "", badgeData{c, "out", "ask", ""})
		} else {
			d.happen("badge", "", badgeData{c, "out", "granted", ""})
		}
		if d.list != nil {
			d.list.Leave(typ, value, time.Now())
		}
		d.leaving = true
		d.relay(defaultRelay, d.times.Pass)
	})
}

// Link says how the controller speaks with its reader (OSDP): secure, default_key,
// clear_text or lost.
func (d *Door) Link(how string) { d.do(func() { d.happen("reader_link", "", linkData{how}) }) }

// Cut cuts or shorts the loop of the contact, or mends it with "".
func (d *Door) Cut(how string) {
	d.do(func() {
		d.loop = how
		d.report()
	})
}

// Jam holds the exit button down, or lets it go.
func (d *Door) Jam(on bool) { d.do(func() { d.happen("rex", "", activeData{on}) }) }

// Ring calls a home from the panel.
func (d *Door) Ring(flat string) { d.do(func() { d.happen("ring", "", ringData{flat}) }) }

// Enter pulls the door from outside without a word: it gives way only where
// everybody may pass.
func (d *Door) Enter() {
	d.do(func() {
		if d.mode.Free() || d.unlocked {
			d.swing(d.times.Pass)
		}
	})
}

// Fire switches the input of the fire panel. The controller does not wait for the
// hub: it releases its own lock at once (GB 50116, linkage of exits).
func (d *Door) Fire(active bool) {
	d.do(func() {
		d.happen("fire_input", "", activeData{active})
		if active {
			d.mode = event.FireRelease
		}
		d.report()
	})
}

// Exit presses the button inside and walks out. No rung takes that away.
func (d *Door) Exit() {
	d.do(func() {
		d.happen("rex", "", nil)
		d.leaving = true
		d.relay(defaultRelay, d.times.Pass)
	})
}

// Prop lets somebody out who leaves the door open for a while.
func (d *Door) Prop(stay time.Duration) {
	d.do(func() {
		d.happen("rex", "", nil)
		d.leaving = true
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
		d.badge(credential{"card", card})
	})
}

// Tamper opens or closes the contact behind the reader's cover.
func (d *Door) Tamper(open bool) { d.do(func() { d.happen("tamper", "", activeData{open}) }) }

// Close pulls an open door shut.
func (d *Door) Close() { d.do(func() { d.shut(d.visit) }) }

func (d *Door) badge(c credential) {
	if !d.Online() {
		d.decide(c)
		return
	}
	id := d.happen("badge", "", badgeData{c, "in", "ask", ""})
	d.asked[id] = c
	d.timers[id] = d.after(d.times.Answer, func() {
		if c, waiting := d.answered(id); waiting {
			d.decide(c)
		}
	})
}

// answered ends the waiting for an answer.
func (d *Door) answered(id string) (c credential, waiting bool) {
	c, waiting = d.asked[id]
	if waiting {
		d.timers[id].Stop()
		delete(d.asked, id)
		delete(d.timers, id)
	}
	return c, waiting
}

// decide goes by the door's own list and reports what it did.
func (d *Door) decide(c credential) {
	b := badgeData{c, "in", "denied", "unknown_credential"}
	switch {
	case d.list != nil:
		var open bool
		if open, b.Reason = d.list.Decide(c.Type, c.Value, d.mode, time.Now()); open {
			b.Decision = "granted"
		}
	case d.mode.Free():
		b.Decision, b.Reason = "granted", "free"
	case !d.mode.Admits(true):
		b.Reason = "lockdown"
	case slices.Contains(d.cards, c.Value):
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
			d.unlocked, d.leaving = false, false
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
	d.after(d.times.Held-d.times.Warn, func() {
		if d.visit == v && d.open && !d.mode.Free() {
			d.beep = true
			d.happen("pre_alarm", "", nil)
			d.report()
		}
	})
	d.after(d.times.Held, func() {
		if d.visit == v && d.open && !d.mode.Free() {
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
	d.open, d.unlocked, d.beep, d.leaving = false, false, false, false
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
		For   float64 `json:"for_s"`
		Ref   string  `json:"ref"`
		Mode  string  `json:"mode"`
		Floor int     `json:"floor"`
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
	case "warn":
		return func() {
			d.beep = d.open
			d.report()
			d.finish(c.ID, nil)
		}, nil
	case "call":
		return d.call(c.ID, a.Floor)
	case "set_mode":
		r, ok := event.ParseRung(a.Mode)
		if !ok {
			return nil, errMode
		}
		return func() {
			d.mode = r
			d.lock(c.ID)
		}, nil
	case "sync":
		return func() {
			d.report()
			d.finish(c.ID, map[string]any{"rights_version": d.rights, "rights": d.listState()})
		}, nil
	}
	return nil, errUnknown
}

func (d *Door) unlock(id string, seconds float64) (func(), error) {
	if !d.mode.Admits(true) {
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
	if !d.open && !d.leaving {
		d.unlocked = false
		d.visit++
	}
	d.report()
	d.finish(id, nil)
}

// config takes a part of a signed list, or a newer list of a controller that knows
// none: {"version":7,"cards":["…"]}.
func (d *Door) config(payload []byte) {
	var c struct {
		doorlist.Message
		Version int      `json:"version"`
		Cards   []string `json:"cards"`
	}
	if err := json.Unmarshal(payload, &c); err != nil {
		return
	}
	if c.Rights != nil && d.list != nil {
		d.receive(*c.Rights)
		return
	}
	if c.Version <= d.rights {
		return
	}
	d.rights = c.Version
	if c.Cards != nil {
		d.cards = c.Cards
	}
	d.report()
}
