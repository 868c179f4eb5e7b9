package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheckReadsTheCards(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	card := "id: a\ntitle: {zh: 题, en: T}\nsteps:\n  - {zh: 一, en: one}\n"
	write("good/a.yaml", card)
	write("bad/a.yaml", strings.Replace(card, ", en: one", "", 1))
	good, bad := filepath.Join(dir, "good"), filepath.Join(dir, "bad")
	for _, c := range []struct {
		args []string
		code int
	}{
		{[]string{"check", "--procedures", good}, 0},
		{[]string{"check", "--procedures", bad}, exitConfig},
		{[]string{"check", "--procedures", filepath.Join(dir, "none")}, exitConfig},
		{[]string{"check", write("ok.yaml", "procedures: {dir: "+good+"}\n")}, 0},
		{[]string{"check", write("names-bad.yaml", "procedures: {dir: "+bad+"}\n")}, exitConfig},
	} {
		if got := run(t.Context(), c.args); got != c.code {
			t.Errorf("%v: exit %d, want %d", c.args, got, c.code)
		}
	}
	ps, err := checkCards(bad)
	if err != nil || len(ps) != 1 || ps[0].String() != filepath.Join(bad, "a.yaml")+":4:5: steps[0].en: is empty; write the sentence in English" {
		t.Errorf("%v %v", ps, err)
	}
	if _, err := checkCards(filepath.Join(good, "a.yaml")); err == nil {
		t.Error("a file was taken for a folder")
	}
	if ps, err := checkCards("../../configs/procedures"); err != nil || len(ps) > 0 {
		t.Error("shipped:", ps, err)
	}
}
