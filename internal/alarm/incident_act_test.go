package alarm

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

// crowd is an incident of three: one of life safety, one that is over, one that stands.
func (d *desk) crowd() (incident string, safety, over, stands string) {
	d.t.Helper()
	cause := func(s *Signal) { s.Cause = "fire" }
	c := d.apply(
		d.at("sensor.smoke", "s1", "east/b01", func(s *Signal) { cause(s); s.LifeSafety = true }),
		d.at("charger.hot", "c1", "east/b01", cause), d.at("charger.warm", "c2", "east/b01", cause),
	)
	d.apply(d.at("charger.hot", "c1", "east/b01", func(s *Signal) { cause(s); s.Raised = false }))
	return c[0].Incident, c[0].ID, c[1].ID, c[2].ID
}

func TestOnTheWholeIncident(t *testing.T) {
	d := open(t)
	id, safety, over, stands := d.crowd()
	var done IncidentDone
	post := func(what, body string) {
		t.Helper()
		done = IncidentDone{}
		d.must(web.Operator, "POST", "/incidents/"+id+"/"+what, body, &done)
	}
	post("shelve", `{"kind":"timed","minutes":10,"reason":"检修"}`)
	if done.Changed != 2 || len(done.Refused) != 1 || done.Refused[0].Alarm != safety || done.Refused[0].Code != "alarm.life_safety" || done.Refused[0].Detail == "" {
		t.Errorf("%+v", done)
	}
	if done.State != UnackedActive || d.alarm(stands).State != Shelved || d.alarm(over).State != Shelved {
		t.Errorf("%+v", done)
	}
	post("unshelve", "")
	if done.Changed != 2 || done.Refused[0].Code != "alarm.not_shelved" {
		t.Errorf("%+v", done)
	}
	post("assign", "")
	if done.Assignee != "陈operator" || d.alarm(safety).Assignee != "陈operator" || done.Changed != 3 {
		t.Errorf("%+v", done)
	}
	d.pass(30 * time.Second)
	post("ack", `{"text":"看到了"}`)
	if done.Changed != 3 || done.Unacked != 0 || done.AckedBy != "陈operator" || !done.AckedAt.Equal(d.clock()) || done.State != AckedActive || done.Open != 2 {
		t.Errorf("%+v", done)
	}
	if al := d.alarm(over); al.State != Normal {
		t.Error("seen and over, yet", al.State)
	}
	post("ack", "")
	if done.Changed != 0 || len(done.Refused) != 0 {
		t.Errorf("%+v", done)
	}
	if status, code := d.ask(web.Operator, "POST", "/incidents/"+id+"/close", `{"reason":"handled"}`, nil); status != 409 || code != "alarm.still_active" {
		t.Error(status, code)
	}
	post("close", `{"reason":"false_alarm","text":"做饭"}`)
	if done.Changed != 1 || len(done.Refused) != 1 || done.ClosedAt != nil {
		t.Errorf("%+v", done)
	}
	d.apply(d.at("sensor.smoke", "s1", "east/b01", returned))
	post("close", `{"text":"看过现场"}`)
	if done.ClosedAt == nil || done.State != Normal || !done.LifeSafety || done.Open != 0 {
		t.Errorf("%+v", done)
	}
	if status, code := d.ask(web.Operator, "POST", "/incidents/"+id+"/ack", "", nil); status != http.StatusConflict || code != "incident.already_closed" {
		t.Error(status, code)
	}
	post("comment", `{"text":"后记"}`)
	d.sound()
	// What was done to all at once is one line, not one for each.
	var v IncidentView
	d.must(web.Operator, "GET", "/incidents/"+id, "", &v)
	var lines []string
	for _, l := range v.Timeline {
		if l.Actor != hub {
			lines = append(lines, l.What+":"+l.Text)
		}
	}
	want := "shelve:timed: 检修 unshelve: assign:陈operator ack:看到了 close:false_alarm: 做饭 close:handled: 看过现场 comment:后记"
	if got := strings.Join(lines, " "); got != want {
		t.Errorf("\n%s\n%s", got, want)
	}
}

func TestIncidentRequests(t *testing.T) {
	d := open(t)
	id, _, _, _ := d.crowd()
	for _, c := range []struct {
		role         web.Role
		method, path string
		body         string
		status       int
		code         string
	}{
		{"", "GET", "/incidents", "", 401, "auth.required"},
		{web.Resident, "GET", "/incidents", "", 403, "auth.forbidden"},
		{web.Integrator, "GET", "/incidents", "", 200, ""},
		{web.Integrator, "POST", "/incidents/" + id + "/ack", "", 403, "auth.forbidden"},
		{web.Operator, "GET", "/incidents/none", "", 404, "incident.unknown"},
		{web.Operator, "POST", "/incidents/none/ack", "", 404, "incident.unknown"},
		{web.Operator, "GET", "/incidents?cursor=odd", "", 400, "incident.bad_cursor"},
		{web.Operator, "GET", "/incidents?cursor=1.x.y", "", 400, "incident.bad_cursor"},
		{web.Operator, "GET", "/incidents?state=odd", "", 422, "request.invalid"},
		{web.Operator, "POST", "/incidents/" + id + "/comment", `{"text":" "}`, 422, "alarm.text_required"},
		{web.Operator, "POST", "/incidents/" + id + "/shelve", `{"kind":"timed","minutes":5,"reason":" "}`, 422, "alarm.reason_required"},
	} {
		if status, code := d.ask(c.role, c.method, c.path, c.body, nil); status != c.status || code != c.code {
			t.Errorf("%s %s %s: %d %s", c.role, c.method, c.path, status, code)
		}
	}
}

func TestIncidentPages(t *testing.T) {
	d := open(t)
	prios := []event.Priority{event.Low, event.Critical, event.Medium, event.High}
	for i := range 13 {
		d.apply(d.at("lamp.dead", fmt.Sprintf("l%02d", i), fmt.Sprintf("east/b%02d", i), func(s *Signal) {
			s.Priority, s.LifeSafety = prios[i%4], i == 8
		}))
		d.pass(time.Second)
	}
	pages := func(query string) (devices []string) {
		for cursor := ""; ; {
			var page struct {
				Items []Incident
				Next  string
			}
			d.must(web.Operator, "GET", "/incidents?limit=4&"+query+"&cursor="+cursor, "", &page)
			for _, x := range page.Items {
				devices = append(devices, x.Device)
			}
			if cursor = page.Next; cursor == "" {
				return devices
			}
		}
	}
	for query, want := range map[string]string{
		"":              "l08 l09 l05 l01 l11 l07 l03 l10 l06 l02 l12 l04 l00",
		"state=all":     "l12 l11 l10 l09 l08 l07 l06 l05 l04 l03 l02 l01 l00",
		"zone=east/b03": "l03",
		"zone=eas":      "",
	} {
		if got := strings.Join(pages(query), " "); got != want {
			t.Errorf("%s: %s", query, got)
		}
	}
	var members struct{ Items []Alarm }
	inc := d.incidents("open")[0]
	d.must(web.Operator, "GET", "/alarms?incident="+inc.ID, "", &members)
	if len(members.Items) != 1 || members.Items[0].Device != "l08" {
		t.Errorf("%+v", members)
	}
}

// Whatever people, devices and clocks do, every alarm stays in one incident and
// every sum is right.
func TestIncidentsStaySound(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 11))
	for range 4 {
		d := open(t)
		var outs []string
		for range 80 {
			d.pass(time.Duration(r.IntN(90)) * time.Second)
			var some []Signal
			for range 1 + r.IntN(3) {
				rule := []string{"device.offline", "device.offline", "power.area_lost", "door.forced", "sensor.smoke"}[r.IntN(5)]
				device, zone := fmt.Sprint("d", r.IntN(5)), "east/b01"
				if rule == "power.area_lost" {
					device, zone = "zone:east", "east"
				}
				some = append(some, d.at(rule, device, zone, func(s *Signal) {
					s.Raised, s.LifeSafety, s.Repeat = r.IntN(3) > 0, rule == "sensor.smoke", r.IntN(5) == 0
					if rule == "device.offline" {
						offline(s)
					}
				}))
			}
			d.apply(some...)
			d.fire()
			open := d.incidents("open")
			if len(open) == 0 {
				continue
			}
			on := "/incidents/" + open[r.IntN(len(open))].ID
			switch r.IntN(9) {
			case 0:
				d.ask(web.Operator, "POST", on+"/ack", "", nil)
			case 1:
				d.ask(web.Operator, "POST", on+"/shelve", `{"kind":"timed","minutes":2,"reason":"x"}`, nil)
			case 2:
				d.ask(web.Operator, "POST", on+"/shelve", `{"kind":"one_shot","reason":"x"}`, nil)
			case 3:
				d.ask(web.Operator, "POST", on+"/unshelve", "", nil)
			case 4:
				d.ask(web.Supervisor, "POST", on+"/close", `{"reason":"false_alarm","text":"x"}`, nil)
			case 5:
				id, _, _ := d.out(web.Supervisor, []string{`"zone":"east"`, `"device":"d1"`, `"rule":"device.offline"`}[r.IntN(3)], time.Duration(1+r.IntN(300))*time.Second)
				outs = append(outs, id)
			case 6:
				if len(outs) > 0 {
					d.ask(web.Supervisor, "DELETE", "/out-of-service/"+outs[r.IntN(len(outs))], "", nil)
				}
			}
		}
		d.sound()
	}
}
