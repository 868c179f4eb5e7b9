package access

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"dongyue/internal/event"
)

// After this many wrong PINs in a row a door takes no PIN for a while (GB
// 50396-2007 §5.1 allows at most five). Each further five wrong ones make it
// three times as long; a day without any makes it short again. Cards go on
// working.
const (
	maxTries     = 5
	lockFor      = 5 * time.Minute
	lockGrows    = 3
	maxLock      = 24 * time.Hour
	triesForget  = 24 * time.Hour
	spreadDoors  = 10 // with a wrong PIN at each within a day, somebody tries all doors
	reportLocked = "pin_lockout"
	reportSpread = "pin_spread"
)

// tries counts the wrong PINs at one door, or for one household where the keypad
// asks for its number. Times are Unix ms.
type tries struct {
	wrong, level int
	until, at    int64
}

// wrongAt is the count after one more wrong PIN; locked when that was the last one.
func (t tries) wrongAt(n time.Time) (_ tries, locked bool) {
	if n.UnixMilli()-t.at > triesForget.Milliseconds() {
		t.wrong, t.level = 0, 0
	}
	t.wrong, t.at = t.wrong+1, n.UnixMilli()
	if t.wrong < maxTries {
		return t, false
	}
	hold := lockFor
	for range t.level {
		hold = min(hold*lockGrows, maxLock)
	}
	t.wrong, t.level, t.until = 0, t.level+1, n.Add(hold).UnixMilli()
	return t, true
}

// tryScopes are where a PIN counts.
func tryScopes(door, zone, typed string) []string {
	scopes := []string{"door:" + door}
	if household, _ := splitPIN(typed); household != "" {
		scopes = append(scopes, "home:"+zone+"/"+household)
	}
	return scopes
}

func readTries(ctx context.Context, tx *sql.Tx, scope string) (t tries, err error) {
	err = tx.QueryRowContext(ctx, "SELECT wrong, level, until, at FROM access_tries WHERE scope = ?", scope).Scan(&t.wrong, &t.level, &t.until, &t.at)
	if errors.Is(err, sql.ErrNoRows) {
		return tries{}, nil
	}
	if err != nil {
		return t, fmt.Errorf("read tries: %w", err)
	}
	return t, nil
}

func (t tries) write(ctx context.Context, tx *sql.Tx, scope string) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO access_tries(scope, wrong, level, until, at) VALUES (?, ?, ?, ?, ?) ON CONFLICT(scope) DO UPDATE
		SET wrong = excluded.wrong, level = excluded.level, until = excluded.until, at = excluded.at`, scope, t.wrong, t.level, t.until, t.at)
	if err != nil {
		return fmt.Errorf("write tries: %w", err)
	}
	return nil
}

// locked reports whether no PIN is taken now.
func locked(ctx context.Context, tx *sql.Tx, scopes []string, n time.Time) (bool, error) {
	for _, s := range scopes {
		t, err := readTries(ctx, tx, s)
		if err != nil || n.UnixMilli() < t.until {
			return err == nil, err
		}
	}
	return false, nil
}

// strange reports whether a PIN is nobody's who may pass here: for whoever tries, it is as
// wrong as one that nobody has. Were it not, one PIN of somebody's could be carried from
// door to door without an end, until its home is found.
func (r Reason) strange() bool {
	switch r {
	case PINWrong, WrongDoor, Inactive, LostStolen, Expired, NotYetValid:
		return true
	default:
		return false
	}
}

// countTry counts a wrong PIN; a right one starts the row afresh, but not the
// ladder.
func (x *Access) countTry(ctx context.Context, tx *sql.Tx, ev *event.Event, scopes []string, v Verdict) error {
	if !v.Reason.strange() && !v.Granted {
		return nil
	}
	for _, s := range scopes {
		t, err := readTries(ctx, tx, s)
		if err != nil {
			return err
		}
		if v.Granted {
			if t.wrong == 0 {
				continue
			}
			t.wrong = 0
		} else {
			var full bool
			if t, full = t.wrongAt(ev.ReceivedAt); full {
				if err := x.report(ctx, tx, reportLocked+":"+ev.ID+":"+s, ev.Device, reportLocked, map[string]any{"until": at(t.until), "level": t.level}); err != nil {
					return err
				}
			}
		}
		if err := t.write(ctx, tx, s); err != nil {
			return err
		}
	}
	if v.Granted {
		return nil
	}
	return x.countSpread(ctx, tx, ev)
}

// countSpread tells, once a day, of wrong PINs at many doors.
func (x *Access) countSpread(ctx context.Context, tx *sql.Tx, ev *event.Event) error {
	var n int
	err := tx.QueryRowContext(ctx, "SELECT count(*) FROM access_tries WHERE scope LIKE 'door:%' AND at > ?", ev.ReceivedAt.Add(-triesForget).UnixMilli()).Scan(&n)
	if err != nil {
		return fmt.Errorf("count tries: %w", err)
	}
	if n < spreadDoors {
		return nil
	}
	id := reportSpread + ":" + ev.ReceivedAt.In(x.loc).Format(time.DateOnly)
	return x.report(ctx, tx, id, ev.Device, reportSpread, map[string]any{"doors": n})
}
