package clip

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

// Continuous says which cameras are recorded all the time, and how much of it is kept.
type Continuous struct {
	Cameras   []string      // ids, or all; none: no camera
	Retention time.Duration // 0: 7 days
	MaxBytes  int64         // of all these recordings together; 0: 100 GB
}

// all stands for every camera in a list of ids.
const all = "all"

// Mode says where it stands whether a camera is recorded all the time.
type Mode string

// The modes.
const (
	FromConfig Mode = "config" // as clips.continuous has it
	On         Mode = "on"
	Off        Mode = "off"
)

// Setting is what was set for one camera.
type Setting struct {
	Mode  Mode `json:"mode" enum:"config,on,off" doc:"config follows clips.continuous.cameras"`
	Days  *int `json:"days,omitempty" minimum:"1" maximum:"3650" doc:"how long its recordings are kept; clips.continuous.retention where it is left out"`
	MaxGB *int `json:"max_gb,omitempty" minimum:"1" maximum:"100000" doc:"their space, in GB of 10^9 bytes; beside it clips.continuous.max_gb counts for all together"`
}

// loadSettings reads what was set for cameras.
func (r *Recorder) loadSettings(ctx context.Context) (err error) {
	rows, err := r.o.DB.Read().QueryContext(ctx, "SELECT camera, data FROM recording_cameras WHERE data <> ''")
	if err != nil {
		return fmt.Errorf("read settings of recordings: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var camera, data string
		var s Setting
		if err := rows.Scan(&camera, &data); err != nil {
			return fmt.Errorf("read settings of recordings: %w", err)
		}
		if err := json.Unmarshal([]byte(data), &s); err != nil {
			return fmt.Errorf("read settings of recordings: %w", err)
		}
		r.settings[camera] = s
	}
	return rows.Err()
}

// setting is what was set for a camera.
func (r *Recorder) setting(camera string) Setting {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s, ok := r.settings[camera]; ok {
		return s
	}
	return Setting{Mode: FromConfig}
}

// wanted tells whether a camera is recorded all the time.
func (r *Recorder) wanted(camera string) bool {
	switch r.setting(camera).Mode {
	case On:
		return true
	case Off:
		return false
	case FromConfig:
	}
	list := r.o.Continuous.Cameras
	return slices.Contains(list, all) || slices.Contains(list, camera)
}

// Set changes it for a camera, at once.
func (r *Recorder) Set(ctx context.Context, camera string, s Setting) error {
	if !r.o.Streams.Known(camera) {
		return fmt.Errorf("%w: %q", ErrNoCamera, camera)
	}
	data, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("set recording of %s: %w", camera, err)
	}
	who, _ := web.Who(ctx)
	err = r.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO recording_cameras(camera, pruned, data) VALUES (?, 0, ?) ON CONFLICT (camera) DO UPDATE SET data = excluded.data", camera, string(data))
		if err != nil {
			return fmt.Errorf("set recording of %s: %w", camera, err)
		}
		return r.o.Audit.Audit(ctx, tx, who.ID, "recording.set", camera, s)
	})
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.settings[camera] = s
	a := r.armed[camera]
	r.mu.Unlock()
	if a != nil {
		a.ring.setTape(r.wanted(camera))
	}
	return nil
}

// State of a camera's continuous recording.
const (
	TapeOff     = "off"
	TapeRuns    = "recording"
	TapeWaits   = "waiting" // for pictures, or for its beginning
	TapeStopped = "stopped" // it should record and can't
)

// Taping is how it stands with the continuous recording of a camera.
type Taping struct {
	Camera string `json:"camera"`
	Setting
	State   string     `json:"state" enum:"off,recording,waiting,stopped"`
	Problem string     `json:"problem" doc:"code of why nothing is recorded although it should be"`
	Text    event.Text `json:"problem_text"`
	From    *time.Time `json:"from" doc:"of the oldest recording"`
	To      *time.Time `json:"to" doc:"of the newest one"`
	Bytes   int64      `json:"bytes"`
}

// Taping tells how it stands with the recording of a camera.
func (r *Recorder) Taping(ctx context.Context, camera string) (Taping, error) {
	t := Taping{Camera: camera, Setting: r.setting(camera), State: TapeOff}
	var from, to sql.NullInt64
	err := r.o.DB.Read().QueryRowContext(ctx, "SELECT min(from_ms), max(max(from_ms, to_ms)), coalesce(sum(bytes), 0) FROM recordings WHERE camera = ?", camera).Scan(&from, &to, &t.Bytes)
	if err != nil {
		return t, fmt.Errorf("read recordings: %w", err)
	}
	if from.Valid {
		a, b := time.UnixMilli(from.Int64).UTC(), time.UnixMilli(to.Int64).UTC()
		t.From, t.To = &a, &b
	}
	r.mu.Lock()
	a := r.armed[camera]
	r.mu.Unlock()
	if a != nil {
		_, ps := a.live.now()
		for _, p := range ps {
			t.Bytes += p.size
		}
		if n := len(ps); n > 0 {
			end := ps[n-1].end.UTC().Truncate(time.Millisecond)
			t.To = &end
		}
	}
	if r.wanted(camera) {
		t.State, t.Problem = a.tapeState()
		t.Text = explainProblem(t.Problem)
	}
	return t, nil
}

// tapeState tells whether a camera is recorded that should be, and why it is not.
func (a *armed) tapeState() (state, problem string) {
	if a == nil {
		return TapeWaits, ""
	}
	if _, problem := a.ring.taping(); problem != "" {
		return TapeStopped, problem
	}
	if code := a.lease.Cause(); code != "" {
		return TapeWaits, code
	}
	if reel, _ := a.live.now(); reel == "" {
		return TapeWaits, ""
	}
	return TapeRuns, ""
}
