package identity

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// inFlight is how long after a sign-out a request with the old token may still be on
// its way from the same page.
const inFlight = 10 * time.Second

// endedSession is one that was ended before its time.
type endedSession struct {
	user        string
	created, at time.Time
	gone        bool // the account was switched off
}

// keepEnded writes down that sessions of an account end, so that their tokens are
// known when they are shown again. which is a condition on the table of sessions.
func keepEnded(ctx context.Context, tx *sql.Tx, n time.Time, gone bool, which string, args ...any) error {
	_, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO sessions_ended(hash, account, created_at, ended_at, gone) SELECT hash, account, created_at, ?, ? FROM sessions WHERE "+which, //nolint:gosec // G202: which is a constant of the caller
		append([]any{n.UnixMilli(), gone}, args...)...)
	if err != nil {
		return fmt.Errorf("keep ended sessions: %w", err)
	}
	return nil
}

// reused judges a token that is none of a session. One that was signed out is in the
// hands of somebody else: all sessions of its owner end, since nobody can tell which
// of them was copied. Each token is told of once.
func (i *Identity) reused(ctx context.Context, token, remote string) {
	key := hashSecret(token)
	i.mu.RLock()
	_, known := i.ended[key]
	i.mu.RUnlock()
	if !known {
		return
	}
	if n, ok := i.endFamily(context.WithoutCancel(ctx), key, remote); ok {
		i.notice(n)
	}
}

// endFamily ends what a reused token belongs to; ok is false when there is nothing to
// tell of.
func (i *Identity) endFamily(ctx context.Context, key secretHash, remote string) (n Notice, ok bool) {
	i.change.Lock()
	defer i.change.Unlock()
	i.mu.RLock()
	e, known := i.ended[key]
	i.mu.RUnlock()
	if !known || !e.gone && now().Sub(e.at) < inFlight {
		return n, false
	}
	n = Notice{Kind: SessionReused, Account: e.user, Address: addressKey(remote)}
	if e.gone {
		n.Kind = SessionOfGone
	}
	family := 0
	err := i.db.Tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM sessions_ended WHERE hash = ?", key[:]); err != nil {
			return fmt.Errorf("end sessions of %s: %w", e.user, err)
		}
		r, err := tx.ExecContext(ctx, "DELETE FROM sessions WHERE account = ?", e.user)
		if err != nil {
			return fmt.Errorf("end sessions of %s: %w", e.user, err)
		}
		ended, err := r.RowsAffected()
		if err != nil {
			return fmt.Errorf("end sessions of %s: %w", e.user, err)
		}
		family = int(ended)
		return i.Audit(ctx, tx, "", "session.reused", e.user, map[string]any{"address": n.Address, "sessions_ended": family, "account_off": e.gone})
	})
	if err != nil {
		i.log.ErrorContext(ctx, "sessions of a reused token not ended", "account", e.user, "err", err)
		return n, false
	}
	i.log.WarnContext(ctx, "the token of an ended session was shown", "account", e.user, "address", n.Address, "sessions_ended", family)
	i.mu.Lock()
	delete(i.ended, key)
	i.mu.Unlock()
	i.forget(func(s *session) bool { return s.user == e.user })
	if family > 0 {
		i.opt.OnRevoked(e.user)
	}
	return n, true
}

// rememberEnded takes ended sessions into memory, where every unknown token is looked up.
func (i *Identity) rememberEnded(ctx context.Context) error {
	all, err := i.loadEnded(ctx)
	if err != nil {
		return err
	}
	i.mu.Lock()
	i.ended = all
	i.mu.Unlock()
	return nil
}

func (i *Identity) loadEnded(ctx context.Context) (map[secretHash]endedSession, error) {
	rows, err := i.db.Read().QueryContext(ctx, "SELECT hash, account, created_at, ended_at, gone FROM sessions_ended")
	if err != nil {
		return nil, fmt.Errorf("read ended sessions: %w", err)
	}
	defer func() { _ = rows.Close() }()
	all := map[secretHash]endedSession{}
	for rows.Next() {
		var key []byte
		var created, ended int64
		var e endedSession
		if err := rows.Scan(&key, &e.user, &created, &ended, &e.gone); err != nil {
			return nil, fmt.Errorf("read ended sessions: %w", err)
		}
		e.created, e.at = at(created), at(ended)
		if len(key) == len(secretHash{}) {
			all[secretHash(key)] = e
		}
	}
	return all, rows.Err()
}
