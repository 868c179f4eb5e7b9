package panel

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"

	"dongyue/internal/web"
)

// Show puts a notice of the authorities on the panels of its zones; the same ref again
// changes nothing. Its release is the signature that was verified.
func (r *Room) Show(ctx context.Context, n Notice) error {
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	n.ID, n.At, n.Ended = id.String(), r.now(), false
	if runes := []rune(n.Text); len(runes) > maxText {
		n.Text = string(runes[:maxText])
	}
	err = r.change(ctx, "", "", &n, func(tx *sql.Tx) error {
		old, err := notices(ctx, tx, `WHERE ref = ?`, n.Ref)
		if err != nil {
			return err
		}
		if len(old) > 0 {
			return errKnown
		}
		return insert(ctx, tx, &n)
	})
	if errors.Is(err, errKnown) {
		err = nil
	}
	return err
}

var errKnown = errors.New("the notice is known")

// End takes the notice of an official message away.
func (r *Room) End(ctx context.Context, ref string) error {
	all, err := notices(ctx, r.o.DB.Read(), `WHERE ref = ? AND ended_at = 0`, ref)
	if err != nil {
		return err
	}
	for i := range all {
		if err := r.end(ctx, "", &all[i]); err != nil {
			return err
		}
	}
	return nil
}

func (r *Room) end(ctx context.Context, actor string, n *Notice) error {
	n.Ended = true
	return r.change(ctx, actor, "panel.end", n, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE panel_notices SET ended_at = ? WHERE id = ? AND ended_at = 0`, r.now().UnixMilli(), n.ID)
		return err
	})
}

// Shown counts the panels of an official message, and those that say that they show it.
func (r *Room) Shown(ctx context.Context, ref string) (shown, all int, err error) {
	ns, err := notices(ctx, r.o.DB.Read(), `WHERE ref = ?`, ref)
	if err != nil || len(ns) == 0 {
		return 0, 0, err
	}
	want := contentOf("", &ns[0])
	for _, p := range r.o.Panels.Panels(ctx) {
		if ns[0].holds(p.Zone, r.now()) {
			all++
			if p.Message == want.Message && p.SHA256 == hash(want.Text) {
				shown++
			}
		}
	}
	return shown, all, nil
}

// Write keeps a notice of a person, which waits for somebody else to release it.
func (r *Room) Write(ctx context.Context, actor string, n Notice) (Notice, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return n, err
	}
	n.ID, n.Ref, n.Rank, n.Exercise, n.Author, n.ReleasedBy, n.Ended = id.String(), "", Routine, false, actor, "", false
	n.At, n.Until = r.now(), n.Until.UTC().Truncate(time.Millisecond)
	if what := n.wrong(n.At); what != "" {
		return n, web.Fail(http.StatusUnprocessableEntity, "panel.invalid", what)
	}
	return n, r.change(ctx, actor, "panel.write", &n, func(tx *sql.Tx) error {
		open, err := r.open(ctx, tx)
		if err != nil {
			return err
		}
		if len(open) >= maxOpen {
			return web.Fail(http.StatusConflict, "panel.full", "200 notices are open: end some first")
		}
		return insert(ctx, tx, &n)
	})
}

// Release lets a notice be shown. Four eyes: its author can't.
func (r *Room) Release(ctx context.Context, actor, id string) (Notice, error) {
	n, err := r.find(ctx, id)
	switch {
	case err != nil:
		return n, err
	case n.Author == actor:
		return n, web.Fail(http.StatusForbidden, "panel.self_release", "you wrote this notice: somebody else has to release it")
	case n.ReleasedBy != "":
		return n, nil
	}
	n.ReleasedBy = actor
	err = r.change(ctx, actor, "panel.release", &n, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE panel_notices SET released_by = ? WHERE id = ? AND released_by = '' AND ended_at = 0`, actor, id)
		if err != nil {
			return err
		}
		if rows, err := res.RowsAffected(); err != nil || rows == 0 {
			return errors.Join(err, errKnown)
		}
		return nil
	})
	if errors.Is(err, errKnown) { // somebody else was quicker, or has ended it
		return r.find(ctx, id)
	}
	return n, err
}

// find is an open notice.
func (r *Room) find(ctx context.Context, id string) (Notice, error) {
	all, err := notices(ctx, r.o.DB.Read(), `WHERE id = ? AND ended_at = 0 AND until > ?`, id, r.now().UnixMilli())
	if err != nil {
		return Notice{}, err
	}
	if len(all) == 0 {
		return Notice{}, web.Fail(http.StatusNotFound, "panel.no_notice", "there is no such open notice: GET /api/v1/panels/notices lists them")
	}
	return all[0], nil
}
