package alarm

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

func (d *desk) out(role web.Role, what string, length time.Duration) (id string, status int, code string) {
	d.t.Helper()
	var s Service
	body := fmt.Sprintf(`{%s,"until":%q,"reason":"换线"}`, what, d.clock().Add(length).Format(time.RFC3339))
	status, code = d.ask(role, "POST", "/out-of-service", body, &s)
	return s.ID, status, code
}

func TestOutOfService(t *testing.T) {
	d := open(t)
	before := d.apply(d.signal("c1", nil))[0].ID
	id, status, _ := d.out(web.Operator, `"device":"c1"`, time.Hour)
	if status != 200 {
		t.Fatal(status)
	}
	if al := d.alarm(before); al.State != OutOfService || al.SuppressedBy != id || !al.Active {
		t.Errorf("%+v", al)
	}
	// A new alarm is kept and listed, and nobody is called; one that is over and
	// that nobody was told of closes by itself; life safety comes through.
	during := d.apply(d.signal("c1", func(s *Signal) { s.Rule = "dead" }))[0]
	gone := d.apply(d.signal("c1", func(s *Signal) { s.Rule = "odd" }))[0]
	smoke := d.apply(d.signal("c1", func(s *Signal) { s.Rule, s.LifeSafety, s.Priority = "smoke", true, event.Critical }))[0]
	d.pass(time.Minute)
	d.apply(d.signal("c1", func(s *Signal) { s.Rule, s.Raised = "odd", false }))
	for id, want := range map[string]State{during.ID: OutOfService, gone.ID: Normal, smoke.ID: UnackedActive} {
		if al := d.alarm(id); al.State != want {
			t.Errorf("%s is %s", al.Rule, al.State)
		}
	}
	if got := d.whats(during.ID); got != "raise out_of_service" {
		t.Error(got)
	}
	if during.Annunciate || !smoke.Annunciate {
		t.Errorf("annunciated: %v %v", during.Annunciate, smoke.Annunciate)
	}
	var list struct{ Items []Service }
	d.must(web.Crew, "GET", "/out-of-service", "", &list)
	if len(list.Items) != 1 || list.Items[0].DeviceName != "名c1" || list.Items[0].By != "陈operator" {
		t.Errorf("%+v", list)
	}
	// After its time, to the second and across a restart, what still stands calls.
	d.restart()
	d.pass(59*time.Minute - time.Second)
	d.fire()
	if al := d.alarm(during.ID); al.State != OutOfService {
		t.Error("early", al.State)
	}
	d.pass(time.Second)
	d.fire()
	if al := d.alarm(during.ID); al.State != UnackedActive || al.SuppressedBy != "" {
		t.Errorf("%+v", al)
	}
	if got := strings.Join(d.rung(), ", "); !strings.HasSuffix(got, "in_service 名c1 port 7 overheats") {
		t.Error(got)
	}
	d.must(web.Crew, "GET", "/out-of-service", "", &list)
	if len(list.Items) != 0 {
		t.Errorf("%+v", list)
	}
}

// Two entries over one alarm: it is back when both are gone.
func TestOutOfServiceTwice(t *testing.T) {
	d := open(t)
	al := d.apply(d.signal("c1", nil))[0]
	zone, _, _ := d.out(web.Supervisor, `"zone":"east"`, 2*time.Hour)
	if got := d.alarm(al.ID); got.State != Suppressed || got.SuppressedBy != zone {
		t.Errorf("%+v", got)
	}
	device, _, _ := d.out(web.Operator, `"device":"c1"`, time.Hour)
	if got := d.alarm(al.ID); got.State != OutOfService || got.SuppressedBy != device {
		t.Errorf("%+v", got)
	}
	if status, _ := d.ask(web.Operator, "DELETE", "/out-of-service/"+device, "", nil); status != 204 {
		t.Error(status)
	}
	if got := d.alarm(al.ID); got.State != Suppressed || got.SuppressedBy != zone {
		t.Errorf("%+v", got)
	}
	if status, code := d.ask(web.Operator, "DELETE", "/out-of-service/"+zone, "", nil); status != 403 {
		t.Error(status, code)
	}
	if status, _ := d.ask(web.Supervisor, "DELETE", "/out-of-service/"+zone, "", nil); status != 204 {
		t.Error(status)
	}
	if got := d.alarm(al.ID); got.State != UnackedActive {
		t.Errorf("%+v", got)
	}
	if status, code := d.ask(web.Supervisor, "DELETE", "/out-of-service/"+zone, "", nil); status != 404 || code != "alarm.unknown_out_of_service" {
		t.Error(status, code)
	}
	if got := d.whats(al.ID); got != "raise suppress out_of_service suppress in_service" {
		t.Error(got)
	}
}

func TestOutOfServiceIsGuarded(t *testing.T) {
	d := open(t)
	for _, c := range []struct {
		role   web.Role
		what   string
		length time.Duration
		status int
		code   string
	}{
		{web.Operator, `"device":"c1"`, 8 * time.Hour, 200, ""},
		{web.Operator, `"device":"c1"`, 9 * time.Hour, 403, "alarm.supervisor_required"},
		{web.Operator, `"zone":"east"`, time.Hour, 403, "alarm.supervisor_required"},
		{web.Operator, `"rule":"hot"`, time.Hour, 403, "alarm.supervisor_required"},
		{web.Supervisor, `"rule":"hot"`, 48 * time.Hour, 200, ""},
		{web.Supervisor, `"zone":"east"`, 31 * 24 * time.Hour, 422, "alarm.until_too_far"},
		{web.Supervisor, `"zone":"east"`, -time.Hour, 422, "alarm.until_past"},
		{web.Supervisor, `"zone":"east","device":"c1"`, time.Hour, 422, "alarm.device_or_zone"},
		{web.Supervisor, `"rule":""`, time.Hour, 422, "alarm.device_or_zone"},
		{web.Integrator, `"device":"c1"`, time.Hour, 403, "auth.forbidden"},
	} {
		if _, status, code := d.out(c.role, c.what, c.length); status != c.status || code != c.code {
			t.Errorf("%s %s %v: %d %s", c.role, c.what, c.length, status, code)
		}
	}
	if al := d.apply(d.signal("elsewhere", func(s *Signal) { s.Zone = "west" }))[0]; al.State != OutOfService {
		t.Error("the rule is out of service, its alarm is", al.State)
	}
	if al := d.apply(d.signal("elsewhere", func(s *Signal) { s.Zone, s.Rule = "west", "cold" }))[0]; al.State != UnackedActive {
		t.Error("another rule", al.State)
	}
	if al := d.apply(d.signal("c9", func(s *Signal) { s.Drill = true }))[0]; al.State != UnackedActive {
		t.Error("a drill is out of service", al.State)
	}
}
