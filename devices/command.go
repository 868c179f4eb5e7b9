package devices

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"dongyue/internal/event"

	"github.com/google/uuid"
)

// Status of a command.
type Status string

// The statuses. A command goes only forward; the last three are final.
//
//	queued → sent → accepted → done | failed | expired
const (
	Queued   Status = "queued"   // stored; the device is not connected
	Sent     Status = "sent"     // given to the broker for a connected device
	Accepted Status = "accepted" // the device has it and works
	Done     Status = "done"
	Failed   Status = "failed"
	Expired  Status = "expired" // the deadline came first; it was not and will not be carried out
)

// Times of commands.
const (
	// DefaultTTL is for callers that name none.
	DefaultTTL = 10 * time.Second
	// MaxTTL keeps a device that was away for long from doing what nobody
	// expects any more.
	MaxTTL = time.Hour
	// finishWithin is how long after its deadline a command that was accepted
	// may still work, such as a message that is being played.
	finishWithin = 10 * time.Minute
)

// CommandRequest asks a device to do something.
type CommandRequest struct {
	Device string
	Type   string
	Args   any           // encodes to a JSON object; nil: none
	TTL    time.Duration // 0: DefaultTTL
	Key    string        // with Actor: the same request again gets the same command; "" never
	Actor  string        // who: a login, or the room that acts
	Ref    string        // for what: an alarm, a badge event …
}

// Command is a command and how far it came.
type Command struct {
	ID        string
	Device    string
	Type      string
	Args      json.RawMessage
	At        time.Time
	ExpiresAt time.Time
	Status    Status
	Error     string
	Actor     string
	Ref       string
	Data      json.RawMessage // of the last reply; nil: none
	SentAt    time.Time       // zero: never
	UpdatedAt time.Time

	seq int64
}

// next tells whether a command may go from one status to another.
func next(from, to Status) bool {
	switch from {
	case Queued:
		return to == Sent || to == Failed || to == Expired
	case Sent:
		return to == Accepted || to == Done || to == Failed || to == Expired || to == Queued // back: the broker had no session after all
	case Accepted:
		return to == Done || to == Failed || to == Expired
	case Done, Failed, Expired:
	}
	return false
}

// Command stores a command and sends it, if the device is connected; otherwise
// it waits for the device until its deadline. Commands of one device are sent in
// the order in which they were stored. The error is ErrNoDevice or a
// *Refusal when the command is not one that the device can get. It must not be
// called from inside a transaction.
func (r *Registry) Command(ctx context.Context, q CommandRequest) (Command, error) {
	rec := r.find(q.Device)
	if rec == nil {
		return Command{}, fmt.Errorf("command %s to %s: %w", q.Type, q.Device, ErrNoDevice)
	}
	c, err := r.newCommand(rec, q)
	if err != nil {
		return Command{}, err
	}
	if r.permit != nil {
		if err := r.permit(ctx, c.Device, c.Type, c.Args); err != nil {
			return Command{}, err
		}
	}
	rec.send.Lock()
	defer rec.send.Unlock()
	there := r.pub.Connected(rec.id)
	again := false
	err = r.db.Tx(ctx, func(tx *sql.Tx) (err error) {
		again, err = r.storeCommand(ctx, tx, &c, q, there)
		return err
	})
	if err != nil || again {
		return c, err
	}
	if err := r.feed.Committed(ctx); err != nil {
		return c, err
	}
	r.nudge() // Run learns the deadline
	// From here the command exists: who asked may go, it does not.
	return r.deliver(context.WithoutCancel(ctx), rec, c)
}

// storeCommand writes a command, unless it is there: then c is what it is by now.
func (r *Registry) storeCommand(ctx context.Context, tx *sql.Tx, c *Command, q CommandRequest, there bool) (again bool, err error) {
	old, err := byKey(ctx, tx, q.Actor, q.Key)
	switch {
	case err == nil && old.Device == c.Device && old.Type == c.Type && bytes.Equal(old.Args, c.Args):
		*c = old
		return true, nil
	case err == nil:
		return false, Refuse(CodeKeyReused, "the idempotency key belongs to another command (%s to %s)", old.Type, old.Device)
	case !errors.Is(err, sql.ErrNoRows):
		return false, err
	}
	ahead, err := waits(ctx, tx, c.Device)
	if err != nil {
		return false, err
	}
	if there && !ahead {
		c.Status, c.SentAt = Sent, c.At
	}
	if err := insertCommand(ctx, tx, c, q.Key); err != nil {
		return false, err
	}
	return false, r.feedCommand(ctx, tx, c)
}

// newCommand judges a request and makes the command of it.
func (r *Registry) newCommand(rec *record, q CommandRequest) (Command, error) {
	ttl := q.TTL
	if ttl == 0 {
		ttl = DefaultTTL
	}
	if ttl < 0 || ttl > MaxTTL {
		return Command{}, Refuse(CodeTTL, "from 1 ms to %s is wanted", MaxTTL)
	}
	if k, ok := r.kinds[rec.kind].(Hasty); ok {
		if most := k.MostTTL(q.Type); most > 0 && ttl > most {
			return Command{}, Refuse(CodeTTL, "%s: at most %s, since nobody may stand there any more; ask again when the device is there", q.Type, most)
		}
	}
	if len(q.Key) > 200 {
		return Command{}, Refuse(CodeValue, "idempotency key: at most 200 bytes")
	}
	args := json.RawMessage(`{}`)
	if q.Args != nil {
		b, err := json.Marshal(q.Args) // compact, so that equal requests are equal bytes
		if err != nil {
			return Command{}, Refuse(CodeSyntax, "args: %v", err)
		}
		if !bytes.Equal(b, []byte("null")) {
			args = b
		}
	}
	if len(args) > MaxPayload/2 {
		return Command{}, Refuse(CodeTooLarge, "args: %d bytes; at most %d", len(args), MaxPayload/2)
	}
	d := r.doc()
	defer r.docs.Put(d)
	root, err := d.parse(args)
	if err == nil {
		err = r.kinds[rec.kind].CheckCommand(q.Type, root)
	}
	if err != nil {
		return Command{}, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Command{}, fmt.Errorf("command id: %w", err)
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	return Command{
		ID: id.String(), Device: rec.id, Type: q.Type, Args: args, At: now, ExpiresAt: now.Add(ttl),
		Status: Queued, Actor: q.Actor, Ref: q.Ref, UpdatedAt: now,
	}, nil
}

// deliver publishes a command that was stored as sent; one that waits is looked
// at once more, for a device that came in between.
// One that the broker does not take waits for the device to connect or to
// subscribe. The caller holds rec.send.
func (r *Registry) deliver(ctx context.Context, rec *record, c Command) (Command, error) {
	if c.Status == Queued {
		if r.pub.Connected(rec.id) {
			r.look(rec)
		}
		return c, nil
	}
	before := rec.arrived()
	if err := r.publish(rec, &c); err != nil {
		r.log.DebugContext(ctx, "command was not taken by the broker; it waits", "device_id", rec.id, "command_id", c.ID, "err", err)
		if err := r.move(ctx, &c, Queued, ""); err != nil {
			return c, err
		}
		switch {
		case rec.arrived() != before:
			r.look(rec) // it has subscribed just now
		case r.pub.Connected(rec.id):
			r.soon(rec) // it will in a moment; not every broker says when
		}
	}
	return c, nil
}

// wire is a command on its topic.
type wire struct {
	ID        string          `json:"id"`
	Type      string          `json:"type"`
	At        string          `json:"at"`
	ExpiresAt string          `json:"expires_at"`
	Args      json.RawMessage `json:"args"`
}

// publish sends a command with what is left of its time, and nothing after.
func (r *Registry) publish(rec *record, c *Command) error {
	left := time.Until(c.ExpiresAt)
	if left <= 0 {
		return nil // expire says so
	}
	b, err := json.Marshal(wire{c.ID, c.Type, ms(c.At), ms(c.ExpiresAt), c.Args})
	if err != nil {
		return fmt.Errorf("encode command %s: %w", c.ID, err)
	}
	return r.pub.Publish(event.Topic(rec.kind, rec.id, event.Command), b, 1, false, left)
}
