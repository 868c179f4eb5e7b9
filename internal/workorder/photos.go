package workorder

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"image/jpeg"
	"time"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

// Photo is a picture of a repair. Phones make it small and leave out where it was taken.
type Photo struct {
	ID      string    `json:"id"`
	When    string    `json:"when" enum:"before,after"`
	TakenAt time.Time `json:"taken_at" doc:"by the phone's clock; it may have been without a network"`
	At      time.Time `json:"at" doc:"when it came"`
	By      string    `json:"by"`
	ByName  string    `json:"by_name"`
}

// Moments of a photo.
const (
	Before = "before"
	After  = "after"
)

// Photographed is what the log says of one.
const Photographed = "photo"

// Bounds of photos.
const (
	maxPhoto  = 2 << 20 // bytes; 1600 pixels wide is 300 KiB
	maxPhotos = 12      // of one order
	maxSide   = 8000    // pixels
)

// ErrTooManyPhotos says that an order has as many as it may.
var ErrTooManyPhotos = errors.New("an order has at most 12 photos")

// AddPhoto keeps a photo of an order for who has it, or a manager. The same id again
// changes nothing: a phone in a cellar sends until it hears an answer.
func (w *Orders) AddPhoto(ctx context.Context, who web.Principal, id string, p Photo, picture []byte, manager bool) (Order, error) {
	if err := p.check(picture); err != nil {
		return Order{}, err
	}
	p.At, p.By, p.ByName = now(), who.ID, who.Name
	if p.TakenAt.IsZero() || p.TakenAt.After(p.At) { // a clock that is ahead
		p.TakenAt = p.At
	}
	err := w.tx(ctx, func(tx *sql.Tx) error {
		o, err := find(ctx, tx, id)
		if err != nil {
			return err
		}
		if !manager && o.Assignee != who.ID {
			return ErrNotTaken
		}
		all, err := photos(ctx, tx, id)
		if err != nil {
			return err
		}
		for i := range all {
			if all[i].ID == p.ID {
				return nil
			}
		}
		if err := unused(ctx, tx, p.ID); err != nil {
			return err
		}
		if len(all) >= maxPhotos {
			return ErrTooManyPhotos
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO work_photos(id, work_order, moment, taken_at, at, actor, actor_name, jpeg) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			p.ID, id, p.When, p.TakenAt.UnixMilli(), p.At.UnixMilli(), p.By, p.ByName, picture); err != nil {
			return fmt.Errorf("keep photo of order %s: %w", id, err)
		}
		o.UpdatedAt = p.At
		return w.note(ctx, tx, o, who, Photographed, p.When)
	})
	if err != nil {
		return Order{}, err
	}
	return w.Get(ctx, id)
}

// unused refuses an id that is a photo of another order.
func unused(ctx context.Context, tx *sql.Tx, id string) error {
	var n int
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM work_photos WHERE id = ?", id).Scan(&n); err != nil {
		return fmt.Errorf("look for photo %s: %w", id, err)
	}
	if n > 0 {
		return fmt.Errorf("%w: id %q is a photo of another order: make one of your own", ErrInvalid, id)
	}
	return nil
}

func (p *Photo) check(picture []byte) error {
	switch {
	case len(p.ID) < 16 || len(p.ID) > 40 || !event.ValidDevice(p.ID):
		return fmt.Errorf("%w: id %q: 16 to 40 of a-z, 0-9 and - are wanted", ErrInvalid, p.ID)
	case p.When != Before && p.When != After:
		return fmt.Errorf("%w: when %q: before or after is wanted", ErrInvalid, p.When)
	}
	c, err := jpeg.DecodeConfig(bytes.NewReader(picture))
	if err != nil {
		return fmt.Errorf("%w: the photo is no JPEG: %w", ErrInvalid, err)
	}
	if c.Width > maxSide || c.Height > maxSide {
		return fmt.Errorf("%w: the photo has %d by %d pixels, at most %d by %d", ErrInvalid, c.Width, c.Height, maxSide, maxSide)
	}
	return nil
}

// rowsQuerier is a transaction or the reading side.
type rowsQuerier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// photos are those of an order, without the pictures.
func photos(ctx context.Context, q rowsQuerier, order string) ([]Photo, error) {
	rows, err := q.QueryContext(ctx, "SELECT id, moment, taken_at, at, actor, actor_name FROM work_photos WHERE work_order = ? ORDER BY taken_at, id", order)
	if err != nil {
		return nil, fmt.Errorf("read photos of order %s: %w", order, err)
	}
	defer func() { _ = rows.Close() }()
	var all []Photo
	for rows.Next() {
		var p Photo
		var taken, came int64
		if err := rows.Scan(&p.ID, &p.When, &taken, &came, &p.By, &p.ByName); err != nil {
			return nil, fmt.Errorf("read photos of order %s: %w", order, err)
		}
		p.TakenAt, p.At = at(taken), at(came)
		all = append(all, p)
	}
	return all, rows.Err()
}

// picture is one photo of an order.
func (w *Orders) picture(ctx context.Context, order, id string) (b []byte, err error) {
	err = w.db.Read().QueryRowContext(ctx, "SELECT jpeg FROM work_photos WHERE work_order = ? AND id = ?", order, id).Scan(&b)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("%w: photo", ErrNotFound)
	}
	return b, err
}
