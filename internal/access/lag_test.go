package access

import (
	"testing"
	"time"

	"dongyue/internal/event"
)

// A door whose clock is seconds behind, as the norm allows, is answered; what has waited is
// not, at this door as at any other.
func TestAClockThatIsBehind(t *testing.T) {
	h := newHouse(t)
	h.resident("陈建国", "04A1B2C3D4", "door-1")
	const behind = 8 * time.Second
	ask := func(waited time.Duration) string {
		t.Helper()
		ev := h.badge("door-1", "card", "04A1B2C3D4", "ask")
		ev.At = ev.At.Add(-behind - waited)
		h.handle(ev)
		if s := h.desk.take(); len(s) == 1 {
			return s[0].typ
		}
		return string(h.log()[0].Reason)
	}
	says := func(ago, took time.Duration, typ string) {
		ev := h.badge("door-1", "card", "", "ask")
		ev.Type, ev.Data = typ, []byte(`{}`)
		if typ == "forced_open" { // what the hub concludes has the hub's time
			ev.Data = []byte(`{"by":"hub"}`)
		}
		ev.ReceivedAt = ev.ReceivedAt.Add(-ago)
		ev.At = ev.ReceivedAt.Add(-took)
		h.handle(ev)
	}
	if got := ask(0); got != "too_old" {
		t.Errorf("nothing is known of the clock: %s", got)
	}
	h.lags = lags{}
	for range 5 { // kept during a cut, and all of it comes at once
		says(0, behind+20*time.Second, "rex")
	}
	if got := ask(20 * time.Second); got != "too_old" {
		t.Errorf("after a cut: %s", got)
	}
	h.lags = lags{}
	says(3*time.Minute, behind+time.Second, "opened")
	says(2*time.Minute, behind+50*time.Millisecond, "closed")
	says(90*time.Second, 0, "forced_open")
	says(time.Minute, behind+2*time.Second, "rex")
	for _, c := range []struct {
		waited time.Duration
		want   string
	}{{0, "unlock"}, {2 * time.Second, "unlock"}, {4 * time.Second, "too_old"}, {0, "unlock"}} {
		if got := ask(c.waited); got != c.want {
			t.Errorf("waited %s: %s, want %s", c.waited, got, c.want)
		}
	}
	says(0, 0, "rex") // the clock was put right
	if got := ask(0); got != "too_old" {
		t.Errorf("what is 8 s old by a clock that is right: %s", got)
	}
}

func TestLagOfADoor(t *testing.T) {
	at := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	l := lags{}
	see := func(after, took time.Duration) {
		l.see(&event.Event{Device: "d", Channel: event.State, ReceivedAt: at.Add(after), At: at.Add(after - took), Data: []byte(`{}`)})
	}
	is := func(after, want time.Duration) {
		t.Helper()
		if got := l.of("d", at.Add(after)); got != want {
			t.Errorf("at %s: %s, want %s", after, got, want)
		}
	}
	see(0, 9*time.Second)
	see(30*time.Second, 8*time.Second)
	is(30*time.Second, 0)
	see(time.Minute, 9*time.Second)
	is(time.Minute, 8*time.Second)
	see(5*time.Minute, 11*time.Second) // a new span: the one before goes on counting
	is(5*time.Minute, 8*time.Second)
	for i := range 4 {
		see(6*time.Minute+time.Duration(i)*time.Minute, 11*time.Second)
	}
	is(9*time.Minute, 8*time.Second)
	see(10*time.Minute, 12*time.Second)
	is(10*time.Minute, 11*time.Second)
	see(2*time.Minute, -time.Hour) // the hub's clock was set back
	is(2*time.Minute, 0)
	is(time.Hour, 0)
	l.see(&event.Event{Device: "p", Channel: event.Presence})
	l.see(&event.Event{Device: "p", Channel: event.State, Late: true})
	if len(l) != 1 {
		t.Errorf("%d doors", len(l))
	}
}
