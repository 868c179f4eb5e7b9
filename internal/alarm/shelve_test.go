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

func (d *desk) whats(id string) string {
	d.t.Helper()
	var out []string
	for _, j := range d.alarm(id).Journal {
		out = append(out, j.What)
	}
	return strings.Join(out, " ")
}

func TestShelvedForATime(t *testing.T) {
	d := open(t)
	id := d.apply(d.signal("c1", nil))[0].ID
	d.must(web.Operator, "POST", "/alarms/"+id+"/shelve", `{"kind":"timed","minutes":30,"reason":"正在检修"}`, nil)
	al := d.alarm(id)
	if al.State != Shelved || !al.Active || al.AckedAt != nil || al.ShelveKind != Timed || al.ShelvedBy != "陈operator" || al.ShelveReason != "正在检修" ||
		!al.ShelvedUntil.Equal(epoch().Add(30*time.Minute)) {
		t.Errorf("%+v", al)
	}
	// It comes and goes on the shelf; nobody hears of it, and it does not close.
	d.pass(5 * time.Minute)
	d.apply(d.signal("c1", returned))
	d.pass(5 * time.Minute)
	d.apply(d.signal("c1", nil))
	d.must(web.Operator, "POST", "/alarms/"+id+"/ack", "", nil)
	d.pass(5 * time.Minute)
	d.apply(d.signal("c1", returned))
	if al := d.alarm(id); al.State != Shelved || al.Active || al.AckedAt == nil {
		t.Errorf("%+v", al)
	}
	d.apply(d.signal("c1", nil)) // a new beginning wants a person anew
	d.restart()
	d.pass(15*time.Minute - time.Second)
	d.fire()
	if al := d.alarm(id); al.State != Shelved {
		t.Error("a second early", al.State)
	}
	d.pass(time.Second)
	d.fire()
	d.fire()
	al = d.alarm(id)
	if al.State != UnackedActive || al.ShelveKind != "" || al.ShelvedUntil != nil || al.ShelvedBy != "" {
		t.Errorf("%+v", al)
	}
	if got := d.whats(id); got != "raise shelve return raise ack return raise unshelve" {
		t.Error(got)
	}
	if got := strings.Join(d.rung(), ", "); got != "new 名c1 port 7 overheats, unshelved 名c1 port 7 overheats" {
		t.Error(got)
	}
	// Over and seen on the shelf: it closes with the shelving.
	d.must(web.Operator, "POST", "/alarms/"+id+"/shelve", `{"kind":"timed","minutes":1,"reason":"x"}`, nil)
	d.must(web.Operator, "POST", "/alarms/"+id+"/ack", "", nil)
	d.pass(2 * time.Minute)
	d.apply(d.signal("c1", returned))
	d.fire()
	if al := d.alarm(id); al.State != Normal || al.CloseReason != reasonReturned {
		t.Errorf("%+v", al)
	}
}

func TestShelvedUntilItEnds(t *testing.T) {
	d := open(t)
	id := d.apply(d.signal("c1", nil))[0].ID
	d.must(web.Operator, "POST", "/alarms/"+id+"/shelve", `{"kind":"one_shot","reason":"知道了"}`, nil)
	if al := d.alarm(id); !al.ShelvedUntil.Equal(epoch().Add(2 * time.Hour)) {
		t.Error("without a limit:", al.ShelvedUntil)
	}
	d.pass(time.Minute)
	d.apply(d.signal("c1", returned))
	if al := d.alarm(id); al.State != UnackedReturned {
		t.Error(al.State)
	}
	if got := d.whats(id); got != "raise shelve return unshelve" {
		t.Error(got)
	}
	d.pass(time.Minute)
	d.apply(d.signal("c1", nil))
	if al := d.alarm(id); al.State != UnackedActive {
		t.Error(al.State)
	}
	d.must(web.Operator, "POST", "/alarms/"+id+"/ack", "", nil)
	d.must(web.Operator, "POST", "/alarms/"+id+"/shelve", `{"kind":"one_shot","reason":"again"}`, nil)
	d.must(web.Operator, "POST", "/alarms/"+id+"/unshelve", "", nil)
	if al := d.alarm(id); al.State != AckedActive {
		t.Error(al.State)
	}
	if n := len(d.rung()); n != 1 {
		t.Error("rung", d.rung())
	}
}

func TestShelvingIsGuarded(t *testing.T) {
	for i, c := range []struct {
		change func(*Signal)
		body   string
		status int
		code   string
	}{
		{func(s *Signal) { s.LifeSafety = true }, `{"kind":"timed","minutes":1,"reason":"x"}`, 409, "alarm.life_safety"},
		{nil, `{"kind":"timed","minutes":121,"reason":"x"}`, 422, "alarm.shelve_too_long"},
		{nil, `{"kind":"one_shot","minutes":121,"reason":"x"}`, 422, "alarm.shelve_too_long"},
		{nil, `{"kind":"timed","minutes":120,"reason":" "}`, 422, "alarm.reason_required"},
		{nil, `{"kind":"timed","reason":"x"}`, 422, "alarm.shelve_minutes"},
		{nil, `{"kind":"forever","minutes":1,"reason":"x"}`, 422, "request.invalid"},
		{func(s *Signal) { s.Priority = event.Critical }, `{"kind":"timed","minutes":31,"reason":"x"}`, 422, "alarm.shelve_too_long"},
		{func(s *Signal) { s.Priority = event.Low }, `{"kind":"timed","minutes":1440,"reason":"x"}`, 200, ""},
		{func(s *Signal) { s.Priority = event.Medium }, `{"kind":"timed","minutes":480,"reason":"x"}`, 200, ""},
	} {
		d := open(t)
		id := d.apply(d.signal("c1", c.change))[0].ID
		if status, code := d.ask(web.Operator, "POST", "/alarms/"+id+"/shelve", c.body, nil); status != c.status || code != c.code {
			t.Errorf("%d: %s: %d %s", i, c.body, status, code)
		}
		if status, code := d.ask(web.Integrator, "POST", "/alarms/"+id+"/shelve", c.body, nil); status != 403 {
			t.Errorf("%d: an integrator: %d %s", i, status, code)
		}
	}
	d := open(t, func(o *Options) { o.ShelveLimits = map[event.Priority]time.Duration{event.High: 5 * time.Minute} })
	id := d.apply(d.signal("c1", nil))[0].ID
	ask := func(what, body string) string {
		status, code := d.ask(web.Operator, "POST", "/alarms/"+id+"/"+what, body, nil)
		return fmt.Sprint(status, " ", code)
	}
	if got := ask("shelve", `{"kind":"timed","minutes":6,"reason":"x"}`); got != "422 alarm.shelve_too_long" {
		t.Error(got)
	}
	if got := ask("unshelve", ""); got != "409 alarm.not_shelved" {
		t.Error(got)
	}
	d.apply(d.signal("c1", returned))
	if got := ask("shelve", `{"kind":"one_shot","reason":"x"}`); got != "409 alarm.not_active" {
		t.Error(got)
	}
	d.must(web.Operator, "POST", "/alarms/"+id+"/close", "", nil)
	for _, what := range []string{"shelve", "unshelve"} {
		if got := ask(what, map[string]string{"shelve": `{"kind":"timed","minutes":1,"reason":"x"}`}[what]); got != fmt.Sprint(http.StatusConflict, " alarm.already_closed") {
			t.Error(what, got)
		}
	}
}

// What is put aside or chatters still has its devices commanded, and nothing else.
func TestPutAsideActsLess(t *testing.T) {
	d := open(t)
	act := func(s *Signal) {
		s.Actions = []Action{{Type: "command", Device: "c1", Command: "cut"}, {Type: "broadcast", Zones: []string{"east"}}, {Type: "work_order"}}
	}
	id := d.apply(d.signal("c1", nil))[0].ID
	d.must(web.Operator, "POST", "/alarms/"+id+"/shelve", `{"kind":"timed","minutes":30,"reason":"x"}`, nil)
	d.apply(d.signal("c1", returned))
	d.pass(time.Minute)
	d.apply(d.signal("c1", act))
	if tasks := d.pending(10); len(tasks) != 1 || tasks[0].Action.Command != "cut" {
		t.Errorf("%+v", tasks)
	}
}
