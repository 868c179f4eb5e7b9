package devices_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dongyue/devices"
	"dongyue/internal/event"

	"github.com/google/go-cmp/cmp"
)

// measured is a telemetry event of charger-1's port 7.
func measured(seq uint64, when time.Time, values string) event.Event {
	return event.Event{
		Seq: seq, Device: "charger-1", Kind: event.Charger, Channel: event.Telemetry, Type: "telemetry", Part: "7",
		At: when, ReceivedAt: now, Data: json.RawMessage(values),
	}
}

func TestNewerValuesStay(t *testing.T) {
	h := fresh(t)
	h.handle(
		measured(1, now, `{"temp_c":40,"power_w":300,"state":"charging","fan":true}`),
		measured(2, now.Add(-time.Second), `{"temp_c":39,"current_a":1.5}`), // older: only what is new counts
	)
	h.Live(measured(0, now.Add(-time.Minute), `{"power_w":1}`))
	h.Live(measured(0, now.Add(time.Hour), `{"power_w":310}`)) // a clock ahead counts as now …
	h.Live(measured(0, now, `{"power_w":311}`))                // … and hides nothing
	want := map[string]devices.Value{
		"temp_c": {V: 40, At: now}, "power_w": {V: 311, At: now}, "state": {Text: "charging", At: now}, "fan": {V: 1, At: now},
		"current_a": {V: 1.5, At: now.Add(-time.Second)},
	}
	if diff := cmp.Diff(want, h.get("charger-1").Values["7"]); diff != "" {
		t.Fatal(diff)
	}
}

func TestOlderStateDoesNotReplace(t *testing.T) {
	h := fresh(t)
	for i, c := range []struct{ at, state, want string }{
		{"08:00:00", `{"lock":"locked"}`, `{"lock":"locked"}`},
		{"07:59:00", `{"lock":"open"}`, `{"lock":"locked"}`},
		{"08:00:01", `{"lock":"unlocked"}`, `{"lock":"unlocked"}`},
	} {
		e := h.decode("door-1", event.State, `{"at":"2026-11-23T`+c.at+`Z","state":`+c.state+`}`, now)
		e.Seq = uint64(i + 1)
		h.handle(e)
		if got := string(h.get("door-1").State); got != c.want {
			t.Errorf("state %s, want %s", got, c.want)
		}
	}
}

func happened(seq uint64, boot string, n uint64) event.Event {
	return event.Event{
		Seq: seq, ID: fmt.Sprint(seq), Device: "door-1", Kind: event.Door, Channel: event.Happening, Type: "rex",
		Boot: boot, BootSeq: n, At: now, ReceivedAt: now, Data: json.RawMessage(`{}`),
	}
}

func TestGaps(t *testing.T) {
	h := fresh(t)
	seq := uint64(0)
	present := func(boot string) {
		seq++
		e := h.decode("door-1", event.Presence, `{"online":true,"boot":"`+boot+`"}`, now)
		e.Seq = seq
		h.handle(e)
	}
	present("b1")
	for _, c := range []struct {
		boot string
		n    uint64
		want uint64
	}{
		{"b1", 40, 0}, // the hub is younger than the boot
		{"b1", 41, 0},
		{"b1", 45, 3}, // 42, 43, 44 are missing
		{"b1", 43, 2}, // one came after all
		{"b0", 9, 2},  // a late one of the boot before
		{"", 0, 2},    // not counted by the device
	} {
		seq++
		h.handle(happened(seq, c.boot, c.n))
		if got := h.get("door-1").Gaps; got != c.want {
			t.Errorf("after %s/%d: %d gaps, want %d", c.boot, c.n, got, c.want)
		}
	}
	present("b2")
	if got := h.get("door-1").Gaps; got != 0 {
		t.Errorf("a new boot begins with %d gaps", got)
	}
}

// A controller that starts again under the name of its boot counts from 1, and is heard;
// what was recorded of it before is not.
func TestACounterThatBeginsAgain(t *testing.T) {
	h := fresh(t)
	reused := func(n uint64, after time.Duration) bool {
		ev := []event.Event{happened(0, "b1", n)}
		ev[0].At = now.Add(after)
		h.handle(ev...)
		return ev[0].Reused
	}
	for i, c := range []struct {
		n     uint64
		after time.Duration
		want  bool
	}{
		{1, 1, false}, {2, 2, false}, {5, 5, false},
		{1, 1, true}, {2, 9, true}, {1, 9, true}, // recorded, and not newer than what was told since
		{1, 10, false}, {2, 11, false}, {3, 12, false}, {5, 13, false}, // it has started again
		{2, 14, true}, {4, 4, false}, {4, 15, true},
	} {
		if got := reused(c.n, c.after*time.Second); got != c.want {
			t.Errorf("%d: number %d of second %d: %v", i, c.n, c.after, got)
		}
	}
	if got := h.get("door-1").Gaps; got != 0 {
		t.Errorf("%d gaps", got)
	}
}

// A number that was there before is known, unless it may be one that was missing.
func TestNumbersThatWereThereAreKnown(t *testing.T) {
	h := fresh(t)
	for i, n := range []uint64{1, 2, 3} {
		h.handle(happened(uint64(i+1), "b1", n)) //nolint:gosec // small
	}
	for _, c := range []struct {
		device, boot string
		n            uint64
		want         bool
	}{
		{"door-1", "b1", 3, true}, {"door-1", "b1", 1, true}, {"door-1", "b1", 4, false}, {"door-1", "b2", 1, false}, {"door-1", "b1", 0, false}, {"door-none", "b1", 1, false},
	} {
		if got := h.Counted(c.device, c.boot, c.n); got != c.want {
			t.Errorf("%s %s/%d: %v", c.device, c.boot, c.n, got)
		}
	}
	h.handle(happened(4, "b1", 9)) // 4 to 8 are missing
	reused := func(boot string, n uint64) bool {
		ev := []event.Event{happened(0, boot, n)}
		h.handle(ev...)
		return ev[0].Reused
	}
	for _, c := range []struct {
		boot string
		n    uint64
		want bool
	}{
		{"b1", 6, false}, {"b1", 6, true}, {"b1", 3, true}, {"b1", 9, true}, {"b1", 8, false}, {"b1", 4, false}, {"b1", 5, false}, {"b1", 5, true}, {"b1", 7, false}, {"b1", 10, false},
		{"b1", 0, false}, {"", 3, false}, {"b2", 50, false}, {"b2", 7, false}, {"b2", 50, false}, // it may not count at all
		{"b2", 51, false}, {"b2", 7, false}, {"b2", 50, true}, {"b2", 51, true},
	} {
		if got := reused(c.boot, c.n); got != c.want {
			t.Errorf("%s/%d: %v", c.boot, c.n, got)
		}
	}
	if got := h.get("door-1").Gaps; got != 0 {
		t.Errorf("%d gaps", got)
	}
	e := h.decode("door-1", event.Presence, `{"online":true,"boot":"b2"}`, now)
	h.handle(e)
	if !reused("b1", 11) || reused("b2", 52) {
		t.Error("a boot that is over goes on, or the present one does not")
	}
	for n := uint64(100); n < 500; n += 2 { // more runs than are remembered
		reused("b2", n)
	}
	if reused("b2", 497) || !reused("b2", 101) {
		t.Error("of many runs the newest are known")
	}
	h.handle(happened(5, "b3", 1))
	h.handle(happened(6, "b3", 9))
	if h.Counted("door-1", "b3", 5) {
		t.Error("a number that is missing counts as one that was there")
	}
}

// The journal gives the same events again after a rollback: they must count
// once, and what screens were to see must still be written.
func TestHandleAfterRollback(t *testing.T) {
	h := fresh(t)
	up := h.decode("door-1", event.Presence, `{"online":true,"fw":"1","boot":"b1"}`, time.Now())
	up.Seq = 1
	h.handle(happened(1, "b1", 1))
	up.Seq = 2
	batch := []event.Event{up, happened(3, "b1", 5)}
	h.lose(batch...)
	h.lose(batch...)
	before := len(h.entries("device"))
	h.handle(batch[0]) // the follower goes on one by one
	h.lose(batch[1])
	h.handle(batch[1])
	if d := h.get("door-1"); d.Gaps != 3 || !d.Online {
		t.Errorf("%d gaps, online %v; want 3, true", d.Gaps, d.Online)
	}
	if n := len(h.entries("device")) - before; n != 1 {
		t.Errorf("%d entries, want 1", n)
	}
	h.handle(happened(4, "b1", 6))
	if d := h.get("door-1"); d.Gaps != 3 {
		t.Errorf("%d gaps, want 3", d.Gaps)
	}
}

func TestRestartKeepsTheTwin(t *testing.T) {
	path := t.TempDir() + "/hub.db"
	h := open(t, path)
	if err := h.Seed(context.Background(), devices.Site{Devices: []devices.SeedDevice{{
		Device: devices.Device{ID: "door-1", Kind: event.Door, Name: "门", Zone: "east/b01/u1", Labels: map[string]string{"maker": "x"}, X: 1.5, Y: 2},
		Secret: "s",
	}}}); err != nil {
		t.Fatal(err)
	}
	up := h.decode("door-1", event.Presence, `{"online":true,"fw":"1.4.2","boot":"b1"}`, time.Now())
	up.Seq = 1
	st := h.decode("door-1", event.State, `{`+at+`,"state":{"lock":"locked"}}`, now)
	st.Seq = 2
	tm := h.decode("door-1", event.Telemetry, `{`+at+`,"values":{"temp_c":21.5,"mode":"day"}}`, now)
	tm.Seq = 3
	h.handle(up, st, tm, happened(4, "b1", 1), happened(5, "b1", 4))
	want := h.get("door-1")
	again := open(t, path)
	if diff := cmp.Diff(want, again.get("door-1")); diff != "" {
		t.Fatal(diff)
	}
	if want.Gaps != 2 || want.Firmware != "1.4.2" || len(again.Zones(context.Background())) != 3 {
		t.Fatalf("got %+v, %v", want, again.Zones(context.Background()))
	}
	again.handle(happened(6, "b1", 6))
	if got := again.get("door-1").Gaps; got != 3 {
		t.Errorf("%d gaps after the restart, want 3", got)
	}
}

// inRun plays f beside a running registry in a bubble with its own clock.
func inRun(t *testing.T, f func(t *testing.T, h *hub)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := fresh(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- h.Run(ctx) }()
		f(t, h)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func TestPresence(t *testing.T) {
	inRun(t, func(t *testing.T, h *hub) {
		wait := func(d time.Duration, want bool, what string) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			if got := h.get("door-1").Online; got != want {
				t.Errorf("%s: online = %v", what, got)
			}
		}
		seq := uint64(0)
		say := func(online bool) {
			seq++
			e := h.decode("door-1", event.Presence, fmt.Sprintf(`{"online":%v}`, online), time.Now())
			e.Seq = seq
			h.handle(e)
		}
		wait(0, false, "at the start")
		h.wire.set("door-1", true)
		h.Connected("door-1")
		wait(0, true, "a connection alone")
		say(true)
		wait(time.Minute, true, "said yes")

		h.wire.set("door-1", false)
		h.Disconnected("door-1")
		say(false) // the Will
		wait(time.Second, true, "within the grace")
		h.wire.set("door-1", true)
		h.Connected("door-1")
		wait(time.Minute, true, "back within the grace")

		h.wire.set("door-1", false)
		h.Disconnected("door-1")
		wait(3*time.Second, false, "gone for longer than the grace")

		h.wire.set("door-1", true)
		h.Connected("door-1")
		h.Disconnected("door-1") // of the session that was taken over
		wait(time.Minute, true, "taken over")
		say(false)
		wait(3*time.Second, false, "said no, though the session lives")
		say(true)
		wait(time.Minute, true, "said yes again")

		if n := len(h.entries("device")); n != 5+1+5 { // five made by the seed, one for its health
			t.Errorf("%d entries, want one per change", n)
		}
	})
}

func TestNobodyComesBackAfterRestart(t *testing.T) {
	path := t.TempDir() + "/hub.db"
	h := open(t, path)
	if _, err := h.Create(context.Background(), devices.Device{ID: "door-1", Kind: event.Door}, "s"); err != nil {
		t.Fatal(err)
	}
	up := h.decode("door-1", event.Presence, `{"online":true}`, time.Now())
	up.Seq = 1
	h.handle(up)
	synctest.Test(t, func(t *testing.T) {
		h := open(t, path)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- h.Run(ctx) }()
		time.Sleep(29 * time.Second)
		if !h.get("door-1").Online {
			t.Error("offline before it could come back")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if h.get("door-1").Online {
			t.Error("online without a session")
		}
		cancel()
		<-done
	})
}

// A burst of values reaches the screens as at most two messages a second, with
// the newest value in the last, and the disk within seconds.
func TestTwinMessagesAreCoalesced(t *testing.T) {
	h := fresh(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	srv := httptest.NewServer(h.feed)
	t.Cleanup(srv.Close)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL+"?topics=twin", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	start := time.Now()
	for i := range 300 {
		h.Live(measured(0, now.Add(time.Duration(i)*time.Millisecond), fmt.Sprintf(`{"power_w":%d,"state":"charging"}`, i)))
		time.Sleep(2 * time.Millisecond)
	}
	buf := make([]byte, 64<<10)
	text := ""
	for !strings.Contains(text, `"power_w":299`) {
		n, err := res.Body.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		text += string(buf[:n])
	}
	if n, most := strings.Count(text, "event: twin"), int(2*time.Since(start).Seconds())+2; n > most || !strings.Contains(text, `"texts":{"7":{"state":"charging"}}`) {
		t.Errorf("%d messages, at most %d wanted: %s", n, most, text)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	var vals string
	if err := h.db.Read().QueryRow("SELECT vals FROM device_values WHERE device = 'charger-1'").Scan(&vals); err != nil || !strings.Contains(vals, `"v":299`) {
		t.Errorf("stored %s, %v", vals, err)
	}
}
