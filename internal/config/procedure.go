package config

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"dongyue/internal/event"
)

// Procedure is the card that a guard follows when an alarm of its kind stands:
// few steps, each one sentence, in the order in which they are done.
type Procedure struct {
	ID      string       `yaml:"id" json:"id"`
	Title   event.Text   `yaml:"title" json:"title"`
	Caution event.Text   `yaml:"caution" json:"caution"` // what must not be done; may be empty
	Steps   []event.Text `yaml:"steps" json:"steps"`
}

// maxSteps keeps a card readable at a glance.
const maxSteps = 7

// LoadProcedures reads every *.yaml file of the folder, by id; the id is the
// file's name. All mistakes are reported at once, as Problems.
func LoadProcedures(folder fs.FS) (map[string]Procedure, error) {
	names, err := fs.Glob(folder, "*.yaml")
	if err != nil {
		return nil, fmt.Errorf("list procedures: %w", err)
	}
	cards := make(map[string]Procedure, len(names))
	var problems Problems
	for _, name := range names {
		b, err := fs.ReadFile(folder, name)
		if err != nil {
			return nil, fmt.Errorf("read procedure: %w", err)
		}
		var p Procedure
		l := loader{file: name}
		l.places, l.problems = decode(name, b, &p)
		if len(l.problems) == 0 {
			l.procedure(p, strings.TrimSuffix(path.Base(name), ".yaml"))
		}
		problems = append(problems, l.problems...)
		cards[p.ID] = p
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return cards, nil
}

func (l *loader) procedure(p Procedure, id string) {
	if p.ID != id {
		l.problem("id", "is not the file's name", "write "+id)
	}
	l.text("title", p.Title)
	if p.Caution != (event.Text{}) {
		l.text("caution", p.Caution)
	}
	if len(p.Steps) == 0 || len(p.Steps) > maxSteps {
		l.problem("steps", fmt.Sprintf("has %d steps", len(p.Steps)), fmt.Sprintf("write 1 to %d", maxSteps))
	}
	for i, s := range p.Steps {
		l.text(fmt.Sprintf("steps[%d]", i), s)
	}
}

// text asks for both languages.
func (l *loader) text(path string, t event.Text) {
	if strings.TrimSpace(t.ZH) == "" {
		l.problem(path+".zh", "is empty", "write the sentence in Chinese")
	}
	if strings.TrimSpace(t.EN) == "" {
		l.problem(path+".en", "is empty", "write the sentence in English")
	}
}
