package alarm

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// habit is that of the alarm's subject; a drill has none that counts.
func (b *batch) habit(al *Alarm) *habit {
	k := al.subject()
	h := b.habits[k]
	if h == nil {
		h = &habit{}
		b.habits[k] = h
	}
	return h
}

// began notes that an alarm was raised anew, and reports whether it chatters.
func (b *batch) began(al *Alarm, at time.Time) bool {
	if al.Drill {
		return false
	}
	h := b.habit(al)
	h.raised(at)
	b.raised[h.day]++
	b.moody = append(b.moody, al)
	if !h.chatters(at) {
		return false
	}
	b.find(al, Chattering, at, h.perMinute(at))
	return true
}

// gone notes that an alarm's condition ended, and reports whether that is to be
// believed: what chatters comes back.
func (b *batch) gone(al *Alarm, at time.Time) bool {
	if al.Drill {
		return true
	}
	h := b.habit(al)
	if h.chatters(at) {
		return false
	}
	if al.AckedAt != nil || al.ShelveKind != "" { // somebody has acted
		return true
	}
	if h.ended(at) {
		b.find(al, Fleeting, at, 0)
	}
	b.moody = append(b.moody, al)
	return true
}

func (b *batch) loadHabits(ctx context.Context, subjects []subject) error {
	for part := range slices.Chunk(subjects, perStatement) {
		args := make([]any, 0, 3*len(part))
		for _, s := range part {
			args = append(args, s.rule, s.device, s.part)
		}
		if err := b.readHabits(ctx, habitsOf(len(part)), args); err != nil {
			return fmt.Errorf("read habits: %w", err)
		}
	}
	return nil
}

// habitsOf reads the habits of n subjects.
func habitsOf(n int) string {
	return "SELECT rule, device, part, raises, fleets, day, today FROM alarm_habit WHERE (rule, device, part) IN (VALUES " + tuples(n, 3) + ")"
}

func (b *batch) readHabits(ctx context.Context, query string, args []any) error {
	rows, err := b.tx.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var k subject
		var h habit
		var raises, fleets string
		if err := rows.Scan(&k.rule, &k.device, &k.part, &raises, &fleets, &h.day, &h.today); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(raises), &h.raises); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(fleets), &h.fleets); err != nil {
			return err
		}
		b.habits[k] = &h
	}
	return rows.Err()
}

// putHabits writes how subjects behaved, and looks for those that are frequent.
func (b *batch) putHabits(ctx context.Context) error {
	var rows [][]any
	for _, al := range b.moody {
		h := b.habit(al)
		if !h.moved {
			continue // it stands twice
		}
		h.moved = false
		raises, err := json.Marshal(h.raises)
		if err != nil {
			return err
		}
		fleets, err := json.Marshal(append([]int64{}, h.fleets...))
		if err != nil {
			return err
		}
		rows = append(rows, []any{al.Rule, al.Device, al.Part, string(raises), string(fleets), h.day, h.today})
	}
	err := insert(ctx, b.tx, intoHabit, rows, habitUpdated)
	if err != nil {
		return err
	}
	if err := b.countDays(ctx); err != nil {
		return err
	}
	return b.putFindings(ctx)
}

const (
	intoHabit    = "alarm_habit(rule, device, part, raises, fleets, day, today)"
	habitUpdated = "ON CONFLICT(rule, device, part) DO UPDATE SET raises = excluded.raises, fleets = excluded.fleets, day = excluded.day, today = excluded.today"
	countDay     = "INSERT INTO alarm_day(day, raised) VALUES (?, ?) ON CONFLICT(day) DO UPDATE SET raised = raised + excluded.raised RETURNING raised"
)

func (b *batch) countDays(ctx context.Context) error {
	for day, n := range b.raised {
		var total int
		err := b.tx.QueryRowContext(ctx, countDay, day, n).Scan(&total)
		if err != nil {
			return fmt.Errorf("count the alarms of a day: %w", err)
		}
		for _, al := range b.moody {
			if h := b.habit(al); h.day == day && h.frequent(total) {
				b.find(al, Frequent, al.LastAt, 0)
			}
		}
	}
	return nil
}
