package guard

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"dongyue/devices/charger/curve"
	"dongyue/internal/event"
)

// Suspect is a battery, or where none is named its user, that was abnormal at
// more than one socket.
type Suspect struct {
	Subject string    `json:"subject" doc:"battery:ID or user:ID"`
	Why     string    `json:"why" doc:"the findings"`
	At      time.Time `json:"at" format:"date-time"`
	Device  string    `json:"device" doc:"the cabinet of the last finding"`
	Part    string    `json:"part"`
	User    string    `json:"user"`
}

// ErrNoSuspect is for who is not in the register.
var ErrNoSuspect = errors.New("there is no such suspect")

type session struct {
	User    string `json:"user"`
	Battery string `json:"battery"`
	Reason  string `json:"reason"`
}

// subject is what is followed from socket to socket: the battery where the session
// names one, else its user.
func (s session) subject() string {
	switch {
	case s.Battery != "":
		return "battery:" + s.Battery
	case s.User != "":
		return "user:" + s.User
	}
	return ""
}

// Handle takes sessions, in the transaction of the journal's follower; Committed
// must follow the commit.
func (g *Guard) Handle(ctx context.Context, tx *sql.Tx, evs []event.Event) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pending = g.pending[:0]
	for i := range evs {
		ev := &evs[i]
		if ev.Kind != event.Charger {
			continue
		}
		if ev.Channel == event.Telemetry {
			g.take(ev)
		}
		if ev.Channel == event.Presence {
			g.back(ev)
		}
		if ev.Channel != event.Happening || ev.Part == "" {
			continue
		}
		switch ev.Type {
		case "session_started":
			g.begin(ev)
		case "session_ended":
			if err := g.end(ctx, tx, ev); err != nil {
				return fmt.Errorf("charger guard: %w", err)
			}
		}
	}
	return nil
}

// Committed lets memory know what Handle has written.
func (g *Guard) Committed() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, f := range g.pending {
		f()
	}
	g.pending = g.pending[:0]
}

func (g *Guard) begin(ev *event.Event) {
	var x session
	if ev.Late || json.Unmarshal(ev.Data, &x) != nil {
		return
	}
	if s, bad := g.suspected(x.User, x.Battery); bad && !ev.Late {
		at := ev.At.UnixMilli()
		g.pending = append(g.pending, func() {
			g.say(ev.Device, ev.Zone, ev.Part, "suspect_charging", at, ev.ReceivedAt, map[string]any{"grade": End, "why": s.Why})
		})
	}
	p, at := g.shedOf(ev).port(ev.Part), ev.At.UnixMilli()
	switch subject := x.subject(); {
	case at > p.began:
		*p = port{subject: subject, began: at, heard: ev.ReceivedAt, last: p.last, warm: p.warm, cold: p.cold}
		p.Begin(at, g.known[subject])
	case p.subject == "" && p.began-at < namedWithin: // its readings were here first
		p.subject = subject
		p.Learn(g.known[subject])
	}
}

// namedWithin is how much later than the first reading a session may be told of, ms:
// readings don't wait for the journal, events do.
const namedWithin = 60_000

func (g *Guard) end(ctx context.Context, tx *sql.Tx, ev *event.Event) error {
	p := g.shedOf(ev).port(ev.Part)
	of := p.ending(ev.At.UnixMilli())
	if of == nil {
		return nil
	}
	done := *of
	g.pending = append(g.pending, func() {
		if p.last != nil && p.last.began == done.began {
			p.last = nil
		}
		if p.began == done.began {
			*p = port{heard: p.heard, warm: p.warm, cold: p.cold}
		}
	})
	var x session
	_ = json.Unmarshal(ev.Data, &x) // devices has read it before
	if done.subject == "" {
		done.subject = x.subject()
	}
	if done.subject == "" {
		return nil
	}
	if err := g.learn(ctx, tx, &done, ev); err != nil || !done.told.Abnormal() {
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO charger_findings(subject, device, part, began, codes, at) VALUES (?, ?, ?, ?, ?, ?)`,
		done.subject, ev.Device, ev.Part, done.began, done.told.String(), ev.At.UnixMilli())
	if err != nil {
		return err
	}
	return g.weigh(ctx, tx, done.subject, x.User, ev)
}

// ending is the session that ended at a time: the one that runs, or the one before it
// where the socket has said by itself that it is over. nil: none that is known.
func (p *port) ending(at int64) *port {
	if p.last != nil && (p.began == 0 || at < p.began) {
		return p.last
	}
	if p.began == 0 || at < p.began {
		return nil
	}
	return p
}

// learn keeps what a sound session says of a battery.
func (g *Guard) learn(ctx context.Context, tx *sql.Tx, p *port, ev *event.Event) error {
	k := g.known[p.subject]
	if p.told.Abnormal() || !p.Declined() {
		return nil
	}
	k = curve.Known{Energy: max(k.Energy*0.99, p.Energy()), Peak: max(k.Peak*0.99, p.Peak()), Top: k.Top} // batteries age
	if p.Energy() >= deep*k.Energy {
		k.Top = max(k.Top*0.99, p.Top())
	}
	g.pending = append(g.pending, func() { g.known[p.subject] = k })
	return saveKnown(ctx, tx, p.subject, k, ev.At.UnixMilli())
}

// deep is the share of a battery's energy from which a charge shows all of its end: a short
// one may have begun in the middle of it.
const deep = 0.7

func saveKnown(ctx context.Context, tx *sql.Tx, subject string, k curve.Known, at int64) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO charger_batteries(subject, energy_wh, peak_w, top_wh, seen_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT(subject) DO UPDATE SET energy_wh = excluded.energy_wh, peak_w = excluded.peak_w, top_wh = excluded.top_wh, seen_at = excluded.seen_at`,
		subject, k.Energy, k.Peak, k.Top, at)
	return err
}

// remembered is how long a finding counts, ms.
const remembered = 90 * 24 * 3600 * 1000

// weigh makes a suspect of what was abnormal at two sockets: a bad socket alone
// is not the battery's fault.
func (g *Guard) weigh(ctx context.Context, tx *sql.Tx, subject, user string, ev *event.Event) error {
	var sockets int
	var why sql.NullString
	err := tx.QueryRowContext(ctx, `SELECT count(DISTINCT device || '/' || part), group_concat(DISTINCT codes) FROM charger_findings
		WHERE subject = ? AND at > ? AND at > coalesce((SELECT cleared_at FROM charger_suspects WHERE subject = ?), 0)`,
		subject, ev.At.UnixMilli()-remembered, subject).Scan(&sockets, &why)
	if err != nil || sockets < 2 {
		return err
	}
	s := Suspect{Subject: subject, Why: why.String, At: ev.At, Device: ev.Device, Part: ev.Part, User: user}
	res, err := tx.ExecContext(ctx, `INSERT INTO charger_suspects(subject, why, at) VALUES (?, ?, ?)
		ON CONFLICT(subject) DO UPDATE SET why = excluded.why, at = excluded.at, cleared_at = 0, cleared_by = '' WHERE cleared_at > 0`,
		subject, s.Why, s.At.UnixMilli())
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return err
	}
	g.pending = append(g.pending, func() {
		g.suspects[subject] = s
		g.say(ev.Device, ev.Zone, ev.Part, "suspect", s.At.UnixMilli(), ev.ReceivedAt, map[string]any{"grade": "suspect", "subject": subject, "why": s.Why})
	})
	if g.o.Suspected == nil {
		return nil
	}
	return g.o.Suspected(ctx, tx, s)
}

// Suspected reports whether a user or a battery must not charge, and why. It
// answers from memory.
func (g *Guard) Suspected(user, battery string) (Suspect, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.suspected(user, battery)
}

func (g *Guard) suspected(user, battery string) (Suspect, bool) {
	for _, s := range []session{{Battery: battery}, {User: user}} {
		if s.subject() == "" {
			continue
		}
		if x, ok := g.suspects[s.subject()]; ok {
			return x, true
		}
	}
	return Suspect{}, false
}

// Suspects lists the register, newest first.
func (g *Guard) Suspects() []Suspect {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := make([]Suspect, 0, len(g.suspects))
	for _, s := range g.suspects {
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b Suspect) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.Subject, b.Subject)) })
	return out
}

// Clear takes a suspect off the register: somebody has looked at it.
func (g *Guard) Clear(ctx context.Context, subject, by, note string) error {
	var n int64
	err := g.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, "UPDATE charger_suspects SET cleared_at = ?, cleared_by = ?, note = ? WHERE subject = ? AND cleared_at = 0",
			time.Now().UnixMilli(), by, note, subject)
		if err != nil {
			return err
		}
		n, err = res.RowsAffected()
		return err
	})
	if err != nil {
		return fmt.Errorf("charger guard: clear %s: %w", subject, err)
	}
	if n == 0 {
		return fmt.Errorf("%w: %.100q", ErrNoSuspect, subject)
	}
	g.mu.Lock()
	delete(g.suspects, subject)
	g.mu.Unlock()
	return nil
}

// Register tells the hub what a battery should take, as its plate says: until it
// has charged here nothing else is known.
func (g *Guard) Register(ctx context.Context, battery string, energyWh float64) error {
	subject := session{Battery: battery}.subject()
	g.mu.Lock()
	k := g.known[subject]
	g.mu.Unlock()
	k.Energy = energyWh
	err := g.o.DB.Tx(ctx, func(tx *sql.Tx) error { return saveKnown(ctx, tx, subject, k, time.Now().UnixMilli()) })
	if err != nil {
		return fmt.Errorf("charger guard: register %s: %w", subject, err)
	}
	g.mu.Lock()
	g.known[subject] = k
	g.mu.Unlock()
	return nil
}

func (g *Guard) load(ctx context.Context) error {
	rows, err := g.o.DB.Read().QueryContext(ctx, "SELECT subject, energy_wh, peak_w, top_wh FROM charger_batteries")
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var subject string
		var k curve.Known
		if err := rows.Scan(&subject, &k.Energy, &k.Peak, &k.Top); err != nil {
			return err
		}
		g.known[subject] = k
	}
	if err := rows.Err(); err != nil {
		return err
	}
	list, err := g.o.DB.Read().QueryContext(ctx, "SELECT subject, why, at FROM charger_suspects WHERE cleared_at = 0")
	if err != nil {
		return err
	}
	defer func() { _ = list.Close() }()
	for list.Next() {
		var s Suspect
		var at int64
		if err := list.Scan(&s.Subject, &s.Why, &at); err != nil {
			return err
		}
		s.At = time.UnixMilli(at).UTC()
		g.suspects[s.Subject] = s
	}
	return list.Err()
}
