package alarm

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

// fireCard asks, goes round in a circle, and ends.
//
//	look ─fire→ call → out ─no→ count → out …
//	     └none→ write        └yes→ write
func fireCard() Card {
	text := func(s string) event.Text { return event.Text{ZH: s, EN: s} }
	answer := func(id, next string) CardAnswer { return CardAnswer{id, text(id), next} }
	return Card{ID: "fire", Title: text("fire"), Steps: []CardStep{
		{ID: "look", Text: text("look"), Answers: []CardAnswer{answer("fire", "call"), answer("none", "write")}},
		{ID: "call", Text: text("call"), Next: "out"},
		{ID: "out", Text: text("out"), Answers: []CardAnswer{answer("yes", "write"), answer("no", "count")}},
		{ID: "count", Text: text("count"), Next: "out", Auto: "broadcast"},
		{ID: "write", Text: text("write"), Auto: "command:cut"},
	}}
}

func withCards(o *Options) {
	plain := Card{ID: "plain", Steps: []CardStep{{ID: "s1", Next: "s2"}, {ID: "s2"}}}
	o.Cards = map[string]Card{"fire": fireCard(), "plain": plain}
}

func byCard(card string) func(*Signal) { return func(s *Signal) { s.Procedure = card } }

func TestTheWayThroughACard(t *testing.T) {
	card := fireCard()
	for _, c := range []struct{ lines, done, next string }{
		{"", "", "look"},
		{"fire/look=fire", "look", "call"},
		{"fire/look=none", "look", "write"},
		{"fire/look=none; fire/write", "look write", ""},
		{"fire/look=fire; fire/call; fire/out=yes; fire/write", "look call out write", ""},
		{"fire/look=fire; fire/call; fire/out=no", "look call out", "count"},
		{"fire/look=fire; fire/call; fire/out=no; fire/count", "look call out count", "out"},
		{"fire/look=fire; fire/call; fire/out=no; fire/count; fire/out=yes", "look call count out", "write"},
		{"fire/call: ahead of the question; fire/look=fire", "call look", "out"},
		{"fire/look=fire; fire/!look: the wrong picture", "", "look"},
		{"fire/look=fire; fire/call; fire/!look: wrong; fire/look=none", "call look", "write"},
		{"other/look=fire", "", "look"},
		{"fire/look=gone", "look", "look"}, // an answer that the card had once
		{"fire/gone; not a tick; /x; fire/", "gone", "look"},
	} {
		var lines []JournalEntry
		for text := range strings.SplitSeq(c.lines, "; ") {
			lines = append(lines, JournalEntry{Text: text})
		}
		p := card.progress(lines)
		var done []string
		for _, d := range p.Done {
			done = append(done, d.Step)
		}
		if got := strings.Join(done, " "); got != c.done || p.Next != c.next || p.Finished != (c.next == "") {
			t.Errorf("%s: done %q, next %q, finished %v", c.lines, got, p.Next, p.Finished)
		}
	}
}

func TestWorkingThroughACard(t *testing.T) {
	d := open(t, withCards)
	id := d.apply(d.signal("c1", byCard("fire")))[0].ID
	var p Progress
	d.must(web.Crew, "GET", "/alarms/"+id+"/procedure", "", &p)
	if p.Card.ID != "fire" || len(p.Card.Steps) != 5 || p.Next != "look" || p.Alarm != id {
		t.Fatalf("%+v", p)
	}
	at := "/alarms/" + id + "/procedure"
	d.must(web.Operator, "POST", at, `{"step":"look","answer":"fire","text":"三楼\n有火"}`, &p)
	d.must(web.Operator, "POST", at, `{"step":"look","answer":"fire"}`, &p) // the same again
	if p.Next != "call" || len(p.Done) != 1 || p.Done[0].Actor != "陈operator" || p.Done[0].Text != "三楼 有火" || p.Done[0].Answer != "fire" {
		t.Errorf("%+v", p)
	}
	for _, c := range []struct {
		role   web.Role
		body   string
		status int
		code   string
	}{
		{web.Supervisor, `{"step":"look","answer":"none"}`, 409, "procedure.conflict"},
		{web.Operator, `{"step":"look","undo":true}`, 422, "procedure.reason_required"},
		{web.Operator, `{"step":"out"}`, 422, "procedure.answer_required"},
		{web.Operator, `{"step":"out","answer":"maybe"}`, 422, "procedure.answer_required"},
		{web.Operator, `{"step":"call","answer":"yes"}`, 422, "procedure.no_question"},
		{web.Operator, `{"step":"dance"}`, 422, "procedure.unknown_step"},
		{web.Integrator, `{"step":"call"}`, 403, "auth.forbidden"},
	} {
		if status, code := d.ask(c.role, "POST", at, c.body, nil); status != c.status || code != c.code {
			t.Errorf("%s: %d %s", c.body, status, code)
		}
	}
	d.must(web.Supervisor, "POST", at, `{"step":"look","undo":true,"text":"看错画面"}`, &p)
	d.must(web.Supervisor, "POST", at, `{"step":"look","answer":"none"}`, &p)
	d.must(web.Supervisor, "POST", at, `{"step":"write"}`, &p)
	if !p.Finished || p.Next != "" {
		t.Errorf("%+v", p)
	}
	d.restart()
	d.must(web.Operator, "GET", at, "", &p)
	if !p.Finished || len(p.Done) != 2 {
		t.Errorf("after a restart %+v", p)
	}
	want := []string{"raise ", "step fire/look=fire: 三楼 有火", "step fire/!look: 看错画面", "step fire/look=none", "step fire/write"}
	if got := d.journal(id); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestTheConflictNamesTheOther(t *testing.T) {
	d := open(t, withCards)
	id := d.apply(d.signal("c1", byCard("fire")))[0].ID
	d.must(web.Operator, "POST", "/alarms/"+id+"/procedure", `{"step":"look","answer":"fire"}`, nil)
	_, err := d.alarms.Tick(t.Context(), id, TickRequest{Step: "look", Answer: "none"})
	if err == nil || !strings.Contains(err.Error(), "陈operator") || !strings.Contains(err.Error(), "2026-01-01T00:00:00Z") {
		t.Errorf("%v", err)
	}
}

// Of many who answer at the same moment, one answer stands.
func TestManyAnswerAtOnce(t *testing.T) {
	d := open(t, withCards)
	id := d.apply(d.signal("c1", byCard("fire")))[0].ID
	var wg sync.WaitGroup
	var mu sync.Mutex
	taken := map[string]int{}
	for i := range 16 {
		answer := []string{"fire", "none"}[i%2]
		wg.Go(func() {
			if _, err := d.alarms.Tick(t.Context(), id, TickRequest{Step: "look", Answer: answer}); err == nil {
				mu.Lock()
				taken[answer]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(taken) != 1 || taken["fire"]+taken["none"] != 8 {
		t.Errorf("%v", taken)
	}
	if got := d.journal(id); len(got) != 2 {
		t.Errorf("%q", got)
	}
}

// The card belongs to the incident: what was ticked stays when a graver alarm
// becomes its root, and each member shows the same.
func TestACardOfAnIncident(t *testing.T) {
	d := open(t, withCards)
	fire := func(p event.Priority, rule string) func(*Signal) {
		return func(s *Signal) { s.Procedure, s.Priority, s.Rule, s.Cause = "fire", p, rule, "fire" }
	}
	first := d.apply(d.signal("c1", fire(event.Medium, "warm")))[0]
	d.must(web.Operator, "POST", "/alarms/"+first.ID+"/procedure", `{"step":"look","answer":"fire"}`, nil)
	d.pass(time.Second)
	second := d.apply(d.signal("c2", fire(event.Critical, "smoke")))[0]
	if first.Incident == "" || first.Incident != second.Incident {
		t.Fatalf("incidents %q and %q", first.Incident, second.Incident)
	}
	for _, id := range []string{first.ID, second.ID} {
		var p Progress
		d.must(web.Operator, "GET", "/alarms/"+id+"/procedure", "", &p)
		if p.Alarm != second.ID || p.Next != "call" || len(p.Done) != 1 {
			t.Errorf("%+v", p)
		}
	}
	d.must(web.Operator, "POST", "/alarms/"+first.ID+"/procedure", `{"step":"call"}`, nil)
	if got := d.journal(second.ID); !slices.Contains(got, "step fire/call") {
		t.Errorf("the root's journal %q", got)
	}
}

func TestCardsThatAreNotThere(t *testing.T) {
	d := open(t, withCards)
	for card, code := range map[string]string{"": "procedure.none", "gone": "procedure.unknown"} {
		d.pass(time.Hour) // so that each is an incident of its own
		id := d.apply(d.signal("c-"+card, byCard(card)))[0].ID
		if status, got := d.ask(web.Operator, "GET", "/alarms/"+id+"/procedure", "", nil); status != 404 || got != code {
			t.Errorf("%q: %d %s", card, status, got)
		}
	}
	if status, code := d.ask(web.Operator, "POST", "/alarms/nobody/procedure", `{"step":"x"}`, nil); status != 404 || code != "alarm.unknown" {
		t.Error(status, code)
	}
	if status, code := d.ask(web.Operator, "GET", "/procedures/nothing", "", nil); status != 404 || code != "procedure.unknown" {
		t.Error(status, code)
	}
	var all struct{ Items []Card }
	d.must(web.Operator, http.MethodGet, "/procedures", "", &all)
	if len(all.Items) != 2 || all.Items[0].ID != "fire" {
		t.Errorf("%+v", all)
	}
}

// What the hub does itself it ticks itself, once, and only when it is done.
func TestStepsThatTheHubTicks(t *testing.T) {
	d := open(t, withCards)
	id := d.apply(d.signal("c1", func(s *Signal) {
		byCard("fire")(s)
		d.withActions(time.Minute)(s)
	}))[0].ID
	tasks := d.pending(10)
	if err := d.alarms.Fail(t.Context(), tasks[1], fmt.Errorf("no speaker")); err != nil {
		t.Fatal(err)
	}
	if err := d.alarms.Complete(t.Context(), tasks[0], "done"); err != nil {
		t.Fatal(err)
	}
	var p Progress
	d.must(web.Operator, "GET", "/alarms/"+id+"/procedure", "", &p)
	if len(p.Done) != 1 || p.Done[0].Step != "write" || p.Done[0].ActorID != hub {
		t.Errorf("%+v", p.Done)
	}
}

// The state is the replay of the journal, whatever was done in whatever order.
func TestProgressIsAReplay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		card := fireCard()
		state := card.progress(nil)
		var lines []JournalEntry
		answers := map[string]string{} // the oracle: what stands of each step
		for range rapid.IntRange(0, 30).Draw(t, "n") {
			s := rapid.SampledFrom(card.Steps).Draw(t, "step")
			q := TickRequest{Step: s.ID, Undo: rapid.Bool().Draw(t, "undo"), Text: "r"}
			if len(s.Answers) > 0 && !q.Undo {
				q.Answer = rapid.SampledFrom(s.Answers).Draw(t, "answer").ID
			}
			had, done := answers[s.ID]
			tk, err := state.take(q)
			switch {
			case q.Undo:
				if err != nil || (tk != nil) != done {
					t.Fatalf("undo of %s: %v %v", s.ID, tk, err)
				}
				delete(answers, s.ID)
			case done && state.Next != s.ID && had != q.Answer:
				if err == nil {
					t.Fatalf("%s=%s was taken over %s", s.ID, q.Answer, had)
				}
			case err != nil:
				t.Fatal(err)
			default:
				answers[s.ID] = q.Answer
			}
			if tk == nil {
				continue
			}
			e := JournalEntry{Text: tk.String()}
			lines = append(lines, e)
			state.add(e, *tk)
			again := card.progress(lines)
			if fmt.Sprint(again) != fmt.Sprint(state) {
				t.Fatalf("replay\n%+v\nstate\n%+v", again, state)
			}
			if len(state.Done) != len(answers) {
				t.Fatalf("%d done, want %d", len(state.Done), len(answers))
			}
		}
	})
}

func FuzzTick(f *testing.F) {
	for _, s := range []string{"fire/look=fire: text: more", "fire/!look: why", "a/b", "", "/", "a/=", "a/!", ": x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		tk, ok := parseTick(s)
		if !ok {
			return
		}
		if tk.card == "" || tk.step == "" {
			t.Fatalf("%+v of %q", tk, s)
		}
		if again, ok := parseTick(tk.String()); ok && again != tk {
			t.Fatalf("%+v, then %+v", tk, again)
		}
	})
}
