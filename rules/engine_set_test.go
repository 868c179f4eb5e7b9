package rules

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"dongyue/internal/event"
)

// A swap whose transaction fails is taken back by Rollback.
func TestSwapCanBeTakenBack(t *testing.T) {
	e := mustNew(t, ruleNamed("hot", "data.t >= 70"))
	e.Process([]event.Event{reading(0, "7", `{"t":80}`), reading(0, "8", `{"t":80}`)})
	e.Commit()
	want(t, e.Swap(mustLoad(t, ruleNamed("warm", "data.t >= 40"))), "@0s returned hot low c1/7", "@0s returned hot low c1/8")
	e.Rollback()
	if st := e.Status(); len(st) != 1 || st[0].Firing != 2 {
		t.Fatalf("%+v", st)
	}
	want(t, e.Process([]event.Event{reading(1, "7", `{"t":20}`)}), "@1s returned hot low c1/7")
}

// BenchmarkSwap is how long the judgement stands still for another set of 10,000
// rules, while so many alarms stand and each of 2,000 devices has a window.
//
//	go test ./rules -run '^$' -bench Swap -benchtime 20x
func BenchmarkSwap(b *testing.B) {
	const n = 10_000
	var text strings.Builder
	text.WriteString("rules:\n")
	for i := range n {
		fmt.Fprintf(&text, "  - id: r%d\n    title: {zh: 热, en: hot}\n    on: {kind: charger, channel: telemetry, zone: east/b%02d/s%d}\n    when: data.t >= %d || rise(\"t\", \"1m\") > 50\n    priority: low\n", i, i%40, i%2000, 40+i%50)
	}
	files := Files{}
	for i, part := range splitRules(text.String(), 1000) {
		files[fmt.Sprintf("f%d.yaml", i)] = part
	}
	load := func() *Set {
		set, problems := files.Load()
		if len(problems) > 0 {
			b.Fatal(problems[0])
		}
		return set
	}
	began := time.Now()
	sets := [2]*Set{load(), load()}
	b.Logf("loading %d rules takes %v, beside the judgement", n, time.Since(began)/2)
	for _, standing := range []int{0, 2_000} {
		b.Run(fmt.Sprintf("standing %d", standing), func(b *testing.B) {
			e, err := New(Options{Set: sets[0]})
			if err != nil {
				b.Fatal(err)
			}
			for i := range standing {
				ev := reading(float64(i)/1000, "1", `{"t":95}`)
				ev.Device, ev.Zone = fmt.Sprintf("c%d", i), fmt.Sprintf("east/b%02d/s%d", i%40, i)
				e.Process([]event.Event{ev})
			}
			e.Commit()
			i := 0
			for b.Loop() {
				i++
				e.Swap(sets[i%2])
				e.Commit()
			}
		})
	}
}

// splitRules puts so many rules into each file.
func splitRules(text string, each int) (out []string) {
	rules := strings.Split(strings.TrimPrefix(text, "rules:\n"), "  - id: ")[1:]
	for len(rules) > 0 {
		k := min(each, len(rules))
		out = append(out, "rules:\n  - id: "+strings.Join(rules[:k], "  - id: "))
		rules = rules[k:]
	}
	return out
}
