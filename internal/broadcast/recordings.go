package broadcast

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"dongyue/internal/sound"
	"dongyue/internal/web"
)

// Recording is an uploaded sound.
type Recording struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	LengthMS int64  `json:"length_ms"`
	Actor    string `json:"actor"`
	At       string `json:"at" format:"date-time"`
}

// maxUpload is ten minutes of stereo at 48 kHz and 16 bit, and some (bytes).
const maxUpload = 128 << 20

// keep stores a recording; the same sound again is the same recording.
func (b *Broadcasts) keep(ctx context.Context, name, actor string, file []byte) (Recording, error) {
	if name = strings.TrimSpace(name); name == "" || len(name) > 200 {
		return Recording{}, web.Fail(http.StatusUnprocessableEntity, "broadcast.invalid", "name: 1 to 200 bytes")
	}
	p, err := sound.Decode(file)
	if err != nil {
		return Recording{}, web.Fail(http.StatusUnprocessableEntity, "broadcast.recording", "the recording "+strings.TrimPrefix(err.Error(), "opus: ")+": send WAV (PCM) or Ogg Opus of at most 10 minutes")
	}
	raw := p.Bytes()
	sum := sha256.Sum256(raw)
	now := time.Now()
	r := Recording{ID: hex.EncodeToString(sum[:16]), Name: name, LengthMS: p.Length().Milliseconds(), Actor: actor, At: ms(now)}
	if err := write(b.recordingPath(r.ID), raw); err != nil {
		return Recording{}, err
	}
	err = b.db.Tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO broadcast_recordings(id, name, length, actor, at) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT(id) DO UPDATE SET name = excluded.name`, r.ID, r.Name, r.LengthMS, r.Actor, now.UnixMilli())
		return err
	})
	return r, err
}

func (b *Broadcasts) recordingPath(id string) string {
	return filepath.Join(b.o.Dir, filepath.Base(id)+".pcm")
}

// recording is the sound of one.
func (b *Broadcasts) recording(id string) (sound.PCM, error) {
	raw, err := os.ReadFile(b.recordingPath(id))
	if errors.Is(err, os.ErrNotExist) {
		return nil, web.Fail(http.StatusUnprocessableEntity, "broadcast.no_recording", "there is no such recording: GET /api/v1/broadcasts/recordings lists them")
	}
	if err != nil {
		return nil, fmt.Errorf("broadcast: %w", err)
	}
	return sound.FromBytes(raw), nil
}

func (b *Broadcasts) recordings(ctx context.Context) ([]Recording, error) {
	rows, err := b.db.Read().QueryContext(ctx, `SELECT id, name, length, actor, at FROM broadcast_recordings ORDER BY name, id`)
	if err != nil {
		return nil, fmt.Errorf("read recordings: %w", err)
	}
	defer func() { _ = rows.Close() }()
	all := []Recording{}
	for rows.Next() {
		var r Recording
		var at int64
		if err := rows.Scan(&r.ID, &r.Name, &r.LengthMS, &r.Actor, &at); err != nil {
			return nil, fmt.Errorf("read recordings: %w", err)
		}
		r.At = ms(time.UnixMilli(at))
		all = append(all, r)
	}
	return all, rows.Err()
}

// forget deletes a recording that no schedule needs: nobody would notice that it is silent.
// What is being played was made from a copy.
func (b *Broadcasts) forget(ctx context.Context, id string) error {
	all, err := b.schedules(ctx)
	if err != nil {
		return err
	}
	for i := range all {
		if all[i].Recording == id {
			return web.Fail(http.StatusConflict, "broadcast.recording_used", "the schedule "+all[i].Name+" plays this recording: change or delete it first")
		}
	}
	var n int64
	err = b.db.Tx(ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, `DELETE FROM broadcast_recordings WHERE id = ?`, id)
		if err == nil {
			n, err = r.RowsAffected()
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("delete recording: %w", err)
	}
	if n == 0 {
		return web.Fail(http.StatusNotFound, "broadcast.no_recording", "there is no such recording: GET /api/v1/broadcasts/recordings lists them")
	}
	if err := os.Remove(b.recordingPath(id)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("delete recording: %w", err)
	}
	return nil
}
