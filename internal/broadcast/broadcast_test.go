package broadcast_test

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dongyue/internal/broadcast"
	"dongyue/internal/db"
	"dongyue/internal/event"
	"dongyue/internal/web"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// estate stands for the registry: which speakers there are and what they were
// told.
type estate struct {
	mu    sync.Mutex
	plays []play
	stops []string
	rtp   map[string]string
	mics  map[string]bool
	fail  map[string]error
	onTap func(command string, p play)

	onStop func(message string)
}

// play is what a loudspeaker was told to play.
type play struct {
	broadcast.Order
	Args broadcast.PlayArgs
}

func (e *estate) In(_ context.Context, zone string) []broadcast.Node {
	all := map[string][]broadcast.Node{
		"east":     {{ID: "s-1", Zone: "east/b01", Online: true}, {ID: "s-2", Zone: "east", Online: true}, {ID: "s-3", Zone: "east"}},
		"east/b01": {{ID: "s-1", Zone: "east/b01", Online: true}},
		"west":     {{ID: "s-9", Zone: "west"}},
	}
	return all[zone]
}

func (e *estate) Within(_ context.Context, polygon []broadcast.Point) []broadcast.Node {
	if polygon[0].X == 7 {
		return []broadcast.Node{{ID: "s-2", Zone: "east", Online: true}}
	}
	return nil
}

func (e *estate) Get(_ context.Context, id string) (broadcast.Node, bool) {
	zone := map[string]string{"s-1": "east/b01", "s-9": "west"}[id]
	return broadcast.Node{ID: id, Zone: cmp.Or(zone, "east"), Online: true, RTP: e.rtp[id], Mic: e.mics[id]}, true
}

func (e *estate) Give(_ context.Context, orders []broadcast.Order) (all []broadcast.Given) {
	for _, o := range orders {
		id, err := e.give(o)
		all = append(all, broadcast.Given{Command: id, Err: err})
	}
	return all
}

func (e *estate) give(o broadcast.Order) (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.fail[o.Device]; err != nil {
		return "", err
	}
	id := "cmd-" + o.Device
	args, ok := o.Args.(broadcast.PlayArgs)
	if !ok {
		message := o.Args.(broadcast.StopArgs).Message
		e.stops = append(e.stops, o.Device+" "+message)
		if e.onStop != nil {
			e.onStop(message)
		}
		return "stop-" + o.Device, nil
	}
	if n := e.count(o.Device); n > 0 {
		id += fmt.Sprintf("-%d", n+1)
	}
	p := play{o, args}
	e.plays = append(e.plays, p)
	slices.SortStableFunc(e.plays, func(a, b play) int { return strings.Compare(a.Args.Message+a.Device, b.Args.Message+b.Device) })
	if e.onTap != nil {
		e.onTap(id, p)
	}
	return id, nil
}

// count is how often a loudspeaker was told to play.
func (e *estate) count(device string) (n int) {
	for _, p := range e.plays {
		if p.Device == device {
			n++
		}
	}
	return n
}

type room struct {
	*broadcast.Broadcasts
	t      testing.TB
	db     *db.DB
	feed   *web.Feed
	estate *estate
	zones  string // where who asks acts
}

func fresh(t testing.TB, change ...func(*broadcast.Options)) *room {
	t.Helper()
	ctx := context.Background()
	d, err := db.Open(ctx, filepath.Join(t.TempDir(), "hub.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	feed, err := web.NewFeed(ctx, d)
	if err != nil {
		t.Fatal(err)
	}
	return onto(t, d, feed, &estate{fail: map[string]error{}, rtp: map[string]string{}}, change...)
}

func onto(t testing.TB, d *db.DB, feed *web.Feed, e *estate, change ...func(*broadcast.Options)) *room {
	t.Helper()
	o := broadcast.Options{DB: d, Feed: feed, Speakers: e, Command: e, Log: slog.New(slog.DiscardHandler), Dir: t.TempDir(), Key: []byte("key")}
	for _, f := range change {
		f(&o)
	}
	b, err := broadcast.New(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return &room{b, t, d, feed, e, ""}
}

func (r *room) send(q broadcast.Request) broadcast.Broadcast {
	r.t.Helper()
	bc, err := r.Send(context.Background(), q)
	if err != nil {
		r.t.Fatal(err)
	}
	return bc
}

func (r *room) handle(evs ...event.Event) {
	r.t.Helper()
	if err := r.db.Tx(context.Background(), func(tx *sql.Tx) error { return r.Handle(context.Background(), tx, evs) }); err != nil {
		r.t.Fatal(err)
	}
}

func happened(device, typ, message string) event.Event {
	data, _ := json.Marshal(map[string]any{"message": message, "code": "amp"})
	return event.Event{Device: device, Kind: event.Speaker, Channel: event.Happening, Type: typ, ReceivedAt: time.Now(), Data: data}
}

func replied(device, command, status string) event.Event {
	data, _ := json.Marshal(map[string]any{"id": command, "status": status})
	return event.Event{ID: command, Device: device, Kind: event.Speaker, Channel: event.Reply, ReceivedAt: time.Now(), Data: data}
}

// states are the nodes of a broadcast, as the API shows them.
func (r *room) states(id string) string {
	r.t.Helper()
	status, m := r.ask("GET", "/broadcasts/"+id, "")
	if status != 200 {
		r.t.Fatalf("%d %v", status, m)
	}
	var s []string
	for _, n := range m["nodes"].([]any) {
		n := n.(map[string]any)
		s = append(s, strings.TrimSuffix(fmt.Sprintf("%v:%v:%v", n["device"], n["state"], n["error"]), ":"))
	}
	return strings.Join(s, " ")
}

type guard struct{ zones string }

func (g guard) Authenticate(*http.Request) (web.Principal, bool) {
	return web.Principal{ID: "u1", Login: "chen", Zones: g.zones}, true
}
func (guard) Allowed(web.Principal, web.Action) bool { return true }

func (r *room) ask(method, path, body string, header ...string) (int, map[string]any) {
	r.t.Helper()
	a := web.NewAPI("test", guard{r.zones}, slog.New(slog.DiscardHandler))
	r.Register(a)
	req := httptest.NewRequest(method, "/api/v1"+path, strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	a.ServeHTTP(rec, req)
	var m map[string]any
	if err := json.Unmarshal(rec.Body.Bytes(), &m); err != nil {
		r.t.Fatalf("%s %s: %d %s", method, path, rec.Code, rec.Body)
	}
	return rec.Code, m
}

func TestProofOfPlaying(t *testing.T) {
	r := fresh(t)
	status, got := r.ask("POST", "/broadcasts", `{"zones":["east","east/b01"],"text":"明早九点停水","priority":4,"mode":"actual"}`)
	if status != 201 || got["targets"] != 3.0 || got["failed"] != 1.0 || got["queued"] != 2.0 || got["playing"] != 0.0 {
		t.Fatalf("%d %v", status, got)
	}
	id := got["id"].(string)
	p := r.estate.plays[0]
	if len(r.estate.plays) != 2 || p.Args.Message != id || p.Args.Text != "明早九点停水" || p.Args.Priority != 4 || p.Args.Repeat != 1 || p.TTL <= 0 || p.Key == "" || p.Ref != id {
		t.Fatalf("played %+v", r.estate.plays)
	}
	for _, c := range []struct {
		e    event.Event
		want string
	}{
		{replied("s-1", "cmd-s-1", "accepted"), "s-1:accepted s-2:queued s-3:failed:offline"},
		{replied("s-2", "cmd-s-1", "failed"), "s-1:accepted s-2:queued s-3:failed:offline"}, // not its command
		{happened("s-1", "playing", id), "s-1:playing s-2:queued s-3:failed:offline"},
		{replied("s-1", "cmd-s-1", "done"), "s-1:playing s-2:queued s-3:failed:offline"}, // the command is done, the message not
		{happened("s-1", "playing", id), "s-1:playing s-2:queued s-3:failed:offline"},
		{replied("s-2", "cmd-s-2", "failed"), "s-1:playing s-2:failed:failed s-3:failed:offline"},
		{happened("s-2", "playing", id), "s-1:playing s-2:playing s-3:failed:offline"}, // it was heard after all
		{happened("s-2", "overridden", id), "s-1:playing s-2:overridden s-3:failed:offline"},
		{happened("s-2", "finished", id), "s-1:playing s-2:overridden s-3:failed:offline"},
		{happened("s-1", "finished", "another"), "s-1:playing s-2:overridden s-3:failed:offline"},
		{happened("s-8", "playing", id), "s-1:playing s-2:overridden s-3:failed:offline"}, // was not meant
		{happened("s-1", "finished", id), "s-1:done s-2:overridden s-3:failed:offline"},
		{happened("s-1", "fault", id), "s-1:done s-2:overridden s-3:failed:offline"},
	} {
		r.handle(c.e)
		if got := r.states(id); got != c.want {
			t.Fatalf("after %s %s %s: %s, want %s", c.e.Device, c.e.Type, c.e.Data, got, c.want)
		}
	}
	_, got = r.ask("GET", "/broadcasts/"+id, "")
	if got["done"] != 1.0 || got["overridden"] != 1.0 || got["failed"] != 1.0 || got["playing"] != 0.0 {
		t.Errorf("counts %v", got)
	}
}

func TestExerciseSaysSo(t *testing.T) {
	r := fresh(t)
	bc := r.send(broadcast.Request{Zones: []string{"east/b01"}, Text: "请疏散", Mode: broadcast.Exercise})
	if text := r.estate.plays[0].Args.Text; !strings.HasPrefix(text, "【演习】") || !strings.HasSuffix(text, "请疏散") || bc.Text != "请疏散" {
		t.Errorf("played %q", text)
	}
	if _, err := r.Send(context.Background(), broadcast.Request{Zones: []string{"east"}, URL: "http://x/siren.mp3", Mode: broadcast.Exercise}); err == nil {
		t.Error("an exercise without words was taken")
	}
}

func TestBadRequests(t *testing.T) {
	r := fresh(t)
	for body, want := range map[string]int{
		`{"zones":[],"text":"x"}`:                                       422,
		`{"zones":["east"]}`:                                            422,
		`{"zones":["east"],"text":" "}`:                                 422,
		`{"zones":["nowhere"],"text":"x"}`:                              422,
		`{"zones":["east"],"text":"x","priority":7}`:                    422,
		`{"zones":["east"],"text":"x","mode":"test"}`:                   422,
		`{"zones":["east"],"text":"x","repeat":101}`:                    422,
		`{"zones":["east"],"text":"x","volume_pct":101}`:                422,
		`{"zones":["east"],"text":"` + strings.Repeat("x", 2001) + `"}`: 422,
		`{"text":"x"}`: 422,
	} {
		if status, got := r.ask("POST", "/broadcasts", body); status != want || got["code"] == nil {
			t.Errorf("%.60s: %d %v", body, status, got)
		}
	}
	if status, got := r.ask("GET", "/broadcasts/none", ""); status != 404 || got["code"] != "broadcast.not_found" {
		t.Errorf("%d %v", status, got)
	}
	if status, _ := r.ask("GET", "/broadcasts?cursor=x", ""); status != 400 {
		t.Errorf("bad cursor: %d", status)
	}
	if len(r.estate.plays) != 0 {
		t.Errorf("played %v", r.estate.plays)
	}
}

func TestSameKeyPlaysOnce(t *testing.T) {
	r := fresh(t)
	body := `{"zones":["east"],"text":"x"}`
	_, a := r.ask("POST", "/broadcasts", body, "Idempotency-Key", "k")
	_, b := r.ask("POST", "/broadcasts", body, "Idempotency-Key", "k")
	if a["id"] != b["id"] || len(r.estate.plays) != 2 {
		t.Errorf("%v, %v, %d plays", a["id"], b["id"], len(r.estate.plays))
	}
	if status, got := r.ask("POST", "/broadcasts", `{"zones":["west"],"text":"x"}`, "Idempotency-Key", "k"); status != 409 {
		t.Errorf("%d %v", status, got)
	}
	r.ask("POST", "/broadcasts", `{"zones":["west"],"text":"y"}`)
	_, page := r.ask("GET", "/broadcasts?limit=1", "")
	if items := page["items"].([]any); len(items) != 1 || items[0].(map[string]any)["text"] != "y" || page["next"] == "" {
		t.Fatalf("page %v", page)
	}
	_, page = r.ask("GET", "/broadcasts?limit=1&cursor="+page["next"].(string), "")
	if items := page["items"].([]any); len(items) != 1 || items[0].(map[string]any)["id"] != a["id"] || page["next"] != "" {
		t.Errorf("second page %v", page)
	}
}

func TestRefusedCommandFails(t *testing.T) {
	r := fresh(t)
	r.estate.fail["s-2"] = errors.New("no")
	bc := r.send(broadcast.Request{Zones: []string{"east"}, Text: "x"})
	if got := r.states(bc.ID); got != "s-1:queued s-2:failed:refused s-3:failed:offline" {
		t.Errorf("got %s", got)
	}
}

// A speaker may answer before the id of its command is noted.
func TestAnswerComesFirst(t *testing.T) {
	r := fresh(t)
	r.estate.onTap = func(command string, p play) {
		if p.Device == "s-1" {
			r.handle(replied("s-1", command, "accepted"))
		} else {
			r.handle(replied("s-2", command, "failed"))
		}
	}
	bc := r.send(broadcast.Request{Zones: []string{"east"}, Text: "x"})
	if got := r.states(bc.ID); got != "s-1:accepted s-2:failed:failed s-3:failed:offline" {
		t.Errorf("got %s", got)
	}
}

func TestSilentSpeakersFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := fresh(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.Run(ctx) }()
		bc := r.send(broadcast.Request{Zones: []string{"east"}, Text: "x"})
		r.handle(happened("s-1", "playing", bc.ID))
		time.Sleep(9 * time.Second)
		synctest.Wait()
		if got := r.states(bc.ID); got != "s-1:playing s-2:queued s-3:failed:offline" {
			t.Errorf("within the time: %s", got)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := r.states(bc.ID); got != "s-1:playing s-2:failed:no_answer s-3:failed:offline" {
			t.Errorf("after it: %s", got)
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if got := r.states(bc.ID); got != "s-1:failed:no_end s-2:failed:no_answer s-3:failed:offline" {
			t.Errorf("without an end: %s", got)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// What was stored and not commanded when the hub died is commanded after the
// start, and what was commanded is not commanded again.
func TestRunFinishesWhatACrashLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := fresh(t)
		bc := r.send(broadcast.Request{Zones: []string{"east"}, Text: "x"})
		err := r.db.Tx(t.Context(), func(tx *sql.Tx) error {
			_, err := tx.ExecContext(t.Context(), "UPDATE broadcast_nodes SET command = '', tell = 'play' WHERE device = 's-2'")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		again := onto(t, r.db, r.feed, &estate{})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- again.Run(ctx) }()
		time.Sleep(time.Second)
		synctest.Wait()
		if p := again.estate.plays; len(p) != 1 || p[0].Device != "s-2" || p[0].Args.Message != bc.ID || p[0].Key != r.estate.plays[1].Key {
			t.Errorf("commanded %+v", p)
		}
		cancel()
		<-done
	})
}

// An account is heard, and silences, in its own zones.
func TestOtherZonesAreNotSpokenTo(t *testing.T) {
	r := fresh(t)
	_, all := r.ask("POST", "/broadcasts", `{"zones":["east","west"],"text":"x"}`)
	r.zones = "east/b01"
	for _, body := range []string{
		`{"zones":["east"],"text":"x"}`, `{"zones":["east/b01","west"],"text":"x"}`, `{"speaker":"s-2","text":"x"}`, `{"polygon":[[7,0],[9,0],[9,9]],"text":"x"}`,
	} {
		if status, got := r.ask("POST", "/broadcasts", body); status != 403 || got["code"] != "broadcast.not_your_zone" {
			t.Errorf("%s: %d %v", body, status, got)
		}
	}
	if status, _ := r.ask("POST", "/broadcasts/"+all["id"].(string)+"/stop", ""); status != 403 || len(r.estate.stops) != 0 {
		t.Errorf("stopped: %d %v", status, r.estate.stops)
	}
	status, own := r.ask("POST", "/broadcasts", `{"zones":["east/b01"],"text":"x"}`)
	if status != 201 {
		t.Errorf("%d %v", status, own)
	}
	if status, _ := r.ask("POST", "/broadcasts/"+own["id"].(string)+"/stop", ""); status != 200 {
		t.Errorf("own: %d", status)
	}
}
