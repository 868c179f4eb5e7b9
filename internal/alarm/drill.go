package alarm

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"dongyue/internal/web"
)

// ForDrill is the reason for which the end of a drill closes its alarms.
const ForDrill = "drill"

// drillLasts is after what time a drill ends by itself.
const drillLasts = 30 * time.Minute

// DrillRequest asks for an exercise (演练): what would happen if this device set off
// this rule.
type DrillRequest struct {
	Rule, Device, Part string
	Data               map[string]any // what the device would say; nil: it is made up
	Reason             string
}

// Drill is an exercise: its alarms are as real as any, and nothing that they ask
// for is carried out.
type Drill struct {
	ID      string        `json:"id"`
	Rule    string        `json:"rule"`
	Device  string        `json:"device"`
	Part    string        `json:"part"`
	Alarms  []string      `json:"alarms" doc:"ids"`
	Actions []DrillAction `json:"actions" doc:"what would have been done"`
	BeganAt time.Time     `json:"began_at"`
	Until   time.Time     `json:"until" doc:"ends by itself"`
	EndedAt *time.Time    `json:"ended_at"`
	By      string        `json:"by"`
	ByID    string        `json:"by_id"`
	EndedBy string        `json:"ended_by"`
	Reason  string        `json:"reason"`
}

// BeginDrill judges a made-up event and takes what comes of it into the alarms, as
// an exercise.
func (a *Alarms) BeginDrill(ctx context.Context, q DrillRequest) (Drill, error) {
	if strings.TrimSpace(q.Reason) == "" {
		return Drill{}, web.Fail(http.StatusUnprocessableEntity, "drill.reason_required", "say in `reason` what is exercised, for those who see it on their screens")
	}
	if a.o.Rehearse == nil {
		return Drill{}, web.Fail(http.StatusConflict, "drill.no_rules", "this hub has no rules to exercise")
	}
	signals, err := a.o.Rehearse(ctx, q)
	if err != nil {
		return Drill{}, err
	}
	by := who(ctx)
	d := Drill{
		ID: "dr-" + strings.ToLower(rand.Text()[:13]), Rule: q.Rule, Device: q.Device, Part: q.Part, Alarms: []string{}, Actions: []DrillAction{},
		BeganAt: a.now(), Until: a.now().Add(drillLasts), By: by.Name, ByID: by.ID, Reason: strings.TrimSpace(q.Reason),
	}
	err = a.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		if err := a.notRunning(ctx, tx, &d); err != nil {
			return err
		}
		if err := a.exercise(ctx, tx, &d, signals); err != nil {
			return err
		}
		if err := insertDrill(ctx, tx, &d); err != nil {
			return err
		}
		if _, err := a.o.Feed.Append(ctx, tx, "drill", d); err != nil {
			return err
		}
		return a.audit(ctx, tx, "drill.began", d.ID, map[string]any{"rule": q.Rule, "device": q.Device, "part": q.Part, "reason": d.Reason})
	})
	if err != nil {
		return Drill{}, err
	}
	return d, a.Committed(ctx)
}

func (a *Alarms) notRunning(ctx context.Context, tx *sql.Tx, d *Drill) error {
	var other string
	err := tx.QueryRowContext(ctx, "SELECT id FROM alarm_drill WHERE rule = ? AND device = ? AND part = ? AND ended_at IS NULL", d.Rule, d.Device, d.Part).Scan(&other)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for drills: %w", err)
	}
	return web.Fail(http.StatusConflict, "drill.running", fmt.Sprintf("drill %s of this rule and device is on: end it first", other))
}

// exercise applies the signals as drills. Their actions are written down where the
// real ones are, ended before they began.
func (a *Alarms) exercise(ctx context.Context, tx *sql.Tx, d *Drill, signals []Signal) error {
	for i := range signals {
		signals[i].Drill = true
	}
	changes, err := a.Apply(ctx, tx, signals)
	if err != nil {
		return err
	}
	b := a.batch(tx, actor{hub, hub})
	for _, c := range changes {
		if c.Change != Raise || slices.Contains(d.Alarms, c.ID) {
			continue
		}
		d.Alarms = append(d.Alarms, c.ID)
		al, err := b.byID(ctx, c.ID)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(signals, func(s Signal) bool { return s.Raised && s.subject() == al.subject() })
		for _, x := range signals[i].Actions {
			if err := a.pretend(ctx, b, d, al, x); err != nil {
				return err
			}
		}
	}
	_, err = b.flush(ctx)
	return err
}

// pretend writes down one action as exercised.
func (a *Alarms) pretend(ctx context.Context, b *batch, d *Drill, al *Alarm, x Action) error {
	x = x.named(al.DeviceName)
	text, err := json.Marshal(x)
	if err != nil {
		return fmt.Errorf("encode action %s: %w", x.Type, err)
	}
	now := b.now.UnixMilli()
	_, err = b.tx.ExecContext(ctx, "INSERT INTO alarm_outbox(alarm, action, state, created_at, due_at, ended_at, result) VALUES (?, ?, 'drill', ?, ?, ?, 'drill')",
		al.ID, string(text), now, now, now)
	if err != nil {
		return fmt.Errorf("write exercised action: %w", err)
	}
	d.Actions = append(d.Actions, a.describe(ctx, al, x))
	return b.autoTick(ctx, al, x, ForDrill)
}

// EndDrill ends an exercise and closes its alarms; a second time changes nothing.
func (a *Alarms) EndDrill(ctx context.Context, id string) (Drill, error) {
	var d Drill
	err := a.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		found, err := drills(ctx, tx, "id = ?", id)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return web.Fail(http.StatusNotFound, "drill.unknown", "there is no such drill; GET /api/v1/drills lists them")
		}
		d = found[0]
		if d.EndedAt != nil {
			return nil
		}
		return a.endDrill(ctx, tx, &d, who(ctx))
	})
	if err != nil {
		return Drill{}, err
	}
	return d, a.Committed(ctx)
}

func (a *Alarms) endDrill(ctx context.Context, tx *sql.Tx, d *Drill, by actor) error {
	b := a.batch(tx, by)
	for _, id := range d.Alarms {
		al, err := b.byID(ctx, id)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return err
		}
		if al.ClosedAt == nil {
			if err := b.closeDrill(ctx, al); err != nil {
				return err
			}
		}
	}
	if _, err := b.flush(ctx); err != nil {
		return err
	}
	d.EndedAt, d.EndedBy = &b.now, by.Name
	if _, err := tx.ExecContext(ctx, "UPDATE alarm_drill SET ended_at = ?, ended_by = ? WHERE id = ?", b.now.UnixMilli(), by.Name, d.ID); err != nil {
		return fmt.Errorf("end drill %s: %w", d.ID, err)
	}
	if _, err := a.o.Feed.Append(ctx, tx, "drill", d); err != nil {
		return err
	}
	return a.audit(ctx, tx, "drill.ended", d.ID, nil)
}

// closeDrill closes an alarm that never was, whatever state it is in.
func (b *batch) closeDrill(ctx context.Context, al *Alarm) error {
	before := *al
	o := al.step(reset, b.now, b.now, b.by.Name)
	if al.AckedAt == nil {
		al.AckedAt, al.AckedBy = &b.now, b.by.Name
	}
	al.ClosedBy, al.CloseReason = b.by.Name, ForDrill
	return b.moved(ctx, &before, al, o, JournalEntry{At: b.now, Actor: b.by.Name, ActorID: b.by.ID, Text: ForDrill})
}

// drillTimer ends drills that somebody has forgotten.
func (a *Alarms) drillTimer() timer {
	return timer{
		name: "end of drills",
		next: func(ctx context.Context) (time.Time, error) {
			return earliest(ctx, a.o.DB.Read(), "SELECT min(until) FROM alarm_drill WHERE ended_at IS NULL")
		},
		fire: func(ctx context.Context, tx *sql.Tx, now time.Time) error {
			due, err := drills(ctx, tx, "ended_at IS NULL AND until <= ? ORDER BY until, id LIMIT 20", now.UnixMilli())
			if err != nil {
				return err
			}
			for i := range due {
				if err := a.endDrill(ctx, tx, &due[i], actor{hub, hub}); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// Drills lists the latest exercises, those that are on first.
func (a *Alarms) Drills(ctx context.Context, limit int) ([]Drill, error) {
	return drills(ctx, a.o.DB.Read(), "1 = 1 ORDER BY ended_at IS NOT NULL, began_at DESC, id LIMIT ?", cmp.Or(limit, 100))
}
