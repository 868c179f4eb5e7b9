package alarm

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

func TestWhoMayWhat(t *testing.T) {
	d := open(t)
	id := d.apply(d.signal("c1", nil))[0].ID
	for _, c := range []struct {
		role   web.Role
		method string
		path   string
		status int
		code   string
	}{
		{"", "GET", "/alarms", 401, "auth.required"},
		{web.Resident, "GET", "/alarms", 403, "auth.forbidden"},
		{web.Integrator, "GET", "/alarms", 200, ""},
		{web.Integrator, "POST", "/alarms/" + id + "/ack", 403, "auth.forbidden"},
		{web.Operator, "GET", "/alarms/none", 404, "alarm.unknown"},
		{web.Operator, "POST", "/alarms/none/ack", 404, "alarm.unknown"},
		{web.Operator, "GET", "/alarms?state=odd", 422, "request.invalid"},
		{web.Operator, "GET", "/alarms?limit=0", 422, "request.invalid"},
		{web.Operator, "GET", "/alarms?cursor=odd", 400, "alarm.bad_cursor"},
	} {
		if status, code := d.ask(c.role, c.method, c.path, "", nil); status != c.status || code != c.code {
			t.Errorf("%s %s %s: %d %s", c.role, c.method, c.path, status, code)
		}
	}
}

func TestCloseIsGuarded(t *testing.T) {
	measured := func(s *Signal) {}
	safety := func(s *Signal) { s.Latch = true }
	happened := func(s *Signal) { s.Latch, s.Measured = true, false }
	for i, c := range []struct {
		signal func(*Signal)
		role   web.Role
		body   string
		status int
		code   string
	}{
		{measured, web.Operator, `{}`, 409, "alarm.still_active"},
		{measured, web.Operator, ``, 409, "alarm.still_active"},
		{measured, web.Operator, `{"reason":"false_alarm"}`, 200, ""},
		{measured, web.Operator, `{"reason":"because"}`, 422, "request.invalid"},
		{safety, web.Operator, `{"reason":"false_alarm","text":"x"}`, 409, "alarm.still_active"},
		{safety, web.Operator, `{"reason":"device_removed","text":"x"}`, 409, "alarm.supervisor_required"},
		{safety, web.Supervisor, `{"reason":"device_removed","text":" "}`, 409, "alarm.supervisor_required"},
		{safety, web.Supervisor, `{"reason":"device_removed","text":"in the workshop"}`, 200, ""},
		{happened, web.Operator, `{"reason":"handled"}`, 409, "alarm.text_required"},
		{happened, web.Operator, `{"reason":"handled","text":"陈看过,是做饭的烟"}`, 200, ""},
	} {
		d := open(t)
		id := d.apply(d.signal("c1", c.signal))[0].ID
		var al Alarm
		status, code := d.ask(c.role, "POST", "/alarms/"+id+"/close", c.body, &al)
		if status != c.status || code != c.code {
			t.Errorf("%d: %s %s: %d %s", i, c.role, c.body, status, code)
		}
		if status == 200 && (al.State != Normal || al.ClosedBy == "" || al.AckedBy == "" || al.Journal[len(al.Journal)-1].What != Close) {
			t.Errorf("%d: %+v", i, al)
		}
	}
}

func TestAssignAndComment(t *testing.T) {
	d := open(t)
	id := d.apply(d.signal("c1", nil))[0].ID
	var al Alarm
	d.must(web.Operator, "POST", "/alarms/"+id+"/assign", "", &al)
	if al.Assignee != "陈operator" || al.AssigneeID != "id-operator" {
		t.Errorf("%+v", al)
	}
	d.must(web.Operator, "POST", "/alarms/"+id+"/assign", `{"user":"u7","name":"李"}`, &al)
	d.must(web.Operator, "POST", "/alarms/"+id+"/assign", `{"user":"u7","name":"李"}`, &al) // nothing new
	d.must(web.Operator, "POST", "/alarms/"+id+"/comment", `{"text":"在路上"}`, &al)
	if status, code := d.ask(web.Operator, "POST", "/alarms/"+id+"/comment", `{"text":"  "}`, nil); status != 422 || code != "alarm.text_required" {
		t.Error(status, code)
	}
	var what []string
	for _, j := range al.Journal {
		what = append(what, j.What+":"+j.Text)
	}
	if got := strings.Join(what, " "); got != "raise: assign:陈operator assign:李 comment:在路上" {
		t.Error(got)
	}
	d.must(web.Operator, "POST", "/alarms/"+id+"/close", `{"reason":"test"}`, nil)
	for _, what := range []string{"ack", "assign", "close"} {
		if status, code := d.ask(web.Operator, "POST", "/alarms/"+id+"/"+what, "", nil); status != http.StatusConflict || code != "alarm.already_closed" {
			t.Error(what, status, code)
		}
	}
	d.must(web.Operator, "POST", "/alarms/"+id+"/comment", `{"text":"後記"}`, nil)
}

func TestListAndPages(t *testing.T) {
	d := open(t)
	prios := []event.Priority{event.Low, event.Critical, event.Medium, event.High}
	for i := range 20 {
		d.apply(d.signal(fmt.Sprintf("c%02d", i), func(s *Signal) {
			s.Priority, s.Zone = prios[i%4], "east/b01/s1"
			if i >= 10 {
				s.Zone = "west/b01"
			}
		}))
		d.pass(time.Second)
	}
	d.apply(d.signal("c00", returned))
	first, _, err := d.alarms.List(t.Context(), Filter{Device: "c00"})
	if err != nil || len(first) != 1 {
		t.Fatal(first, err)
	}
	d.must(web.Operator, "POST", "/alarms/"+first[0].ID+"/ack", "", nil) // closes
	pages := func(query string) (devices []string) {
		cursor := ""
		for {
			var page struct {
				Items []Alarm
				Next  string
			}
			d.must(web.Operator, "GET", "/alarms?limit=3&"+query+"&cursor="+cursor, "", &page)
			for _, al := range page.Items {
				devices = append(devices, al.Device)
			}
			if cursor = page.Next; cursor == "" {
				return devices
			}
		}
	}
	for query, want := range map[string]string{
		"":                           "c17 c13 c09 c05 c01 c19 c15 c11 c07 c03 c18 c14 c10 c06 c02 c16 c12 c08 c04",
		"state=all&zone=east":        "c09 c08 c07 c06 c05 c04 c03 c02 c01 c00",
		"state=normal":               "c00",
		"priority=critical&rule=hot": "c17 c13 c09 c05 c01",
		"device=c03":                 "c03",
		"zone=eas":                   "",
	} {
		if got := strings.Join(pages(query), " "); got != want {
			t.Errorf("%s: %s", query, got)
		}
	}
}

func TestKPI(t *testing.T) {
	d := open(t)
	d.apply(d.signal("old", nil))
	d.pass(20 * time.Minute)
	for i, wait := range []time.Duration{2, 4, 30} {
		id := d.apply(d.signal(fmt.Sprintf("c%d", i), func(s *Signal) { s.Priority = event.Critical }))[0].ID
		d.pass(wait * time.Second)
		d.must(web.Operator, "POST", "/alarms/"+id+"/ack", "", nil)
	}
	d.apply(d.signal("c0", returned)) // closes
	d.apply(d.signal("c9", nil), d.signal("c9", returned))
	var k KPI
	d.must(web.Operator, "GET", "/alarms/kpi", "", &k)
	if k.Unacked != 2 || k.Standing != 3 || k.Per10Min != 4 || k.AckMedianS != 4 || k.Open["critical"] != 2 || k.Open["high"] != 2 {
		t.Errorf("%+v", k)
	}
}
