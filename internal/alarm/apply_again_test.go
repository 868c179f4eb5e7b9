package alarm

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"dongyue/internal/web"
)

// An alarm that ends and begins again within one transaction is a new alarm, as it
// is when the two come one by one.
func TestItEndsAndBeginsAgainInOneTransaction(t *testing.T) {
	d := open(t)
	first := d.apply(d.signal("c1", nil))[0].ID
	d.must(web.Operator, "POST", "/alarms/"+first+"/ack", "", nil)
	d.pass(time.Minute)
	over := d.signal("c1", returned)
	d.pass(time.Second)
	d.apply(over, d.signal("c1", nil))
	if al := d.alarm(first); al.State != Normal || al.Count != 1 {
		t.Errorf("the first is %s, raised %d times", al.State, al.Count)
	}
	var page struct{ Items []Alarm }
	d.must(web.Operator, "GET", "/alarms", "", &page)
	if len(page.Items) != 1 || page.Items[0].ID == first || page.Items[0].State != UnackedActive {
		t.Errorf("open are %+v", page.Items)
	}
}

// Who comments on what is over has acknowledged nothing.
func TestACommentAcknowledgesNothing(t *testing.T) {
	d := open(t)
	d.must(web.Supervisor, "POST", "/out-of-service", `{"device":"c1","until":"2026-01-01T01:00:00Z","reason":"维修"}`, nil)
	inc := d.apply(d.signal("c1", nil))[0].Incident
	d.pass(time.Minute)
	d.apply(d.signal("c1", returned)) // closes by itself: nobody was told
	d.must(web.Operator, "POST", "/incidents/"+inc+"/comment", `{"text":"?"}`, nil)
	var v IncidentView
	d.must(web.Operator, "GET", "/incidents/"+inc, "", &v)
	if v.AckedAt != nil || v.AckedBy != "" || v.ClosedAt == nil {
		t.Errorf("acked %v by %q, closed %v", v.AckedAt, v.AckedBy, v.ClosedAt)
	}
}

// Nobody was told of what came and went while its device was under maintenance; that
// it comes again is another alarm, also in the same transaction.
func TestItComesAndGoesAndComesUnderMaintenance(t *testing.T) {
	d := open(t)
	d.must(web.Supervisor, "POST", "/out-of-service", `{"device":"c1","until":"2026-01-01T01:00:00Z","reason":"维修"}`, nil)
	s, over := d.signal("c1", nil), d.signal("c1", returned)
	d.pass(time.Second)
	d.apply(s, over, d.signal("c1", nil))
	var page struct{ Items []Alarm }
	d.must(web.Operator, "GET", "/alarms?state=all", "", &page)
	if len(page.Items) != 2 || page.Items[0].State != OutOfService || page.Items[1].State != Normal {
		t.Errorf("%+v", page.Items)
	}
}

// What the feed says of an alarm is how it was after each move, also where one
// transaction has several of them.
func TestTheFeedSaysHowItWasAfterEachMove(t *testing.T) {
	d := open(t)
	s, over := d.signal("c1", nil), d.signal("c1", returned)
	d.apply(s, over, s, over)
	want := []string{"raise unacked_active true 1", "return unacked_returned false 1", "raise unacked_active true 2", "return unacked_returned false 2"}
	var got []string
	for _, c := range feedOf[Change](d, "alarm") {
		got = append(got, fmt.Sprintf("%s %s %v %d", c.Change, c.State, c.Active, c.Count))
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
