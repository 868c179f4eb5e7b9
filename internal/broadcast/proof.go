package broadcast

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"dongyue/internal/event"
)

// Handle takes what speakers report into the proof, in the transaction of the
// journal's follower: their replies to play commands, and their events about a
// message. The same events again change nothing. Committed is called afterwards.
func (b *Broadcasts) Handle(ctx context.Context, tx *sql.Tx, evs []event.Event) error {
	changed := changes{}
	for i := range evs {
		e := &evs[i]
		if e.Kind != event.Speaker {
			continue
		}
		var err error
		switch e.Channel {
		case event.Reply:
			err = b.replied(ctx, tx, e, changed)
		case event.Happening:
			err = b.happened(ctx, tx, e, changed)
		case event.Telemetry:
			err = b.measured(ctx, tx, e, changed)
		case event.Presence:
			err = b.gone(ctx, tx, e, changed)
		case event.State, event.Command, event.Config, event.Quarantine:
		}
		if err != nil {
			return err
		}
	}
	if len(changed) > 0 {
		b.moved.Store(true)
	}
	return b.show(ctx, tx, changed)
}

// gone ends what played on a loudspeaker that has lost its network or its power: nobody
// knows that it is heard, and it must not hold back what comes later. One that played on
// by itself says so when it is back.
func (b *Broadcasts) gone(ctx context.Context, tx *sql.Tx, e *event.Event, changed changes) error {
	var d struct {
		Online bool `json:"online"`
	}
	if json.Unmarshal(e.Data, &d) != nil {
		return nil //nolint:nilerr // journaled by an older hub
	}
	if d.Online && !b.anew(e) {
		return stoppedMeanwhile(ctx, tx, e, changed)
	}
	ids, err := playingOn(ctx, tx, e)
	if err != nil {
		return fmt.Errorf("read what plays on %s: %w", e.Device, err)
	}
	for _, id := range ids {
		if err := b.move(ctx, tx, id, e.Device, answer{to: Failed, why: whyOffline, at: e.ReceivedAt, position: -1}, changed); err != nil {
			return err
		}
	}
	return nil
}

// stoppedMeanwhile tells a loudspeaker that is back of what it played when it went away,
// and was stopped since.
func stoppedMeanwhile(ctx context.Context, tx *sql.Tx, e *event.Event, changed changes) error {
	rows, err := tx.QueryContext(ctx, `
		SELECT n.broadcast FROM broadcast_nodes n JOIN broadcasts b ON b.id = n.broadcast
		WHERE n.device = ? AND n.state = 'failed' AND n.error = ? AND n.began <> 0 AND b.stopped_at > ?`, e.Device, whyOffline, e.ReceivedAt.Add(-endWithin).UnixMilli())
	if err != nil {
		return fmt.Errorf("read what %s was to stop: %w", e.Device, err)
	}
	ids, err := texts(rows)
	if err != nil {
		return fmt.Errorf("read what %s was to stop: %w", e.Device, err)
	}
	for _, id := range ids {
		n, err := one(ctx, tx, id, e.Device)
		if err != nil {
			return err
		}
		if _, err := stopAgain(ctx, tx, id, &n, changed); err != nil {
			return err
		}
	}
	return nil
}

// playingOn are the messages that a loudspeaker has played since before an event.
func playingOn(ctx context.Context, tx *sql.Tx, e *event.Event) (ids []string, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT broadcast FROM broadcast_nodes WHERE device = ? AND state = 'playing' AND at <= ?`, e.Device, e.ReceivedAt.UnixMilli())
	if err != nil {
		return nil, err
	}
	return texts(rows)
}

// texts are the rows of one column.
func texts(rows *sql.Rows) (all []string, err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, rows.Err()
}

// anew reports whether a loudspeaker that is here has started again since it was here
// last: what it played is gone, although nobody missed it.
func (b *Broadcasts) anew(e *event.Event) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	was := b.boots[e.Device]
	if e.Boot != "" {
		b.boots[e.Device] = e.Boot
	}
	return was != "" && e.Boot != "" && was != e.Boot
}

// answer is what a loudspeaker says of a message.
type answer struct {
	to       State
	why      string
	code     string // of a fault
	at       time.Time
	position int64 // ms, -1: not told
	level    float64
}

// maxEarly bounds the answers that came before their command was noted; more
// than there are loudspeakers can't wait honestly.
const maxEarly = 256

// replied takes the answer to a play command. It proves at most that the speaker
// has the message: what was heard, only its events say.
func (b *Broadcasts) replied(ctx context.Context, tx *sql.Tx, e *event.Event, changed changes) error {
	var a struct {
		Status string `json:"status"`
		Error  string `json:"error"`
	}
	if json.Unmarshal(e.Data, &a) != nil {
		return nil //nolint:nilerr // journaled by an older hub
	}
	ans := answer{at: e.ReceivedAt, position: -1}
	switch a.Status {
	case "accepted", "done":
		ans.to = Accepted
	case "failed", "expired":
		ans.to, ans.why, ans.code = Failed, a.Error, a.Error
		if ans.why == "" {
			ans.why = a.Status
		}
	default:
		return nil
	}
	b.keepEarly(e.ID, e.Device, ans) // before the look, so that one of the two finds the other
	var id string
	err := tx.QueryRowContext(ctx, `SELECT broadcast FROM broadcast_nodes WHERE command = ? AND device = ?`, e.ID, e.Device).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil // another command, or one whose id is noted in a moment; given takes the answer then
	}
	if err != nil {
		return err
	}
	b.takeEarly(e.ID, e.Device)
	return b.move(ctx, tx, id, e.Device, ans, changed)
}

// keepEarly keeps an answer for a moment. Most belong to other commands and are
// never asked for, so the old ones make room.
func (b *Broadcasts) keepEarly(command, device string, a answer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.early) >= maxEarly {
		maps.DeleteFunc(b.early, func(_ string, old answer) bool { return a.at.Sub(old.at) > startWithin })
	}
	if len(b.early) < maxEarly {
		b.early[command+"/"+device] = a
	}
}

// takeEarly returns an answer that came before its command was noted.
func (b *Broadcasts) takeEarly(command, device string) (answer, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := command + "/" + device
	a, ok := b.early[key]
	delete(b.early, key)
	return a, ok && command != ""
}

// louder is by how much a level must be above the one that was told before (dB): the
// proof is that it is loud, not a curve.
const louder = 3

// measured takes the level at a loudspeaker as proof of what plays there.
func (b *Broadcasts) measured(ctx context.Context, tx *sql.Tx, e *event.Event, changed changes) error {
	var d struct {
		Level float64 `json:"level_db"`
	}
	if json.Unmarshal(e.Data, &d) != nil || d.Level <= 0 {
		return nil //nolint:nilerr // no level in it
	}
	var id string
	err := tx.QueryRowContext(ctx, `SELECT broadcast FROM broadcast_nodes WHERE device = ? AND state = 'playing' AND level_db + ? < ?`, e.Device, louder, d.Level).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	changed[id] = true
	_, err = tx.ExecContext(ctx, `UPDATE broadcast_nodes SET level_db = ? WHERE broadcast = ? AND device = ?`, d.Level, id, e.Device)
	return err
}

// happened takes an event that names a message.
func (b *Broadcasts) happened(ctx context.Context, tx *sql.Tx, e *event.Event, changed changes) error {
	var d struct {
		Message  string  `json:"message"`
		Code     string  `json:"code"`
		Active   *bool   `json:"active"` // false: the fault is over
		Position *int64  `json:"position_ms"`
		Level    float64 `json:"level_db"`
	}
	if json.Unmarshal(e.Data, &d) != nil || d.Message == "" {
		return nil //nolint:nilerr // about no message that the hub sent
	}
	a := answer{at: e.ReceivedAt, position: -1, level: d.Level, code: d.Code}
	if d.Position != nil && *d.Position >= 0 {
		a.position = *d.Position
	}
	switch e.Type {
	case "buffered":
		a.to = Buffered
	case "playing":
		a.to = Playing
	case "finished":
		a.to = Done
	case "overridden":
		a.to = Overridden
	case "broken":
		a.to, a.why = Failed, "broken: "+d.Code
	case "fault":
		if d.Active != nil && !*d.Active {
			return nil
		}
		a.to, a.why = Failed, whyFault
		if d.Code != "" {
			a.why += ": " + d.Code
		}
	default:
		return nil
	}
	return b.move(ctx, tx, d.Message, e.Device, a, changed)
}

// move brings a node forward; a step back, or a node that is not there, changes
// nothing. What waits for the loudspeaker gets it when the node has ended.
func (b *Broadcasts) move(ctx context.Context, tx *sql.Tx, id, device string, a answer, changed changes) error {
	n, err := one(ctx, tx, id, device)
	if errors.Is(err, sql.ErrNoRows) {
		return nil // played from elsewhere
	}
	if err != nil {
		return err
	}
	late := a.to == Playing && n.State.over()
	if late && n.State != Failed { // an order to stop may have been lost
		if stopped, err := stopAgain(ctx, tx, id, &n, changed); err != nil || stopped {
			return err
		}
	}
	switch {
	case n.State == Queued && n.turn > 1 && a.to == Overridden: // it has not been told again yet: that was its turn before
		return nil
	case n.State == Paused && a.to == Overridden: // as was decided; now it is known how much was heard
		if a.position < 0 || a.position == n.PositionMS {
			return nil
		}
		n.PositionMS = a.position
	case !next(n.State, a.to):
		return nil
	case a.to == Failed && n.State != Paused:
		again, err := b.otherwise(ctx, tx, id, &n, a)
		if err != nil {
			return err
		}
		if !again {
			n.take(a)
		}
	default:
		n.take(a)
	}
	if late { // it has its turn again, so that it can be stopped and paused as any other
		n.due = n.at
		if _, err := stopAgain(ctx, tx, id, &n, changed); err != nil {
			return err
		}
	}
	changed[id] = true
	if err := saveNode(ctx, tx, id, &n); err != nil || !n.State.over() && !late {
		return err
	}
	return arrange(ctx, tx, device, a.at, changed)
}

// stopAgain tells a loudspeaker that plays what was stopped; false where it was not.
func stopAgain(ctx context.Context, tx *sql.Tx, id string, n *NodeOf, changed changes) (bool, error) {
	hs, err := heads(ctx, tx, `WHERE id = ?`, id)
	if err != nil || len(hs) != 1 || hs[0].StoppedAt == "" {
		return false, err
	}
	n.tell = tellStop
	n.turn++ // another order than the one before, which may have expired
	changed[id] = true
	return true, saveNode(ctx, tx, id, n)
}

// take is the step itself.
func (n *NodeOf) take(a answer) {
	n.State, n.Error, n.at = a.to, a.why, a.at
	if a.level != 0 {
		n.LevelDB = a.level
	}
	if a.position >= 0 {
		n.PositionMS = a.position
	}
	if a.to == Playing && n.began.IsZero() {
		n.began = a.at
	}
	if n.State.over() {
		n.tell, n.due = "", time.Time{}
	}
}

// otherwise tries the next way of the sound, where there is one and the fault was the
// way's.
func (b *Broadcasts) otherwise(ctx context.Context, tx *sql.Tx, id string, n *NodeOf, a answer) (bool, error) {
	ofTheWay := a.why == whyNoAnswer || slices.Contains([]string{"fetch", "decode", "stream"}, a.code)
	if !ofTheWay || n.State != Playing && !a.at.Before(n.due) {
		return false, nil
	}
	hs, err := heads(ctx, tx, `WHERE id = ?`, id)
	if err != nil || len(hs) != 1 || hs[0].StoppedAt != "" {
		return false, err
	}
	node, _ := b.speakers.Get(ctx, n.Device)
	way := b.after(&hs[0], n.Path, node)
	if way == "" {
		return false, nil
	}
	b.log.WarnContext(ctx, "broadcast: another way is tried", "device_id", n.Device, "broadcast_id", id, "path", way, "reason", a.why)
	if n.State == Playing { // it broke off: the rest comes another way
		n.due, n.PositionMS = a.at.Add(startWithin), max(a.position, n.PositionMS)
	}
	n.State, n.at, n.command, n.tell, n.Path, n.told, n.Error = Queued, a.at, "", tellPlay, way, time.Time{}, ""
	n.turn++
	return true, nil
}
