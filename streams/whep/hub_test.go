package whep_test

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"dongyue/internal/db"
	"dongyue/internal/simulator/camera"
	"dongyue/internal/web"
	"dongyue/streams"
	"dongyue/streams/rtsp"
	"dongyue/streams/whep"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// anyone lets whoever names himself in a header, or by a token, do everything.
type anyone struct{}

func (anyone) Authenticate(r *http.Request) (web.Principal, bool) {
	who := cmp.Or(r.Header.Get("X-Who"), strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	return web.Principal{ID: who}, who != ""
}
func (anyone) Allowed(web.Principal, web.Action) bool { return true }

// logged keeps what was written to the log.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// hub is everything between a camera and a browser, on real ports.
type hub struct {
	t       *testing.T
	http    *httptest.Server
	whep    *whep.Server
	streams *streams.Streams
	sim     *camera.Server
	metrics *prometheus.Registry
	log     *logged
	lossy   bool // viewers may miss packets
	patient bool // those of connect ask for nothing again
}

const password = "s3cr3t-Pa55"

func newHub(t *testing.T, more func(*whep.Options), cameras ...camera.Camera) *hub {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	run := func(name string, f func(context.Context) error) {
		wg.Go(func() {
			if err := f(ctx); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	h := &hub{t: t, metrics: prometheus.NewRegistry(), log: &logged{}}
	log := slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	h.sim, err = camera.New(camera.Options{Addr: "127.0.0.1:0", Cameras: cameras, Log: log})
	must(err)
	run("simulator", h.sim.Run)
	<-h.sim.Ready()
	d, err := db.Open(ctx, filepath.Join(t.TempDir(), "hub.db"))
	must(err)
	feed, err := web.NewFeed(ctx, d)
	must(err)
	pull, err := rtsp.New(rtsp.Options{})
	must(err)
	h.streams, err = streams.New(streams.Options{DB: d, Feed: feed, Puller: pull, Log: log, Metrics: h.metrics, LeaveOff: 300 * time.Millisecond})
	must(err)
	for _, c := range cameras {
		must(h.streams.Seed(ctx, []streams.Camera{h.camera(c.ID)}))
	}
	run("streams", h.streams.Run)
	<-h.streams.Ready()
	o := whep.Options{Addr: "127.0.0.1:0", Streams: h.streams, Log: log, Metrics: h.metrics}
	if more != nil {
		more(&o)
	}
	h.whep, err = whep.New(o)
	must(err)
	run("whep", h.whep.Run)
	<-h.whep.Ready()
	api := web.NewAPI("test", anyone{}, log)
	h.streams.Register(api)
	h.whep.Register(api)
	h.http = httptest.NewServer(api)
	t.Cleanup(func() {
		h.http.CloseClientConnections()
		h.http.Close()
		cancel()
		wg.Wait()
		_ = d.Close()
		http.DefaultClient.CloseIdleConnections()
		if strings.Contains(h.log.String(), password) {
			t.Error("the camera's password is in the log")
		}
	})
	return h
}

func (h *hub) camera(id string) streams.Camera {
	base := "rtsp://admin:" + password + "@" + h.sim.Addr().String() + "/" + id
	return streams.Camera{ID: id, Name: id, Zone: "east/b01", URL: streams.URL(base + "/main"), SubURL: streams.URL(base + "/sub")}
}

// do sends a request as somebody.
func (h *hub) do(method, path, contentType, body string, header ...string) (*http.Response, string) {
	h.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, h.http.URL+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("X-Who", "u1")
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	b, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil {
		h.t.Fatal(err)
	}
	if strings.Contains(string(b), password) {
		h.t.Errorf("%s %s: the camera's password is in the answer", method, path)
	}
	return res, string(b)
}

// picture is one frame as a viewer got it.
type picture struct {
	at    time.Time // of its first packet
	done  time.Time // of its last
	ts    uint32
	first uint16
	key   bool
	units int
}

// viewer is a browser's stand-in: it receives, and looks at the packets.
type viewer struct {
	t        *testing.T
	pc       *webrtc.PeerConnection
	location string
	etag     string
	header   http.Header // of the answer
	posted   time.Time
	answer   string
	pictures chan picture
	sound    chan *rtp.Packet
	reports  chan *rtcp.SenderReport // of the sound
	again    chan uint16             // packets that came twice
	states   chan webrtc.PeerConnectionState
	lossy    bool
}

// how a viewer differs from the usual one.
type how func(*client)

type client struct {
	set    webrtc.SettingEngine
	codecs []webrtc.RTPCodecParameters // of the picture; nil: all that the library knows
}

func overTCP(c *client) { c.set.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4}) }

func h264Only(c *client) {
	c.codecs = []webrtc.RTPCodecParameters{{RTPCodecCapability: webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeH264, ClockRate: 90000, SDPFmtpLine: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
	}, PayloadType: 102}}
}

func hevc(c *client) {
	h264Only(c)
	c.codecs = append(c.codecs, webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeH265, ClockRate: 90000, SDPFmtpLine: "level-id=180;profile-id=1;tier-flag=0;tx-mode=SRST",
	}, PayloadType: 104})
}

// by sets the library's own switches.
func by(more func(*webrtc.SettingEngine)) how { return func(c *client) { more(&c.set) } }

func newClient(hows ...how) *webrtc.API {
	c := &client{}
	c.set.SetIncludeLoopbackCandidate(true)
	c.set.DisableSRTPReplayProtection(true) // so that a packet sent again is seen
	c.set.SetInterfaceFilter(func(name string) bool { return name == "lo" })
	for _, f := range hows {
		f(c)
	}
	set := c.set
	media := &webrtc.MediaEngine{}
	for _, p := range c.codecs {
		if err := media.RegisterCodec(p, webrtc.RTPCodecTypeVideo); err != nil {
			panic(err)
		}
	}
	if c.codecs != nil {
		sound := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}
		if err := media.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: sound, PayloadType: 98}, webrtc.RTPCodecTypeAudio); err != nil {
			panic(err)
		}
	} else {
		if err := media.RegisterDefaultCodecs(); err != nil {
			panic(err)
		}
	}
	return webrtc.NewAPI(webrtc.WithSettingEngine(set), webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(&interceptor.Registry{}))
}

func (h *hub) offer(pc *webrtc.PeerConnection) string {
	h.t.Helper()
	if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
		h.t.Fatal(err)
	}
	if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
		h.t.Fatal(err)
	}
	o, err := pc.CreateOffer(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(o); err != nil {
		h.t.Fatal(err)
	}
	<-gathered // a relay must know its peer
	return pc.LocalDescription().SDP
}

// watch plays a stream; path is /whep/{camera} and what follows.
func (h *hub) watch(path string, hows ...how) *viewer {
	h.t.Helper()
	return h.watchBy(webrtc.Configuration{}, path, hows...)
}

// watchBy is watch by what a viewer is set to.
func (h *hub) watchBy(set webrtc.Configuration, path string, hows ...how) *viewer {
	h.t.Helper()
	pc, err := newClient(hows...).NewPeerConnection(set)
	if err != nil {
		h.t.Fatal(err)
	}
	v := &viewer{
		t: h.t, pc: pc, pictures: make(chan picture, 4096), again: make(chan uint16, 4096),
		sound: make(chan *rtp.Packet, 4096), reports: make(chan *rtcp.SenderReport, 64),
		states: make(chan webrtc.PeerConnectionState, 64),
	}
	h.t.Cleanup(func() { _ = pc.GracefulClose() })
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) { v.states <- s })
	pc.OnTrack(func(tr *webrtc.TrackRemote, rx *webrtc.RTPReceiver) {
		if tr.Kind() == webrtc.RTPCodecTypeAudio {
			v.hear(tr, rx)
			return
		}
		v.receive(tr)
	})
	offer := h.offer(pc)
	v.posted = time.Now()
	res, answer := h.do(http.MethodPost, path, "application/sdp", offer)
	if res.StatusCode != http.StatusCreated {
		h.t.Fatalf("POST %s: %s: %s", path, res.Status, answer)
	}
	v.header = res.Header
	v.location, v.etag, v.answer = res.Header.Get("Location"), res.Header.Get("ETag"), answer
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		h.t.Fatalf("answer: %v\n%s", err, answer)
	}
	return v
}

// post sends a viewer's offer and returns the answer, whatever it is.
func (h *hub) post(path string, hows ...how) (*http.Response, string) {
	h.t.Helper()
	pc, err := newClient(hows...).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = pc.GracefulClose() }()
	return h.do(http.MethodPost, path, "application/sdp", h.offer(pc))
}

// receive reads packets; a gap in the numbers or a step back in time is an error.
func (v *viewer) receive(tr *webrtc.TrackRemote) {
	var next uint16
	var p picture
	began, open := false, false
	types := map[uint16]uint8{}
	for {
		pkt, _, err := tr.ReadRTP()
		if err != nil {
			return
		}
		if began && pkt.SequenceNumber != next {
			if int16(next-pkt.SequenceNumber) > 0 {
				if was, ok := types[pkt.SequenceNumber]; ok && was != pkt.PayloadType {
					v.t.Errorf("packet %d came as type %d, and again as %d", pkt.SequenceNumber, was, pkt.PayloadType)
				}
				v.again <- pkt.SequenceNumber
				continue
			}
			if !v.lossy {
				v.t.Errorf("packets %d…%d are missing", next, pkt.SequenceNumber-1)
			}
			open = false
		}
		next, types[pkt.SequenceNumber] = pkt.SequenceNumber+1, pkt.PayloadType
		if !open {
			if began && !v.lossy && int32(pkt.Timestamp-p.ts) <= 0 {
				v.t.Errorf("time goes from %d to %d", p.ts, pkt.Timestamp)
			}
			p = picture{at: time.Now(), ts: pkt.Timestamp, first: pkt.SequenceNumber}
		} else if pkt.Timestamp != p.ts {
			v.t.Error("a frame without a marker")
		}
		began, open = true, !pkt.Marker
		p.units++
		p.key = p.key || isKey(pkt, tr.Codec().MimeType)
		if pkt.Marker {
			p.done = time.Now()
			v.pictures <- p
		}
	}
}

func isKey(p *rtp.Packet, mime string) bool {
	if mime == webrtc.MimeTypeH265 {
		kind := p.Payload[0] >> 1 & 0x3f
		if kind == 49 && p.Payload[2]&0x80 != 0 {
			kind = p.Payload[2] & 0x3f
		}
		return kind >= 16 && kind <= 21
	}
	switch p.Payload[0] & 0x1f {
	case 5:
		return true
	case 28:
		return p.Payload[1]&0x9f == 0x85
	}
	return false
}

// next waits for a frame.
func (v *viewer) next(within time.Duration) picture {
	v.t.Helper()
	select {
	case p := <-v.pictures:
		return p
	case <-time.After(within):
		v.t.Fatalf("no picture within %s", within)
		return picture{}
	}
}

// wait waits for a state of the connection.
func (v *viewer) wait(want webrtc.PeerConnectionState) {
	v.t.Helper()
	end := time.After(10 * time.Second)
	for {
		select {
		case s := <-v.states:
			if s == want {
				return
			}
		case <-end:
			v.t.Fatalf("connection never was %s", want)
		}
	}
}

// state waits until a camera is in a state.
func (h *hub) state(id string, want streams.State, within time.Duration) streams.View {
	h.t.Helper()
	for end := time.Now().Add(within); ; time.Sleep(20 * time.Millisecond) {
		v, err := h.streams.Get(id)
		if err != nil {
			h.t.Fatal(err)
		}
		if v.State == want {
			return v
		}
		if time.Now().After(end) {
			h.t.Fatalf("camera is %s (%s), not %s after %s", v.State, v.Error, want, within)
		}
	}
}
