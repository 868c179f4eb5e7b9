package broadcast_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dongyue/internal/broadcast"
	"dongyue/internal/event"
	"dongyue/internal/sound"
	"dongyue/internal/web"
)

// speech stands for the synthesiser: a second of tone for every text.
type speech struct{}

func (speech) Say(context.Context, string) (sound.PCM, error) { return tone(time.Second), nil }
func (speech) Preface(string) (sound.PCM, error)              { return tone(500 * time.Millisecond), nil }

func tone(d time.Duration) sound.PCM {
	p := make(sound.PCM, sound.Samples(d))
	for i := range p {
		p[i] = int16(12000 * math.Sin(float64(i)/6))
	}
	return p
}

// withSound is a hub that has sound of its own to give.
func withSound(o *broadcast.Options) {
	o.Voice = speech{}
	o.Base = func() string { return "http://hub" }
}

func (r *room) give() {
	r.t.Helper()
	if err := r.Give(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
}

func at(device, typ, message string, position int) event.Event {
	e := happened(device, typ, message)
	e.Data = []byte(strings.Replace(string(e.Data), "{", `{"position_ms":`+strconv.Itoa(position)+`,"level_db":88,`, 1))
	return e
}

// A notice is paused by a fire and goes on where it was; music under it waits for both.
func TestPausedAndResumed(t *testing.T) {
	r := fresh(t, withSound)
	music := r.send(broadcast.Request{Zones: []string{"east/b01"}, Text: "music", Priority: broadcast.Music, Repeat: 60})
	r.handle(at("s-1", "playing", music.ID, 0))
	notice := r.send(broadcast.Request{Zones: []string{"east/b01"}, Text: "notice", Priority: broadcast.Notice, Repeat: 9})
	r.handle(at("s-1", "overridden", music.ID, 4000), at("s-1", "playing", notice.ID, 0))
	fire := r.send(broadcast.Request{Zones: []string{"east/b01"}, Text: "fire", Priority: broadcast.Fire})
	if got := r.states(music.ID) + " " + r.states(notice.ID) + " " + r.states(fire.ID); got != "s-1:paused s-1:paused s-1:queued" {
		t.Fatalf("got %s", got)
	}
	if p := r.find(fire.ID, 1); p.Args.Priority != 1 {
		t.Fatalf("told %+v", p)
	}
	r.handle(at("s-1", "overridden", notice.ID, 2500), at("s-1", "playing", fire.ID, 0), at("s-1", "finished", fire.ID, 1000))
	r.give()
	if got := r.states(music.ID) + " " + r.states(notice.ID) + " " + r.states(fire.ID); got != "s-1:paused s-1:queued s-1:done" {
		t.Fatalf("got %s", got)
	}
	if p := r.find(notice.ID, 2); p.Args.PositionMS != 2500 || !strings.Contains(p.Args.URL, "from=2500") {
		t.Errorf("resumed with %+v", p.Args)
	}
	r.handle(at("s-1", "playing", notice.ID, 2500), at("s-1", "finished", notice.ID, 9000))
	r.give()
	if p := r.find(music.ID, 2); p.Args.PositionMS != 4000 {
		t.Errorf("resumed with %+v", p.Args)
	}
	if n := len(r.estate.plays); n != 5 {
		t.Errorf("%d orders", n)
	}
}

// find is the nth order for a message.
func (r *room) find(message string, n int) play {
	r.t.Helper()
	r.estate.mu.Lock()
	defer r.estate.mu.Unlock()
	for _, p := range r.estate.plays {
		if p.Args.Message == message {
			if n--; n == 0 {
				return p
			}
		}
	}
	r.t.Fatalf("no such order for %s: %+v", message, r.estate.plays)
	return play{}
}

func TestDroppedByPolicy(t *testing.T) {
	r := fresh(t)
	low := r.send(broadcast.Request{Zones: []string{"east/b01"}, Text: "x", Priority: 5, Interrupted: broadcast.Drop})
	r.handle(at("s-1", "playing", low.ID, 0))
	r.send(broadcast.Request{Zones: []string{"east/b01"}, Text: "y", Priority: 3})
	if got := r.states(low.ID); got != "s-1:overridden" {
		t.Errorf("got %s", got)
	}
}

// What comes under something more urgent waits, and is not even told.
func TestWaitsItsTurn(t *testing.T) {
	r := fresh(t)
	high := r.send(broadcast.Request{Zones: []string{"east/b01"}, Text: "x", Priority: 3})
	low := r.send(broadcast.Request{Zones: []string{"east"}, Text: "y", Priority: 5})
	if got := r.states(low.ID); got != "s-1:queued s-2:queued s-3:failed:offline" || len(r.estate.plays) != 2 {
		t.Fatalf("%s, %d orders", got, len(r.estate.plays))
	}
	r.handle(happened("s-1", "playing", high.ID), happened("s-1", "finished", high.ID))
	r.give()
	if p := r.find(low.ID, 2); len(r.estate.plays) != 3 || p.Args.PositionMS != 0 {
		t.Errorf("%+v", r.estate.plays)
	}
}

func TestStop(t *testing.T) {
	r := fresh(t)
	low := r.send(broadcast.Request{Zones: []string{"east"}, Text: "x", Priority: 5})
	r.handle(at("s-1", "playing", low.ID, 0), at("s-2", "playing", low.ID, 0))
	high := r.send(broadcast.Request{Zones: []string{"east/b01"}, Text: "y", Priority: 4})
	r.handle(at("s-1", "playing", high.ID, 0))
	status, got := r.ask("POST", "/broadcasts/"+low.ID+"/stop", "")
	if status != 200 || got["stopped_by"] != "chen" {
		t.Fatalf("%d %v", status, got)
	}
	if got := r.states(low.ID); got != "s-1:overridden:stopped s-2:playing s-3:failed:offline" {
		t.Errorf("got %s: where it is heard the loudspeaker says when it is silent", got)
	}
	r.handle(at("s-2", "finished", low.ID, 700))
	if _, got := r.ask("GET", "/broadcasts/"+low.ID, ""); got["open"] != false || strings.Join(r.estate.stops, ",") != "s-2 "+low.ID {
		t.Errorf("%v, stops %v", got, r.estate.stops)
	}
	r.ask("POST", "/broadcasts/"+high.ID+"/stop", "")
	r.ask("POST", "/broadcasts/"+high.ID+"/stop", "")
	if len(r.estate.stops) != 2 {
		t.Errorf("stops %v", r.estate.stops)
	}
	if status, _ := r.ask("POST", "/broadcasts/none/stop", ""); status != 404 {
		t.Errorf("%d", status)
	}
}

// A new text takes the place of the old one without a stop in between; where only the
// old one is heard it ends.
func TestReplaced(t *testing.T) {
	r := fresh(t)
	old := r.send(broadcast.Request{Zones: []string{"east"}, Text: "x", Priority: 2})
	r.handle(at("s-1", "playing", old.ID, 0), at("s-2", "playing", old.ID, 0))
	r.send(broadcast.Request{Zones: []string{"east/b01"}, Text: "y", Priority: 2, Replaces: old.ID})
	if got := r.states(old.ID); got != "s-1:overridden:replaced s-2:playing s-3:failed:offline" || strings.Join(r.estate.stops, ",") != "s-2 "+old.ID {
		t.Errorf("%s, stops %v", got, r.estate.stops)
	}
}

func TestNightIsSilent(t *testing.T) {
	night := func(o *broadcast.Options) {
		now := time.Now().UTC()
		since := time.Duration(now.Hour())*time.Hour + time.Duration(now.Minute())*time.Minute
		o.Night = broadcast.Night{From: (since + 23*time.Hour) % (24 * time.Hour), To: (since + time.Hour) % (24 * time.Hour)}
	}
	r := fresh(t, night)
	for body, muted := range map[string]bool{
		`{"zones":["east"],"text":"x","priority":3}`:                 false,
		`{"zones":["east"],"text":"x"}`:                              true,
		`{"zones":["east"],"text":"x","at_night":true}`:              false,
		`{"zones":["east"],"text":"x","priority":5,"at_night":true}`: true,
	} {
		status, got := r.ask("POST", "/broadcasts", body)
		if status != 201 || (got["failed"] == got["targets"]) != muted {
			t.Errorf("%s: %d %v", body, status, got)
		}
		if states := r.states(got["id"].(string)); strings.Contains(states, "s-1:failed:night") != muted {
			t.Errorf("%s: %s", body, states)
		}
	}
}

func TestPolygon(t *testing.T) {
	r := fresh(t)
	status, got := r.ask("POST", "/broadcasts", `{"polygon":[[7,0],[9,0],[9,9]],"text":"x"}`)
	if status != 201 || got["targets"] != 1.0 || r.estate.plays[0].Device != "s-2" {
		t.Errorf("%d %v", status, got)
	}
	for _, body := range []string{`{"polygon":[[1,0],[9,0],[9,9]],"text":"x"}`, `{"polygon":[[7,0],[9,0]],"text":"x"}`, `{"polygon":[[7,0],[9e9,0],[1,1]],"text":"x"}`} {
		if status, _ := r.ask("POST", "/broadcasts", body); status != 422 {
			t.Errorf("%s: %d", body, status)
		}
	}
}

// One that dies in the middle plays no more, and holds back nothing that comes later; one
// that only lost its network says afterwards that it was heard.
func TestDiesInTheMiddle(t *testing.T) {
	presence := func(online bool, boot string) event.Event {
		data, _ := json.Marshal(map[string]any{"online": online})
		return event.Event{Device: "s-1", Kind: event.Speaker, Channel: event.Presence, Boot: boot, ReceivedAt: time.Now(), Data: data}
	}
	r := fresh(t)
	r.handle(presence(true, "b1"))
	fire := r.send(broadcast.Request{Zones: []string{"east/b01"}, Text: "x", Priority: 1})
	r.handle(happened("s-1", "playing", fire.ID), presence(true, "b1"))
	if got := r.states(fire.ID); got != "s-1:playing" {
		t.Fatalf("connected again: %s", got)
	}
	r.handle(presence(false, ""))
	if got := r.states(fire.ID); got != "s-1:failed:offline" {
		t.Errorf("without network: %s", got)
	}
	r.handle(happened("s-1", "finished", fire.ID))
	if got := r.states(fire.ID); got != "s-1:done" {
		t.Errorf("it played on: %s", got)
	}
	second := r.send(broadcast.Request{Zones: []string{"east/b01"}, Text: "y", Priority: 1})
	r.handle(happened("s-1", "playing", second.ID), presence(true, "b2"))
	if got := r.states(second.ID); got != "s-1:failed:offline" {
		t.Errorf("it has started anew: %s", got)
	}
	desk := r.send(broadcast.Request{Zones: []string{"east/b01"}, Text: "z", Priority: 4})
	if r.find(desk.ID, 1); r.states(desk.ID) != "s-1:queued" {
		t.Errorf("what comes later: %s", r.states(desk.ID))
	}
}

// A loudspeaker that gets no sound one way gets it another way.
func TestSecondAndThirdWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := fresh(t, withSound)
		r.estate.rtp["s-1"] = "127.0.0.1:9"
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.Run(ctx) }()
		bc := r.send(broadcast.Request{Zones: []string{"east/b01"}, Text: "x", Priority: 3})
		if p := r.find(bc.ID, 1); p.Args.URL == "" || p.Args.RTP != nil {
			t.Fatalf("first way %+v", p.Args)
		}
		e := replied("s-1", "cmd-s-1", "failed")
		e.Data = []byte(`{"id":"cmd-s-1","status":"failed","error":"fetch"}`)
		r.handle(e)
		r.Committed()
		time.Sleep(time.Millisecond)
		synctest.Wait()
		p := r.find(bc.ID, 2)
		if p.Args.RTP == nil || p.Args.RTP.Key == "" || p.Args.RTP.LengthMS != 1000 {
			t.Fatalf("second way %+v", p.Args)
		}
		time.Sleep(3100 * time.Millisecond) // nothing is heard of it
		synctest.Wait()
		if p := r.find(bc.ID, 3); p.Args.RTP != nil || p.Args.URL != "" || p.Args.Text != "x" {
			t.Fatalf("third way %+v", p.Args)
		}
		r.handle(at("s-1", "playing", bc.ID, 0))
		if got := r.states(bc.ID); got != "s-1:playing" {
			t.Errorf("got %s", got)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// An order that is given again after a crash is the same to the byte: a command is known
// by its key, and refused when it says something else.
func TestTheSameOrderTwice(t *testing.T) {
	r := fresh(t, withSound)
	bc := r.send(broadcast.Request{Zones: []string{"east/b01"}, Text: "x", Priority: 3})
	first := r.find(bc.ID, 1)
	err := r.db.Tx(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), "UPDATE broadcast_nodes SET command = '', tell = 'play'")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(1100 * time.Millisecond) // addresses have seconds in them
	r.give()
	if again := r.find(bc.ID, 2); again.Key != first.Key || again.Args.URL != first.Args.URL {
		t.Errorf("%+v, then %+v", first, again)
	}
}

// When fewer than 98 in 100 begin in time somebody is told, once.
func TestTooFewHeardIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told, settled []string
		r := fresh(t, func(o *broadcast.Options) {
			o.Trouble = func(_ context.Context, b broadcast.Broadcast) { told = append(told, b.ID) }
			o.Settled = func(_ context.Context, b broadcast.Broadcast) bool { settled = append(settled, b.ID); return true }
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.Run(ctx) }()
		good := r.send(broadcast.Request{Zones: []string{"east/b01"}, Text: "x", Priority: 3})
		r.handle(at("s-1", "playing", good.ID, 0))
		r.Committed()
		bad := r.send(broadcast.Request{Zones: []string{"east"}, Text: "x", Priority: 2})
		r.handle(at("s-1", "playing", bad.ID, 0))
		r.Committed()
		time.Sleep(time.Minute)
		synctest.Wait()
		if strings.Join(told, ",") != bad.ID || len(settled) != 2 {
			t.Errorf("told %v, settled %v, bad %s", told, settled, bad.ID)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// The address of the sound is the right to it: for this message, loudspeaker and place.
func TestSoundOfAMessage(t *testing.T) {
	r := fresh(t, withSound)
	bc := r.send(broadcast.Request{Zones: []string{"east/b01"}, Text: "x", Priority: 3, Repeat: 2, Mode: broadcast.Exercise})
	a := web.NewAPI("test", guard{}, nil)
	r.Register(a)
	get := func(address string) *httptest.ResponseRecorder {
		rec := httptest.NewRecorder()
		a.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, strings.TrimPrefix(address, "http://hub"), nil))
		return rec
	}
	address := r.find(bc.ID, 1).Args.URL
	rec := get(address)
	p, err := sound.Decode(rec.Body.Bytes())
	if rec.Code != 200 || err != nil || p.Length() != 3700*time.Millisecond || bc.LengthMS != 3700 {
		t.Fatalf("%d, %v, %v, told %d ms", rec.Code, p.Length(), err, bc.LengthMS)
	}
	if p[sound.Samples(1600*time.Millisecond)] != 0 { // between the repeats
		t.Error("no gap")
	}
	for what, other := range map[string]string{
		"another loudspeaker": strings.Replace(address, "device=s-1", "device=s-2", 1),
		"another place":       strings.Replace(address, "from=0", "from=1", 1),
		"another time":        strings.Replace(address, "until=", "until=9", 1),
		"no signature":        strings.Replace(address, "signature=", "signature=A", 1),
		"another message":     strings.Replace(address, bc.ID, "x"+bc.ID, 1),
	} {
		if rec := get(other); rec.Code != 403 {
			t.Errorf("%s: %d", what, rec.Code)
		}
	}
	r.ask("POST", "/broadcasts/"+bc.ID+"/stop", "")
	if rec := get(address); rec.Code != 410 {
		t.Errorf("after the stop: %d", rec.Code)
	}
}

func TestRecordings(t *testing.T) {
	r := fresh(t, withSound)
	file := append(sound.Header(sound.Samples(2*time.Second)), tone(2*time.Second).Bytes()...)
	upload := func(name string, b []byte) (int, string) {
		a := web.NewAPI("test", guard{}, nil)
		r.Register(a)
		rec := httptest.NewRecorder()
		a.ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/api/v1/broadcasts/recordings?name="+name, bytes.NewReader(b)))
		body, _ := io.ReadAll(rec.Body)
		return rec.Code, string(body)
	}
	if status, body := upload("bell", file); status != 201 || !strings.Contains(body, `"length_ms":2000`) {
		t.Fatalf("%d %s", status, body)
	}
	for name, b := range map[string][]byte{"": file, "page": []byte("<html>"), "nothing": nil} {
		if status, body := upload(name, b); status != 422 {
			t.Errorf("%q: %d %s", name, status, body)
		}
	}
	_, got := r.ask("GET", "/broadcasts/recordings", "")
	id := got["items"].([]any)[0].(map[string]any)["id"].(string)
	if status, got := r.ask("POST", "/broadcasts", `{"zones":["east"],"recording":"`+id+`","mode":"exercise"}`); status != 201 || got["length_ms"] != 2500.0 {
		t.Errorf("%d %v", status, got)
	}
	if status, got := r.ask("POST", "/broadcasts", `{"zones":["east"],"recording":"../../hub"}`); status != 422 || got["code"] != "broadcast.no_recording" {
		t.Errorf("%d %v", status, got)
	}
	if status, got := r.ask("POST", "/broadcasts", `{"zones":["east"],"live":"mic-1"}`); status != 422 || got["code"] != "broadcast.no_microphone" {
		t.Errorf("%d %v", status, got)
	}
}

// A schedule is carried out once, also by a hub that was started anew; one that was
// missed is passed over.
func TestSchedules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // it begins at midnight UTC
		r := fresh(t)
		body := `{"name":"morning","enabled":true,"zones":["east/b01"],"text":"早上好","priority":5,"times":["00:05","00:20"]}`
		status, got := r.ask("POST", "/broadcasts/schedules", body)
		if status != 201 || !strings.Contains(got["next_at"].(string), "T00:05:00") {
			t.Fatalf("%d %v", status, got)
		}
		run := func(x *room, d time.Duration) {
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- x.Run(ctx) }()
			time.Sleep(d)
			synctest.Wait()
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		run(r, 4*time.Minute)
		if len(r.estate.plays) != 0 {
			t.Errorf("too early: %v", r.estate.plays)
		}
		run(r, 2*time.Minute)
		again := onto(t, r.db, r.feed, r.estate)
		run(again, 2*time.Minute)
		if len(r.estate.plays) != 1 || r.estate.plays[0].Args.Priority != 5 {
			t.Errorf("%+v", r.estate.plays)
		}
		time.Sleep(15 * time.Minute) // away at 00:20
		run(again, 2*time.Minute)
		if len(r.estate.plays) != 1 {
			t.Errorf("%+v", r.estate.plays)
		}
		for _, bad := range []string{
			`{"name":"x","enabled":true,"zones":["east"],"text":"x","priority":5,"times":["25:00"]}`,
			`{"name":"x","enabled":true,"zones":["east"],"text":"x","priority":4,"times":["05:00"]}`,
			`{"name":"x","enabled":true,"zones":["east"],"priority":5,"times":["05:00"]}`,
			`{"name":"x","enabled":true,"zones":[],"text":"x","priority":5,"times":["05:00"]}`,
			`{"name":"x","enabled":true,"zones":["east"],"text":"x","priority":5,"times":["05:00"],"days":[8]}`,
		} {
			if status, _ := r.ask("POST", "/broadcasts/schedules", bad); status != 422 {
				t.Errorf("%s: %d", bad, status)
			}
		}
	})
}

// A voice is heard where it is on the air and nowhere else; when it goes, all goes.
func TestMicrophone(t *testing.T) {
	r := fresh(t, withSound)
	id, packet, closed := r.Microphone("chen", nil)
	status, got := r.ask("POST", "/broadcasts", `{"zones":["east/b01"],"live":"`+id+`","priority":4}`)
	if status != 201 || got["live"] != true {
		t.Fatalf("%d %v", status, got)
	}
	bc := got["id"].(string)
	a := web.NewAPI("test", guard{}, nil)
	r.Register(a)
	srv := httptest.NewServer(a)
	defer srv.Close()
	resp, err := http.Get(srv.URL + strings.TrimPrefix(r.find(bc, 1).Args.Stream, "http://hub"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	in := sound.NewPackets(resp.Body)
	for range 2 { // headers
		if _, err := in.Next(); err != nil {
			t.Fatal(err)
		}
	}
	packet([]byte{0x78, 1, 2})
	if p, err := in.Next(); err != nil || !bytes.Equal(p, []byte{0x78, 1, 2}) {
		t.Fatalf("%x %v", p, err)
	}
	if status, _ := r.ask("POST", "/broadcasts", `{"zones":["east/b01"],"live":"`+id+`","mode":"exercise"}`); status != 422 {
		t.Errorf("%d", status)
	}
	closed()
	if _, err := in.Next(); err != io.EOF { //nolint:errorlint // exactly that
		t.Errorf("after the end: %v", err)
	}
	if _, got := r.ask("GET", "/broadcasts/"+bc, ""); got["stopped_by"] != "hub" {
		t.Errorf("%v", got)
	}
	if status, _ := r.ask("POST", "/broadcasts", `{"zones":["east/b01"],"live":"`+id+`"}`); status != 422 {
		t.Errorf("%d", status)
	}
}
