package alarm

import (
	"time"

	"dongyue/internal/event"
)

// Card is the procedure that an operator works through. It is checked where it is
// read: every next is a step of the card or "", the end.
type Card struct {
	ID      string     `json:"id"`
	Title   event.Text `json:"title"`
	Caution event.Text `json:"caution" doc:"what must not be done"`
	Steps   []CardStep `json:"steps"`
}

// CardStep is one thing to do or, with answers, a question.
type CardStep struct {
	ID      string       `json:"id"`
	Text    event.Text   `json:"text"`
	Answers []CardAnswer `json:"answers" doc:"empty: a plain step"`
	Next    string       `json:"next" doc:"of a plain step; empty: the end"`
	Auto    string       `json:"auto,omitempty" doc:"the action that ticks it when the hub has carried it out"`
	Do      *CardHint    `json:"do,omitempty"`
}

// CardAnswer decides which step comes next.
type CardAnswer struct {
	ID    string     `json:"id"`
	Label event.Text `json:"label"`
	Next  string     `json:"next" doc:"empty: the end"`
}

// CardHint says what the desk may offer beside a step.
type CardHint struct {
	Open string `json:"open" enum:"camera,door,broadcast,intercom,phone,order,device,map"`
	To   string `json:"to,omitempty" doc:"of a phone: whom"`
}

// Done is a step that was done.
type Done struct {
	Step    string    `json:"step"`
	At      time.Time `json:"at"`
	Actor   string    `json:"actor" doc:"name of the person, or hub"`
	ActorID string    `json:"actor_id"`
	Answer  string    `json:"answer"`
	Text    string    `json:"text"`
}

// Progress is how far a card has been worked through for an incident.
type Progress struct {
	Card     Card   `json:"card"`
	Alarm    string `json:"alarm" doc:"root of the incident, which holds the card"`
	Done     []Done `json:"done" doc:"in the order in which they were done"`
	Next     string `json:"next" doc:"step to do now; empty: none"`
	Finished bool   `json:"finished" doc:"the end of the card is reached"`
}

func (c *Card) step(id string) (*CardStep, bool) {
	for i := range c.Steps {
		if c.Steps[i].ID == id {
			return &c.Steps[i], true
		}
	}
	return nil, false
}

func (s *CardStep) answer(id string) (*CardAnswer, bool) {
	for i := range s.Answers {
		if s.Answers[i].ID == id {
			return &s.Answers[i], true
		}
	}
	return nil, false
}

// progress replays what the journals say of a card.
func (c *Card) progress(lines []JournalEntry) Progress {
	p := Progress{Card: *c, Done: []Done{}}
	for _, e := range lines {
		t, ok := parseTick(e.Text)
		if !ok || t.card != c.ID {
			continue
		}
		p.Done = remove(p.Done, t.step)
		if !t.undo {
			p.Done = append(p.Done, Done{t.step, e.At, e.Actor, e.ActorID, t.answer, t.text})
		}
	}
	p.walk()
	return p
}

func remove(done []Done, step string) []Done {
	for i := range done {
		if done[i].Step == step {
			return append(done[:i:i], done[i+1:]...)
		}
	}
	return done
}

func (p *Progress) done(step string) (*Done, bool) {
	for i := range p.Done {
		if p.Done[i].Step == step {
			return &p.Done[i], true
		}
	}
	return nil, false
}

// walk finds the step to do now: from the first on, as the answers lead, to the
// first that is not done. A circle that was gone round, as "is it out? – not yet",
// asks its question again.
func (p *Progress) walk() {
	p.Next, p.Finished = "", false
	if len(p.Card.Steps) == 0 {
		p.Finished = true
		return
	}
	seen := map[string]bool{}
	for at := p.Card.Steps[0].ID; ; {
		if at == "" {
			p.Finished = true
			return
		}
		s, ok := p.Card.step(at)
		if !ok {
			return
		}
		d, ok := p.done(at)
		if !ok || seen[at] {
			p.Next = at
			return
		}
		seen[at] = true
		at = s.Next
		if a, ok := s.answer(d.Answer); ok {
			at = a.Next
		} else if len(s.Answers) > 0 { // an answer that the card no longer has
			p.Next = s.ID
			return
		}
	}
}
