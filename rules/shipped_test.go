package rules

import (
	"os"
	"strings"
	"testing"
)

// Every rule that ships has a test file beside its own, and all cases hold.
func TestShippedRules(t *testing.T) {
	dir := os.DirFS("../configs/rules")
	results, problems := Test(dir)
	for _, p := range problems {
		t.Error(p)
	}
	raised := map[string]bool{}
	for _, r := range results {
		if !r.OK {
			t.Errorf("%s:%d: %s:\n got  %s\n want %s", r.File, r.Line, r.Name,
				strings.Join(r.Got, "\n      "), strings.Join(r.Want, "\n      "))
		}
		for _, w := range r.Want {
			if f := strings.Fields(w); f[1] == "raised" {
				raised[f[2]] = true
			}
		}
	}
	set, _ := Load(dir)
	if set == nil {
		t.FailNow()
	}
	for _, r := range set.Rules {
		if !raised[r.ID] {
			t.Errorf("no case raises %s", r.ID)
		}
	}
}
