package official

import (
	"context"
	"strings"
	"time"

	"dongyue/internal/cap"
)

// signFor is how long a message without an end stays on the panels.
const signFor = 6 * time.Hour

// public tells whether a message is for everybody's eyes (CAP 1.2, 3.2.1: scope).
func public(m *cap.Message) bool { return m.Scope == "Public" }

// write puts what is said of a message on the panels of its zones and takes away what it
// updates.
func (o *Official) write(ctx context.Context, e *Entry, said *cap.Message, old []Entry) error {
	if o.o.Signs == nil || !public(e.Message) {
		return nil
	}
	s := Sign{
		Ref: e.ID, Zones: e.Zones, Text: headline(said), Colour: colour(said), Grave: said.Grave(),
		Exercise: e.Message.Status == cap.StatusExercise, Author: e.Message.Sender, Until: until(said, e.at),
	}
	if err := o.o.Signs.Show(ctx, s); err != nil {
		return err
	}
	for i := range old {
		if err := o.o.Signs.End(ctx, old[i].ID); err != nil {
			return err
		}
	}
	return nil
}

// headline is what fits a panel: what it is, and what to do.
func headline(m *cap.Message) string {
	x := here(m)
	if x == nil {
		return ""
	}
	text := x.Headline
	if text == "" {
		text = x.Event
	}
	if x.Instruction != "" {
		text += " " + x.Instruction
	}
	return strings.Join(strings.Fields(text), " ")
}

// colour is that of the warning (GB/T 35965.1); white for none.
func colour(m *cap.Message) string {
	x := here(m)
	if x == nil || severity(x) == unknown {
		return "white"
	}
	return strings.ToLower(severity(x))
}

// until is when a message is over: the latest end that it names.
func until(m *cap.Message, at time.Time) time.Time {
	var end time.Time
	for i := range m.Infos {
		if x := m.Infos[i].Expires; x != nil && x.After(end) {
			end = *x
		}
	}
	if end.IsZero() {
		end = at.Add(signFor)
	}
	return end
}
