package ladder

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

func (l *Ladder) insert(ctx context.Context, tx *sql.Tx, x *reaction) (again bool, err error) {
	res, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO charger_reactions(id, alarm, device, part, rung, began_at) VALUES (?, ?, ?, ?, ?, ?)`,
		x.ID, x.Alarm, x.Device, x.Part, string(x.Rung), x.Began.UnixMilli())
	if err != nil {
		return false, err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return true, err
	}
	for i, p := range x.Steps {
		b, err := json.Marshal(p.Step)
		if err != nil {
			return false, err
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO charger_steps(reaction, place, step, state) VALUES (?, ?, ?, ?)", x.ID, i, string(b), string(p.State)); err != nil {
			return false, err
		}
	}
	return false, nil
}

// save writes a step, with a line in the alarm's journal where what is not "".
func (l *Ladder) save(ctx context.Context, x *reaction, p *progress, what string) error {
	place := -1
	for i, q := range x.Steps {
		if q == p {
			place = i
		}
	}
	err := l.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		l.mu.Lock()
		state, sent, at, ref, proof := p.State, ms(p.Sent), ms(p.At), p.Ref, p.Proof
		over := true
		for _, q := range x.Steps {
			over = over && q.over()
		}
		l.mu.Unlock()
		_, err := tx.ExecContext(ctx, "UPDATE charger_steps SET state = ?, sent_at = ?, ref = ?, at = ?, proof = ? WHERE reaction = ? AND place = ?",
			string(state), sent, ref, at, proof, x.ID, place)
		if err != nil {
			return err
		}
		if over {
			if _, err := tx.ExecContext(ctx, "UPDATE charger_reactions SET ended_at = ? WHERE id = ?", now().UnixMilli(), x.ID); err != nil {
				return err
			}
		}
		if what == "" {
			return nil
		}
		return l.o.Note(ctx, tx, x.Alarm, what, p.line())
	})
	if err != nil || what == "" {
		return err
	}
	return l.o.Feed.Committed(ctx)
}

// line is a step in the alarm's journal.
func (p *progress) line() string {
	words := []string{"ladder", string(p.Kind)}
	for _, w := range []string{p.Device, p.Part, strings.Join(p.Zones, ",")} {
		if w != "" {
			words = append(words, w)
		}
	}
	s := strings.Join(words, " ")
	if !p.Sent.IsZero() {
		s += fmt.Sprintf(" (%d ms)", p.At.Sub(p.Sent).Milliseconds())
	}
	if p.Proof != "" {
		s += ": " + p.Proof
	}
	return s
}

// Order is the command that the first cut of a reaction became; "" when there was none
// yet.
func (l *Ladder) Order(ctx context.Context, reaction string) (command string, err error) {
	err = l.o.DB.Read().QueryRowContext(ctx, `SELECT ref FROM charger_steps WHERE reaction = ? AND ref <> '' AND json_extract(step, '$.kind') IN (?, ?) ORDER BY place LIMIT 1`,
		reaction, string(Cut), string(Feeder)).Scan(&command)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return command, err
}

// load takes up the reactions that have not ended. What was cut before a restart
// is ordered again under the same key, which the cabinet has done already.
func (l *Ladder) load(ctx context.Context) ([]*reaction, error) {
	return l.list(ctx, "WHERE ended_at = 0 ORDER BY began_at, id")
}

func (l *Ladder) list(ctx context.Context, where string, args ...any) ([]*reaction, error) {
	rows, err := l.o.DB.Read().QueryContext(ctx, "SELECT id, alarm, device, part, rung, began_at FROM charger_reactions "+where, args...) //nolint:gosec // where is ours
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []*reaction
	for rows.Next() {
		x := &reaction{}
		var at int64
		if err := rows.Scan(&x.ID, &x.Alarm, &x.Device, &x.Part, &x.Rung, &at); err != nil {
			return nil, err
		}
		x.Began = time.UnixMilli(at).UTC()
		out = append(out, x)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	for _, x := range out {
		if x.Place, err = l.o.World.Place(ctx, x.Device); err != nil {
			x.Place = Place{Device: x.Device, Name: x.Device}
		}
		if err := l.loadSteps(ctx, x); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (l *Ladder) loadSteps(ctx context.Context, x *reaction) error {
	rows, err := l.o.DB.Read().QueryContext(ctx, "SELECT step, state, sent_at, ref, at, proof FROM charger_steps WHERE reaction = ? ORDER BY place", x.ID)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		p := &progress{}
		var text string
		var sent, at int64
		if err := rows.Scan(&text, &p.State, &sent, &p.Ref, &at, &p.Proof); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(text), &p.Step); err != nil {
			return err
		}
		p.Sent, p.At = moment(sent), moment(at)
		p.Within = within(p.Kind)
		x.Steps = append(x.Steps, p)
	}
	return rows.Err()
}

func within(k Kind) time.Duration {
	switch k {
	case Cut:
		return cutWithin
	case Feeder:
		return feederWithin
	case Say:
		return sayWithin
	case Release:
		return doorsWithin
	case Light:
		return lampWithin
	case Card:
	}
	return time.Second
}

func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
