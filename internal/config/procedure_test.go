package config

import (
	"errors"
	"os"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func TestShippedProcedures(t *testing.T) {
	cards, err := LoadProcedures(os.DirFS("../../configs/procedures"))
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"charger_thermal", "smoke", "door_forced", "sos", "duress"} {
		if c, ok := cards[id]; !ok || len(c.Steps) != 5 {
			t.Errorf("%s has %d steps, want 5", id, len(c.Steps))
		}
	}
}

func TestProcedureMistakes(t *testing.T) {
	_, err := LoadProcedures(fstest.MapFS{
		"a.yaml": {Data: []byte("id: b\ntitle: {zh: 标题}\nsteps:\n  - {zh: 一, en: one}\n  - zh: 二\n")},
		"b.yaml": {Data: []byte("id: b\ntitle: {zh: 标题, en: T}\nstep: []\n")},
		"c.yaml": {Data: []byte("id: c\ntitle: {zh: 标题, en: T}\nsteps: []\n")},
		"d.txt":  {Data: []byte("not read")},
	})
	want := `a.yaml:1:5: id: is not the file's name; write a
a.yaml:2:1: title.en: is empty; write the sentence in English
a.yaml:5:7: steps[1].en: is empty; write the sentence in English
b.yaml:3:1: step: no such setting; did you mean steps?
c.yaml:3:8: steps: has 0 steps; write 1 to 7`
	var p Problems
	if !errors.As(err, &p) {
		t.Fatalf("got %v", err)
	}
	if diff := cmp.Diff(want, p.Error()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
