package alarm

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"dongyue/internal/web"
)

// Stepped is a journal line about a step of a card.
const Stepped = "step"

// tick is what such a line says: `smoke/look=fire: flames on the third floor`, or
// `smoke/!look: the wrong picture` for a step that was taken back.
type tick struct {
	card, step, answer, text string
	undo                     bool
}

func (t tick) String() string {
	s := t.card + "/"
	if t.undo {
		s += "!"
	}
	s += t.step
	if t.answer != "" {
		s += "=" + t.answer
	}
	if t.text != "" {
		s += ": " + t.text
	}
	return s
}

// parseTick reads a line; no id of a card, a step or an answer has a slash, an
// equals sign, a colon or an exclamation mark in it.
func parseTick(line string) (t tick, ok bool) {
	head, text, _ := strings.Cut(line, ": ")
	t.text = text
	if t.card, head, ok = strings.Cut(head, "/"); !ok || t.card == "" {
		return tick{}, false
	}
	head, t.undo = strings.CutPrefix(head, "!")
	t.step, t.answer, _ = strings.Cut(head, "=")
	return t, t.step != ""
}

// TickRequest is what a person has done of a card.
type TickRequest struct {
	Step   string
	Answer string // to a question
	Text   string
	Undo   bool // take it back; Text says why
}

// Tick writes a step of the card of an alarm's incident into the journal.
func (a *Alarms) Tick(ctx context.Context, id string, q TickRequest) (*Progress, error) {
	var p Progress
	_, err := a.act(ctx, id, func(ctx context.Context, b *batch, al *Alarm) error {
		root, card, err := b.card(ctx, al)
		if err != nil {
			return err
		}
		if p, err = a.replay(ctx, b.tx, root, card); err != nil {
			return err
		}
		t, err := p.take(q)
		if err != nil || t == nil {
			return err
		}
		line := t.String()
		b.remark(root, Stepped, line)
		p.add(JournalEntry{At: b.now, Actor: b.by.Name, ActorID: b.by.ID, Text: line}, *t)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &p, nil
}

// take judges a request; nil is one that changes nothing.
func (p *Progress) take(q TickRequest) (*tick, error) {
	text := strings.Join(strings.Fields(q.Text), " ")
	t := &tick{card: p.Card.ID, step: q.Step, answer: q.Answer, text: text, undo: q.Undo}
	s, ok := p.Card.step(q.Step)
	if !ok {
		return nil, web.Fail(http.StatusUnprocessableEntity, "procedure.unknown_step", fmt.Sprintf("the card %s has no step %q", p.Card.ID, q.Step))
	}
	d, done := p.done(q.Step)
	switch {
	case q.Undo && text == "":
		return nil, web.Fail(http.StatusUnprocessableEntity, "procedure.reason_required", "say in `text` why it is taken back")
	case q.Undo && !done:
		return nil, nil
	case q.Undo:
		t.answer = ""
		return t, nil
	}
	if err := s.fits(q.Answer); err != nil {
		return nil, err
	}
	if !done || p.Next == q.Step { // or a circle asks it again
		return t, nil
	}
	if d.Answer == q.Answer {
		return nil, nil
	}
	return nil, web.Fail(http.StatusConflict, "procedure.conflict",
		fmt.Sprintf("%s answered %q at %s: speak to each other; to change it, take it back with `undo` and a reason", d.Actor, d.Answer, d.At.Format(time.RFC3339)))
}

func (s *CardStep) fits(answer string) error {
	if len(s.Answers) == 0 {
		if answer != "" {
			return web.Fail(http.StatusUnprocessableEntity, "procedure.no_question", fmt.Sprintf("step %s is no question: leave `answer` out", s.ID))
		}
		return nil
	}
	if _, ok := s.answer(answer); ok {
		return nil
	}
	ids := make([]string, len(s.Answers))
	for i := range s.Answers {
		ids[i] = s.Answers[i].ID
	}
	return web.Fail(http.StatusUnprocessableEntity, "procedure.answer_required", fmt.Sprintf("step %s is a question: answer one of %s", s.ID, strings.Join(ids, ", ")))
}

// add takes a new line in.
func (p *Progress) add(e JournalEntry, t tick) {
	p.Done = remove(p.Done, t.step)
	if !t.undo {
		p.Done = append(p.Done, Done{t.step, e.At, e.Actor, e.ActorID, t.answer, t.text})
	}
	p.walk()
}

// Procedure tells how far the card of an alarm's incident has been worked through.
func (a *Alarms) Procedure(ctx context.Context, id string) (*Progress, error) {
	q := a.o.DB.Read()
	al, err := one(ctx, q, "id = ?", id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, missing(id)
	}
	if err != nil {
		return nil, err
	}
	root, err := rootOf(ctx, q, al)
	if err != nil {
		return nil, err
	}
	card, err := a.cardOf(root)
	if err != nil {
		return nil, err
	}
	p, err := a.replay(ctx, q, root, card)
	return &p, err
}

// rootOf is the root of the alarm's incident; itself where that is gone.
func rootOf(ctx context.Context, q querier, al *Alarm) (*Alarm, error) {
	root, err := one(ctx, q, "id = (SELECT root FROM incident WHERE id = ?)", al.Incident)
	if errors.Is(err, sql.ErrNoRows) {
		return al, nil
	}
	return root, err
}

// card is the root of an alarm's incident, in hand, and its card.
func (b *batch) card(ctx context.Context, al *Alarm) (*Alarm, *Card, error) {
	root := al
	inc, err := b.incident(ctx, al.Incident)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, nil, err
	}
	if err == nil {
		if root, err = b.byID(ctx, cmp.Or(inc.Root, al.ID)); err != nil {
			return nil, nil, err
		}
	}
	card, err := b.a.cardOf(root)
	return root, card, err
}

func (a *Alarms) cardOf(root *Alarm) (*Card, error) {
	if root.Procedure == "" {
		return nil, web.Fail(http.StatusNotFound, "procedure.none", "the rule of this alarm has no card; write what you do as a comment")
	}
	if c, ok := a.o.Cards[root.Procedure]; ok {
		return &c, nil
	}
	return nil, noCard(root.Procedure)
}

func noCard(id string) error {
	return web.Fail(http.StatusNotFound, "procedure.unknown", fmt.Sprintf("there is no card %q; GET /api/v1/procedures lists them", id))
}

// replay reads the steps of all alarms of the incident: the root may have been
// another one when the first was done.
func (a *Alarms) replay(ctx context.Context, q querier, root *Alarm, card *Card) (Progress, error) {
	since := root.RaisedAt
	where, arg := "a.id = ?", root.ID
	if root.Incident != "" {
		where, arg = "a.incident = ?", root.Incident
	}
	rows, err := q.QueryContext(ctx, `SELECT j.at, j.actor, j.name, j.note FROM alarm_journal j JOIN alarm a ON a.id = j.alarm
		WHERE j.what = ? AND j.at >= (SELECT coalesce(min(raised_at), ?) FROM incident WHERE id = ?) AND `+where+` ORDER BY j.id`,
		Stepped, since.UnixMilli(), root.Incident, arg) //nolint:gosec // where is ours
	if err != nil {
		return Progress{}, fmt.Errorf("read steps of %s: %w", root.ID, err)
	}
	defer func() { _ = rows.Close() }()
	var lines []JournalEntry
	for rows.Next() {
		e := JournalEntry{What: Stepped}
		var at int64
		if err := rows.Scan(&at, &e.ActorID, &e.Actor, &e.Text); err != nil {
			return Progress{}, fmt.Errorf("read steps of %s: %w", root.ID, err)
		}
		e.At = time.UnixMilli(at).UTC()
		lines = append(lines, e)
	}
	if err := rows.Err(); err != nil {
		return Progress{}, fmt.Errorf("read steps of %s: %w", root.ID, err)
	}
	p := card.progress(lines)
	p.Alarm = root.ID
	return p, nil
}
