package config

import (
	"errors"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"dongyue/internal/event"
)

func shipped(t *testing.T) map[string]Procedure {
	t.Helper()
	cards, err := LoadProcedures(os.DirFS("../../configs/procedures"))
	if err != nil {
		t.Fatal(err)
	}
	return cards
}

func TestShippedProcedures(t *testing.T) {
	cards := shipped(t)
	for _, id := range []string{
		"smoke", "charger_thermal", "charger_leakage", "sos", "duress", "door_forced", "door_held", "door_tamper", "door_lock", "power", "water", "gas",
		"lamp_leakage", "device_offline", "sensor_fault", "intruder", "account_misuse", "audit_broken",
	} {
		c, ok := cards[id]
		if !ok {
			t.Errorf("no card %s", id)
			continue
		}
		questions := 0
		for _, s := range c.Steps {
			if len(s.Answers) > 0 {
				questions++
			}
			if strings.ContainsRune(s.Text.EN, '？') || strings.ContainsAny(s.Text.ZH, "?") {
				t.Errorf("%s/%s: punctuation of the other language", id, s.ID)
			}
			// A question is asked with a question mark, and nothing else is.
			asks := strings.Contains(s.Text.ZH, "？")
			if len(s.Answers) == 0 && strings.HasSuffix(s.Text.ZH, "？") || !asks && len(s.Answers) > 0 && !strings.ContainsAny(s.Text.ZH, "，：、") {
				t.Errorf("%s/%s: %q with %d answers", id, s.ID, s.Text.ZH, len(s.Answers))
			}
		}
		if questions == 0 {
			t.Errorf("%s asks nothing", id)
		}
	}
	if duress := cards["duress"]; !strings.Contains(duress.Caution.EN, "Do not call the flat") || !strings.Contains(duress.Caution.ZH, "不要致电住户") {
		t.Errorf("duress: %+v", duress.Caution)
	}
}

// A card can be walked to its end by any way, and no way is endless if one answers
// differently in the second round.
func TestShippedProceduresEnd(t *testing.T) {
	for id, c := range shipped(t) {
		steps := map[string]Step{}
		for _, s := range c.Steps {
			steps[s.ID] = s
		}
		var longest int
		var walk func(at string, taken map[string]bool, n int)
		walk = func(at string, taken map[string]bool, n int) {
			longest = max(longest, n)
			if at == "" {
				return
			}
			s := steps[at]
			if len(s.Answers) == 0 {
				walk(s.Next, taken, n+1)
				return
			}
			for _, a := range s.Answers {
				if key := at + "=" + a.ID; !taken[key] {
					taken[key] = true
					walk(a.Next, taken, n+1)
					delete(taken, key)
				}
			}
		}
		walk(c.Steps[0].ID, map[string]bool{}, 0)
		if longest > 40 {
			t.Errorf("%s: a way of %d steps", id, longest)
		}
	}
}

// The old form, a list of sentences, is a card whose steps follow one another.
func TestLinearProcedure(t *testing.T) {
	cards, err := LoadProcedures(fstest.MapFS{"a.yaml": {Data: []byte("id: a\ntitle: {zh: 标题, en: T}\nsteps:\n  - {zh: 一, en: one}\n  - zh: 二\n    en: two\n")}})
	if err != nil {
		t.Fatal(err)
	}
	want := []Step{
		{ID: "s1", Text: event.Text{ZH: "一", EN: "one"}, Answers: []Answer{}, Next: "s2", ZH: "一", EN: "one"},
		{ID: "s2", Text: event.Text{ZH: "二", EN: "two"}, Answers: []Answer{}, ZH: "二", EN: "two"},
	}
	if diff := cmp.Diff(want, cards["a"].Steps); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestProcedureMistakes(t *testing.T) {
	_, err := LoadProcedures(fstest.MapFS{
		"a.yaml": {Data: []byte("id: b\ntitle: {zh: 标题}\nsteps:\n  - {zh: 一, en: one}\n  - zh: 二\n")},
		"b.yaml": {Data: []byte("id: b\ntitle: {zh: 标题, en: T}\nstep: []\n")},
		"c.yaml": {Data: []byte("id: c\ntitle: {zh: 标题, en: T}\nsteps: []\n")},
		"d.txt":  {Data: []byte("not read")},
		"e.yaml": {Data: []byte(`id: e
title: {zh: 标题, en: T}
steps:
  - id: look
    text: {zh: 看, en: look}
    answers:
      - {id: fire, label: {zh: 有, en: fire}, next: cal}
      - {id: fire, label: {zh: 没有}, next: end}
    next: call
  - id: look
    text: {zh: 打, en: call}
    auto: comand
    do: {open: telephone}
`)},
		"f.yaml": {Data: []byte(`id: f
title: {zh: 标题, en: T}
steps:
  - id: one
    text: {zh: 一, en: one}
    next: two
  - id: never
    text: {zh: 无, en: never}
    next: end
  - id: two
    text: {zh: 二, en: two}
    next: one
`)},
		"g.yaml": {Data: []byte(`id: g
title: {zh: 标题, en: T}
steps:
  - id: one
    text: {zh: 一, en: one}
    answers: [{id: a, label: {zh: 甲, en: A}}]
    do: {open: phone}
  - id: two
    text: {zh: "` + strings.Repeat("长", 81) + `", en: two}
    next: thre
  - {id: three, text: {zh: 三, en: three}, zh: 三}
`)},
	})
	want := `a.yaml:1:5: id: is not the file's name; write a
a.yaml:2:1: title.en: is empty; write the sentence in English
a.yaml:5:7: steps[1].en: is empty; write the sentence in English
b.yaml:3:1: step: no such setting; did you mean steps?
c.yaml:3:8: steps: has 0 steps; write 1 to 20
e.yaml:13:16: steps[1].do.open: "telephone" is not one of camera, door, broadcast, intercom, phone, order, device, map; write one of them
f.yaml:4:7: steps[0]: from step one there is no way to the end; give one of the steps that go round in a circle an answer that leads out, or next: end
f.yaml:7:7: steps[1]: step never is never reached; let an answer or a step before it lead here, or remove it
f.yaml:10:7: steps[2]: from step two there is no way to the end; give one of the steps that go round in a circle an answer that leads out, or next: end
g.yaml:6:14: steps[0].answers: has 1 answers; a question has 2 to 5
g.yaml:7:5: steps[0].do: calls nobody; add to: "119"
g.yaml:9:5: steps[1].text: is too long to be read in a hurry; at most 80 characters in Chinese and 200 in English; make two steps of it
g.yaml:11:5: steps[2]: has its sentence twice; keep text: {zh, en}
g.yaml:11:5: steps[2].en: is empty; write the sentence in English`
	var p Problems
	if !errors.As(err, &p) {
		t.Fatalf("got %v", err)
	}
	if diff := cmp.Diff(want, p.Error()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Where the decoder is content, the card's own mistakes are all told.
func TestMistakesOfACard(t *testing.T) {
	_, err := LoadProcedures(fstest.MapFS{"e.yaml": {Data: []byte(`id: e
title: {zh: 标题, en: T}
steps:
  - id: look
    text: {zh: 看, en: look}
    answers:
      - {id: fire, label: {zh: 有, en: fire}, next: cal}
      - {id: fire, label: {zh: 没有}, next: end}
    next: call
  - id: look
    text: {zh: 打, en: call}
    auto: comand
`)}, "h.yaml": {Data: []byte(`id: h
title: {zh: 标题, en: T}
steps:
  - id: look
    text: {zh: 看, en: look}
    answers:
      - {id: fire, label: {zh: 有, en: fire}, next: cal}
      - {id: none, label: {zh: 没有, en: none}, next: end}
  - {id: call, text: {zh: 打, en: call}, next: xyzzy}
`)}})
	want := `e.yaml:8:14: steps[0].answers[1].id: "fire" is there already; choose another
e.yaml:8:20: steps[0].answers[1].label.en: is empty; write the sentence in English
e.yaml:9:11: steps[0].next: stands beside answers; each answer has its own next
e.yaml:10:9: steps[1].id: "look" is there already; choose another
e.yaml:12:11: steps[1].auto: "comand" is no action; write broadcast, work_order, clip, notify, react, command, or command:NAME as command:cut
h.yaml:7:52: steps[0].answers[0].next: there is no step "cal"; did you mean call?
h.yaml:9:47: steps[1].next: there is no step "xyzzy"; the steps are look, call, and end`
	if err == nil {
		t.Fatal("no mistake found")
	}
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
