package official

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"dongyue/internal/cap"
)

// Receive takes a message, however it came, and does what it says. The entry tells what
// became of it; an error is the hub's own. What is stored is done also where whoever
// brought it has hung up, and again later where something failed.
func (o *Official) Receive(ctx context.Context, raw []byte, came string) (Entry, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return Entry{}, err
	}
	return o.receive(ctx, id.String(), raw, came)
}

func (o *Official) receive(ctx context.Context, id string, raw []byte, came string) (Entry, error) {
	ctx = context.WithoutCancel(ctx)
	now := time.Now()
	e := Entry{ID: id, Came: came, At: ms(now), Zones: []string{}, State: Received, raw: raw, at: now}
	m, err := o.open(raw, now)
	if err != nil {
		e.State, e.Reason, e.Detail = Refused, reasonOf(err), err.Error()
		return e, o.refuse(ctx, &e)
	}
	e.Message, e.sender, e.identifier = m, m.Sender, m.Identifier
	waiting := ""
	err = o.change(ctx, &e, func(tx *sql.Tx) error {
		var state State
		var same bool
		err := tx.QueryRowContext(ctx, `SELECT id, state, raw = ? FROM official_messages WHERE sender = ? AND identifier = ?`, raw, m.Sender, m.Identifier).Scan(&waiting, &state, &same)
		if errors.Is(err, sql.ErrNoRows) {
			return insert(ctx, tx, &e)
		}
		if err != nil {
			return err
		}
		if state != Received || !same {
			waiting = ""
		}
		return errAgain
	})
	switch {
	case errors.Is(err, errAgain) && waiting != "": // its sender asks again before it has been acted on
		e.ID = waiting
	case errors.Is(err, errAgain):
		e.State, e.Reason, e.sender = Replayed, reasonReplay, ""
		return e, o.refuse(ctx, &e)
	case err != nil:
		return e, err
	}
	became, err := o.finish(ctx, e.ID)
	if err != nil {
		o.unfinished.Store(true)
		o.log.ErrorContext(ctx, "official message is not acted on yet", "message_id", e.ID, "err", err)
		return e.complete(), nil
	}
	return became, nil
}

// finish acts on a message that was believed, unless that was done.
func (o *Official) finish(ctx context.Context, id string) (Entry, error) {
	e, err := o.find(ctx, id)
	if err != nil {
		return Entry{}, err
	}
	if e.Message != nil {
		about := names(e.Message)
		o.affairs.begin(about)
		defer o.affairs.end(about)
		if e, err = o.find(ctx, id); err != nil {
			return Entry{}, err
		}
	}
	if e.State != Received {
		return *e, nil
	}
	return o.act(context.WithoutCancel(ctx), *e)
}

var errNoKeys = errors.New("no keys are configured: set official.keys")

// errAgain undoes what would be done twice.
var errAgain = errors.New("the message is known")

// errClock is for what was sent long ago, or will be.
var errClock = errors.New("sent is more than a day ago, or in the future")

func (o *Official) open(raw []byte, now time.Time) (*cap.Message, error) {
	if o.o.Keys == nil {
		return nil, errNoKeys
	}
	m, err := o.o.Keys.Open(raw, now)
	if err != nil {
		return nil, err
	}
	if m.Sent.After(now.Add(newest)) || m.Sent.Before(now.Add(-oldest)) {
		return nil, errClock
	}
	return m, nil
}

func reasonOf(err error) string {
	for _, x := range []struct {
		err    error
		reason string
	}{
		{cap.ErrUnsigned, reasonUnsigned},
		{cap.ErrUnknown, reasonKey},
		{cap.ErrSender, reasonSender},
		{cap.ErrSignature, reasonSignature},
		{cap.ErrTooLarge, reasonSize},
		{errNoKeys, reasonNoKeys},
		{errClock, reasonClock},
	} {
		if errors.Is(err, x.err) {
			return x.reason
		}
	}
	return reasonForm
}

// refuse keeps what was not believed, without letting it do anything, and raises the
// alarm where somebody tried.
func (o *Official) refuse(ctx context.Context, e *Entry) error {
	o.log.WarnContext(ctx, "official message refused", "message_id", e.ID, "reason", e.Reason, "came", e.Came, "bytes", len(e.raw))
	e.Message = nil
	if len(e.raw) > cap.MaxBytes {
		e.raw = nil
	}
	// Told first: after a crash it is told again rather than never.
	if o.o.Alarm != nil && slices.Contains([]string{reasonUnsigned, reasonSignature, reasonKey, reasonSender, reasonReplay, reasonClock}, e.Reason) {
		o.o.Alarm(ctx, e.Reason, e.ID)
	}
	return o.change(ctx, e, func(tx *sql.Tx) error { return insert(ctx, tx, e) })
}

// act does what a believed message says. Doing it again after a crash does it once.
func (o *Official) act(ctx context.Context, e Entry) (Entry, error) {
	m := e.Message
	old, err := o.referred(ctx, m)
	if err != nil {
		return e, err
	}
	after, err := o.overtaken(ctx, m)
	if err != nil {
		return e, err
	}
	// What is for named people only is not said aloud (CAP 1.2, 3.2.1: scope).
	sounds := (m.Status == cap.StatusActual || m.Status == cap.StatusExercise) && (public(m) || m.MsgType == cap.Cancel)
	switch {
	case m.MsgType == cap.Ack || m.MsgType == cap.Error || !sounds:
		e.State = Silent
	case m.MsgType == cap.Cancel:
		e.State = Silent
		for i := range old {
			if err := o.cancel(ctx, &old[i]); err != nil {
				return e, err
			}
		}
	case after != "":
		e.State = after
	case m.Expired(time.Now()) || time.Since(e.at) > oldest: // the hub was away meanwhile
		e.State = Expired
		if err := o.replaced(ctx, m, old); err != nil {
			return e, err
		}
	default:
		if err := o.speak(ctx, &e, old); err != nil {
			return e, err
		}
	}
	err = o.change(ctx, &e, func(tx *sql.Tx) error {
		if err := update(ctx, tx, &e); err != nil {
			return err
		}
		if err := o.supersede(ctx, tx, &e, old); err != nil {
			return err
		}
		if e.State == Speaking || m.MsgType == cap.Ack || m.MsgType == cap.Error {
			return nil // the result follows; and an answer is not answered
		}
		return o.answer(ctx, tx, &e, "")
	})
	o.nudge()
	return e.complete(), err
}

// overtaken is what became of a message before it came: links don't keep the order, and
// what was cancelled or updated meanwhile must not be heard any more. "" for nothing.
func (o *Official) overtaken(ctx context.Context, m *cap.Message) (State, error) {
	if m.MsgType != cap.Alert && m.MsgType != cap.Update {
		return "", nil
	}
	stored, err := json.Marshal(m.Identifier) // as a reference to it is written there
	if err != nil {
		return "", err
	}
	later, err := o.entries(ctx, `WHERE sender = ? AND identifier <> ? AND instr(message, ?) > 0 ORDER BY seq`, m.Sender, m.Identifier, string(stored))
	if err != nil {
		return "", err
	}
	became := State("")
	for i := range later {
		x := later[i].Message
		if x == nil || x.Status != m.Status || !slices.ContainsFunc(x.References, func(r cap.Reference) bool {
			return r.Sender == m.Sender && r.Identifier == m.Identifier
		}) {
			continue
		}
		switch x.MsgType {
		case cap.Cancel:
			return Cancelled, nil
		case cap.Update:
			became = Updated
		}
	}
	return became, nil
}

// replaced ends what an update takes the place of without being heard here: it is about
// another place now, or over.
func (o *Official) replaced(ctx context.Context, m *cap.Message, old []Entry) error {
	if m.MsgType != cap.Update {
		return nil
	}
	for i := range old {
		if o.o.Signs != nil {
			if err := o.o.Signs.End(ctx, old[i].ID); err != nil {
				return err
			}
		}
	}
	return o.silence(ctx, old, "")
}

// silence ends what is heard of messages, but for one broadcast.
func (o *Official) silence(ctx context.Context, old []Entry, but string) error {
	for i := range old {
		if b := old[i].Broadcast; b != "" && b != but {
			if err := o.o.Air.Silence(ctx, b); err != nil {
				return err
			}
		}
	}
	return nil
}

// referred are the messages that this one is about, of the same sender and kind: an
// exercise ends no alert.
func (o *Official) referred(ctx context.Context, m *cap.Message) (old []Entry, err error) {
	for _, r := range m.References {
		if r.Sender != m.Sender {
			continue
		}
		es, err := o.entries(ctx, `WHERE sender = ? AND identifier = ?`, r.Sender, r.Identifier)
		if err != nil {
			return nil, err
		}
		for i := range es {
			if es[i].Message != nil && es[i].Message.Status == m.Status {
				old = append(old, es[i])
			}
		}
	}
	return old, nil
}

// supersede notes that a message has taken the place of others.
func (o *Official) supersede(ctx context.Context, tx *sql.Tx, e *Entry, old []Entry) error {
	if e.Message.MsgType != cap.Update || !slices.Contains([]State{Speaking, Failed, Elsewhere, Expired}, e.State) {
		return nil
	}
	for i := range old {
		if x := &old[i]; x.State == Speaking || x.State == Failed {
			x.State = Updated
			if err := update(ctx, tx, x); err != nil {
				return err
			}
			shown := x.complete()
			if _, err := o.feed.Append(ctx, tx, "official", &shown); err != nil {
				return err
			}
			if err := o.tellHomes(ctx, tx, &shown); err != nil {
				return err
			}
		}
	}
	return nil
}

// cancel ends what a message lets be heard and read.
func (o *Official) cancel(ctx context.Context, e *Entry) error {
	if o.o.Signs != nil {
		if err := o.o.Signs.End(ctx, e.ID); err != nil {
			return err
		}
	}
	if e.Broadcast != "" {
		if err := o.o.Air.Silence(ctx, e.Broadcast); err != nil {
			return err
		}
	}
	e.State = Cancelled
	return o.change(ctx, e, func(tx *sql.Tx) error { return update(ctx, tx, e) })
}

// speak lets a message be heard where it belongs.
func (o *Official) speak(ctx context.Context, e *Entry, old []Entry) error {
	zones, said := o.where(ctx, e.Message, time.Now())
	if e.Zones = zones; len(said.Infos) == 0 {
		e.State, e.Zones = Elsewhere, []string{}
		return o.replaced(ctx, e.Message, old)
	}
	if e.Detail = o.everybody(ctx, e.Message, zones); e.Detail != "" {
		o.log.WarnContext(ctx, "official message is for the whole community", "message_id", e.ID, "reason", e.Detail)
	}
	c := Call{
		Zones: zones, Text: Text(said), Grave: said.Grave(), Exercise: e.Message.Status == cap.StatusExercise,
		Key: "official/" + e.Message.Sender + "/" + e.Message.Identifier, Ref: e.ID,
	}
	for i := range old {
		if old[i].Broadcast != "" && old[i].State == Speaking {
			c.Replaces = old[i].Broadcast
		}
	}
	id, err := o.o.Air.Speak(ctx, c)
	if err := o.write(ctx, e, said, old); err != nil { // also where nothing is heard
		return err
	}
	if err != nil && id == "" {
		o.log.WarnContext(ctx, "official message is not heard", "message_id", e.ID, "err", err)
		e.State, e.Reason, e.Detail = Failed, "broadcast", err.Error()
		return o.silence(ctx, old, "") // what it says no more must not be heard either
	}
	if err != nil { // it is stored there, and goes out
		o.log.WarnContext(ctx, "official message is heard later", "message_id", e.ID, "err", err)
	}
	e.State, e.Broadcast = Speaking, id
	return o.silence(ctx, old, c.Replaces)
}
