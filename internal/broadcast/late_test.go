package broadcast_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dongyue/internal/broadcast"
	"dongyue/internal/event"
	"dongyue/internal/sound"
	"dongyue/internal/web"
)

// stopped is how many orders to stop there were.
func (r *room) stopped() int {
	r.estate.mu.Lock()
	defer r.estate.mu.Unlock()
	return len(r.estate.stops)
}

func offline(device string) event.Event { return presence(device, false) }

func presence(device string, online bool) event.Event {
	data, _ := json.Marshal(map[string]any{"online": online})
	return event.Event{Device: device, Kind: event.Speaker, Channel: event.Presence, ReceivedAt: time.Now(), Data: data}
}

// A loudspeaker that was given up and is heard after all can be stopped as any other; one
// whose message was stopped meanwhile is told so as soon as it says that it plays.
func TestHeardLateAndStopped(t *testing.T) {
	r := fresh(t)
	fire := r.send(broadcast.Request{Zones: []string{"east"}, Text: "x", Priority: 2})
	r.handle(happened("s-1", "playing", fire.ID), happened("s-2", "playing", fire.ID))
	r.handle(offline("s-1"), offline("s-2"), happened("s-1", "playing", fire.ID))
	if got := r.states(fire.ID); got != "s-1:playing s-2:failed:offline s-3:failed:offline" {
		t.Fatalf("got %s", got)
	}
	r.ask("POST", "/broadcasts/"+fire.ID+"/stop", "")
	if !slices.Contains(r.estate.stops, "s-1 "+fire.ID) {
		t.Errorf("stops %q", r.estate.stops)
	}
	r.estate.stops = nil
	r.handle(happened("s-2", "playing", fire.ID))
	r.give()
	if got := strings.Join(r.estate.stops, ","); got != "s-2 "+fire.ID {
		t.Errorf("stops %q", got)
	}
	r.handle(happened("s-1", "finished", fire.ID), happened("s-2", "finished", fire.ID))
	if _, got := r.ask("GET", "/broadcasts/"+fire.ID, ""); got["open"] != false || got["done"] != 2.0 {
		t.Errorf("%v", got)
	}
}

// A loudspeaker that lost its network plays on; it is stopped as soon as it can be told.
func TestStoppedWhileItWasAway(t *testing.T) {
	r := fresh(t)
	music := r.send(broadcast.Request{Zones: []string{"east"}, Text: "x", Priority: 6, Repeat: 100})
	r.handle(happened("s-1", "playing", music.ID), happened("s-2", "playing", music.ID), offline("s-2"), presence("s-2", true), offline("s-2"))
	r.ask("POST", "/broadcasts/"+music.ID+"/stop", "")
	slices.Sort(r.estate.stops)
	if got := strings.Join(r.estate.stops, ","); got != "s-1 "+music.ID+",s-2 "+music.ID {
		t.Errorf("stops %q", got)
	}
	r.handle(presence("s-2", true), presence("s-3", true))
	r.give()
	if n := len(r.estate.stops); n != 3 || r.estate.stops[2] != "s-2 "+music.ID {
		t.Errorf("stops %q", r.estate.stops)
	}
	alone := r.send(broadcast.Request{Zones: []string{"east/b01"}, Text: "y", Priority: 1})
	r.handle(happened("s-1", "playing", alone.ID), offline("s-1"))
	if bc, err := r.Stop(t.Context(), alone.ID, "chen"); err != nil || bc.StoppedBy != "chen" || r.estate.stops[len(r.estate.stops)-1] != "s-1 "+alone.ID {
		t.Errorf("%+v, stops %q, %v", bc, r.estate.stops, err)
	}
	r.estate.stops = r.estate.stops[:3]
	r.handle(happened("s-2", "finished", music.ID), presence("s-2", true))
	r.give()
	if got := r.states(music.ID); len(r.estate.stops) != 3 || got != "s-1:failed:offline s-2:done s-3:failed:offline" {
		t.Errorf("%s, stops %q", got, r.estate.stops)
	}
}

// Who is heard late takes part in the ladder again: exactly one is heard.
func TestHeardLateUnderTheLadder(t *testing.T) {
	r := fresh(t)
	fire := r.send(broadcast.Request{Zones: []string{"east/b01"}, Text: "x", Priority: 1})
	r.handle(happened("s-1", "playing", fire.ID), offline("s-1"))
	desk := r.send(broadcast.Request{Zones: []string{"east/b01"}, Text: "y", Priority: 4})
	r.handle(happened("s-1", "playing", fire.ID))
	if got := r.states(fire.ID) + " " + r.states(desk.ID); got != "s-1:playing s-1:paused" {
		t.Errorf("got %s", got)
	}
	r.handle(happened("s-1", "finished", fire.ID))
	r.give()
	if p := r.find(desk.ID, 2); p.Args.Message != desk.ID {
		t.Errorf("%+v", p)
	}
}

// A word that is over before the loudspeaker has told what it displaced ends nothing else.
func TestAShortWordInBetween(t *testing.T) {
	r := fresh(t, withSound)
	notice := r.send(broadcast.Request{Zones: []string{"east/b01"}, Text: "notice", Priority: 5, Repeat: 9})
	r.handle(at("s-1", "playing", notice.ID, 0))
	word := r.send(broadcast.Request{Zones: []string{"east/b01"}, Text: "word", Priority: 4})
	r.ask("POST", "/broadcasts/"+word.ID+"/stop", "")
	r.handle(at("s-1", "overridden", notice.ID, 700), at("s-1", "playing", word.ID, 0), at("s-1", "finished", word.ID, 10), at("s-1", "playing", notice.ID, 700))
	if got := r.states(notice.ID); got != "s-1:playing" {
		t.Errorf("got %s", got)
	}
}

// How long a message has been heard is not how long it has waited.
func TestGoesOnAfterHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := fresh(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.Run(ctx) }()
		notice := r.send(broadcast.Request{Zones: []string{"east/b01"}, Text: "x", Priority: 5, Repeat: 100})
		r.handle(at("s-1", "playing", notice.ID, 0))
		time.Sleep(40 * time.Minute)
		desk := r.send(broadcast.Request{Zones: []string{"east/b01"}, Text: "y", Priority: 4})
		r.handle(at("s-1", "overridden", notice.ID, 2_400_000), at("s-1", "playing", desk.ID, 0))
		r.Committed()
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := r.states(notice.ID); got != "s-1:paused" {
			t.Errorf("got %s", got)
		}
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		if got := r.states(notice.ID); got != "s-1:overridden:stale" {
			t.Errorf("after half an hour: %s", got)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// A loudspeaker that goes by ranks itself lets what is earnest take the place of an exercise.
func TestAnExerciseIsToldAsOne(t *testing.T) {
	r := fresh(t)
	drill := r.send(broadcast.Request{Zones: []string{"east/b01"}, Text: "x", Priority: broadcast.Fire, Mode: broadcast.Exercise})
	earnest := r.send(broadcast.Request{Zones: []string{"east/b01"}, Text: "y", Priority: broadcast.LifeSafety})
	if a, b := r.find(drill.ID, 1).Args.Priority, r.find(earnest.ID, 1).Args.Priority; a <= b {
		t.Errorf("the exercise is told with rank %d, the other with %d", a, b)
	}
	desk := r.send(broadcast.Request{Zones: []string{"east/b01"}, Text: "z", Priority: broadcast.Operator, Mode: broadcast.Exercise})
	if bc, err := r.Find(t.Context(), drill.ID); err != nil || bc.Priority != broadcast.Fire || r.states(desk.ID) != "s-1:queued" {
		t.Errorf("%+v %v", bc, err)
	}
}

// An update that is less urgent is not kept waiting by the text that it updates.
func TestReplacedByWhatIsLessUrgent(t *testing.T) {
	r := fresh(t)
	red := r.send(broadcast.Request{Zones: []string{"east/b01"}, Text: "x", Priority: 2, Repeat: 3})
	r.handle(at("s-1", "playing", red.ID, 0))
	blue := r.send(broadcast.Request{Zones: []string{"east/b01"}, Text: "y", Priority: 5, Replaces: red.ID})
	if p := r.find(blue.ID, 1); strings.Join(r.estate.stops, ",") != "s-1 "+red.ID || p.Args.Message != blue.ID {
		t.Errorf("stops %v", r.estate.stops)
	}
	r.handle(at("s-1", "finished", red.ID, 900), at("s-1", "playing", blue.ID, 0))
	if got := r.states(red.ID) + " " + r.states(blue.ID); got != "s-1:done s-1:playing" {
		t.Errorf("got %s", got)
	}
}

// slow is a synthesiser that takes its time for notices.
type slow struct {
	speech
	begun, goOn chan struct{}
}

func (s slow) Say(ctx context.Context, text string) (sound.PCM, error) {
	if text == "slow" {
		close(s.begun)
		<-s.goOn
	}
	return s.speech.Say(ctx, text)
}

// What a life may depend on does not wait for the synthesiser to speak something else.
func TestSpokenBesideANotice(t *testing.T) {
	voice := slow{begun: make(chan struct{}), goOn: make(chan struct{})}
	r := fresh(t, withSound, func(o *broadcast.Options) { o.Voice = voice })
	r.send(broadcast.Request{Zones: []string{"east/b01"}, Text: "known", Priority: 5})
	done := make(chan error, 1)
	go func() {
		_, err := r.Send(context.Background(), broadcast.Request{Zones: []string{"east/b01"}, Text: "slow", Priority: 5})
		done <- err
	}()
	<-voice.begun
	told := make(chan string, 2)
	go func() {
		for _, text := range []string{"fire", "known"} {
			bc, err := r.Send(context.Background(), broadcast.Request{Zones: []string{"east/b01"}, Text: text, Priority: 1})
			if err != nil {
				t.Error(err)
			}
			told <- bc.ID
		}
	}()
	for range 2 {
		select {
		case id := <-told:
			if p := r.find(id, 1); p.Args.URL == "" {
				t.Errorf("%+v", p.Args)
			}
		case <-time.After(20 * time.Second):
			t.Error("it waits")
		}
	}
	close(voice.goOn)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Where the sound can't be stored the loudspeakers speak the text themselves.
func TestNoPlaceForTheSound(t *testing.T) {
	dir := ""
	r := fresh(t, withSound, func(o *broadcast.Options) { dir = o.Dir })
	if err := os.Remove(filepath.Join(dir, "programs")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "programs"), nil, 0o600); err != nil { // nothing can be put there
		t.Fatal(err)
	}
	bc := r.send(broadcast.Request{Zones: []string{"east/b01"}, Text: "x", Priority: 1})
	if p := r.find(bc.ID, 1); p.Args.Text != "x" || p.Args.URL != "" {
		t.Errorf("%+v", p.Args)
	}
}

// The night begins at its time, whenever the hub looks otherwise.
func TestTheNightBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // it begins at midnight UTC
		r := fresh(t, func(o *broadcast.Options) { o.Night = broadcast.Night{From: 5 * time.Minute, To: time.Hour} })
		time.Sleep(20 * time.Second)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.Run(ctx) }()
		music := r.send(broadcast.Request{Zones: []string{"east/b01"}, Text: "x", Priority: 6, Repeat: 100})
		r.handle(at("s-1", "playing", music.ID, 0))
		time.Sleep(4*time.Minute + 39*time.Second)
		synctest.Wait()
		if r.stopped() != 0 {
			t.Error("too early")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if bc, err := r.Find(t.Context(), music.ID); err != nil || bc.StoppedBy != "night" || r.stopped() != 1 {
			t.Errorf("%+v, %d stops, %v", bc, r.stopped(), err)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// A schedule that was carried out by a clock that ran ahead is carried out again when that
// is set right.
func TestScheduleAfterAClockWasAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // it begins at midnight UTC
		r := fresh(t)
		if status, got := r.ask("POST", "/broadcasts/schedules", `{"name":"x","enabled":true,"zones":["east/b01"],"text":"早上好","priority":5,"times":["00:05"]}`); status != 201 {
			t.Fatalf("%d %v", status, got)
		}
		err := r.db.Tx(t.Context(), func(tx *sql.Tx) error {
			_, err := tx.ExecContext(t.Context(), "UPDATE broadcast_schedules SET last = ?", time.Now().AddDate(50, 0, 0).UnixMilli())
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.Run(ctx) }()
		time.Sleep(24*time.Hour + 6*time.Minute)
		synctest.Wait()
		r.estate.mu.Lock()
		n := len(r.estate.plays)
		r.estate.mu.Unlock()
		if n != 2 {
			t.Errorf("%d plays", n)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// A recording is not taken away from a schedule.
func TestARecordingThatASchedulePlays(t *testing.T) {
	r := fresh(t, withSound)
	a := web.NewAPI("test", guard{}, nil)
	r.Register(a)
	rec := httptest.NewRecorder()
	file := append(sound.Header(sound.Samples(time.Second)), tone(time.Second).Bytes()...)
	a.ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/api/v1/broadcasts/recordings?name=bell", bytes.NewReader(file)))
	var made broadcast.Recording
	if err := json.Unmarshal(rec.Body.Bytes(), &made); err != nil {
		t.Fatal(err)
	}
	remove := func(path string) int {
		rec := httptest.NewRecorder()
		a.ServeHTTP(rec, httptest.NewRequest(http.MethodDelete, "/api/v1/broadcasts/"+path, nil))
		return rec.Code
	}
	_, s := r.ask("POST", "/broadcasts/schedules", `{"name":"noon","enabled":true,"zones":["east"],"recording":"`+made.ID+`","priority":5,"times":["12:00"]}`)
	if status := remove("recordings/" + made.ID); status != http.StatusConflict {
		t.Errorf("in use: %d", status)
	}
	if status := remove("schedules/" + s["id"].(string)); status != http.StatusNoContent {
		t.Errorf("the schedule: %d", status)
	}
	if status := remove("recordings/" + made.ID); status != http.StatusNoContent {
		t.Errorf("no more: %d", status)
	}
}

// Looking at what is open does not read all that ever was.
func TestALookReadsWhatIsOpen(t *testing.T) {
	r := fresh(t)
	rows, err := r.db.Read().QueryContext(t.Context(), "EXPLAIN QUERY PLAN SELECT * FROM broadcasts "+broadcast.ToLookAt)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	plan := ""
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan += detail + "; "
	}
	if strings.Contains(plan, "SCAN") || !strings.Contains(plan, "broadcasts_judged") {
		t.Error(plan)
	}
}
