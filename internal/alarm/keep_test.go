package alarm

import (
	"fmt"
	"testing"
	"time"

	"dongyue/internal/web"
)

func TestPrune(t *testing.T) {
	d := open(t)
	counts := func() (out string) {
		for _, table := range []string{"alarm", "alarm_journal", "alarm_outbox", "incident", "incident_journal", "annunciation", "alarm_day"} {
			var n int
			if err := d.db.Read().QueryRow("SELECT count(*) FROM " + table).Scan(&n); err != nil {
				t.Fatal(err)
			}
			out += fmt.Sprint(table, " ", n, " ")
		}
		return out
	}
	old := d.apply(d.alone(1, d.withActions(time.Minute)))[0]
	d.must(web.Operator, "POST", "/alarms/"+old.ID+"/close", `{"reason":"test"}`, nil)
	d.apply(d.alone(2, nil)) // is still open
	d.pass(24 * time.Hour)
	young := d.apply(d.alone(3, nil))[0]
	d.must(web.Operator, "POST", "/alarms/"+young.ID+"/close", `{"reason":"test"}`, nil)
	d.pass(keepFor - 12*time.Hour)
	for i, want := range []int{1, 0} {
		if n, err := d.alarms.Prune(t.Context()); err != nil || n != want {
			t.Errorf("%d: %d %v", i, n, err)
		}
	}
	// The calls of the first day go with it; the alarm that is open stays whole.
	if got := counts(); got != "alarm 2 alarm_journal 3 alarm_outbox 0 incident 2 incident_journal 2 annunciation 1 alarm_day 2 " {
		t.Error(got)
	}
	if status, code := d.ask(web.Operator, "GET", "/alarms/"+old.ID, "", nil); status != 404 {
		t.Error(status, code)
	}
	d.pass(24 * time.Hour)
	if n, err := d.alarms.Prune(t.Context()); err != nil || n != 1 {
		t.Error(n, err)
	}
}
