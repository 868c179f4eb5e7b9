package official

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"dongyue/internal/cap"
)

// Heard is what a broadcast of a message came to.
type Heard struct {
	Ref     string // of its call
	Targets int
	Playing int      // began in time
	Nodes   []string // speaker=state, of all
}

// Settled answers a message whose broadcast has begun wherever it will: once, whatever
// comes between.
func (o *Official) Settled(ctx context.Context, h Heard) error {
	es, err := o.entries(ctx, `WHERE id = ?`, h.Ref)
	if err != nil || len(es) == 0 {
		return err
	}
	e := &es[0]
	if e.State == Received { // it was heard before that was written down
		e.State = Speaking
	}
	panels := ""
	if o.o.Signs != nil {
		shown, all, err := o.o.Signs.Shown(ctx, e.ID)
		if err != nil {
			return err
		}
		panels = fmt.Sprintf(" panels %d of %d showing;", shown, all)
	}
	err = o.db.Tx(ctx, func(tx *sql.Tx) error {
		note := fmt.Sprintf("loudspeakers %d of %d playing;%s %s", h.Playing, h.Targets, panels, strings.Join(h.Nodes, " "))
		return o.answer(ctx, tx, e, note)
	})
	o.nudge()
	return err
}

// answer puts the result of a message into the outbox. Its identifier follows from the
// message's, so that there is one of it.
func (o *Official) answer(ctx context.Context, tx *sql.Tx, e *Entry, heard string) error {
	if e.Message == nil {
		return nil
	}
	note := "result=" + string(e.State)
	if e.Reason != "" {
		note += " reason=" + e.Reason
	}
	if len(e.Zones) > 0 {
		note += " zones=" + strings.Join(e.Zones, ",")
	}
	if heard != "" {
		note += "; " + heard
	}
	m := &cap.Message{
		Identifier: "ack-" + e.ID, Sender: o.o.Sender, Sent: time.Now().Truncate(time.Second), Status: e.Message.Status, MsgType: cap.Ack,
		Scope: "Private", Addresses: e.Message.Sender, Note: note, References: []cap.Reference{cap.Of(e.Message)},
	}
	if e.State == Failed {
		m.MsgType = cap.Error
	}
	return o.post(ctx, tx, m, e.ID)
}

// post signs a message and puts it into the outbox, unless it is there.
func (o *Official) post(ctx context.Context, tx *sql.Tx, m *cap.Message, about string) error {
	if o.o.Signer == nil {
		return nil
	}
	body, err := o.o.Signer.Sign(m)
	if err != nil {
		return err
	}
	now := time.Now().UnixMilli()
	_, err = tx.ExecContext(ctx, `INSERT INTO official_outbox(id, about, body, at, tries, due, sent_at, error) VALUES (?, ?, ?, ?, 0, ?, 0, '') ON CONFLICT(id) DO NOTHING`,
		m.Identifier, about, body, now, now)
	if err != nil {
		return fmt.Errorf("outbox: %w", err)
	}
	return nil
}

// Alarm is one of the hub's own.
type Alarm struct {
	ID, TitleZH, TitleEN string
	Zone                 string // where, as people say it
	Shape                [4]float64
	Critical             bool
	Category             string // Fire, Safety, Security …
	At                   time.Time
	Over                 bool // it is closed: what was sent is cancelled
}

// Publish sends an alarm upstream, once; its end cancels it.
func (o *Official) Publish(ctx context.Context, a Alarm) error {
	expires := a.At.Add(6 * time.Hour)
	m := &cap.Message{Identifier: "alarm-" + a.ID, Sender: o.o.Sender, Sent: a.At.Truncate(time.Second), Status: cap.StatusActual, MsgType: cap.Alert, Scope: "Restricted"}
	if a.Over {
		m.References = []cap.Reference{cap.Of(m)}
		m.Identifier, m.MsgType, m.Sent = m.Identifier+"-over", cap.Cancel, time.Now().Truncate(time.Second)
	}
	area := cap.Area{Desc: a.Zone}
	if area.Desc == "" {
		area.Desc = o.o.Sender
	}
	if g := o.o.Origin; g != nil && a.Shape[2] > 0 {
		x, y, w, h := a.Shape[0], a.Shape[1], a.Shape[2], a.Shape[3]
		p := cap.Polygon{g.Earth(x, y), g.Earth(x+w, y), g.Earth(x+w, y+h), g.Earth(x, y+h)}
		area.Polygons = []cap.Polygon{append(p, p[0])}
	}
	severity := "Severe"
	if a.Critical {
		severity = "Extreme"
	}
	for _, x := range []struct{ lang, title string }{{"zh-CN", a.TitleZH}, {"en", a.TitleEN}} {
		m.Infos = append(m.Infos, cap.Info{
			Language: x.lang, Categories: []string{a.Category}, Event: x.title, Urgency: "Immediate", Severity: severity, Certainty: "Observed",
			Expires: &expires, Headline: x.title, Areas: []cap.Area{area},
		})
	}
	err := o.db.Tx(ctx, func(tx *sql.Tx) error { return o.post(ctx, tx, m, a.ID) })
	o.nudge()
	return err
}

// Times of the outbox.
const (
	firstPause = time.Second
	lastPause  = 5 * time.Minute
)

// deliver sends what is due and says when the next is.
func (o *Official) deliver(ctx context.Context) (time.Duration, error) {
	if o.o.Upstream == "" {
		return time.Hour, nil
	}
	for {
		var seq, due, tries int64
		var id string
		var body []byte
		row := o.db.Read().QueryRowContext(ctx, `SELECT seq, id, body, due, tries FROM official_outbox WHERE sent_at = 0 ORDER BY due, seq LIMIT 1`)
		if err := row.Scan(&seq, &id, &body, &due, &tries); err != nil {
			if err == sql.ErrNoRows { //nolint:errorlint // Scan returns it as it is
				return time.Hour, nil
			}
			return 0, fmt.Errorf("outbox: %w", err)
		}
		// None is put off for longer than that: then the clock was set back.
		if rest := time.Until(time.UnixMilli(due)); rest > 0 && rest <= lastPause {
			return rest, nil
		}
		err := o.send(ctx, id, body)
		if ctx.Err() != nil {
			return 0, nil //nolint:nilerr // the hub stops; it is sent after the next start
		}
		if err := o.sent(ctx, seq, tries, err); err != nil {
			return 0, err
		}
	}
}

// sent notes a delivery, or when to try it again. A crash in between sends it again under
// the same identifier, which the receiver knows.
func (o *Official) sent(ctx context.Context, seq, tries int64, problem error) error {
	return o.db.Tx(ctx, func(tx *sql.Tx) error {
		now := time.Now()
		if problem == nil {
			_, err := tx.ExecContext(ctx, `UPDATE official_outbox SET sent_at = ?, error = '' WHERE seq = ?`, now.UnixMilli(), seq)
			return err
		}
		pause := min(firstPause<<min(tries, 12), lastPause)
		_, err := tx.ExecContext(ctx, `UPDATE official_outbox SET tries = tries + 1, due = ?, error = ? WHERE seq = ?`, now.Add(pause).UnixMilli(), problem.Error(), seq)
		return err
	})
}

func (o *Official) send(ctx context.Context, id string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, o.o.Upstream, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/cap+xml")
	req.Header.Set("Idempotency-Key", id)
	resp, err := o.o.Client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	if resp.StatusCode >= 300 {
		return fmt.Errorf("the receiver answered %d", resp.StatusCode)
	}
	return nil
}

func (o *Official) nudge() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}
