package access

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"time"
)

// Retention is how long what is known of people is kept.
type Retention struct {
	Badges   time.Duration // then a row of the badge log no longer says who it was. Default 180 days
	Visitors time.Duration // then a visitor's name and plate go. Default 90 days
	Reports  time.Duration // what was told to the desk. Default 30 days
}

func (r *Retention) defaults() {
	const day = 24 * time.Hour
	for _, d := range []struct {
		v *time.Duration
		d time.Duration
	}{{&r.Badges, 180 * day}, {&r.Visitors, 90 * day}, {&r.Reports, 30 * day}} {
		if *d.v == 0 {
			*d.v = d.d
		}
	}
}

// forgetAtOnce bounds one transaction; doors wait meanwhile.
const forgetAtOnce = 500

// Forget takes away what is kept no longer. The rows of the badge log stay, for
// counting, under a name that leads to nobody: it changes every month, and the
// key that made it is not kept.
func (x *Access) Forget(ctx context.Context, t time.Time) error {
	for {
		n, err := x.pseudonymise(ctx, t)
		if err != nil {
			return err
		}
		if n < forgetAtOnce {
			break
		}
	}
	return x.db.Tx(ctx, func(tx *sql.Tx) error {
		visitors := t.Add(-x.keepFor.Visitors).UnixMilli()
		for _, q := range []struct {
			text string
			args []any
		}{
			{"UPDATE access_passes SET plate = '' WHERE plate <> '' AND credential IN (SELECT id FROM access_credentials WHERE valid_to <> 0 AND valid_to < ?)", []any{visitors}},
			{"UPDATE access_credentials SET plate = '', last4 = '' WHERE type = 'plate' AND plate <> '' AND counts_as <> '' AND valid_to <> 0 AND valid_to < ?", []any{visitors}},
			{"DELETE FROM access_cars WHERE out_at <> 0 AND out_at < ?", []any{visitors}},
			{`UPDATE access_people SET name = '-', erased_at = ?, left_at = CASE WHEN left_at = 0 THEN ? ELSE left_at END WHERE kind IN ('visitor', 'courier') AND erased_at = 0
				AND id IN (SELECT p.person FROM access_passes p JOIN access_credentials c ON c.id = p.credential WHERE c.valid_to < ?)`, []any{t.UnixMilli(), t.UnixMilli(), visitors}},
			{"UPDATE access_badges SET person_name = '-' WHERE person IN (SELECT id FROM access_people WHERE kind IN ('visitor', 'courier') AND erased_at <> 0) AND person_name <> '-'", nil},
			{"DELETE FROM access_reports WHERE type = '' AND at < ?", []any{t.Add(-x.keepFor.Reports).UnixMilli()}},
			{"DELETE FROM access_nonces WHERE until < ?", []any{t.UnixMilli()}},
			{"DELETE FROM access_whereabouts WHERE at < ?", []any{t.Add(-x.keepFor.Reports).UnixMilli()}},
		} {
			if _, err := tx.ExecContext(ctx, q.text, q.args...); err != nil {
				return fmt.Errorf("forget: %w", err)
			}
		}
		return nil
	})
}

// pseudonymise takes people out of some old rows of the badge log.
func (x *Access) pseudonymise(ctx context.Context, t time.Time) (n int, err error) {
	type old struct {
		id, at int64
		person string
	}
	var rows []old
	err = x.each(ctx, "SELECT id, received_at, person FROM access_badges WHERE pseudonym = 0 AND received_at < ? ORDER BY received_at LIMIT ?",
		[]any{t.Add(-x.keepFor.Badges).UnixMilli(), forgetAtOnce}, func(r *sql.Rows) error {
			var o old
			err := r.Scan(&o.id, &o.at, &o.person)
			rows = append(rows, o)
			return err
		})
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	return len(rows), x.db.Tx(ctx, func(tx *sql.Tx) error {
		for _, o := range rows {
			if _, err := tx.ExecContext(ctx, `UPDATE access_badges SET person = ?, person_name = '', unit = '', credential = '', last4 = '',
				actor = CASE WHEN decided_by = 'app' THEN '' ELSE actor END, pseudonym = 1 WHERE id = ?`, x.alias(o.person, o.at), o.id); err != nil {
				return fmt.Errorf("pseudonymise badges: %w", err)
			}
		}
		return nil
	})
}

// alias is another name for a person in one month.
func (x *Access) alias(person string, at int64) string {
	if person == "" {
		return ""
	}
	h := hmac.New(sha256.New, x.forgetKey)
	h.Write([]byte(person + "\x00" + time.UnixMilli(at).In(x.loc).Format("2006-01")))
	return "x-" + hex.EncodeToString(h.Sum(nil)[:8])
}
