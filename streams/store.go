package streams

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

const upsert = `INSERT INTO cameras(id, name, zone, url, sub_url, x, y, heading, fov, main_codec, sub_codec, created_at,
 transport, always_on, tls_fingerprint, onvif, onvif_profile, ptz, record_sound)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '{}', '{}', ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT(id) DO UPDATE SET name = excluded.name, zone = excluded.zone, url = excluded.url, sub_url = excluded.sub_url,
 x = excluded.x, y = excluded.y, heading = excluded.heading, fov = excluded.fov, transport = excluded.transport, always_on = excluded.always_on,
 tls_fingerprint = excluded.tls_fingerprint, onvif = excluded.onvif, onvif_profile = excluded.onvif_profile, ptz = excluded.ptz, record_sound = excluded.record_sound`

func save(ctx context.Context, tx *sql.Tx, c *Camera) error {
	_, err := tx.ExecContext(ctx, upsert, c.ID, c.Name, c.Zone, string(c.URL), string(c.SubURL), c.X, c.Y, c.Heading, c.Fov, time.Now().UnixMilli(),
		string(c.Transport), c.AlwaysOn, c.Fingerprint, string(c.ONVIF), c.Profile, c.PTZ, c.RecordSound)
	if err != nil {
		return fmt.Errorf("store camera %s: %w", c.ID, err)
	}
	return nil
}

// stored is a camera with what was known of its coding.
type stored struct {
	Camera
	main, sub Codec
}

func (s *Streams) load(ctx context.Context) (all []stored, err error) {
	rows, err := s.db.Read().QueryContext(ctx, `SELECT id, name, zone, url, sub_url, x, y, heading, fov, main_codec, sub_codec,
 transport, always_on, tls_fingerprint, onvif, onvif_profile, ptz, record_sound FROM cameras ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("load cameras: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var c stored
		var url, sub, mainCodec, subCodec, onvif string
		if err := rows.Scan(&c.ID, &c.Name, &c.Zone, &url, &sub, &c.X, &c.Y, &c.Heading, &c.Fov, &mainCodec, &subCodec,
			&c.Transport, &c.AlwaysOn, &c.Fingerprint, &onvif, &c.Profile, &c.PTZ, &c.RecordSound); err != nil {
			return nil, fmt.Errorf("load cameras: %w", err)
		}
		c.URL, c.SubURL, c.ONVIF = URL(url), URL(sub), URL(onvif)
		// A codec that can't be read is only not known yet.
		_ = json.Unmarshal([]byte(mainCodec), &c.main)
		_ = json.Unmarshal([]byte(subCodec), &c.sub)
		all = append(all, c)
	}
	return all, rows.Err()
}

func saveCodecs(ctx context.Context, tx *sql.Tx, id string, main, sub Codec) error {
	m, err := json.Marshal(main)
	if err != nil {
		return fmt.Errorf("store codec of %s: %w", id, err)
	}
	b, err := json.Marshal(sub)
	if err != nil {
		return fmt.Errorf("store codec of %s: %w", id, err)
	}
	if _, err := tx.ExecContext(ctx, `UPDATE cameras SET main_codec = ?, sub_codec = ? WHERE id = ?`, string(m), string(b), id); err != nil {
		return fmt.Errorf("store codec of %s: %w", id, err)
	}
	return nil
}
