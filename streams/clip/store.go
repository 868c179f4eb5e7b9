package clip

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// insert adds a clip that begins.
func insert(ctx context.Context, tx *sql.Tx, key string, c *Clip) error {
	data, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("store clip %s: %w", c.ID, err)
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO clips(id, key, camera, alarm, state, ended_at, data, manifest) VALUES (?, ?, ?, ?, ?, 0, ?, '')",
		c.ID, key, c.Camera, c.Alarm, string(c.State), string(data))
	if err != nil {
		return fmt.Errorf("store clip %s: %w", c.ID, err)
	}
	return nil
}

// storeEnd stores the end of a clip.
func storeEnd(ctx context.Context, tx *sql.Tx, e *ending) error {
	data, err := json.Marshal(e.row)
	if err != nil {
		return fmt.Errorf("store clip %s: %w", e.row.ID, err)
	}
	_, err = tx.ExecContext(ctx, "UPDATE clips SET state = ?, ended_at = ?, data = ?, manifest = ? WHERE id = ?",
		string(e.row.State), e.row.EndedAt.UnixMilli(), string(data), string(e.manifest), e.row.ID)
	if err != nil {
		return fmt.Errorf("store clip %s: %w", e.row.ID, err)
	}
	for _, reel := range e.reels {
		if _, err := tx.ExecContext(ctx, "INSERT INTO clip_reels(clip, camera, reel) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", e.row.ID, e.row.Camera, reel); err != nil {
			return fmt.Errorf("store files of clip %s: %w", e.row.ID, err)
		}
	}
	return nil
}

// queryer is a database or a transaction.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// query reads clips; where is one of this file's.
func query(ctx context.Context, q queryer, where string, args ...any) (cs []Clip, err error) {
	rows, err := q.QueryContext(ctx, "SELECT data FROM clips "+where, args...) //nolint:gosec // where is ours
	if err != nil {
		return nil, fmt.Errorf("read clips: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var data string
		if err := rows.Scan(&data); err != nil {
			return nil, fmt.Errorf("read clips: %w", err)
		}
		var c Clip
		if err := json.Unmarshal([]byte(data), &c); err != nil {
			return nil, fmt.Errorf("read clips: %w", err)
		}
		cs = append(cs, c)
	}
	return cs, rows.Err()
}

func one(ctx context.Context, q queryer, where string, args ...any) (Clip, error) {
	cs, err := query(ctx, q, where, args...)
	if err != nil {
		return Clip{}, err
	}
	if len(cs) == 0 {
		return Clip{}, ErrUnknown
	}
	return cs[0], nil
}

// Filter of List. Empty fields keep all.
type Filter struct {
	Camera, Alarm, Cursor string
	State                 State // or kept
	From, To              time.Time
	Limit                 int
}

// kept stands for a mark instead of a state in a filter.
const kept = "kept"

// List returns clips, the newest first.
func (r *Recorder) List(ctx context.Context, f Filter) (cs []Clip, next string, err error) {
	where, args := []string{"1 = 1"}, []any{}
	for column, v := range map[string]string{"camera = ?": f.Camera, "alarm = ?": f.Alarm, "id < ?": f.Cursor} {
		if v != "" {
			where, args = append(where, column), append(args, v)
		}
	}
	if string(f.State) == kept {
		where = append(where, "kept = 1")
	} else if f.State != "" {
		where, args = append(where, "state = ?"), append(args, string(f.State))
	}
	if !f.From.IsZero() { // ids begin with the time from which a clip was wanted
		where, args = append(where, "id >= ?", "substr(json_extract(data, '$.wanted_to'), 1, 19) >= ?"), append(args, newID("", f.From.Add(-maxLength))[:10], f.From.UTC().Format("2006-01-02T15:04:05"))
	}
	if !f.To.IsZero() {
		where, args = append(where, "id < ?"), append(args, newID("", f.To)[:10])
	}
	cs, err = query(ctx, r.o.DB.Read(), "WHERE "+strings.Join(where, " AND ")+" ORDER BY id DESC LIMIT ?", append(args, f.Limit+1)...)
	if err == nil && len(cs) > f.Limit {
		cs = cs[:f.Limit]
		next = cs[f.Limit-1].ID
	}
	return cs, next, err
}

// Get returns one clip.
func (r *Recorder) Get(ctx context.Context, id string) (Clip, error) {
	return one(ctx, r.o.DB.Read(), "WHERE id = ?", id)
}

// manifestOf returns the signed manifest of a clip that has ended.
func (r *Recorder) manifestOf(ctx context.Context, id string) ([]byte, error) {
	var text string
	err := r.o.DB.Read().QueryRowContext(ctx, "SELECT manifest FROM clips WHERE id = ?", id).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrUnknown
	}
	if err != nil {
		return nil, fmt.Errorf("read manifest of clip %s: %w", id, err)
	}
	return []byte(text), nil
}

// old are clips that ended before a moment, the oldest first.
func (r *Recorder) old(ctx context.Context, before time.Time, after string, limit int) ([]Clip, error) {
	return query(ctx, r.o.DB.Read(), "WHERE ended_at > 0 AND ended_at < ? AND kept = 0 AND id > ? ORDER BY id LIMIT ?", before.UnixMilli(), after, limit)
}

// used tells which reels of a camera belong to a clip.
func (r *Recorder) used(ctx context.Context, camera string) (map[string]bool, error) {
	return r.names(ctx, "SELECT DISTINCT reel FROM clip_reels WHERE camera = ?", camera)
}

// tapedReels tells which reels of a camera belong to its continuous recording.
func (r *Recorder) tapedReels(ctx context.Context, camera string) (map[string]bool, error) {
	return r.names(ctx, "SELECT reel FROM recordings WHERE camera = ?", camera)
}

func (r *Recorder) names(ctx context.Context, q, camera string) (map[string]bool, error) {
	rows, err := r.o.DB.Read().QueryContext(ctx, q, camera)
	if err != nil {
		return nil, fmt.Errorf("read reels of %s: %w", camera, err)
	}
	defer func() { _ = rows.Close() }()
	out := map[string]bool{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("read reels of %s: %w", camera, err)
		}
		out[name] = true
	}
	return out, rows.Err()
}

// remove deletes clips in a transaction of the caller.
func remove(ctx context.Context, tx *sql.Tx, id string) error {
	for _, statement := range []string{"DELETE FROM clip_reels WHERE clip = ?", "DELETE FROM clips WHERE id = ?"} {
		if _, err := tx.ExecContext(ctx, statement, id); err != nil {
			return fmt.Errorf("delete clip %s: %w", id, err)
		}
	}
	return nil
}
