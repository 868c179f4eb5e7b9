package clip

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"dongyue/internal/web"
	"dongyue/streams/evidence"
)

// ErrRunning means that something can't be done with a clip that is still recorded.
var ErrRunning = errors.New("clips: it is still being recorded")

// Keep marks a clip so that neither age nor space deletes it, or takes the mark off.
func (r *Recorder) Keep(ctx context.Context, id string, keep bool, why string) (c Clip, err error) {
	if c, err = r.Get(ctx, id); err != nil {
		return c, err
	}
	if c.State == Recording {
		return c, ErrRunning
	}
	c.Kept = keep
	data, err := json.Marshal(c)
	if err != nil {
		return c, fmt.Errorf("keep clip %s: %w", id, err)
	}
	action := "clip.kept"
	if !keep {
		action = "clip.released"
	}
	who, _ := web.Who(ctx)
	err = r.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "UPDATE clips SET kept = ?, data = ? WHERE id = ?", keep, string(data), id); err != nil {
			return fmt.Errorf("keep clip %s: %w", id, err)
		}
		if _, err := r.o.Feed.Append(ctx, tx, topic, Change{c, "keep"}); err != nil {
			return err
		}
		return r.o.Audit.Audit(ctx, tx, who.ID, action, id, map[string]any{"camera": c.Camera, "reason": why})
	})
	if err == nil {
		err = r.o.Feed.Committed(ctx)
	}
	return c, err
}

// Delete deletes a clip because a person wants it. That it was there stays in the audit.
func (r *Recorder) Delete(ctx context.Context, id, why string) error {
	c, err := r.Get(ctx, id)
	if err != nil {
		return err
	}
	if c.State == Recording {
		return ErrRunning
	}
	if c.Kept {
		return ErrKept
	}
	who, _ := web.Who(ctx)
	_, err = r.deleteClip(ctx, &c, who.ID, why)
	return err
}

// ErrKept means that a clip is kept, so it is not deleted.
var ErrKept = errors.New("clips: it is kept")

// Check compares a clip with its manifest, byte by byte, as it lies on the disk now.
func (r *Recorder) Check(ctx context.Context, id string) (evidence.Report, error) {
	row, err := r.Get(ctx, id)
	if err != nil {
		return evidence.Report{}, err
	}
	if row.State == Recording {
		return evidence.Report{}, ErrRunning
	}
	text, err := r.manifestOf(ctx, id)
	if err != nil {
		return evidence.Report{}, err
	}
	if len(text) == 0 {
		return evidence.Report{}, ErrEmpty
	}
	select { // reading a long clip takes the disk
	case r.checks <- struct{}{}:
		defer func() { <-r.checks }()
	case <-ctx.Done():
		return evidence.Report{}, ctx.Err()
	}
	return evidence.CheckReels(id, text, r.dirOf(&row), r.Key()), nil
}

type keepInput struct {
	ID   string `path:"id"`
	Body struct {
		Keep   bool   `json:"keep"`
		Reason string `json:"reason" minLength:"1" maxLength:"500" doc:"why; it goes into the audit"`
	}
}

func (r *Recorder) keepClip(ctx context.Context, in *keepInput) (*struct{ Body Clip }, error) {
	why, err := reasonOf(in.Body.Reason)
	if err != nil {
		return nil, err
	}
	c, err := r.Keep(ctx, in.ID, in.Body.Keep, why)
	if err != nil {
		return nil, refusal(err)
	}
	return &struct{ Body Clip }{c}, nil
}

type deleteInput struct {
	ID     string `path:"id"`
	Reason string `query:"reason" required:"true" minLength:"1" maxLength:"500" doc:"why; it goes into the audit"`
}

func (r *Recorder) removeClip(ctx context.Context, in *deleteInput) (*struct{}, error) {
	why, err := reasonOf(in.Reason)
	if err != nil {
		return nil, err
	}
	if err := r.Delete(ctx, in.ID, why); err != nil {
		return nil, refusal(err)
	}
	return nil, nil //nolint:nilnil // 204
}

func (r *Recorder) checkClip(ctx context.Context, in *idInput) (*struct{ Body evidence.Report }, error) {
	report, err := r.Check(ctx, in.ID)
	if err != nil {
		return nil, refusal(err)
	}
	return &struct{ Body evidence.Report }{report}, nil
}

// registerManage adds what a person may do with a clip beside looking.
func (r *Recorder) registerManage(a *web.API) {
	const tag = "clips"
	web.Register(a, web.Op{Method: http.MethodGet, Path: "/clips/{id}/check", Summary: "Check every byte of a clip on the disk against its signed manifest", Tag: tag, Action: web.ClipsView}, r.checkClip)
	web.Register(a, web.Op{Method: http.MethodPut, Path: "/clips/{id}/keep", Summary: "Keep a clip whatever its age and the space, or no longer", Tag: tag, Action: web.ClipsExport}, r.keepClip)
	web.Register(a, web.Op{Method: http.MethodDelete, Path: "/clips/{id}", Summary: "Delete a clip, with a reason", Tag: tag, Action: web.ClipsDelete}, r.removeClip)
}

// removeFiles deletes what only a deleted clip had at once, so that a person sees the
// space come back; what is left in doubt the sweep finds.
func (r *Recorder) removeFiles(camera string, names []string) {
	for _, name := range names {
		if r.holds(camera, name) {
			continue
		}
		if err := os.Remove(filepath.Join(r.o.Dir, camera, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			r.log.Warn("a file of a deleted clip is left for later", "camera_id", camera, "file", name, "err", err)
		}
	}
}
