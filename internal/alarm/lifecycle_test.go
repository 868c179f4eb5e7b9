package alarm

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

// A life in steps: R raise, P repeat, N return, A acknowledge, C close (with
// text), each with the state that follows; ! is a refusal.
func TestLifeCycle(t *testing.T) {
	for _, c := range []struct {
		name           string
		latch, measure bool
		steps          string
	}{
		{"seen, then over", false, true, "R:unacked_active A:acked_active N:normal"},
		{"over, then seen", false, true, "R:unacked_active N:unacked_returned A:normal"},
		{"comes back before anyone looked", false, true, "R:unacked_active N:unacked_returned R:unacked_active A:acked_active"},
		{"told again does not undo the acknowledgement", false, false, "R:unacked_active A:acked_active P:acked_active"},
		{"a new beginning does", false, false, "R:unacked_active A:acked_active R:unacked_active"},
		{"acknowledged twice", false, true, "R:unacked_active A:acked_active A:acked_active"},
		{"latched: seen and over, yet open until closed", true, true, "R:unacked_active A:acked_active N:acked_active C:normal"},
		{"latched: over, then seen", true, true, "R:unacked_active N:unacked_returned A:acked_active C:normal"},
		{"latched: closed when over is seen as well", true, true, "R:unacked_active N:unacked_returned C:normal"},
		{"latched and still hot", true, true, "R:unacked_active C:! A:acked_active C:! N:acked_active C:normal"},
		{"latched event: a person's word", true, false, "R:unacked_active C:normal"},
		{"still hot, not latched", false, true, "R:unacked_active C:! A:acked_active C:! N:normal"},
		{"a closed one is over", false, true, "R:unacked_active A:acked_active N:normal A:! C:!"},
		{"a return of nothing", false, true, "R:unacked_active N:unacked_returned N:unacked_returned"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := open(t)
			var id string
			for step := range strings.FieldsSeq(c.steps) {
				d.pass(time.Second)
				what, want, _ := strings.Cut(step, ":")
				s := d.signal("c1", func(s *Signal) { s.Latch, s.Measured = c.latch, c.measure })
				status := 200
				switch what {
				case "R", "P":
					s.Repeat = what == "P"
					id = d.apply(s)[0].ID
				case "N":
					s.Raised = false
					d.apply(s)
				case "A":
					status, _ = d.ask(web.Operator, "POST", "/alarms/"+id+"/ack", "", nil)
				case "C":
					status, _ = d.ask(web.Operator, "POST", "/alarms/"+id+"/close", `{"text":"看过现场"}`, nil)
				}
				if refused := status != 200; refused || want == "!" {
					if want != "!" || status != 409 {
						t.Fatalf("%s: status %d", step, status)
					}
					continue
				}
				var al Alarm
				d.must(web.Operator, "GET", "/alarms/"+id, "", &al)
				if string(al.State) != want {
					t.Fatalf("%s: %s", step, al.State)
				}
				if (al.State == Normal) != (al.ClosedAt != nil) {
					t.Fatalf("%s: closed_at %v", step, al.ClosedAt)
				}
			}
		})
	}
}

func TestWhatAnAlarmSays(t *testing.T) {
	d := open(t)
	c := d.apply(d.signal("c1", func(s *Signal) { s.Zone = "" }))[0]
	d.pass(time.Minute)
	if got := d.apply(d.signal("c1", func(s *Signal) { s.Repeat = true })); got[0].Change != Repeat || got[0].Count != 2 {
		t.Errorf("%+v", got)
	}
	d.must(web.Operator, "POST", "/alarms/"+c.ID+"/ack", `{"text":"在看"}`, nil)
	var al Alarm
	d.must(web.Operator, "GET", "/alarms/"+c.ID, "", &al)
	want := Alarm{
		ID: c.ID, Seq: 6, Rule: "hot", Device: "c1", DeviceName: "名c1", Kind: event.Charger, Part: "7", Zone: "east/b01",
		Priority: event.High, State: AckedActive, Title: event.Text{ZH: "名c1 7 号口过热", EN: "名c1 port 7 overheats"},
		Active: true, Measured: true, Count: 2, RaisedAt: epoch(), LastAt: epoch().Add(time.Minute),
		AckedAt: new(epoch().Add(time.Minute)), AckedBy: "陈operator", Cameras: []string{"cam-1@east/b01", "cam-2"}, Procedure: "charger_thermal",
		Incident: c.Incident, Cause: "hot",
		Journal: []JournalEntry{
			{At: epoch(), Actor: "hub", ActorID: "hub", What: Raise},
			{At: epoch().Add(time.Minute), Actor: "陈operator", ActorID: "id-operator", What: Ack, Text: "在看"},
		},
	}
	al.Evidence = nil
	if diff := cmp.Diff(want, al); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if d.feed.Last() != al.Seq {
		t.Errorf("feed at %d, alarm at %d", d.feed.Last(), al.Seq)
	}
	// What the feed holds is the alarm itself, with its place and the change; its
	// incident goes before it.
	var data string
	if err := d.db.Read().QueryRow("SELECT data FROM feed WHERE seq = 6 AND topic = 'alarm'").Scan(&data); err != nil || !strings.Contains(data, `"seq":6,`) || !strings.Contains(data, `"change":"ack"`) {
		t.Error(data, err)
	}
}

// The same signals give the same alarms, ids and all.
func TestReplayGivesTheSame(t *testing.T) {
	play := func() []Change {
		d := open(t)
		var out []Change
		for _, dev := range []string{"c1", "c2", "unknown"} {
			out = append(out, d.apply(d.signal(dev, nil), d.signal(dev, returned))...)
		}
		return out
	}
	a, b := play(), play()
	if diff := cmp.Diff(a, b); diff != "" || len(a) != 6 {
		t.Errorf("(-one +other):\n%s", diff)
	}
}

func TestIDsSortByTimeAndDiffer(t *testing.T) {
	d := open(t)
	last := ""
	for range 50 {
		c := d.apply(d.signal("c1", nil))[0]
		d.apply(d.signal("c1", returned))
		d.must(web.Operator, "POST", "/alarms/"+c.ID+"/ack", "", nil) // closes, in the same millisecond
		if len(c.ID) != 26 {
			t.Fatal(c.ID)
		}
		same := d.apply(d.signal("c1", nil))[0]
		d.apply(d.signal("c1", returned))
		d.must(web.Operator, "POST", "/alarms/"+same.ID+"/ack", "", nil)
		if same.ID == c.ID || c.ID <= last {
			t.Fatal(last, c.ID, same.ID)
		}
		last = max(c.ID, same.ID)
		d.pass(time.Minute) // or it would chatter
	}
}

func TestRestart(t *testing.T) {
	d := open(t)
	c := d.apply(d.signal("c1", nil))[0]
	d.must(web.Operator, "POST", "/alarms/"+c.ID+"/ack", "", nil)
	d.restart()
	var al Alarm
	d.must(web.Operator, "GET", "/alarms/"+c.ID, "", &al)
	if al.State != AckedActive || len(al.Journal) != 2 || al.Journal[1].What != "ack" {
		t.Errorf("%+v", al)
	}
	if again := d.apply(d.signal("c1", func(s *Signal) { s.Repeat = true })); again[0].ID != c.ID {
		t.Error("a second alarm was opened")
	}
}

func TestLate(t *testing.T) {
	d := open(t)
	cut := []Action{{Type: "command", Device: "c1", Command: "cut"}}
	c := d.apply(d.signal("c1", func(s *Signal) { s.Late, s.Actions = true, cut }))[0]
	if !c.Late {
		t.Error("not marked late")
	}
	if tasks, err := d.alarms.Pending(t.Context(), 10); err != nil || len(tasks) != 0 {
		t.Error("a late signal acts", tasks, err)
	}
	c = d.apply(d.signal("c1", func(s *Signal) { s.Actions = cut }))[0]
	if tasks, err := d.alarms.Pending(t.Context(), 10); err != nil || len(tasks) != 1 || c.Late {
		t.Error("the first in time does not act", tasks, err, c.Late)
	}
}
