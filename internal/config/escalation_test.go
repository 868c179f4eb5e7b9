package config

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestShippedPolicies(t *testing.T) {
	b, err := os.ReadFile("../../configs/escalation.yaml")
	if err != nil {
		t.Fatal(err)
	}
	ps, err := LoadPolicies("escalation.yaml", b)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]Policy{}
	for _, p := range ps {
		byName[p.Name] = p
	}
	critical := byName["critical"]
	want := []PolicyStep{{30 * time.Second, []string{"on_duty"}}, {time.Minute, []string{"next_on_duty"}}, {2 * time.Minute, []string{"supervisor"}}, {3 * time.Minute, []string{"list:emergency"}}}
	if diff := cmp.Diff(want, critical.Steps); diff != "" {
		t.Errorf("critical (-want +got):\n%s", diff)
	}
	if life := byName["life_safety"]; life.Steps[0].After > 5*time.Second || life.Repeat < 3 {
		t.Errorf("%+v", life)
	}
}

func TestPolicyMistakes(t *testing.T) {
	_, err := LoadPolicies("e.yaml", []byte(`policies:
  - name: Fast One
    priorities: [critical]
    steps:
      - {after: 30s, to: [on_duty]}
      - {after: 30s, to: [boss]}
      - {after: 40s, to: []}
  - name: b
    priorities: [critical]
    steps:
      - {after: 1m, to: ["list:"]}
  - name: b
    steps: []
`))
	want := `e.yaml:2:11: policies[0].name: "Fast One" is no name; use a-z, 0-9, _ and -
e.yaml:6:17: policies[0].steps[1].after: is not later than the step before; write the steps in the order of time
e.yaml:6:27: policies[0].steps[1].to[0]: "boss" is nobody; write on_duty, next_on_duty, supervisor, list:NAME or user:ID
e.yaml:7:9: policies[0].steps[2]: calls nobody; add to: [on_duty]
e.yaml:9:18: policies[1].priorities[0]: belongs to policy Fast One; name a priority once
e.yaml:11:26: policies[1].steps[0].to[0]: "list:" is nobody; write on_duty, next_on_duty, supervisor, list:NAME or user:ID
e.yaml:12:11: policies[2].name: "b" is there already; choose another`
	var p Problems
	if !errors.As(err, &p) {
		t.Fatalf("got %v", err)
	}
	if diff := cmp.Diff(want, p.Error()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, text := range []string{"", "policies: []\n", "policies:\n  - name: a\n    priorities: [urgent]\n", "policies:\n  - {name: a, repeat: 99}\n", "policys: []\n"} {
		if _, err := LoadPolicies("e.yaml", []byte(text)); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}
