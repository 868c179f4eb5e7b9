package doors

import (
	"fmt"
	"testing"
	"time"

	"dongyue/internal/event"
)

// A controller may say more than we know, and may mean something else by our words where
// they have no meaning: a door that opened has opened all the same.
func TestForeignMembersHideNothing(t *testing.T) {
	for _, more := range []string{`"status":2`, `"lock":true,"position":90`, `"by":{"reader":1}`, `"mode":null`, `"Active":0`, `"online":"yes"`} {
		b := newBuilding(t)
		at := time.Now().UTC().Truncate(time.Millisecond)
		say := func(channel event.Channel, typ, data string) event.Event {
			b.n++
			at = at.Add(time.Second)
			return event.Event{ID: fmt.Sprint("e-", b.n), Device: "u1", Kind: event.Door, Zone: "west/b08/u1", Channel: channel, Type: typ, At: at, ReceivedAt: at, Data: []byte(data)}
		}
		b.hear(say(event.State, "", `{"lock":"secured","position":"closed"}`), say(event.Happening, "opened", "{"+more+"}"))
		if s := b.stateOf("u1"); s.Position != Open || s.Forced.Stage == Idle || s.Lock != Secured {
			t.Errorf("opened with %s: %s, forced %v", more, s.Position, s.Forced)
		}
		b.hear(say(event.Happening, "rex", `{"active":true,`+more+`}`), say(event.Happening, "rex", `{"active":false,`+more+`}`))
		if s := b.stateOf("u1"); s.Pushed != 0 {
			t.Errorf("rex with %s is on", more)
		}
	}
}

// A controller whose clock was ahead is put right at its start. What it reports then is new,
// though its time lies before what it said last; what is old by the hub's clock is not.
func TestAReportAfterTheClockWasPutRight(t *testing.T) {
	b := newBuilding(t)
	report := func(position string, ahead time.Duration) {
		t.Helper()
		b.n++
		at := time.Now().UTC().Truncate(time.Millisecond)
		b.hear(event.Event{
			ID: fmt.Sprint("s-", b.n), Device: "u1", Kind: event.Door, Zone: "west/b08/u1", Channel: event.State, At: at.Add(ahead), ReceivedAt: at,
			Late: -ahead > event.LateAfter, Data: fmt.Appendf(nil, `{"lock":"secured","position":%q}`, position),
		})
	}
	want := func(p Position) {
		t.Helper()
		if got := b.stateOf("u1").Position; got != p {
			t.Errorf("the leaf is %s, want %s", got, p)
		}
	}
	report("open", 5*time.Minute)
	want(Open)
	report("closed", 0)
	want(Closed)
	report("open", -10*time.Minute)
	want(Closed)
}
