package whep_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"dongyue/internal/simulator/camera"
	"dongyue/internal/web"
	"dongyue/streams/whep"
)

// calls are the passes that show cam-1, each until its time.
type calls struct {
	mu   sync.Mutex
	ends map[string]time.Time
}

func (c *calls) set(pass string, until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ends[pass] = until
}

func (c *calls) Guest(_ context.Context, who web.Principal, pass string) (string, time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	until, ok := c.ends[pass]
	return "cam-1", until, ok && who.ID == "u1" && time.Now().Before(until)
}

// A guest sees the one camera of the call, silent, and not a moment longer than the
// call lasts, whatever the page does.
func TestGuestsLookWhileTheCallLasts(t *testing.T) {
	doors := &calls{ends: map[string]time.Time{}}
	h := newHub(t, func(o *whep.Options) { o.Guests = doors }, camera.Camera{ID: "cam-1", Scene: "unit-door"})
	doors.set("c-1", time.Now().Add(6*time.Second))
	began := time.Now()
	v := h.watch("/whep/call/c-1")
	v.next(5 * time.Second)
	if res, _ := h.do(http.MethodDelete, v.location, "", "", "X-Who", "u2"); res.StatusCode != http.StatusNotFound {
		t.Errorf("somebody else ends it: %s", res.Status)
	}
	v.wait(webrtc.PeerConnectionStateClosed)
	if d := time.Since(began); d < 4*time.Second || d > 30*time.Second {
		t.Errorf("the picture ended after %s", d)
	}

	doors.set("c-2", time.Now().Add(time.Hour))
	v = h.watch("/whep/call/c-2?audio=1")
	v.next(10 * time.Second)
	if n := h.whep.EndGuests("c-1"); n != 0 {
		t.Errorf("%d sessions of another call ended", n)
	}
	if n := h.whep.EndGuests("c-2"); n != 1 {
		t.Errorf("%d sessions ended, want 1", n)
	}
	v.wait(webrtc.PeerConnectionStateClosed)

	for who, pass := range map[string]string{"u1": "nothing", "u2": "c-2"} {
		if res, body := h.do(http.MethodPost, "/whep/call/"+pass, "application/sdp", "v=0", "X-Who", who); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s with %s: %s %s", who, pass, res.Status, body)
		}
	}
	if res, _ := h.do(http.MethodPost, "/whep/call/c-2", "application/sdp", "v=0"); res.StatusCode != http.StatusBadRequest && res.StatusCode != http.StatusNotAcceptable {
		t.Error(res.Status)
	}
}
