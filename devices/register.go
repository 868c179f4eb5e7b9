package devices

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"time"
)

// maxSecret is the longest secret; MQTT would carry 64 KiB (MQTT 5 §3.1.3.6).
const maxSecret = 256

// entry is a device to write, with its new secret or none.
type entry struct {
	d      Device
	secret []byte // SHA-256; nil keeps the one there is
}

// Create registers a device and returns its secret, which is not kept and can't
// be shown again. A secret that is given is taken.
func (r *Registry) Create(ctx context.Context, d Device, secret string) (string, error) {
	if err := d.check(r.kinds); err != nil {
		return "", err
	}
	if len(secret) > maxSecret {
		return "", Refuse(CodeValue, "secret: at most %d bytes", maxSecret)
	}
	if secret == "" {
		secret = newSecret()
	}
	r.edit.Lock()
	defer r.edit.Unlock()
	if r.find(d.ID) != nil {
		return "", fmt.Errorf("device %s: %w", d.ID, ErrExists)
	}
	hash := hashSecret(d.ID, []byte(secret))
	if err := r.write(ctx, nil, []entry{{d, hash[:]}}); err != nil {
		return "", err
	}
	return secret, nil
}

// Seed brings zones and devices to what the site says; what it does not name
// stays. Running it again changes nothing.
func (r *Registry) Seed(ctx context.Context, site Site) error {
	r.edit.Lock()
	defer r.edit.Unlock()
	return r.apply(ctx, site)
}

// apply is Seed; the caller holds r.edit.
func (r *Registry) apply(ctx context.Context, site Site) error {
	zones := make([]Zone, 0, len(site.Zones))
	for _, z := range site.Zones {
		if z.Parent == "" {
			z.Parent = parent(z.ID)
		}
		if z.ID == "" && z.Kind != Community || !ValidZone(z.ID) || !validZoneKind(z.Kind) {
			return fmt.Errorf("seed zone %q: %w", z.ID, Refuse(CodeValue, "id: a path; kind: community, court, group, building, unit, shed, plaza or road"))
		}
		if old, ok := r.zone(z.ID); !ok || old != z {
			zones = append(zones, z)
		}
	}
	var entries []entry
	for _, s := range site.Devices {
		e, changed, err := r.seed(s)
		if err != nil {
			return fmt.Errorf("seed device %q: %w", s.ID, err)
		}
		if changed {
			entries = append(entries, e)
		}
	}
	if len(zones)+len(entries) == 0 {
		return nil
	}
	return r.write(ctx, zones, entries)
}

// seed makes the entry of a device and tells whether it changes anything.
func (r *Registry) seed(s SeedDevice) (entry, bool, error) {
	if err := s.check(r.kinds); err != nil {
		return entry{}, false, err
	}
	if len(s.Secret) > maxSecret {
		return entry{}, false, Refuse(CodeValue, "secret: at most %d bytes", maxSecret)
	}
	rec := r.find(s.ID)
	if rec == nil {
		secret := s.Secret
		if secret == "" {
			secret = newSecret()
		}
		hash := hashSecret(s.ID, []byte(secret))
		return entry{s.Device, hash[:]}, true, nil
	}
	if rec.kind != s.Kind {
		return entry{}, false, Refuse(CodeKind, "it is registered as %s; a device keeps its kind", rec.kind)
	}
	rec.mu.Lock()
	defer rec.mu.Unlock()
	old := &rec.d
	changed := old.Name != s.Name || old.Zone != s.Zone || old.X != s.X || old.Y != s.Y || !maps.Equal(old.Labels, s.Labels)
	e := entry{d: s.Device}
	if s.Secret != "" {
		if hash := hashSecret(s.ID, []byte(s.Secret)); hash != rec.secret {
			e.secret, changed = hash[:], true
		}
	}
	return e, changed, nil
}

// write puts zones and devices into the database and then into memory and the
// feed. The caller holds r.edit.
func (r *Registry) write(ctx context.Context, zones []Zone, entries []entry) error {
	made := r.around(zones, entries)
	now := time.Now()
	err := r.db.Tx(ctx, func(tx *sql.Tx) error {
		for _, z := range zones {
			if err := insertZone(ctx, tx, z, true); err != nil {
				return err
			}
		}
		for _, z := range made {
			if err := insertZone(ctx, tx, z, false); err != nil {
				return err
			}
		}
		for i := range entries {
			e := &entries[i]
			if err := upsertDevice(ctx, tx, &e.d, e.secret, now); err != nil {
				return err
			}
			if err := r.feedDevice(ctx, tx, r.merged(&e.d)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	r.adopt(slices.Concat(made, zones), entries)
	return r.feed.Committed(ctx)
}

// around lists the zones that devices stand in and nobody has described, with
// all that lie around them.
func (r *Registry) around(zones []Zone, entries []entry) []Zone {
	known := map[string]bool{"": true}
	for _, z := range zones {
		known[z.ID] = true
	}
	var made []Zone
	need := func(id string) {
		for ; !known[id]; id = parent(id) {
			known[id] = true
			if _, ok := r.zone(id); !ok {
				made = append(made, plain(id))
			}
		}
	}
	for i := range entries {
		need(entries[i].d.Zone)
	}
	for _, z := range zones {
		need(parent(z.ID))
	}
	return made
}

// merged is the device as it will be: what is registered from d, the rest from
// its record.
func (r *Registry) merged(d *Device) Device {
	rec := r.find(d.ID)
	if rec == nil {
		n := Device{ID: d.ID, Kind: d.Kind, Health: Unknown}
		n.Name, n.Zone, n.Labels, n.X, n.Y = d.Name, d.Zone, maps.Clone(d.Labels), d.X, d.Y
		n.Values = map[string]map[string]Value{}
		return n
	}
	now := rec.view()
	now.Name, now.Zone, now.Labels, now.X, now.Y = d.Name, d.Zone, maps.Clone(d.Labels), d.X, d.Y
	return now
}

// adopt takes what was committed into memory.
func (r *Registry) adopt(zones []Zone, entries []entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, z := range zones {
		r.zones[z.ID] = z
	}
	for i := range entries {
		e := &entries[i]
		rec := r.devices[e.d.ID]
		if rec == nil {
			rec = &record{id: e.d.ID, kind: e.d.Kind, said: true}
			rec.d = Device{ID: e.d.ID, Kind: e.d.Kind, Health: Unknown, Twin: Twin{Values: map[string]map[string]Value{}}}
			r.devices[rec.id] = rec
			r.sorted = nil
		}
		rec.mu.Lock()
		rec.d.Name, rec.d.Zone, rec.d.Labels, rec.d.X, rec.d.Y = e.d.Name, e.d.Zone, maps.Clone(e.d.Labels), e.d.X, e.d.Y
		if e.secret != nil {
			rec.secret = [sha256.Size]byte(bytes.Clone(e.secret))
			rec.oldUntil = time.Time{}
		}
		rec.mu.Unlock()
	}
	r.hang()
}

func (r *Registry) zone(id string) (Zone, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	z, ok := r.zones[id]
	return z, ok
}

// newSecret has more than 128 random bits, so one round of SHA-256 is enough to
// store it (NIST SP 800-63B §5.1.1.2 asks for salt and stretching below 112).
func newSecret() string { return rand.Text() }
