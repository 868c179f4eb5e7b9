package access

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"dongyue/internal/web"
)

// A copy of where somebody went leaves the hub only when a second person allows it: the
// one who asks says why, another with the right to change people judges, and only the
// one who asked can take it, for a day.

const (
	trailGood   = 24 * time.Hour       // after it was allowed
	trailWaits  = 7 * 24 * time.Hour   // for somebody to judge
	mostTrail   = 366 * 24 * time.Hour // that one copy covers
	mostWaiting = 100
)

// The states of a copy.
const (
	TrailWaiting = "waiting"
	TrailAllowed = "allowed"
	TrailRefused = "refused"
	TrailOver    = "over" // nobody judged in time, or it was not taken in time
)

// Trail is a copy of somebody's badges that was asked for.
type Trail struct {
	ID         string     `json:"id"`
	Person     string     `json:"person"`
	From       time.Time  `json:"from"`
	To         time.Time  `json:"to" doc:"not included"`
	Reason     string     `json:"reason"`
	AskedBy    string     `json:"asked_by"`
	AskedName  string     `json:"asked_name"`
	AskedAt    time.Time  `json:"asked_at"`
	JudgedBy   string     `json:"judged_by"`
	JudgedName string     `json:"judged_name"`
	JudgedAt   *time.Time `json:"judged_at,omitempty"`
	Answer     string     `json:"answer"`
	State      string     `json:"state" enum:"waiting,allowed,refused,over"`
	Taken      int        `json:"taken" doc:"how often it was taken"`
	Until      time.Time  `json:"until" doc:"it waits, or can be taken, until then"`

	allowed bool
}

// AskTrail asks for a copy.
func (x *Access) AskTrail(ctx context.Context, who web.Principal, person string, from, to time.Time, reason string) (Trail, error) {
	reason = strings.TrimSpace(reason)
	switch {
	case reason == "" || len(reason) > maxNote:
		return Trail{}, ErrReasonNeeded
	case !from.Before(to):
		return Trail{}, fmt.Errorf("%w: from: a time before to is wanted", ErrInvalid)
	case to.Sub(from) > mostTrail:
		return Trail{}, fmt.Errorf("%w: to: at most %d days after from", ErrInvalid, int(mostTrail/(24*time.Hour)))
	}
	t := Trail{ID: newID("tr-"), Person: person, From: from.UTC(), To: to.UTC(), Reason: reason, AskedBy: who.ID, AskedName: who.Name, AskedAt: now()}
	err := x.db.Tx(ctx, func(tx *sql.Tx) error {
		if err := knownPerson(ctx, tx, person); err != nil {
			return err
		}
		var waiting int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM access_trails WHERE asked_by = ? AND judged_at = 0 AND asked_at > ?", who.ID, t.AskedAt.Add(-trailWaits).UnixMilli()).Scan(&waiting); err != nil {
			return fmt.Errorf("ask for badge trail: %w", err)
		}
		if waiting >= mostWaiting {
			return fmt.Errorf("%w: %d copies wait already; let them be judged first", ErrInvalid, waiting)
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO access_trails(id, person, from_at, to_at, reason, asked_by, asked_name, asked_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
			t.ID, person, t.From.UnixMilli(), t.To.UnixMilli(), reason, who.ID, who.Name, t.AskedAt.UnixMilli()); err != nil {
			return fmt.Errorf("ask for badge trail: %w", err)
		}
		return x.audit.Audit(ctx, tx, who.ID, "trail.asked", person, map[string]any{"trail": t.ID, "reason": reason, "from": t.From, "to": t.To})
	})
	t.settle(now())
	return t, err
}

// JudgeTrail allows a copy or refuses it. Who asked can't.
func (x *Access) JudgeTrail(ctx context.Context, who web.Principal, id string, allow bool, answer string) (Trail, error) {
	var t Trail
	err := x.db.Tx(ctx, func(tx *sql.Tx) (err error) {
		if t, err = readTrail(ctx, tx, id); err != nil {
			return err
		}
		switch {
		case t.AskedBy == who.ID:
			return ErrOwnRequest
		case t.State != TrailWaiting:
			return fmt.Errorf("%w: it is %s", ErrJudged, t.State)
		}
		n := now()
		t.JudgedBy, t.JudgedName, t.JudgedAt, t.Answer, t.allowed = who.ID, who.Name, &n, strings.TrimSpace(answer), allow
		if _, err := tx.ExecContext(ctx, "UPDATE access_trails SET judged_by = ?, judged_name = ?, judged_at = ?, allowed = ?, answer = ? WHERE id = ?",
			who.ID, who.Name, n.UnixMilli(), allow, t.Answer, id); err != nil {
			return fmt.Errorf("judge badge trail: %w", err)
		}
		action := "trail.refused"
		if allow {
			action = "trail.allowed"
		}
		return x.audit.Audit(ctx, tx, who.ID, action, t.Person, map[string]any{"trail": id, "asked_by": t.AskedBy, "answer": t.Answer})
	})
	t.settle(now())
	return t, err
}

// takeTrail opens a copy for the one who asked, and writes down that it was taken.
func (x *Access) takeTrail(ctx context.Context, who web.Principal, id string) (t Trail, err error) {
	err = x.db.Tx(ctx, func(tx *sql.Tx) (err error) {
		if t, err = readTrail(ctx, tx, id); err != nil {
			return err
		}
		switch {
		case t.AskedBy != who.ID:
			return fmt.Errorf("%w: copy %s", ErrNotFound, id)
		case t.State != TrailAllowed:
			return fmt.Errorf("%w: it is %s", ErrNotAllowed, t.State)
		}
		if _, err := tx.ExecContext(ctx, "UPDATE access_trails SET taken = taken + 1 WHERE id = ?", id); err != nil {
			return fmt.Errorf("take badge trail: %w", err)
		}
		return x.audit.Audit(ctx, tx, who.ID, "trail.taken", t.Person, map[string]any{"trail": id, "allowed_by": t.JudgedBy, "reason": t.Reason})
	})
	return t, err
}

const trailColumns = "id, person, from_at, to_at, reason, asked_by, asked_name, asked_at, judged_by, judged_name, judged_at, allowed, answer, taken FROM access_trails"

func readTrail(ctx context.Context, tx *sql.Tx, id string) (Trail, error) {
	t, err := scanTrail(tx.QueryRowContext(ctx, "SELECT "+trailColumns+" WHERE id = ?", id))
	if errors.Is(err, sql.ErrNoRows) {
		return t, fmt.Errorf("%w: copy %s", ErrNotFound, id)
	}
	if err != nil {
		return t, fmt.Errorf("read badge trail: %w", err)
	}
	return t, nil
}

func scanTrail(row interface{ Scan(...any) error }) (t Trail, err error) {
	var from, to, asked, judged int64
	err = row.Scan(&t.ID, &t.Person, &from, &to, &t.Reason, &t.AskedBy, &t.AskedName, &asked, &t.JudgedBy, &t.JudgedName, &judged, &t.allowed, &t.Answer, &t.Taken)
	t.From, t.To, t.AskedAt, t.JudgedAt = time.UnixMilli(from).UTC(), time.UnixMilli(to).UTC(), time.UnixMilli(asked).UTC(), at(judged)
	t.settle(now())
	return t, err
}

// settle works out how it stands.
func (t *Trail) settle(n time.Time) {
	t.Until = t.AskedAt.Add(trailWaits)
	switch {
	case t.JudgedAt == nil:
		t.State = TrailWaiting
	case !t.allowed:
		t.State, t.Until = TrailRefused, *t.JudgedAt
		return
	default:
		t.State, t.Until = TrailAllowed, t.JudgedAt.Add(trailGood)
	}
	if !n.Before(t.Until) {
		t.State = TrailOver
	}
}

// Trails lists the copies that were asked for, newest first.
func (x *Access) Trails(ctx context.Context, limit int) ([]Trail, error) {
	all := []Trail{}
	err := x.each(ctx, "SELECT "+trailColumns+" ORDER BY asked_at DESC, id LIMIT ?", []any{limit}, func(rows *sql.Rows) error {
		t, err := scanTrail(rows)
		all = append(all, t)
		return err
	})
	return all, err
}
