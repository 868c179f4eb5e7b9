package main

import (
	"bytes"
	"encoding/json"
	"net"
	"strings"
	"sync"
	"testing"

	"dongyue/internal/simulator/camera"
	"dongyue/streams/probe"
)

func TestStreamsExitCodes(t *testing.T) {
	fakeHub(t, map[string]string{
		"GET /cameras?limit=1000":              `{"items":[{"id":"cam-1","state":"live","main":{"codec":"h264","width":1280,"height":720,"fps":25,"kbps":900,"viewers":2,"state":"live"},"sub":{"state":"idle"}}],"next":"cam-1"}`,
		"GET /cameras?cursor=cam-1&limit=1000": `{"items":[{"id":"cam-2","state":"no_signal","error":"camera.auth","error_text":{"zh":"x","en":"y"}}],"next":""}`,
		"GET /cameras?limit=1000&zone=ill":     "ill",
	})
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = gone.Close()
	addr := simulated(t)
	for _, c := range []struct {
		args string
		want int
	}{
		{"streams list", 0},
		{"streams list --state no_signal --json", 0},
		{"streams list --zone ill", exitIll},
		{"streams list x", exitUsage},
		{"streams probe", exitUsage},
		{"streams probe http://x", exitUsage},
		{"streams probe rtsp://" + addr + "/a/main --transport sctp", exitUsage},
		{"streams probe rtsp://" + addr + "/a/main --fingerprint 12", exitUsage},
		{"streams probe rtsp://" + addr + "/a/main --for 1h", exitUsage},
		{"streams probe rtsp://" + addr + "/a/main --for 1s", 0},
		{"streams probe rtsp://" + addr + "/b/main --for 1s", exitFailure},
		{"streams probe rtsp://" + gone.Addr().String() + "/x", exitFailure},
	} {
		if got := run(t.Context(), strings.Fields(c.args)); got != c.want {
			t.Errorf("dongyue %s: exit code %d, want %d", c.args, got, c.want)
		}
	}
}

func simulated(t *testing.T) string {
	t.Helper()
	s, err := camera.New(camera.Options{Addr: "127.0.0.1:0", Cameras: []camera.Camera{{ID: "a", Scene: "plaza"}}})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	ctx := t.Context()
	wg.Go(func() { _ = s.Run(ctx) })
	t.Cleanup(wg.Wait)
	<-s.Ready()
	return s.Addr().String()
}

func TestPrintStreams(t *testing.T) {
	var b bytes.Buffer
	err := printStreams(&b, []json.RawMessage{[]byte(`{"id":"cam-1","main":{"codec":"h264","width":1280,"height":720,"fps":25,"kbps":900,"viewers":2,"state":"live"},"error":"camera.auth","error_text":{"en":"refused"}}`)})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"cam-1", "main", "live", "h264", "1280×720", "25", "900", "camera.auth: refused"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in %s", want, b.String())
		}
	}
	b.Reset()
	if err := printProbe(&b, &probe.Report{Transport: "tcp", AnswerMS: 12, PictureMS: 300, Tracks: []*probe.Track{{Media: "video", Codec: "h264", GOP: 50, GOPMS: 2000, Frames: 9}}}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "50 (2.0 s)") || !strings.Contains(b.String(), "over TCP") {
		t.Errorf("got %s", b.String())
	}
}
