package app

import (
	"fmt"
	"os"

	"dongyue/configs"
	"dongyue/internal/alarm"
	"dongyue/internal/config"
	"dongyue/internal/event"
)

// What the files say that an operator goes by, in the alarms' words.

// cards are the procedures that the configuration names, or those in the binary.
func (a *App) cards() (map[string]alarm.Card, error) {
	folder, name := configs.Procedures(), "procedures"
	if d := a.o.Config.Procedures.Dir; d != "" {
		folder, name = os.DirFS(d), d
	}
	read, err := config.LoadProcedures(folder)
	if err != nil {
		return nil, ConfigError{fmt.Errorf("%s: %w", name, err)}
	}
	cards := make(map[string]alarm.Card, len(read))
	for id, p := range read {
		c := alarm.Card{ID: p.ID, Title: p.Title, Caution: p.Caution, Steps: []alarm.CardStep{}}
		for _, s := range p.Steps {
			c.Steps = append(c.Steps, cardStep(s))
		}
		cards[id] = c
	}
	return cards, nil
}

func cardStep(s config.Step) alarm.CardStep {
	out := alarm.CardStep{ID: s.ID, Text: s.Text, Answers: []alarm.CardAnswer{}, Next: s.Next, Auto: s.Auto}
	for _, x := range s.Answers {
		out.Answers = append(out.Answers, alarm.CardAnswer(x))
	}
	if s.Do.Open != "" {
		out.Do = &alarm.CardHint{Open: s.Do.Open, To: s.Do.To}
	}
	return out
}

// policies are those of escalation that come with the hub.
func policies() ([]alarm.Policy, error) {
	read, err := config.LoadPolicies(configs.EscalationFile, configs.Escalation())
	if err != nil {
		return nil, err
	}
	var out []alarm.Policy
	for _, p := range read {
		x := alarm.Policy{Name: p.Name, Priorities: []event.Priority{}, Steps: []alarm.PolicyStep{}, Repeat: p.Repeat}
		for _, w := range p.Priorities {
			x.Priorities = append(x.Priorities, event.Priority(w))
		}
		for _, s := range p.Steps {
			x.Steps = append(x.Steps, alarm.PolicyStep{AfterS: int(s.After.Seconds()), To: s.To})
		}
		out = append(out, x)
	}
	return out, nil
}
