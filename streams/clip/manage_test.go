package clip

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dongyue/internal/simulator/camera"
	"dongyue/streams/evidence"
)

// A clip can be checked where it lies, kept from age and space, and deleted with a
// reason; lists are narrowed by camera, alarm, state and time.
func TestManage(t *testing.T) {
	t.Parallel()
	sim := simulate(t, camera.Camera{ID: "cam-1", Scene: "plaza"})
	h := open(t, t.TempDir(), nil, source(sim, "cam-1"))
	h.filled("cam-1", 2*time.Second)
	a := h.over(h.record("a", "cam-1", time.Second, time.Second).ID)
	time.Sleep(1500 * time.Millisecond)
	b := h.over(h.record("b", "cam-1", time.Second, time.Second).ID)
	for query, want := range map[string]int{
		"": 2, "camera=cam-1": 2, "camera=cam-2": 0, "alarm=alarm-a": 1, "state=complete": 2, "state=failed": 0, "state=kept": 0,
		"from=" + url.QueryEscape(b.WantedTo.Add(time.Second).Format(time.RFC3339)):  0,
		"from=" + url.QueryEscape(a.WantedTo.Add(time.Second).Format(time.RFC3339)):  1,
		"to=" + url.QueryEscape(b.WantedFrom.Format(time.RFC3339Nano)):               1,
		"to=" + url.QueryEscape(a.WantedFrom.Add(-time.Second).Format(time.RFC3339)): 0,
	} {
		var got struct{ Items []Clip }
		if h.ask(http.MethodGet, "/clips?"+query, "", &got); len(got.Items) != want {
			t.Errorf("%q: %d clips, want %d", query, len(got.Items), want)
		}
	}
	var r evidence.Report
	if h.ask(http.MethodGet, "/clips/"+a.ID+"/check", "", &r); !r.OK || !r.Expected || r.Parts == 0 {
		t.Errorf("got %+v", r)
	}
	var c Clip
	if h.ask(http.MethodPut, "/clips/"+a.ID+"/keep", `{"keep":true,"reason":"立案"}`, &c); !c.Kept {
		t.Errorf("got %+v", c)
	}
	if w := h.do(http.MethodDelete, "/clips/"+a.ID+"?reason=x", ""); w.Code != http.StatusConflict {
		t.Errorf("a kept clip is deleted: %d %s", w.Code, w.Body)
	}
	must(t, h.clips.pruneOnce(context.Background(), time.Now().Add(365*24*time.Hour)))
	if _, err := h.clips.Get(context.Background(), a.ID); err != nil {
		t.Errorf("the kept clip: %v", err)
	}
	if w := h.do(http.MethodGet, "/clips/"+b.ID, ""); w.Code != http.StatusNotFound {
		t.Errorf("the other one: %d", w.Code)
	}
	p := h.manifest(a.ID).Parts[1]
	reel := filepath.Join(h.dir, "clips", "cam-1", p.File)
	bytes, err := os.ReadFile(reel)
	must(t, err)
	bytes[p.FileAt+p.Size/2] ^= 1
	must(t, os.WriteFile(reel, bytes, 0o600))
	if h.ask(http.MethodGet, "/clips/"+a.ID+"/check", "", &r); r.OK || len(r.Findings) == 0 || r.Findings[0].Part != 1 {
		t.Errorf("an altered byte: %+v", r)
	}
	h.ask(http.MethodPut, "/clips/"+a.ID+"/keep", `{"keep":false,"reason":"结案"}`, &c)
	for path, want := range map[string]int{"?reason=": 422, "": 422} {
		if w := h.do(http.MethodDelete, "/clips/"+a.ID+path, ""); w.Code != want {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	h.until("the ring has let go", 20*time.Second, func() bool { return !h.clips.holds("cam-1", p.File) })
	if w := h.do(http.MethodDelete, "/clips/"+a.ID+"?reason="+url.QueryEscape("隐私请求"), ""); w.Code != http.StatusNoContent {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if _, err := os.Stat(reel); err == nil {
		t.Error("its file is still there")
	}
	for action, want := range map[string]int{"u1 clip.kept": 1, "u1 clip.released": 1, "u1 clip.deleted": 1, "隐私请求": 1, "立案": 1} {
		if n := h.audit.count(action); n != want {
			t.Errorf("%s: %d times in the audit", action, n)
		}
	}
	for call, want := range map[string]int{"GET /clips/none/check": 404, "PUT /clips/none/keep": 404, "DELETE /clips/none?reason=x": 404} {
		method, path, _ := strings.Cut(call, " ")
		if w := h.do(method, path, `{"keep":true,"reason":"x"}`); w.Code != want {
			t.Errorf("%s: %d %s", call, w.Code, w.Body)
		}
	}
}

// An export has a page that shows it under a watermark, which can't be broken out of,
// and where it is wanted and ffmpeg is there a copy that says what it is.
func TestWatermark(t *testing.T) {
	t.Parallel()
	sim := simulate(t, camera.Camera{ID: "cam-1", Scene: "plaza"})
	h := open(t, t.TempDir(), nil, source(sim, "cam-1"))
	h.filled("cam-1", 2*time.Second)
	c := h.over(h.record("a", "cam-1", time.Second, time.Second).ID)
	files := func(watermark string) map[string][]byte {
		w := h.do(http.MethodPost, "/clips/"+c.ID+"/export", fmt.Sprintf(`{"reason":"<script>alert(1)</script> 110","watermark":%q}`, watermark))
		if w.Code != http.StatusOK {
			t.Fatalf("%q: %d %s", watermark, w.Code, w.Body)
		}
		z, err := zip.NewReader(bytes.NewReader(w.Body.Bytes()), int64(w.Body.Len()))
		must(t, err)
		out := map[string][]byte{}
		for _, f := range z.File {
			r, err := f.Open()
			must(t, err)
			out[f.Name] = readAll(t, r)
		}
		return out
	}
	if got := files("none"); len(got) != 3 {
		t.Errorf("%d files without a watermark", len(got))
	}
	page := string(files("")[evidence.ViewerName])
	for _, word := range []string{"陈u1", "110", c.CameraName, `src="clip.mp4"`, "&lt;script&gt;alert(1)", evidence.Fingerprint(h.clips.Key())} {
		if !strings.Contains(page, word) {
			t.Errorf("the page does not have %q", word)
		}
	}
	if strings.Contains(page, "<script>alert") || strings.Contains(page, "http://") || strings.Contains(page, "https://") {
		t.Error("the page runs what it was given, or needs a network")
	}
	if w := h.do(http.MethodPost, "/clips/"+c.ID+"/export", `{"reason":"x","watermark":"gold"}`); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed")
	}
	got := files("copy")
	p := probe(t, write(t, got[evidence.CopyName]))
	if len(p.Frames) < 20 || bytes.Equal(got[evidence.CopyName], got[evidence.VideoName]) || !bytes.Contains(got[evidence.CopyName], []byte("COPY, NOT THE EVIDENCE")) {
		t.Errorf("the copy has %d frames", len(p.Frames))
	}
	if left, _ := filepath.Glob(filepath.Join(h.dir, "clips", "export-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
