package streams

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

var never = pullFunc(func(ctx context.Context, _ URL, _ Sink) error {
	<-ctx.Done()
	return nil
})

func call(t *testing.T, h http.Handler, method, path, body string, into any) int {
	t.Helper()
	r := httptest.NewRequestWithContext(context.Background(), method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if strings.Contains(w.Body.String(), "hunter2") || strings.Contains(w.Body.String(), "10.0.0.5") {
		t.Errorf("%s %s: the address is in %s", method, path, w.Body)
	}
	if into != nil {
		if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
			t.Fatalf("%s %s: %v: %s", method, path, err, w.Body)
		}
	}
	return w.Code
}

const address = `"url":"rtsp://admin:hunter2@10.0.0.5/main","sub_url":"rtsp://admin:hunter2@10.0.0.5/sub"`

func TestAPI(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.db")
	s, api, _ := room(t, path, never)
	var v struct {
		View
		Code string
	}
	if st := call(t, api, "POST", "/api/v1/cameras", `{"id":"cam-1","name":"东门","zone":"east","x":12.5,"fov":90,`+address+`}`, &v); st != 201 {
		t.Fatalf("%d %+v", st, v)
	}
	if v.ID != "cam-1" || v.Name != "东门" || v.State != Idle || v.Sub == nil || v.X != 12.5 {
		t.Fatalf("got %+v", v)
	}
	for _, c := range []struct {
		body, code string
		status     int
	}{
		{`{"id":"cam-1",` + address + `}`, "camera.exists", 409},
		{`{"id":"Cam 1",` + address + `}`, "camera.bad_id", 422},
		{`{"id":"wall",` + address + `}`, "camera.bad_id", 422},
		{`{"id":"cam-2","url":"http://admin:hunter2@10.0.0.5/"}`, "camera.bad_url", 422},
		{`{"id":"cam-2","url":"rtsp://h/x","sub_url":"hunter2"}`, "camera.bad_url", 422},
		{`{"id":"cam-2","url":"rtsp://h/x","fov":400}`, "camera.bad_fov", 422},
		{`{"id":"cam-2"}`, "camera.bad_url", 422},
		{`{"id":"cam-2","url":"rtsp://8.8.8.8/x"}`, "camera.network", 422},
		{`{"id":"cam-2","url":"rtsp://169.254.169.254/x"}`, "camera.network", 422},
		{`{"id":"cam-2","url":"rtsp://h/x","transport":"sctp"}`, "camera.bad_transport", 422},
		{`{"id":"cam-2","url":"rtsp://h/x","tls_fingerprint":"12"}`, "camera.bad_fingerprint", 422},
		{`{"id":"cam-2","url":"rtsp://h/x","onvif":"file:///etc/passwd"}`, "camera.bad_onvif", 422},
	} {
		if st := call(t, api, "POST", "/api/v1/cameras", c.body, &v); st != c.status || v.Code != c.code {
			t.Errorf("%s: %d %s", c.body, st, v.Code)
		}
	}
	for _, id := range []string{"cam-3", "cam-2"} {
		if st := call(t, api, "POST", "/api/v1/cameras", `{"id":"`+id+`","zone":"west","url":"rtsp://h/x"}`, nil); st != 201 {
			t.Fatal(st)
		}
	}
	var list struct {
		Items []View
		Next  string
	}
	if call(t, api, "GET", "/api/v1/cameras?limit=2", "", &list); len(list.Items) != 2 || list.Next != "cam-2" {
		t.Fatalf("got %+v", list)
	}
	if call(t, api, "GET", "/api/v1/cameras?limit=2&cursor="+list.Next, "", &list); len(list.Items) != 1 || list.Next != "" || list.Items[0].ID != "cam-3" {
		t.Fatalf("got %+v", list)
	}
	if call(t, api, "GET", "/api/v1/cameras?zone=west", "", &list); len(list.Items) != 2 {
		t.Fatalf("got %+v", list)
	}
	if st := call(t, api, "GET", "/api/v1/cameras/nobody", "", &v); st != 404 || v.Code != "camera.unknown" {
		t.Fatalf("%d %s", st, v.Code)
	}
	var why Why
	if st := call(t, api, "GET", "/api/v1/cameras/cam-1/why", "", &why); st != 200 || why.Code != "camera.idle" || len(why.Streams) != 2 || why.Answer.ZH == "" {
		t.Fatalf("%d %+v", st, why)
	}
	if st := call(t, api, "DELETE", "/api/v1/cameras/cam-3", "", nil); st != 204 {
		t.Fatal(st)
	}
	if st := call(t, api, "DELETE", "/api/v1/cameras/cam-3", "", nil); st != 404 {
		t.Fatal(st)
	}
	again, _, _ := room(t, path, never)
	if got, want := len(again.cameras), 2; got != want || again.cameras["cam-1"].URL != s.cameras["cam-1"].URL {
		t.Fatalf("%d cameras after a restart", got)
	}
}

func TestStatesAreTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.db")
	s, _, feed := room(t, path, pullFunc(func(ctx context.Context, _ URL, to Sink) error { return filming(ctx, to) }))
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.Run(ctx) })
	if err := s.Seed(ctx, []Camera{{ID: "cam-1", URL: "rtsp://admin:hunter2@10.0.0.5/x"}}); err != nil {
		t.Fatal(err)
	}
	var l *Lease
	for { // Run may not have begun
		var err error
		if l, err = s.Open("cam-1", Sub); err == nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	var seen []string
	read := func() (states []string) {
		rows, err := s.db.Read().QueryContext(ctx, `SELECT data FROM feed WHERE topic = 'camera' ORDER BY seq`)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var data string
			var v View
			if err := rows.Scan(&data); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(data, "hunter2") {
				t.Error("the password is in the feed")
			}
			if err := json.Unmarshal([]byte(data), &v); err != nil {
				t.Fatal(err)
			}
			states = append(states, string(v.State))
		}
		return states
	}
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		seen = read()
		if len(seen) > 0 && seen[len(seen)-1] == string(Live) {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("told: %v", seen)
		}
	}
	if feed.Last() == 0 {
		t.Fatal("readers of the feed were not woken")
	}
	l.Close()
	l.Close()
	cancel()
	wg.Wait()
	if _, err := s.Open("cam-1", Main); err == nil {
		t.Fatal("opened after the end")
	}
	again, _, _ := room(t, path, never) // the codec is known before the camera answers
	if c := again.cameras["cam-1"].main.stream.Codec(); c.Width != 1280 {
		t.Fatalf("got %+v", c)
	}
}

func TestNearest(t *testing.T) {
	s, _, _ := tempRoom(t, never)
	ctx := context.Background()
	err := s.Seed(ctx, []Camera{
		{ID: "gate", Zone: "east", URL: "rtsp://h/1", X: 0, Y: 0},
		{ID: "door", Zone: "east/b01/u1", URL: "rtsp://h/2", X: 10, Y: 0},
		{ID: "hall", Zone: "east/b01", URL: "rtsp://h/3", X: 20, Y: 0},
		{ID: "west", Zone: "west", URL: "rtsp://h/4", X: 100, Y: 0},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ got, want string }{
		{strings.Join(s.Nearest(ctx, 12, 0, 2), " "), "door hall"},
		{strings.Join(s.Nearest(ctx, 99, 0, 9), " "), "west hall door gate"},
		{strings.Join(s.Nearest(ctx, 0, 0, 0), " "), ""},
		{strings.Join(s.InZone(ctx, "east/b01/u1", 3), " "), "door hall gate"},
		{strings.Join(s.InZone(ctx, "east/b01", 2), " "), "hall door"},
		{strings.Join(s.InZone(ctx, "north", 2), " "), ""},
		{strings.Join(s.InZone(ctx, "", 2), " "), ""},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

// Sound is recorded where somebody wants it, and the wish outlives the hub.
func TestRecordSoundIsOffUnlessWanted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.db")
	s, api, _ := room(t, path, never)
	if call(t, api, "POST", "/api/v1/cameras", `{"id":"cam-1",`+address+`}`, nil) != 201 || s.RecordsSound("cam-1") || s.RecordsSound("nobody") {
		t.Fatal("sound is recorded that nobody asked for")
	}
	var v View
	if st := call(t, api, "PATCH", "/api/v1/cameras/cam-1", `{"record_sound":true}`, &v); st != 200 || !v.RecordSound || !s.RecordsSound("cam-1") {
		t.Fatalf("%d %+v", st, v)
	}
	if call(t, api, "PATCH", "/api/v1/cameras/cam-1", `{"name":"x"}`, &v); !v.RecordSound {
		t.Fatal("what is left out does not stay")
	}
	if s, _, _ = room(t, path, never); !s.RecordsSound("cam-1") {
		t.Fatal("it is forgotten")
	}
}
