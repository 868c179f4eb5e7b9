package alarm

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

// records is the audit.
type records struct{ lines []string }

func (r *records) Audit(_ context.Context, _ *sql.Tx, actor, action, target string, _ any) error {
	r.lines = append(r.lines, actor+" "+action+" "+target)
	return nil
}

// openDrills is a desk on which rule "hot" can be exercised.
func openDrills(t *testing.T) (*desk, *records) {
	r := &records{}
	var d *desk
	d = open(t, func(o *Options) {
		withCards(o)
		o.Audit = r
		o.Zone = func(_ context.Context, zone string) event.Text { return event.Text{ZH: "东苑", EN: "East " + zone} }
		o.Rehearse = func(_ context.Context, q DrillRequest) ([]Signal, error) {
			if q.Rule != "hot" {
				return nil, web.Fail(422, "drill.no_rule", "there is no such rule")
			}
			return []Signal{d.signal(q.Device, func(s *Signal) {
				d.withActions(time.Minute)(s)
				s.Part, s.LifeSafety, s.Procedure = q.Part, true, "fire"
				s.Actions = append(s.Actions, Action{Type: "work_order", Priority: event.High}, Action{Type: "clip", Before: 10 * time.Second, After: 30 * time.Second},
					Action{Type: "notify", To: []string{"on_duty", "list:fire"}})
			})}, nil
		}
	})
	return d, r
}

const drill = `{"rule":"hot","device":"c1","part":"7","reason":"月度演练"}`

func TestADrill(t *testing.T) {
	d, audit := openDrills(t)
	var dr Drill
	if status, code := d.ask(web.Supervisor, "POST", "/drills", drill, &dr); status != 201 {
		t.Fatal(status, code)
	}
	if len(dr.Alarms) != 1 || dr.By != "陈supervisor" || dr.Reason != "月度演练" || !dr.Until.Equal(epoch().Add(30*time.Minute)) || dr.EndedAt != nil {
		t.Errorf("%+v", dr)
	}
	var said []string
	for _, a := range dr.Actions {
		if a.State != "drill" || a.Alarm != dr.Alarms[0] || a.Text.ZH == "" || a.Text.EN == "" {
			t.Errorf("%+v", a)
		}
		said = append(said, a.Text.EN)
	}
	want := []string{
		`command cut {"part":"7"} to 名c1`, "announce to East east: “名c1 is hot”", "open an order: 名c1 port 7 overheats",
		"keep the picture from 10 s before to 30 s after", "tell those on duty, call list fire",
	}
	if !slices.Equal(said, want) {
		t.Errorf("%q", said)
	}
	if dr.Actions[4].Text.ZH != "通知当班人员、名单 fire" || dr.Actions[1].Text.ZH != "向东苑广播：“名c1过热”" {
		t.Errorf("%+v", dr.Actions)
	}
	if tasks := d.pending(100); len(tasks) != 0 {
		t.Errorf("it acts: %+v", tasks)
	}
	var al Alarm
	d.must(web.Operator, "GET", "/alarms/"+dr.Alarms[0], "", &al)
	if !al.Drill || al.State != UnackedActive || !al.LifeSafety {
		t.Errorf("%+v", al)
	}
	// The card goes as ever; what the hub would have done is ticked.
	var p Progress
	d.must(web.Operator, "POST", "/alarms/"+al.ID+"/procedure", `{"step":"look","answer":"none"}`, &p)
	if len(p.Done) != 3 || !p.Finished {
		t.Errorf("%+v", p.Done)
	}
	if status, code := d.ask(web.Supervisor, "POST", "/drills", drill, nil); status != 409 || code != "drill.running" {
		t.Error(status, code)
	}
	d.must(web.Operator, "POST", "/drills/"+dr.ID+"/end", "", &dr)
	d.must(web.Operator, "POST", "/drills/"+dr.ID+"/end", "", &dr) // again changes nothing
	d.must(web.Operator, "GET", "/alarms/"+al.ID, "", &al)
	if al.ClosedAt == nil || al.CloseReason != "drill" || dr.EndedBy != "陈operator" {
		t.Errorf("%+v %+v", al, dr)
	}
	if want := []string{"id-supervisor drill.began " + dr.ID, "id-operator drill.ended " + dr.ID}; !slices.Equal(audit.lines, want) {
		t.Errorf("%q", audit.lines)
	}
	var states string
	if err := d.db.Read().QueryRow("SELECT group_concat(DISTINCT state) FROM alarm_outbox").Scan(&states); err != nil || states != "drill" {
		t.Errorf("outbox %q %v", states, err)
	}
}

// A real alarm of the same subject during a drill is real, and acts at once.
func TestARealAlarmDuringADrill(t *testing.T) {
	d, _ := openDrills(t)
	var dr Drill
	d.ask(web.Supervisor, "POST", "/drills", drill, &dr)
	live := d.apply(d.signal("c1", d.withActions(time.Minute)))[0]
	if live.Drill || live.ID == dr.Alarms[0] || live.Incident == "" {
		t.Errorf("%+v", live)
	}
	if tasks := d.pending(100); len(tasks) != 2 || tasks[0].Alarm != live.ID {
		t.Errorf("%+v", tasks)
	}
	var exercised Alarm
	d.must(web.Operator, "GET", "/alarms/"+dr.Alarms[0], "", &exercised)
	if exercised.Incident == live.Incident {
		t.Error("they are one incident")
	}
	d.must(web.Operator, "POST", "/drills/"+dr.ID+"/end", "", nil)
	var al Alarm
	d.must(web.Operator, "GET", "/alarms/"+live.ID, "", &al)
	if al.ClosedAt != nil {
		t.Error("the end of the drill closed the real alarm")
	}
}

func TestADrillEndsByItself(t *testing.T) {
	d, audit := openDrills(t)
	var dr Drill
	d.ask(web.Supervisor, "POST", "/drills", drill, &dr)
	d.pass(29 * time.Minute)
	d.restart()
	if err := d.alarms.fireDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	var list struct{ Items []Drill }
	d.must(web.Crew, "GET", "/drills", "", &list)
	if len(list.Items) != 1 || list.Items[0].EndedAt != nil {
		t.Errorf("%+v", list)
	}
	d.pass(time.Minute)
	if err := d.alarms.fireDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.must(web.Crew, "GET", "/drills", "", &list)
	var al Alarm
	d.must(web.Operator, "GET", "/alarms/"+dr.Alarms[0], "", &al)
	if list.Items[0].EndedAt == nil || list.Items[0].EndedBy != "hub" || al.CloseReason != "drill" || len(audit.lines) != 2 {
		t.Errorf("%+v %+v %q", list, al, audit.lines)
	}
	if status, _ := d.ask(web.Supervisor, "POST", "/drills", drill, &dr); status != 201 {
		t.Error("it can't be exercised again", status)
	}
}

func TestDrillsThatAreRefused(t *testing.T) {
	d, _ := openDrills(t)
	for body, code := range map[string]string{
		`{"rule":"cold","device":"c1","reason":"x"}`: "drill.no_rule", `{"rule":"hot","device":"c1","reason":" "}`: "drill.reason_required",
		`{"rule":"hot","device":"","reason":"x"}`: "request.invalid", `{"rule":"hot"}`: "request.invalid",
	} {
		if status, got := d.ask(web.Supervisor, "POST", "/drills", body, nil); status != 422 || got != code {
			t.Errorf("%s: %d %s", body, status, got)
		}
	}
	if status, code := d.ask(web.Operator, "POST", "/drills/dr-1/end", "", nil); status != 404 || code != "drill.unknown" {
		t.Error(status, code)
	}
	bare := open(t)
	if status, code := bare.ask(web.Supervisor, "POST", "/drills", drill, nil); status != 409 || code != "drill.no_rules" {
		t.Error(status, code)
	}
}

// Drills are in no figure: they are practice.
func TestDrillsCountForNothing(t *testing.T) {
	d, _ := openDrills(t)
	d.ask(web.Supervisor, "POST", "/drills", drill, nil)
	var k map[string]any
	d.must(web.Operator, "GET", "/alarms/kpi", "", &k)
	for _, name := range []string{"raised", "annunciated", "per_10min"} {
		if fmt.Sprint(k[name]) != "0" {
			t.Errorf("%s is %v", name, k[name])
		}
	}
}

func TestWordsOfAnUnknownAction(t *testing.T) {
	d, _ := openDrills(t)
	al := &Alarm{ID: "a", Title: event.Text{ZH: "题", EN: "title"}}
	for _, x := range []Action{{Type: "dance"}, {Type: "broadcast", Zones: []string{"x"}}, {Type: "command", Device: "unknown", Command: "cut"}} {
		if a := d.alarms.describe(t.Context(), al, x); a.Text.ZH == "" || a.Text.EN == "" || strings.Contains(a.Text.EN, "%") {
			t.Errorf("%+v", a)
		}
	}
}
