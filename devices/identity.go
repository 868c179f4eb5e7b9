package devices

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"fmt"
	"time"

	"dongyue/internal/event"
)

// MaxOverlap is how long two secrets of a device may be good at most.
const MaxOverlap = 24 * time.Hour

// Authenticate checks a device's secret and returns its kind. It takes the same
// time for a device that does not exist. While a rotation overlaps, the secret
// before is good too.
func (r *Registry) Authenticate(_ context.Context, id string, secret []byte) (event.Kind, error) {
	var want, old [sha256.Size]byte
	rec := r.find(id)
	if rec != nil {
		rec.mu.Lock()
		defer rec.mu.Unlock()
		want, old = rec.secret, rec.old
	}
	got := hashSecret(id, secret)
	isNew := subtle.ConstantTimeCompare(got[:], want[:]) == 1
	isOld := subtle.ConstantTimeCompare(got[:], old[:]) == 1
	if rec == nil || rec.d.Disabled {
		return "", ErrCredentials
	}
	isOld = isOld && !isNew && time.Now().Before(rec.oldUntil)
	if !isNew && !isOld {
		return "", ErrCredentials
	}
	rec.login, rec.byOld = rec.rotated, isOld
	return rec.kind, nil
}

// Rotate gives a device another secret and returns it. The one before stays good
// for the overlap, so that the device can be told of the new one; with none it
// ends at once, and so does the session.
func (r *Registry) Rotate(ctx context.Context, id string, overlap time.Duration) (string, error) {
	if overlap < 0 || overlap > MaxOverlap {
		return "", Refuse(CodeValue, "grace_s: from 0 to %d is wanted", int(MaxOverlap.Seconds()))
	}
	r.edit.Lock()
	defer r.edit.Unlock()
	rec := r.find(id)
	if rec == nil {
		return "", fmt.Errorf("device %s: %w", id, ErrNoDevice)
	}
	secret := newSecret()
	hash := hashSecret(id, []byte(secret))
	rec.mu.Lock()
	old := rec.secret
	rec.mu.Unlock()
	var until time.Time
	if overlap > 0 {
		until = time.Now().Add(overlap).UTC().Truncate(time.Millisecond)
	} else {
		old = [sha256.Size]byte{}
	}
	err := r.db.Tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE devices SET secret = ?, secret_old = ?, secret_old_until = ?, updated_at = ? WHERE id = ?`,
			hash[:], old[:], toMS(until), toMS(time.Now()), id)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("rotate secret of %s: %w", id, err)
	}
	rec.mu.Lock()
	rec.secret, rec.old, rec.oldUntil = hash, old, until
	rec.byOld = true // a session that is there came with what is now the old one
	rec.mu.Unlock()
	if overlap == 0 {
		r.end(rec)
		return secret, nil
	}
	r.hotMu.Lock()
	r.overlap[rec] = until
	r.hotMu.Unlock()
	return secret, nil
}

// endOverlaps closes sessions that came with a secret whose time is over.
func (r *Registry) endOverlaps(now time.Time) {
	r.hotMu.Lock()
	var over []*record
	for rec, until := range r.overlap {
		if !now.Before(until) {
			over = append(over, rec)
			delete(r.overlap, rec)
		}
	}
	r.hotMu.Unlock()
	for _, rec := range over {
		rec.mu.Lock()
		stale := rec.byOld && !now.Before(rec.oldUntil)
		rec.mu.Unlock()
		if stale {
			r.end(rec)
		}
	}
}

// endStale closes the sessions whose login met the end of their secret.
func (r *Registry) endStale() {
	r.hotMu.Lock()
	all := r.stale
	r.stale = nil
	r.hotMu.Unlock()
	for _, rec := range all {
		if r.drop != nil {
			r.drop(rec.id)
		}
	}
}

// end closes the session of a device that may no longer be there. A login that
// is under way is caught when it connects.
func (r *Registry) end(rec *record) {
	rec.mu.Lock()
	rec.rotated++
	rec.mu.Unlock()
	if r.drop != nil {
		r.drop(rec.id)
	}
}

// Disable keeps a device out, or lets it in again.
func (r *Registry) Disable(ctx context.Context, id string, off bool) (Device, error) {
	r.edit.Lock()
	defer r.edit.Unlock()
	rec := r.find(id)
	if rec == nil {
		return Device{}, fmt.Errorf("device %s: %w", id, ErrNoDevice)
	}
	d := rec.view()
	if d.Disabled == off {
		return d, nil
	}
	d.Disabled = off
	err := r.db.Tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE devices SET disabled = ?, updated_at = ? WHERE id = ?`, off, toMS(time.Now()), id); err != nil {
			return fmt.Errorf("disable %s: %w", id, err)
		}
		return r.feedDevice(ctx, tx, d)
	})
	if err != nil {
		return Device{}, err
	}
	rec.mu.Lock()
	rec.d.Disabled = off
	rec.mu.Unlock()
	if off {
		r.end(rec)
	}
	return rec.view(), r.feed.Committed(ctx)
}

// Delete forgets a device: its twin, what was wanted of it, its secret. Commands,
// certificates' serials and the journal stay.
func (r *Registry) Delete(ctx context.Context, id string) error {
	r.edit.Lock()
	defer r.edit.Unlock()
	rec := r.find(id)
	if rec == nil {
		return fmt.Errorf("device %s: %w", id, ErrNoDevice)
	}
	now := time.Now()
	err := r.db.Tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM devices WHERE id = ?`, id); err != nil {
			return fmt.Errorf("delete %s: %w", id, err)
		}
		if _, err := tx.ExecContext(ctx, `UPDATE device_certificates SET revoked_at = ? WHERE device = ? AND revoked_at = 0`, toMS(now), id); err != nil {
			return fmt.Errorf("delete %s: %w", id, err)
		}
		d := rec.view()
		j := toJSON(&d)
		j.Online, j.Deleted = false, true
		_, err := r.feed.Append(ctx, tx, "device", j)
		return err
	})
	if err != nil {
		return err
	}
	r.mu.Lock()
	delete(r.devices, id)
	r.sorted = nil
	for serial, c := range r.certs {
		if c.Device == id && c.RevokedAt.IsZero() {
			c.RevokedAt = now
			r.certs[serial] = c
		}
	}
	r.mu.Unlock()
	rec.mu.Lock()
	rec.d.Disabled = true // for a login that has just begun
	rec.mu.Unlock()
	r.end(rec)
	for _, channel := range []event.Channel{event.Presence, event.State, event.Config} {
		if err := r.pub.Publish(event.Topic(rec.kind, id, channel), nil, 1, true, 0); err != nil {
			r.log.DebugContext(ctx, "retained message was not removed", "device_id", id, "err", err)
		}
	}
	return r.feed.Committed(ctx)
}
