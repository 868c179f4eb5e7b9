package clip

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// taped is a reel of a recording as its row has it.
type taped struct {
	camera, reel string
	from, to     time.Time // to is zero while it is being written
	bytes        int64
	reelData
}

// reelData is what a row tells beside.
type reelData struct {
	Gap       string `json:"gap,omitempty"` // code of why pictures are missing before it
	Gaps      []hole `json:"gaps,omitempty"`
	Chain     string `json:"chain"`     // last link over its fragments' hashes, as they were written
	Signature string `json:"signature"` // of the text that seal makes
}

// hole is a time without pictures within a reel, in Unix ms.
type hole struct {
	From   int64  `json:"from"`
	To     int64  `json:"to"`
	Reason string `json:"reason"`
}

// seal is what is signed of a reel when it ends: a recording that is altered before
// somebody makes a clip of it is found out.
func seal(camera, reel string, size int64, chain string) []byte {
	return fmt.Appendf(nil, "dongyue-reel/1 %s %s %d %s", camera, reel, size, chain)
}

// chainOf links the hashes of fragments in the order in which they lie in the file.
func chainOf(ps []*piece) string {
	var chain []byte
	for _, p := range ps {
		h := sha256.New()
		h.Write(chain)
		h.Write(p.sum[:])
		chain = h.Sum(nil)
	}
	return hex.EncodeToString(chain)
}

// rowOf describes a reel by its fragments, in the order in which they lie in it.
func (r *Recorder) rowOf(camera, reel string, size int64, ps []*piece) taped {
	t := taped{camera: camera, reel: reel, bytes: size}
	t.Chain = chainOf(ps)
	t.Signature = base64.StdEncoding.EncodeToString(ed25519.Sign(r.key, seal(camera, reel, size, t.Chain)))
	list := inOrder(append([]*piece(nil), ps...))
	for i, p := range list {
		if i == 0 {
			t.from, t.Gap = p.low, p.Gap
		} else if p.after(list[i-1]) {
			t.Gaps = append(t.Gaps, hole{list[i-1].end.UnixMilli(), p.start.UnixMilli(), p.Gap})
		}
		if p.end.After(t.to) {
			t.to = p.end
		}
	}
	return t
}

func (r *Recorder) insertReel(ctx context.Context, camera, reel string, now time.Time) error {
	return r.exec(ctx, "note file of recording", "INSERT INTO recordings(camera, reel, from_ms, to_ms, bytes, data) VALUES (?, ?, ?, 0, 0, '{}') ON CONFLICT DO NOTHING",
		camera, reel, now.UnixMilli())
}

func (r *Recorder) endReel(ctx context.Context, camera, reel string, size int64, ps []*piece) error {
	if len(ps) == 0 {
		return r.exec(ctx, "note end of recording", "DELETE FROM recordings WHERE camera = ? AND reel = ?", camera, reel)
	}
	t := r.rowOf(camera, reel, size, ps)
	data, err := json.Marshal(t.reelData)
	if err != nil {
		return fmt.Errorf("note end of recording: %w", err)
	}
	return r.exec(ctx, "note end of recording", "UPDATE recordings SET from_ms = ?, to_ms = ?, bytes = ?, data = ? WHERE camera = ? AND reel = ?",
		t.from.UnixMilli(), t.to.UnixMilli(), size, string(data), camera, reel)
}

func (r *Recorder) insertMark(ctx context.Context, camera string, at time.Time, code string) error {
	return r.exec(ctx, "note state of recording", "INSERT INTO recording_marks(camera, at, code) VALUES (?, ?, ?) ON CONFLICT (camera, at) DO UPDATE SET code = excluded.code",
		camera, at.UnixMilli(), code)
}

// exec runs one statement in a transaction of its own.
func (r *Recorder) exec(ctx context.Context, what, statement string, args ...any) error {
	err := r.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, statement, args...)
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// reels reads rows of recordings; where is one of this package's.
func (r *Recorder) reels(ctx context.Context, where string, args ...any) (ts []taped, err error) {
	rows, err := r.o.DB.Read().QueryContext(ctx, "SELECT camera, reel, from_ms, to_ms, bytes, data FROM recordings "+where, args...) //nolint:gosec // where is ours
	if err != nil {
		return nil, fmt.Errorf("read recordings: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var t taped
		var from, to int64
		var data string
		if err := rows.Scan(&t.camera, &t.reel, &from, &to, &t.bytes, &data); err != nil {
			return nil, fmt.Errorf("read recordings: %w", err)
		}
		if err := json.Unmarshal([]byte(data), &t.reelData); err != nil {
			return nil, fmt.Errorf("read recordings: %w", err)
		}
		t.from = time.UnixMilli(from).UTC()
		if to > 0 {
			t.to = time.UnixMilli(to).UTC()
		}
		ts = append(ts, t)
	}
	return ts, rows.Err()
}

// marks are the moments at which a camera's recording began and stopped, the oldest
// first, from the last one before a moment on.
func (r *Recorder) marks(ctx context.Context, camera string, from, to time.Time) (ms []mark, err error) {
	rows, err := r.o.DB.Read().QueryContext(ctx, `SELECT at, code FROM recording_marks WHERE camera = ? AND at <= ?
		AND at >= (SELECT coalesce(max(at), 0) FROM recording_marks WHERE camera = ? AND at <= ?) ORDER BY at`,
		camera, to.UnixMilli(), camera, from.UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("read recordings: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var at int64
		var m mark
		if err := rows.Scan(&at, &m.code); err != nil {
			return nil, fmt.Errorf("read recordings: %w", err)
		}
		m.at = time.UnixMilli(at).UTC()
		ms = append(ms, m)
	}
	return ms, rows.Err()
}

type mark struct {
	at   time.Time
	code string
}

// pruned is up to when a camera's recordings were deleted.
func (r *Recorder) pruned(ctx context.Context, camera string) (time.Time, error) {
	var ms int64
	err := r.o.DB.Read().QueryRowContext(ctx, "SELECT pruned FROM recording_cameras WHERE camera = ?", camera).Scan(&ms)
	if errors.Is(err, sql.ErrNoRows) || err == nil && ms == 0 {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("read recordings: %w", err)
	}
	return time.UnixMilli(ms).UTC(), nil
}
