package devices

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"time"

	"dongyue/internal/event"
)

// maxDesired bounds what is wanted of one device, in bytes: with its version it
// must fit a message.
const maxDesired = 32 << 10

// ErrVersion says that what is desired has changed since the caller looked.
var ErrVersion = errors.New("desired version")

// reserved are the members of a config message that the hub sets itself.
var reserved = []string{"version", "delta"}

// Desire sets what a device is wanted to be: the whole of it, or with merge the
// members that are named, null removing one (RFC 7396). When version is given it
// must be the present one. The device gets it at once, or when it comes.
func (r *Registry) Desire(ctx context.Context, id, actor string, want map[string]any, merge bool, version *uint64) (Device, error) {
	r.edit.Lock()
	defer r.edit.Unlock()
	rec := r.find(id)
	if rec == nil {
		return Device{}, fmt.Errorf("device %s: %w", id, ErrNoDevice)
	}
	for _, name := range reserved {
		if _, ok := want[name]; ok {
			return Device{}, Refuse(CodeValue, "%s: the hub sets this member itself; take another name", name)
		}
	}
	d := rec.view()
	if version != nil && *version != d.Version {
		return d, fmt.Errorf("device %s: %w %d, not %d", id, ErrVersion, d.Version, *version)
	}
	if merge {
		old := map[string]any{}
		if d.Want != nil {
			if err := json.Unmarshal(d.Want, &old); err != nil {
				return d, fmt.Errorf("desired of %s: %w", id, err)
			}
		}
		want = patch(old, want)
	}
	if want == nil {
		want = map[string]any{}
	}
	text, err := json.Marshal(want)
	if err != nil {
		return d, Refuse(CodeSyntax, "desired: %v", err)
	}
	if len(text) > maxDesired {
		return d, Refuse(CodeTooLarge, "desired: %d bytes; at most %d", len(text), maxDesired)
	}
	if d.Version > 0 && bytes.Equal(text, d.Want) {
		return d, nil
	}
	return r.desire(ctx, rec, d, text, actor)
}

// desire stores and sends; the caller holds r.edit.
func (r *Registry) desire(ctx context.Context, rec *record, d Device, text []byte, actor string) (Device, error) {
	d.Want, d.Version = text, d.Version+1
	d.InSync = d.synced()
	err := r.db.Tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO device_desired(device, version, desired, actor, updated_at) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT(device) DO UPDATE SET version = excluded.version, desired = excluded.desired, actor = excluded.actor,
			updated_at = excluded.updated_at`, d.ID, d.Version, string(text), actor, toMS(time.Now()))
		if err != nil {
			return fmt.Errorf("desired of %s: %w", d.ID, err)
		}
		return r.feedDevice(ctx, tx, d)
	})
	if err != nil {
		return Device{}, err
	}
	rec.mu.Lock()
	rec.d.Want, rec.d.Version = d.Want, d.Version
	rec.d.InSync = rec.d.synced()
	rec.mu.Unlock()
	if err := r.pub.Publish(event.Topic(rec.kind, rec.id, event.Config), ConfigPayload(&d), 1, true, 0); err != nil {
		r.log.WarnContext(ctx, "configuration waits for the next start", "device_id", rec.id, "version", d.Version, "err", err)
	}
	return rec.view(), r.feed.Committed(ctx)
}

// patch merges as RFC 7396 says.
func patch(old, change map[string]any) map[string]any {
	out := maps.Clone(old)
	for k, v := range change {
		switch v := v.(type) {
		case nil:
			delete(out, k)
		case map[string]any:
			inner, _ := out[k].(map[string]any)
			if inner == nil {
				inner = map[string]any{}
			}
			out[k] = patch(inner, v)
		default:
			out[k] = v
		}
	}
	return out
}

// ConfigPayload is the retained message on a device's config topic; nil when
// nothing was ever wanted.
func ConfigPayload(d *Device) []byte {
	if d.Version == 0 {
		return nil
	}
	all := map[string]any{}
	if json.Unmarshal(d.Want, &all) != nil {
		return nil
	}
	return config(d.Version, all)
}

func config(version uint64, members map[string]any) []byte {
	members["version"] = version
	b, err := json.Marshal(members)
	if err != nil { // it was JSON before
		return nil
	}
	return b
}

// delta is what is wanted and not reported, member by member; nil when the
// device is in sync.
func (d *Device) delta() map[string]any {
	if d.Version == 0 {
		return nil
	}
	want, has := map[string]any{}, map[string]any{}
	if json.Unmarshal(d.Want, &want) != nil {
		return nil
	}
	if d.State != nil && json.Unmarshal(d.State, &has) != nil {
		return nil
	}
	if v, told := has["config_version"]; told {
		if v, ok := v.(float64); ok && uint64(v) == d.Version {
			return nil
		}
		maps.DeleteFunc(want, func(k string, v any) bool { return reflect.DeepEqual(has[k], v) })
		return want
	}
	maps.DeleteFunc(want, func(k string, v any) bool { return reflect.DeepEqual(has[k], v) })
	if len(want) == 0 {
		return nil
	}
	return want
}

// synced reports whether the device has what is wanted: it has reported the
// version, or, if it reports none, every member as it is wanted.
func (d *Device) synced() bool { return d.delta() == nil }

// sendDeltas sends what they lack to devices that came back with the session
// they had: those get no retained message, for they do not subscribe again.
func (r *Registry) sendDeltas(arrived map[*record]struct{}) {
	for rec := range arrived {
		rec.mu.Lock()
		wanted := rec.resumed && rec.d.Version > 0 && !rec.d.InSync
		rec.resumed = false
		d := rec.d
		rec.mu.Unlock()
		if !wanted {
			continue
		}
		members := d.delta()
		if members == nil {
			continue
		}
		members["delta"] = true
		if err := r.pub.Publish(event.Topic(rec.kind, rec.id, event.Config), config(d.Version, members), 1, false, 0); err != nil {
			r.log.Debug("configuration was not sent", "device_id", rec.id, "err", err)
		}
	}
}
