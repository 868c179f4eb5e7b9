package config

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"dongyue/internal/event"
)

// Procedure is the card that a guard follows when an alarm of its kind stands:
// steps of one sentence each; where one is a question, the answer decides which
// comes next.
type Procedure struct {
	ID      string     `yaml:"id" json:"id"`
	Title   event.Text `yaml:"title" json:"title"`
	Caution event.Text `yaml:"caution" json:"caution"` // what must not be done; may be empty
	Steps   []Step     `yaml:"steps" json:"steps"`
}

// Step is one thing to do, or a question.
type Step struct {
	ID      string     `yaml:"id" json:"id"`
	Text    event.Text `yaml:"text" json:"text"`
	Answers []Answer   `yaml:"answers" json:"answers"` // none: a plain step
	Next    string     `yaml:"next" json:"next"`       // step; left out: the one below; EndOfCard: none
	Auto    string     `yaml:"auto" json:"auto"`       // action that ticks it: broadcast, command:cut …
	Do      Hint       `yaml:"do" json:"do"`

	// A step that is a sentence alone may be written as one.
	ZH string `yaml:"zh" json:"-"`
	EN string `yaml:"en" json:"-"`
}

// Answer to a question.
type Answer struct {
	ID    string     `yaml:"id" json:"id"`
	Label event.Text `yaml:"label" json:"label"`
	Next  string     `yaml:"next" json:"next"` // as a step's
}

// Hint says what the desk may offer beside a step.
type Hint struct {
	Open string `yaml:"open" json:"open" enum:"camera|door|broadcast|intercom|phone|order|device|map"`
	To   string `yaml:"to" json:"to"` // of a phone: the number
}

// EndOfCard is written as next where nothing follows.
const EndOfCard = "end"

// Bounds of a card: it is read at a glance, at three in the morning.
const (
	maxSteps   = 20
	maxAnswers = 5
	maxStepZH  = 80  // characters
	maxStepEN  = 200 // characters
)

// LoadProcedures reads every *.yaml file of the folder, by id; the id is the
// file's name. All mistakes are reported at once, as Problems. In what it returns
// every step has an id and says what follows, "" being the end.
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
		p, found := loadProcedure(name, b)
		problems = append(problems, found...)
		cards[p.ID] = p
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return cards, nil
}

// loadProcedure reads one card.
func loadProcedure(name string, b []byte) (Procedure, Problems) {
	var p Procedure
	l := loader{file: name}
	l.places, l.problems = decode(name, b, &p)
	if len(l.problems) == 0 {
		l.procedure(&p, strings.TrimSuffix(path.Base(name), ".yaml"))
	}
	_ = l.problems.err() // sorts them
	return p, l.problems
}

func (l *loader) procedure(p *Procedure, id string) {
	if p.ID != id {
		l.problem("id", "is not the file's name", "write "+id)
	}
	if !wordForm(p.ID) {
		l.problem("id", "is no id", "use a-z, 0-9, _ and -")
	}
	l.text("title", p.Title)
	if p.Caution != (event.Text{}) {
		l.text("caution", p.Caution)
	}
	if len(p.Steps) == 0 || len(p.Steps) > maxSteps {
		l.problem("steps", fmt.Sprintf("has %d steps", len(p.Steps)), fmt.Sprintf("write 1 to %d", maxSteps))
		return
	}
	before := len(l.problems)
	for i := range p.Steps {
		l.step(p, i)
	}
	if len(l.problems) == before { // the way through is only to be judged where its steps are known
		l.ways(p)
	}
}

// step checks one step and gives it what was left out.
func (l *loader) step(p *Procedure, i int) {
	s, at := &p.Steps[i], fmt.Sprintf("steps[%d]", i)
	textAt := at + ".text"
	if s.ZH != "" || s.EN != "" { // a sentence alone
		if s.Text != (event.Text{}) {
			l.problem(at, "has its sentence twice", "keep text: {zh, en}")
		}
		s.Text, textAt = event.Text{ZH: s.ZH, EN: s.EN}, at
	}
	l.text(textAt, s.Text)
	if len([]rune(s.Text.ZH)) > maxStepZH || len([]rune(s.Text.EN)) > maxStepEN {
		l.problem(textAt, "is too long to be read in a hurry", fmt.Sprintf("at most %d characters in Chinese and %d in English; make two steps of it", maxStepZH, maxStepEN))
	}
	if s.ID == "" {
		s.ID = fmt.Sprintf("s%d", i+1)
	}
	if !wordForm(s.ID) || s.ID == EndOfCard {
		l.problem(at+".id", fmt.Sprintf("%q is no id of a step", s.ID), "use a-z, 0-9, _ and -, and not "+EndOfCard)
	}
	for j := range i {
		if p.Steps[j].ID == s.ID {
			l.problem(at+".id", fmt.Sprintf("%q is there already", s.ID), "choose another")
		}
	}
	if s.Auto != "" && !autoForm(s.Auto) {
		l.problem(at+".auto", fmt.Sprintf("%q is no action", s.Auto), "write broadcast, work_order, clip, notify, react, command, or command:NAME as command:cut")
	}
	if s.Do.Open == "phone" && s.Do.To == "" {
		l.problem(at+".do", "calls nobody", `add to: "119"`)
	}
	l.answers(s, at)
}

func (l *loader) answers(s *Step, at string) {
	if len(s.Answers) == 0 {
		if s.Answers == nil {
			s.Answers = []Answer{}
		}
		return
	}
	if len(s.Answers) < 2 || len(s.Answers) > maxAnswers {
		l.problem(at+".answers", fmt.Sprintf("has %d answers", len(s.Answers)), fmt.Sprintf("a question has 2 to %d", maxAnswers))
	}
	if s.Next != "" {
		l.problem(at+".next", "stands beside answers", "each answer has its own next")
	}
	if s.Auto != "" {
		l.problem(at+".auto", "can't answer a question", "remove it")
	}
	seen := map[string]bool{}
	for j := range s.Answers {
		a, where := &s.Answers[j], fmt.Sprintf("%s.answers[%d]", at, j)
		l.text(where+".label", a.Label)
		if !wordForm(a.ID) {
			l.problem(where+".id", fmt.Sprintf("%q is no id of an answer", a.ID), "use a-z, 0-9, _ and -")
		} else if seen[a.ID] {
			l.problem(where+".id", fmt.Sprintf("%q is there already", a.ID), "choose another")
		}
		seen[a.ID] = true
	}
}

func wordForm(s string) bool { return regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,39}$`).MatchString(s) }

func autoForm(s string) bool {
	return regexp.MustCompile(`^(broadcast|work_order|clip|notify|react(:[a-z]{1,32})?|command(:[a-z][a-z_]{0,31})?)$`).MatchString(s)
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
