package devices

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// load reads everything into memory.
func (r *Registry) load(ctx context.Context) error {
	if err := errors.Join(r.loadZones(ctx), r.loadCertificates(ctx)); err != nil {
		return err
	}
	rows, err := r.db.Read().QueryContext(ctx, `
		SELECT d.id, d.kind, d.name, d.zone, d.labels, d.x, d.y, d.secret,
		       d.disabled, coalesce(d.secret_old, x''), d.secret_old_until, coalesce(w.version, 0), coalesce(w.desired, ''),
		       coalesce(t.online, 0), coalesce(t.last_seen, 0), coalesce(t.fw, ''), coalesce(t.boot, ''), coalesce(t.health, 'unknown'),
		       coalesce(t.state, ''), coalesce(t.state_at, 0), coalesce(t.boots, '[]'), coalesce(t.quarantined, 0), coalesce(t.told, 0), coalesce(v.vals, '{}')
		FROM devices d LEFT JOIN device_twins t ON t.device = d.id LEFT JOIN device_values v ON v.device = d.id
		LEFT JOIN device_desired w ON w.device = d.id`)
	if err != nil {
		return fmt.Errorf("devices: load: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		rec, err := scanRecord(rows)
		if err != nil {
			return err
		}
		r.devices[rec.id] = rec
		if !rec.oldUntil.IsZero() {
			r.overlap[rec] = rec.oldUntil
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("devices: load: %w", err)
	}
	r.hang()
	return nil
}

func scanRecord(rows *sql.Rows) (*record, error) {
	rec := &record{said: true}
	d := &rec.d
	var labels, state, boots, vals string
	var secret, old []byte
	var want string
	var seen, stateAt, oldUntil int64
	err := rows.Scan(&d.ID, &d.Kind, &d.Name, &d.Zone, &labels, &d.X, &d.Y, &secret, &d.Disabled, &old, &oldUntil, &d.Version, &want,
		&d.Online, &seen, &d.Firmware, &d.Boot, &d.Health, &state, &stateAt, &boots, &d.Quarantined, &rec.told, &vals)
	if err != nil {
		return nil, fmt.Errorf("devices: load: %w", err)
	}
	rec.id, rec.kind = d.ID, d.Kind
	copy(rec.secret[:], secret)
	copy(rec.old[:], old)
	rec.oldUntil = fromMS(oldUntil)
	if want != "" {
		d.Want = json.RawMessage(want)
	}
	d.LastSeen, d.StateAt = fromMS(seen), fromMS(stateAt)
	if state != "" {
		d.State = json.RawMessage(state)
	}
	stored := map[string]map[string]storedValue{}
	err = errors.Join(json.Unmarshal([]byte(labels), &d.Labels), json.Unmarshal([]byte(boots), &rec.boots), json.Unmarshal([]byte(vals), &stored))
	if err != nil {
		return nil, fmt.Errorf("devices: load %s: %w", d.ID, err)
	}
	d.Values = map[string]map[string]Value{}
	for part, m := range stored {
		d.Values[part] = map[string]Value{}
		for name, v := range m {
			d.Values[part][name] = Value{V: v.V, Text: v.T, At: fromMS(v.At)}
		}
	}
	rec.showGaps()
	d.InSync = d.synced()
	return rec, nil
}

func (r *Registry) loadZones(ctx context.Context) error {
	rows, err := r.db.Read().QueryContext(ctx, `SELECT id, kind, name_zh, name_en, parent, x, y, w, h FROM device_zones`)
	if err != nil {
		return fmt.Errorf("devices: load zones: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var z Zone
		s := &z.Shape
		if err := rows.Scan(&z.ID, &z.Kind, &z.Name.ZH, &z.Name.EN, &z.Parent, &s[0], &s[1], &s[2], &s[3]); err != nil {
			return fmt.Errorf("devices: load zones: %w", err)
		}
		r.zones[z.ID] = z
	}
	return rows.Err()
}

// storedValue is a Value in the database; names are short because a charger has
// hundreds.
type storedValue struct {
	V  float64 `json:"v"`
	T  string  `json:"t,omitempty"`
	At int64   `json:"at"`
}

// writeTwins writes the twin and value rows of some devices as they are now.
func (r *Registry) writeTwins(ctx context.Context, tx *sql.Tx, rows, vals map[*record]struct{}) error {
	if len(rows) > 0 {
		st, err := tx.PrepareContext(ctx, `
			INSERT INTO device_twins(device, online, last_seen, fw, boot, health, state, state_at, boots, quarantined, told)
			SELECT id, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM devices WHERE id = ?
			ON CONFLICT(device) DO UPDATE SET online = excluded.online, last_seen = excluded.last_seen, fw = excluded.fw, boot = excluded.boot,
				health = excluded.health, state = excluded.state, state_at = excluded.state_at, boots = excluded.boots, quarantined = excluded.quarantined,
				told = excluded.told`)
		if err != nil {
			return fmt.Errorf("devices: write twins: %w", err)
		}
		defer func() { _ = st.Close() }()
		for rec := range rows {
			if _, err := st.ExecContext(ctx, rec.row()...); err != nil {
				return fmt.Errorf("devices: write twin of %s: %w", rec.id, err)
			}
		}
	}
	if len(vals) == 0 {
		return nil
	}
	st, err := tx.PrepareContext(ctx, `
		INSERT INTO device_values(device, vals) SELECT id, ? FROM devices WHERE id = ?
		ON CONFLICT(device) DO UPDATE SET vals = excluded.vals`)
	if err != nil {
		return fmt.Errorf("devices: write values: %w", err)
	}
	defer func() { _ = st.Close() }()
	for rec := range vals {
		text, err := rec.values()
		if err != nil {
			return fmt.Errorf("devices: encode values of %s: %w", rec.id, err)
		}
		if _, err := st.ExecContext(ctx, text, rec.id); err != nil {
			return fmt.Errorf("devices: write values of %s: %w", rec.id, err)
		}
	}
	return nil
}

func (rec *record) row() []any {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.dirtyRow = false
	boots, err := json.Marshal(rec.boots)
	if err != nil || rec.boots == nil { // strings and numbers always encode
		boots = []byte(`[]`)
	}
	d := &rec.d
	return []any{d.Online, toMS(d.LastSeen), d.Firmware, d.Boot, string(d.Health), string(d.State), toMS(d.StateAt), string(boots), d.Quarantined, rec.told, rec.id}
}

func (rec *record) values() (string, error) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.dirtyVals = false
	out := make(map[string]map[string]storedValue, len(rec.d.Values))
	for part, m := range rec.d.Values {
		out[part] = make(map[string]storedValue, len(m))
		for name, v := range m {
			out[part][name] = storedValue{v.V, v.Text, toMS(v.At)}
		}
	}
	b, err := json.Marshal(out)
	return string(b), err
}

// insertZone adds a zone, or with change also describes it anew.
func insertZone(ctx context.Context, tx *sql.Tx, z Zone, change bool) error {
	q := `INSERT INTO device_zones(id, kind, name_zh, name_en, parent, x, y, w, h) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(id) DO `
	if change {
		q += `UPDATE SET kind = excluded.kind, name_zh = excluded.name_zh, name_en = excluded.name_en, parent = excluded.parent,
			x = excluded.x, y = excluded.y, w = excluded.w, h = excluded.h`
	} else {
		q += `NOTHING`
	}
	_, err := tx.ExecContext(ctx, q, z.ID, z.Kind, z.Name.ZH, z.Name.EN, z.Parent, z.Shape[0], z.Shape[1], z.Shape[2], z.Shape[3])
	if err != nil {
		return fmt.Errorf("devices: write zone %s: %w", z.ID, err)
	}
	return nil
}

// upsertDevice adds or changes a device; a nil secret keeps the one it has.
func upsertDevice(ctx context.Context, tx *sql.Tx, d *Device, secret []byte, now time.Time) error {
	labels, err := json.Marshal(d.Labels)
	if err != nil || d.Labels == nil {
		labels = []byte(`{}`)
	}
	q := `INSERT INTO devices(id, kind, name, zone, labels, x, y, secret, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT(id) DO UPDATE SET name = excluded.name, zone = excluded.zone, labels = excluded.labels, x = excluded.x, y = excluded.y,
		updated_at = excluded.updated_at`
	if secret != nil {
		q += `, secret = excluded.secret, secret_old_until = 0`
	} else {
		secret = []byte{}
	}
	if _, err := tx.ExecContext(ctx, q, d.ID, string(d.Kind), d.Name, d.Zone, string(labels), d.X, d.Y, secret, toMS(now), toMS(now)); err != nil {
		return fmt.Errorf("devices: write %s: %w", d.ID, err)
	}
	return nil
}

func toMS(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMS(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// ms writes a time as protocol.md has it.
func ms(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}
