package app

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"dongyue/rules"
)

// A replay of what the hub has been told comes to the alarms that it raised, and
// leaves them alone.
func TestReplayOfTheHubsJournal(t *testing.T) {
	h, _ := ruleHouse(t, map[string]string{"hot.yaml": ruleAbout("hot", "data.temp_c >= 70")})
	_, publish, _ := h.register("charger", "charger-1")
	for _, c := range []int{82, 20, 75, 71, 30} {
		publish("telemetry", fmt.Sprintf(`{"at":%q,"part":"3","values":{"temp_c":%d}}`, now(), c))
	}
	h.settle() // it is over twice: "hot false" comes early too
	h.wait("hot false")
	var list struct{ Items []rules.RuleView }
	h.call(http.MethodGet, "/rules", nil, &list)
	var j rules.ReplayJob
	h.call(http.MethodPost, "/rules/replay", map[string]any{
		"since": "1h", "files": rules.Files{"warm.yaml": ruleAbout("warm", "data.temp_c >= 25")},
	}, &j)
	for range 400 {
		if h.call(http.MethodGet, "/rules/replays/"+j.ID, nil, &j); j.State != rules.Running {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if j.State != rules.Done || j.Report == nil {
		t.Fatalf("%+v", j)
	}
	if j.Report.LiveRaised != list.Items[0].Raised || j.Report.LiveRaised != 2 || j.Report.Raised != 4 || len(j.Report.Diff) != 2 {
		t.Errorf("live %d, replayed %d, with another rule %d: %+v", list.Items[0].Raised, j.Report.LiveRaised, j.Report.Raised, j.Report.Diff)
	}
	if got := h.openAlarms(); len(got) != 1 {
		t.Errorf("the replay has raised alarms: %v", got)
	}
}

func TestLiveWorkGoesFirst(t *testing.T) {
	var last, handled uint64
	queued := 0
	l := &liveWork{last: func() uint64 { return last }, handled: func() uint64 { return handled }, queued: func() int { return queued }}
	l.busy() // where it stands
	if l.busy() {
		t.Error("busy with nothing")
	}
	last = 1
	if !l.busy() {
		t.Error("an event waits to be judged")
	}
	handled = 1
	queued = 1
	if !l.busy() {
		t.Error("a reading waits to be judged")
	}
	queued = 0
	for what, c := range map[string]struct {
		events uint64
		busy   bool
	}{"a trickle": {trickle, false}, "a stream": {trickle + 1, true}} {
		l.at, l.seq = time.Now().Add(-rateEvery), last
		last += c.events
		handled = last
		if l.busy() != c.busy {
			t.Errorf("%s: busy %v", what, !c.busy)
		}
	}
}
