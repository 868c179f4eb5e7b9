package app

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dongyue/internal/config"
	"dongyue/internal/simulator/camera"
	"dongyue/streams/clip"
	"dongyue/streams/evidence"
)

const clipRule = `rules:
  - id: door.forced_open
    title: {zh: "{name}被强行打开", en: "{name} was forced open"}
    on: {kind: door, type: forced_open}
    priority: high
    latch: true
    show: {cameras: nearest(2)}
    actions: [{clip: {before: 1s, after: 1s}}]
`

// filmed is a house with a rule that records and cameras that film, but for the one
// that is switched off.
func filmed(t *testing.T, cameras ...string) (*house, *camera.Server) {
	t.Helper()
	var list []camera.Camera
	for _, id := range cameras {
		list = append(list, camera.Camera{ID: id, Scene: "unit-door"})
	}
	sim, err := camera.New(camera.Options{Addr: "127.0.0.1:0", Cameras: list})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- sim.Run(ctx) }()
	<-sim.Ready()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	rules := t.TempDir()
	if err := os.WriteFile(filepath.Join(rules, "door.yaml"), []byte(clipRule), 0o600); err != nil {
		t.Fatal(err)
	}
	h := openHouse(t, t.TempDir(), func(c *config.Config) { c.Rules.Dir, c.Clips.Before = rules, time.Second })
	for _, id := range cameras {
		url := "rtsp://" + sim.Addr().String() + "/" + id
		h.call(http.MethodPost, "/cameras", map[string]any{"id": id, "zone": "east/b01/u1", "url": url + "/main", "sub_url": url + "/sub"}, nil)
	}
	return h, sim
}

// alarmed waits for the journal line of an action.
func (h *house) alarmed(what string) (alarm, text string) {
	h.t.Helper()
	for range 600 { // half a minute on a machine that is busy
		var open struct{ Items []struct{ ID string } }
		h.call(http.MethodGet, "/alarms?state=open", nil, &open)
		for _, a := range open.Items {
			var one struct{ Journal []struct{ What, Text string } }
			h.call(http.MethodGet, "/alarms/"+a.ID, nil, &one)
			for _, l := range one.Journal {
				if l.What == what {
					return a.ID, l.Text
				}
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	h.t.Fatalf("no %s in any alarm's journal", what)
	return "", ""
}

func TestAlarmRecordsItsCameras(t *testing.T) {
	h, _ := filmed(t, "cam-a", "cam-b")
	time.Sleep(2 * time.Second) // pictures before the alarm
	_, publish, _ := h.register("door", "door-1")
	publish("event", fmt.Sprintf(`{"at":%q,"id":"e1","type":"forced_open","data":{}}`, now()))
	alarm, text := h.alarmed("action_done")
	var clips struct{ Items []clip.Clip }
	for range 600 {
		h.call(http.MethodGet, "/clips?alarm="+alarm, nil, &clips)
		if len(clips.Items) == 2 && clips.Items[0].State != clip.Recording && clips.Items[1].State != clip.Recording {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if len(clips.Items) != 2 {
		t.Fatalf("%d clips, the journal says %q", len(clips.Items), text)
	}
	for _, c := range clips.Items {
		if c.State != clip.Complete || c.DurationMS != 2000 || !strings.Contains(text, c.Camera+" "+c.ID) || !strings.Contains(c.Reason, "被强行打开") {
			t.Errorf("the journal says %q, got %+v", text, c)
		}
		h.call(http.MethodGet, "/clips/"+c.ID+"/video.mp4", nil, nil)
	}
	rs, err := evidence.CheckPath(filepath.Join(h.dir, "clips"), h.app.clips.Key())
	if err != nil || len(rs) != 2 || !rs[0].OK || !rs[1].OK {
		t.Errorf("got %+v, %v", rs, err)
	}
	h.call(http.MethodPost, "/clips/"+clips.Items[0].ID+"/export", map[string]string{"reason": "立案"}, nil)
	var audit struct {
		Items []struct{ Action, Target string }
	}
	h.call(http.MethodGet, "/audit", nil, &audit)
	seen := map[string]int{}
	for _, e := range audit.Items {
		seen[e.Action]++
	}
	if seen["clip.viewed"] != 2 || seen["clip.exported"] != 1 {
		t.Errorf("the audit has %v", seen)
	}
	if !h.app.alarmOpen(t.Context(), alarm) || h.app.alarmOpen(t.Context(), "01ZZZZZZZZZZZZZZZZZZZZZZZZ") {
		t.Error("the alarm is taken for closed, or one that is not there for open")
	}
}

func TestAlarmWithoutCameras(t *testing.T) {
	h, _ := filmed(t)
	_, publish, _ := h.register("door", "door-1")
	publish("event", fmt.Sprintf(`{"at":%q,"id":"e1","type":"forced_open","data":{}}`, now()))
	if _, text := h.alarmed("action_done"); !strings.Contains(text, "no camera") {
		t.Errorf("the journal says %q", text)
	}
}

// Alarms stand on a camera's time line; recordings that can't be written are an alarm
// until they can.
func TestRecordings(t *testing.T) {
	h, _ := filmed(t, "cam-a")
	h.call(http.MethodPut, "/cameras/cam-a/recording", map[string]any{"mode": "on"}, nil)
	_, publish, _ := h.register("door", "door-1")
	publish("event", fmt.Sprintf(`{"at":%q,"id":"e1","type":"forced_open","data":{}}`, now()))
	id, _ := h.alarmed("action_done")
	var line clip.Timeline
	for range 600 {
		from, to := time.Now().Add(-time.Hour), time.Now()
		h.call(http.MethodGet, fmt.Sprintf("/cameras/cam-a/recordings?from=%s&to=%s", from.UTC().Format(time.RFC3339), to.UTC().Add(time.Second).Format(time.RFC3339)), nil, &line)
		if len(line.Spans) > 0 && len(line.Alarms) > 0 && len(line.Clips) > 0 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if len(line.Spans) == 0 || len(line.Alarms) != 1 || line.Alarms[0].ID != id || !line.Alarms[0].Open || line.Alarms[0].Title.ZH == "" || len(line.Clips) != 1 {
		t.Errorf("got %+v", line)
	}
	stopped := func() (active, found bool) {
		var open struct {
			Items []struct {
				Rule   string
				Active bool
			}
		}
		h.call(http.MethodGet, "/alarms?state=open", nil, &open)
		for _, a := range open.Items {
			if a.Rule == "recording.stopped" {
				return a.Active, true
			}
		}
		return false, false
	}
	h.app.recordingTrouble(t.Context(), "clip.disk_full")
	if active, found := stopped(); !active || !found {
		t.Errorf("active %v, found %v", active, found)
	}
	h.app.recordingTrouble(t.Context(), "")
	if active, _ := stopped(); active {
		t.Error("it still stands")
	}
}
