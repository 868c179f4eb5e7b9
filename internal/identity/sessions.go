package identity

import (
	"context"
	"crypto/subtle"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"
)

// touchEvery is how far the stored time of last use may be behind: one small
// write per session and five minutes instead of one per request.
const touchEvery = 5 * time.Minute

// session is one signed-in browser.
type session struct {
	user    string
	created time.Time
	seen    atomic.Int64 // Unix ms
	saved   atomic.Int64 // Unix ms, what the database has
}

// SignIn checks a password and starts a session. The token goes into the
// cookie; until says when the session ends at the latest. Unknown, disabled and
// wrong give the same error after the same work.
func (i *Identity) SignIn(ctx context.Context, login, password, remote string) (token string, u User, until time.Time, err error) {
	login = strings.ToLower(login)
	hash, err := i.verify(ctx, login, password, remote)
	if err != nil {
		return "", User{}, time.Time{}, err
	}
	token, key := newSecret("")
	s := &session{created: now()}
	s.seen.Store(s.created.UnixMilli())
	s.saved.Store(s.created.UnixMilli())
	i.change.Lock()
	defer i.change.Unlock()
	err = i.db.Tx(ctx, func(tx *sql.Tx) error {
		// The password may have been reset while it was checked: then it is wrong.
		current, err := passwordHash(ctx, tx, login)
		if err != nil {
			return err
		}
		if subtle.ConstantTimeCompare([]byte(current), []byte(hash)) != 1 {
			return ErrRefused
		}
		if err := tx.QueryRowContext(ctx, "SELECT id FROM users WHERE login = ?", login).Scan(&s.user); err != nil {
			return fmt.Errorf("sign in: %w", err)
		}
		if err := i.pruneSessions(ctx, tx, s.created); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO sessions(hash, account, created_at, seen_at, address) VALUES (?, ?, ?, ?, ?)",
			key[:], s.user, s.created.UnixMilli(), s.created.UnixMilli(), addressKey(remote)); err != nil {
			return fmt.Errorf("sign in: %w", err)
		}
		return i.Audit(ctx, tx, s.user, "session.started", s.user, map[string]any{"address": addressKey(remote)})
	})
	if err != nil {
		return "", User{}, time.Time{}, err
	}
	i.forget(func(o *session) bool { return !i.alive(o, s.created) })
	i.mu.Lock()
	defer i.mu.Unlock()
	i.sessions[key] = s
	return token, i.users[s.user], s.created.Add(i.opt.Absolute), nil
}

// verify checks a password within the limits and returns the hash it matched.
func (i *Identity) verify(ctx context.Context, login, password, remote string) (string, error) {
	addr := addressKey(remote)
	if wait, ok := i.byAddr.take(addr); !ok {
		i.log.WarnContext(ctx, "sign-in limited", "by", "address", "address", addr)
		i.notice(Notice{Kind: SignInLimited, Address: addr})
		return "", &LimitedError{wait}
	}
	if wait, ok := i.byUser.take(login); !ok {
		i.log.WarnContext(ctx, "sign-in limited", "by", "login", "address", addr)
		i.mu.RLock()
		account := i.logins[login]
		i.mu.RUnlock()
		i.notice(Notice{Kind: SignInLimited, Account: account, Address: addr})
		return "", &LimitedError{wait}
	}
	hash, err := passwordHash(ctx, i.db.Read(), login)
	if err != nil {
		return "", err
	}
	ok, err := i.hash.check(ctx, password, hash)
	if err != nil {
		return "", err
	}
	if !ok {
		// Only a login that exists is noted: people type passwords into the
		// wrong field.
		i.mu.RLock()
		target := i.logins[login]
		i.mu.RUnlock()
		if err := i.Audit(ctx, nil, "", "session.refused", target, map[string]any{"address": addr}); err != nil {
			return "", err
		}
		return "", ErrRefused
	}
	i.byAddr.give(addr)
	i.byUser.give(login)
	return hash, nil
}

// SignOut ends the session of a token; an unknown one is no error.
func (i *Identity) SignOut(ctx context.Context, token string) error {
	key := hashSecret(token)
	i.change.Lock()
	defer i.change.Unlock()
	i.mu.RLock()
	s := i.sessions[key]
	i.mu.RUnlock()
	if s == nil {
		return nil
	}
	err := i.db.Tx(ctx, func(tx *sql.Tx) error {
		if err := keepEnded(ctx, tx, now(), false, "hash = ?", key[:]); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM sessions WHERE hash = ?", key[:]); err != nil {
			return fmt.Errorf("sign out: %w", err)
		}
		return i.Audit(ctx, tx, s.user, "session.ended", s.user, nil)
	})
	if err != nil {
		return err
	}
	i.forget(func(o *session) bool { return o == s })
	if err := i.rememberEnded(ctx); err != nil {
		return err
	}
	if !i.hasSession(s.user) {
		i.opt.OnRevoked(s.user)
	}
	return nil
}

// SetPassword lets a user replace the own password. All other sessions end; the
// one of keep goes on.
func (i *Identity) SetPassword(ctx context.Context, id, old, fresh, keep, remote string) error {
	u, ok := i.User(id)
	if !ok {
		return fmt.Errorf("%w: user %s", ErrNotFound, id)
	}
	was, err := i.verify(ctx, u.Login, old, remote)
	if err != nil {
		return err
	}
	if fresh == "" {
		return fmt.Errorf("%w: a password has %d to %d bytes", ErrInvalid, minPassword, maxPassword)
	}
	_, hash, err := i.choose(ctx, fresh)
	if err != nil {
		return err
	}
	key := hashSecret(keep)
	i.change.Lock()
	defer i.change.Unlock()
	err = i.db.Tx(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, "UPDATE users SET hash = ?, must_change = 0 WHERE id = ? AND hash = ?", hash, id, was)
		if err != nil {
			return fmt.Errorf("set password: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(ErrRefused, err)
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM sessions WHERE account = ? AND hash <> ?", id, key[:]); err != nil {
			return fmt.Errorf("set password: %w", err)
		}
		return i.Audit(ctx, tx, id, "user.password_set", id, nil)
	})
	if err != nil {
		return err
	}
	if u, ok = i.User(id); ok {
		u.MustChange = false
		i.put(u)
	}
	i.mu.RLock()
	kept := i.sessions[key]
	i.mu.RUnlock()
	others := 0
	i.forget(func(s *session) bool {
		other := s.user == id && s != kept
		if other {
			others++
		}
		return other
	})
	if others > 0 { // what they look at ends, too; the one that is kept looks again
		i.opt.OnRevoked(id)
	}
	return nil
}

// bySession finds the user of a session token and notes that it is in use.
func (i *Identity) bySession(ctx context.Context, token string) (User, bool) {
	key, n := hashSecret(token), now()
	i.mu.RLock()
	s := i.sessions[key]
	var u User
	ok := false
	if s != nil {
		u, ok = i.users[s.user]
	}
	i.mu.RUnlock()
	if !ok || u.Disabled || !i.alive(s, n) {
		return User{}, false
	}
	s.seen.Store(n.UnixMilli())
	if saved := s.saved.Load(); n.UnixMilli()-saved >= touchEvery.Milliseconds() && s.saved.CompareAndSwap(saved, n.UnixMilli()) {
		err := i.db.Tx(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "UPDATE sessions SET seen_at = ? WHERE hash = ?", n.UnixMilli(), key[:])
			return err
		})
		if err != nil { // the session still is good; it may only end earlier after a restart
			i.log.WarnContext(ctx, "note session use", "user", u.ID, "err", err)
		}
	}
	return u, true
}

// alive judges by the hub's clock. A clock that was set back makes a session
// younger, but never by more than it was set back.
func (i *Identity) alive(s *session, n time.Time) bool {
	return n.Sub(at(s.seen.Load())) < i.opt.Idle && n.Sub(s.created) < i.opt.Absolute
}

// Expire drops the sessions whose time is over. A request would find that out; a picture that
// runs on asks no more, so of accounts that have no other session it is ended.
func (i *Identity) Expire() {
	n := now()
	over := map[string]bool{}
	i.mu.Lock()
	for k, s := range i.sessions {
		if !i.alive(s, n) {
			over[s.user] = true
			delete(i.sessions, k)
		}
	}
	i.mu.Unlock()
	for user := range over {
		if !i.hasSession(user) {
			i.opt.OnRevoked(user)
		}
	}
}

func (i *Identity) hasSession(user string) bool {
	n := now()
	i.mu.RLock()
	defer i.mu.RUnlock()
	for _, s := range i.sessions {
		if s.user == user && i.alive(s, n) {
			return true
		}
	}
	return false
}

func (i *Identity) forget(which func(*session) bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for k, s := range i.sessions {
		if which(s) {
			delete(i.sessions, k)
		}
	}
}

// pruneSessions drops what has ended; the stored time of use lags, so a session
// is dropped only when it is over in any case.
func (i *Identity) pruneSessions(ctx context.Context, tx *sql.Tx, n time.Time) error {
	_, err := tx.ExecContext(ctx, "DELETE FROM sessions WHERE created_at <= ? OR seen_at <= ?",
		n.Add(-i.opt.Absolute).UnixMilli(), n.Add(-i.opt.Idle-touchEvery).UnixMilli())
	if err != nil {
		return fmt.Errorf("prune sessions: %w", err)
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM sessions_ended WHERE created_at <= ?", n.Add(-i.opt.Absolute).UnixMilli()); err != nil {
		return fmt.Errorf("prune sessions: %w", err)
	}
	return nil
}

func (i *Identity) loadSessions(ctx context.Context) (map[secretHash]*session, error) {
	rows, err := i.db.Read().QueryContext(ctx, "SELECT hash, account, created_at, seen_at FROM sessions")
	if err != nil {
		return nil, fmt.Errorf("read sessions: %w", err)
	}
	defer func() { _ = rows.Close() }()
	all := map[secretHash]*session{}
	for rows.Next() {
		var key []byte
		var created, seen int64
		s := &session{}
		if err := rows.Scan(&key, &s.user, &created, &seen); err != nil {
			return nil, fmt.Errorf("read sessions: %w", err)
		}
		s.created = at(created)
		s.seen.Store(seen)
		s.saved.Store(seen)
		if len(key) == len(secretHash{}) {
			all[secretHash(key)] = s
		}
	}
	return all, rows.Err()
}
