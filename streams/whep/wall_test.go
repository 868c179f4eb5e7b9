package whep_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pion/logging"
	"github.com/pion/webrtc/v4"

	"dongyue/internal/simulator/camera"
	"dongyue/streams"
	"dongyue/streams/whep"
)

// patience is no measure: 64 tiles under the race detector on a busy machine take long.
const patience = time.Minute

// screenWall is a dispatcher's wall: one connection with many pictures.
type screenWall struct {
	*viewer
	h     *hub
	tiles []*viewer // of each, what it receives
}

// shown is what the hub says of a tile.
type shown struct {
	Mid, Camera, Stream, Wanted, State, Problem string
	BegunRTP                                    *uint32                 `json:"begun_rtp"`
	LiveRTP                                     *uint32                 `json:"live_rtp"`
	ProblemText                                 struct{ ZH, EN string } `json:"problem_text"`
}

func wallOffer(t *testing.T, pc *webrtc.PeerConnection, n int) string {
	t.Helper()
	for range n {
		if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			t.Fatal(err)
		}
	}
	o, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := pc.SetLocalDescription(o); err != nil {
		t.Fatal(err)
	}
	return o.SDP
}

// roomy is a client whose socket holds what comes while the machine is busy: it asks
// for nothing again, so each packet lost is an error here.
func (h *hub) roomy() *webrtc.API {
	h.t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		h.t.Fatal(err)
	}
	_ = conn.SetReadBuffer(8 << 20)
	quiet := logging.NewDefaultLoggerFactory()
	quiet.DefaultLogLevel = logging.LogLevelDisabled
	mux := webrtc.NewICEUDPMux(quiet.NewLogger("ice"), conn)
	h.t.Cleanup(func() { _ = mux.Close() })
	return newClient(by(func(set *webrtc.SettingEngine) { set.SetICEUDPMux(mux) }))
}

// wall opens n tiles; list is what they show at first.
func (h *hub) wall(n int, list string) *screenWall {
	h.t.Helper()
	return h.screens(n, "/whep/wall?tiles="+list)
}

func (h *hub) screens(n int, path string) *screenWall {
	h.t.Helper()
	pc, err := h.roomy().NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		h.t.Fatal(err)
	}
	w := &screenWall{h: h, viewer: &viewer{t: h.t, pc: pc, states: make(chan webrtc.PeerConnectionState, 64)}}
	h.t.Cleanup(func() { _ = pc.GracefulClose() })
	for range n {
		w.tiles = append(w.tiles, &viewer{t: h.t, pc: pc, lossy: h.lossy, pictures: make(chan picture, 8192), again: make(chan uint16, 4096)})
	}
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) { w.states <- s })
	pc.OnTrack(func(tr *webrtc.TrackRemote, r *webrtc.RTPReceiver) {
		for i, c := range pc.GetTransceivers() {
			if c.Receiver() == r {
				w.tiles[i].receive(tr)
			}
		}
	})
	offer := wallOffer(h.t, pc, n)
	w.posted = time.Now()
	res, answer := h.do(http.MethodPost, path, "application/sdp", offer)
	if res.StatusCode != http.StatusCreated {
		h.t.Fatalf("POST: %s: %s", res.Status, answer)
	}
	w.location, w.etag, w.answer = res.Header.Get("Location"), res.Header.Get("ETag"), answer
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		h.t.Fatalf("answer: %v\n%s", err, answer)
	}
	return w
}

// put changes tiles and returns what all show now.
func (w *screenWall) put(changes ...map[string]any) []shown {
	w.t.Helper()
	b, err := json.Marshal(map[string]any{"tiles": append([]map[string]any{}, changes...)})
	if err != nil {
		w.t.Fatal(err)
	}
	res, body := w.h.do(http.MethodPut, w.location+"/tiles", "application/json", string(b))
	return w.read(res, body)
}

func (w *screenWall) read(res *http.Response, body string) []shown {
	w.t.Helper()
	var out struct{ Tiles []shown }
	if err := json.Unmarshal([]byte(body), &out); err != nil || res.StatusCode != http.StatusOK || len(out.Tiles) != len(w.tiles) {
		w.t.Fatalf("%s %s", res.Status, body)
	}
	return out.Tiles
}

// until asks for a tile's state until it is as wanted.
func (w *screenWall) until(what string, i int, good func(shown) bool) shown {
	w.t.Helper()
	tag := ""
	for end := time.Now().Add(patience); time.Now().Before(end); {
		res, body := w.h.do(http.MethodGet, w.location+"/tiles?wait=1", "", "", "If-None-Match", tag)
		if res.StatusCode == http.StatusNotModified {
			continue
		}
		tag = res.Header.Get("ETag")
		if s := w.read(res, body)[i]; good(s) {
			return s
		}
	}
	w.t.Fatalf("tile %d never was %s", i, what)
	return shown{}
}

func is(state string) func(shown) bool { return func(s shown) bool { return s.State == state } }

// since returns the first frame of a tile with this timestamp.
func (v *viewer) since(ts uint32) picture {
	v.t.Helper()
	for {
		if p := v.next(patience); int32(p.ts-ts) >= 0 {
			return p
		}
	}
}

func cams(n int) []camera.Camera {
	scenes := camera.Scenes()
	all := make([]camera.Camera, n)
	for i := range all {
		all[i] = camera.Camera{ID: fmt.Sprintf("cam-%d", i+1), Scene: scenes[i%len(scenes)]}
	}
	return all
}

func TestWallShowsAndChangesWithoutNegotiation(t *testing.T) {
	h := newHub(t, nil, cams(3)...)
	w := h.wall(3, "cam-1:main,cam-2")
	for _, v := range w.tiles[:2] {
		if p := v.next(10 * time.Second); !p.key {
			t.Fatal("the first picture is no key frame")
		}
	}
	one := w.until("live", 0, is("live"))
	two := w.until("live", 1, is("live"))
	if one.Camera != "cam-1" || one.Stream != "main" || two.Stream != "sub" || two.BegunRTP == nil || two.LiveRTP == nil {
		t.Fatalf("got %+v and %+v", one, two)
	}
	// Two change places with others, one becomes empty; nothing is negotiated.
	states := w.put(map[string]any{"mid": "0", "camera": ""}, map[string]any{"mid": "1", "camera": "cam-3"}, map[string]any{"mid": "2", "camera": "cam-2", "stream": "sub"})
	if states[0].State != "empty" || states[1].Camera != "cam-3" || states[1].State == "live" && states[1].BegunRTP == nil {
		t.Fatalf("got %+v", states)
	}
	for i := 1; i < 3; i++ {
		s := w.until("live", i, is("live"))
		if p := w.tiles[i].since(*s.BegunRTP); !p.key || p.ts != *s.BegunRTP {
			t.Fatalf("tile %d: the first picture is %+v, which was to be a key frame at %d", i, p, *s.BegunRTP)
		}
		w.tiles[i].since(*s.LiveRTP)
	}
	time.Sleep(200 * time.Millisecond)
	for len(w.tiles[0].pictures) > 0 {
		<-w.tiles[0].pictures
	}
	time.Sleep(200 * time.Millisecond)
	if len(w.tiles[0].pictures) != 0 {
		t.Fatal("an empty tile gets pictures")
	}
	h.state("cam-1", streams.Idle, 3*time.Second) // nobody watches it any more
}

func TestWallKeepsThePictureWhileTheQualityChanges(t *testing.T) {
	h := newHub(t, nil, cams(1)...)
	w := h.wall(1, "cam-1")
	v := w.tiles[0]
	v.next(10 * time.Second)
	begun := *w.until("live", 0, is("live")).BegunRTP
	for _, q := range []string{"main", "sub", "main"} {
		w.put(map[string]any{"mid": "0", "stream": q})
		s := w.until(q, 0, func(s shown) bool { return s.Stream == q && s.State == "live" && *s.BegunRTP != begun })
		begun = *s.BegunRTP
		for last := (picture{}); ; {
			p := v.next(5 * time.Second)
			if !last.at.IsZero() && p.at.Sub(last.at) > 700*time.Millisecond { // the sub stream has 12 a second; the machine may be slow
				t.Fatalf("no picture for %s", p.at.Sub(last.at))
			}
			if last = p; p.ts == begun {
				if !p.key {
					t.Fatal("it does not begin with a key frame")
				}
				break
			}
		}
	}
	// There and back before the other one has a picture: nothing happens.
	w.put(map[string]any{"mid": "0", "stream": "sub"})
	s := w.put(map[string]any{"mid": "0", "stream": "main"})[0]
	if s.Stream != "main" && s.Wanted != "main" {
		t.Fatalf("got %+v", s)
	}
	w.until("live in main", 0, func(s shown) bool { return s.Stream == "main" && s.State == "live" })
}

func TestWallTellsWhyATileIsBlack(t *testing.T) {
	h := newHub(t, nil, cams(3)...)
	if err := h.sim.Off("cam-3"); err != nil {
		t.Fatal(err)
	}
	w := h.wall(4, "cam-1,cam-2,cam-3,nobody")
	w.tiles[0].next(10 * time.Second)
	w.tiles[1].next(10 * time.Second)
	if s := w.until("said to be unknown", 3, is("no_signal")); s.Problem != "camera.unknown" || s.ProblemText.ZH == "" || s.ProblemText.EN == "" {
		t.Fatalf("got %+v", s)
	}
	if s := w.until("said to be off", 2, is("no_signal")); s.Problem == "" || s.BegunRTP != nil {
		t.Fatalf("got %+v", s)
	}
	// A camera is deleted under its tile; the others go on.
	if res, _ := h.do(http.MethodDelete, "/api/v1/cameras/cam-2", "", ""); res.StatusCode != http.StatusNoContent {
		t.Fatal(res.Status)
	}
	if s := w.until("said to be gone", 1, is("no_signal")); s.Problem != "camera.unknown" {
		t.Fatalf("got %+v", s)
	}
	for range 20 {
		w.tiles[0].next(5 * time.Second)
	}
	if err := h.sim.On("cam-3"); err != nil {
		t.Fatal(err)
	}
	w.until("back", 2, is("live"))
	// The tile whose camera is gone takes another.
	w.put(map[string]any{"mid": "1", "camera": "cam-1", "stream": "main"})
	s := w.until("live", 1, is("live"))
	w.tiles[1].since(*s.LiveRTP)
}

func TestWallWaitsForTheOtherStreamAndSaysSo(t *testing.T) {
	h := newHub(t, nil, cams(1)...)
	c := h.camera("cam-1")
	c.URL = streams.URL(strings.Replace(string(c.URL), "/main", "/nothing", 1))
	if err := h.streams.Seed(t.Context(), []streams.Camera{c}); err != nil {
		t.Fatal(err)
	}
	w := h.wall(1, "cam-1:sub")
	w.tiles[0].next(10 * time.Second)
	w.put(map[string]any{"mid": "0", "stream": "main"})
	s := w.until("without its main stream", 0, func(s shown) bool { return s.Problem != "" })
	if s.State != "live" || s.Stream != "sub" || s.Wanted != "main" || s.Problem != "camera.path" {
		t.Fatalf("got %+v", s)
	}
	for range 10 {
		w.tiles[0].next(5 * time.Second)
	}
}

func TestWallOf64(t *testing.T) {
	h := newHub(t, nil, cams(64)...)
	h.lossy = true // this client asks for nothing again, and a busy machine can't read so much at once
	var list, other []string
	for i := range 64 {
		list = append(list, fmt.Sprintf("cam-%d", i+1))
		other = append(other, fmt.Sprintf("cam-%d", (i+17)%64+1))
	}
	w := h.wall(64, strings.Join(list, ","))
	var last time.Duration
	for _, v := range w.tiles {
		last = max(last, v.next(patience).done.Sub(w.posted))
	}
	t.Logf("all pictures after %s", last)
	changes := make([]map[string]any, 64)
	for i := range changes {
		changes[i] = map[string]any{"mid": fmt.Sprint(i), "camera": other[i]}
	}
	asked := time.Now()
	w.put(changes...)
	last = 0
	for i, v := range w.tiles {
		s := w.until("of the other camera", i, func(s shown) bool { return s.Camera == other[i] && s.BegunRTP != nil })
		p := v.since(*s.BegunRTP)
		last = max(last, p.done.Sub(asked))
	}
	t.Logf("all changed after %s", last)
	if n := h.whep.Revoke("u1"); n != 1 {
		t.Fatalf("%d sessions were ended", n)
	}
	for end := time.Now().Add(patience); h.whep.Sessions() > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the session is left")
		}
	}
	if res, _ := h.do(http.MethodGet, w.location+"/tiles", "", ""); res.StatusCode != http.StatusNotFound {
		t.Fatal(res.Status)
	}
}

func TestWallRefusals(t *testing.T) {
	h := newHub(t, func(o *whep.Options) { o.MaxPerPrincipal = 6 }, cams(1)...)
	offer := func(n int) string {
		pc, err := newClient().NewPeerConnection(webrtc.Configuration{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = pc.GracefulClose() })
		return wallOffer(t, pc, n)
	}
	two := offer(2)
	at := strings.LastIndex(two, "m=video")
	for _, c := range []struct {
		name, query, body string
		status            int
		code, place       string
	}{
		{"junk", "", "hello", http.StatusBadRequest, "whep.bad_offer", ""},
		{"65 tiles", "", offer(65), http.StatusBadRequest, "whep.too_many", "64"},
		{"one can't be sent to", "", two[:at] + strings.ReplaceAll(two[at:], "a=recvonly", "a=sendonly"), http.StatusNotAcceptable, "whep.no_h264", `"1"`},
		{"more tiles than sections", "?tiles=cam-1,,cam-1", two, http.StatusBadRequest, "whep.tiles", "which are 2"},
		{"stream", "?tiles=cam-1,cam-1:third", two, http.StatusBadRequest, "whep.tiles", "entry 2"},
		{"no id", "?tiles=..%2F", two, http.StatusBadRequest, "whep.tiles", "entry 1"},
		{"over the quota", "", offer(7), http.StatusTooManyRequests, "whep.quota", ""},
	} {
		res, body := h.do(http.MethodPost, "/whep/wall"+c.query, "application/sdp", c.body)
		if res.StatusCode != c.status || code(t, body) != c.code || !strings.Contains(strings.ReplaceAll(body, `\"`, `"`), c.place) {
			t.Errorf("%s: %s %s", c.name, res.Status, body)
		}
	}
	w := h.wall(4, "cam-1")
	if res, body := h.do(http.MethodPost, "/whep/wall", "application/sdp", offer(3)); res.StatusCode != http.StatusTooManyRequests {
		t.Fatalf("a wall of 4 and one of 3 are let in where 6 may: %s %s", res.Status, body)
	}
	for _, c := range []struct {
		name, body string
		status     int
		place      string
	}{
		{"junk", "hello", http.StatusBadRequest, "tiles"},
		{"no list", "{}", http.StatusBadRequest, "tiles is missing"},
		{"two bodies", `{"tiles":[]}{}`, http.StatusBadRequest, "behind its end"},
		{"unknown field", `{"tiles":[{"mid":"0","kamera":"cam-1"}]}`, http.StatusBadRequest, "kamera"},
		{"no mid", `{"tiles":[{"mid":"0"},{"camera":"cam-1"}]}`, http.StatusUnprocessableEntity, "tiles[1].mid"},
		{"unknown mid", `{"tiles":[{"mid":"9","camera":"cam-1"}]}`, http.StatusUnprocessableEntity, "tiles[0].mid"},
		{"twice", `{"tiles":[{"mid":"0"},{"mid":"0"}]}`, http.StatusUnprocessableEntity, "tiles[1].mid"},
		{"stream", `{"tiles":[{"mid":"0","camera":""},{"mid":"1","camera":"cam-1","stream":"x"}]}`, http.StatusUnprocessableEntity, "tiles[1]"},
	} {
		res, body := h.do(http.MethodPut, w.location+"/tiles", "application/json", c.body)
		if res.StatusCode != c.status || code(t, body) != "whep.tiles" || !strings.Contains(body, c.place) {
			t.Errorf("%s: %s %s", c.name, res.Status, body)
		}
	}
	if s := w.put(); s[0].Camera != "cam-1" {
		t.Fatalf("a change that was refused was made in part: %+v", s)
	}
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{http.MethodGet, "/tiles?wait=x", http.StatusBadRequest},
		{http.MethodGet, "/tiles?wait=26", http.StatusBadRequest},
		{http.MethodGet, "x/tiles", http.StatusNotFound},
	} {
		if res, body := h.do(c.method, w.location+c.path, "", ""); res.StatusCode != c.status {
			t.Errorf("%s: %s %s", c.path, res.Status, body)
		}
	}
	if res, _ := h.do(http.MethodGet, w.location+"/tiles", "", "", "X-Who", "u2"); res.StatusCode != http.StatusNotFound {
		t.Fatalf("somebody else's wall: %s", res.Status)
	}
}
