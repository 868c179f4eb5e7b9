package probe

import (
	"context"
	"encoding/json"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/pion/rtp"
	"go.uber.org/goleak"

	"dongyue/internal/simulator/camera"
	"dongyue/streams"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func cameras(t *testing.T) string {
	t.Helper()
	s, err := camera.New(camera.Options{Addr: "127.0.0.1:0", Cameras: []camera.Camera{{ID: "a", Scene: "plaza"}}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	<-s.Ready()
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
	return s.Addr().String()
}

func TestProbe(t *testing.T) {
	addr := cameras(t)
	r, err := Run(context.Background(), Options{Source: streams.Source{URL: streams.URL("rtsp://admin:hunter2@" + addr + "/a/main")}, For: 5 * time.Second})
	if err != nil || !r.OK() {
		t.Fatalf("%v, %+v", err, r)
	}
	v := r.video()
	if v == nil || v.Codec != "h264" || v.Width != 1280 || v.Height != 720 || v.FPS != 25 || !strings.HasPrefix(v.Profile, "main@") || v.BFrames {
		t.Errorf("got %+v", v)
	}
	// Its groups are of two seconds; a busy machine may have let one be cut short.
	if v.GOP != 50 || v.GOPMS != 2000 || v.KeyFrames < 2 || v.CountedFPS < 24 || v.CountedFPS > 26 || v.Kbps == 0 {
		t.Errorf("counted %+v", v)
	}
	if r.PictureMS == 0 || r.PictureMS < r.AnswerMS || r.Transport != streams.TCP {
		t.Errorf("got %+v", r)
	}
	b, err := json.Marshal(r)
	if err != nil || strings.Contains(string(b), "hunter2") || strings.Contains(string(b), addr) {
		t.Errorf("%v: the address is in %s", err, b)
	}
}

func TestProbeFails(t *testing.T) {
	addr := cameras(t)
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = gone.Close()
	none, err := streams.ParseNetworks([]string{"192.0.2.0/24"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		url, code string
		nets      streams.Networks
	}{
		{"rtsp://u:hunter2@" + addr + "/b/main", "camera.path", nil},
		{"rtsp://u:hunter2@" + gone.Addr().String() + "/x", "camera.unreachable", nil},
		{"rtsp://u:hunter2@" + addr + "/a/main", "camera.network", none},
	} {
		r, err := Run(context.Background(), Options{Source: streams.Source{URL: streams.URL(c.url)}, For: time.Second, Networks: c.nets})
		if err != nil || r.OK() || r.Code != c.code || r.Answer.ZH == "" || strings.Contains(r.Detail, "hunter2") {
			t.Errorf("%s: %v, %+v", c.code, err, r)
		}
	}
	for _, o := range []Options{{Source: streams.Source{URL: "http://x"}, For: time.Second}, {Source: streams.Source{URL: "rtsp://h/x"}, For: time.Hour}} {
		if _, err := Run(context.Background(), o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
}

func TestCounting(t *testing.T) {
	f := &format.H264{PayloadTyp: 96, PacketizationMode: 1}
	tr := newTrack(&description.Media{Type: description.MediaTypeVideo}, f)
	seq := uint16(0)
	send := func(ts uint32, kind byte) {
		seq++
		tr.packet(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: seq, Timestamp: ts, Marker: true}, Payload: []byte{0x60 | kind, 1, 2, 3}})
	}
	send(3600, 1) // before the first key frame
	for i, shown := range []uint32{2, 5, 3, 4, 8, 6, 7} {
		kind := byte(1)
		if i == 0 {
			kind = 5
		}
		send(shown*3600, kind)
	}
	send(9*3600, 5)
	tr.sum(1)
	if !tr.BFrames || tr.GOP != 7 || tr.GOPMS != 280 || tr.KeyFrames != 2 || tr.CountedFPS != 25 {
		t.Errorf("got %+v", tr)
	}
}

// A clock that is none is told of, and only such a one.
func TestAdviceOnTheClock(t *testing.T) {
	for step, want := range map[uint32]bool{3600: false, 3000: false, 40: true, 1: true, 40_000: true} {
		tr := newTrack(&description.Media{Type: description.MediaTypeVideo}, &format.H264{PayloadTyp: 96, PacketizationMode: 1})
		for i := range uint32(125) {
			tr.packet(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(i), Timestamp: i * step, Marker: true}, Payload: []byte{0x65, 1, 2, 3}})
		}
		r := &Report{Tracks: []*Track{tr}, Seconds: 5}
		r.advise(Options{HasSub: true})
		told := false
		for _, a := range r.Advice {
			told = told || a.Code == "clock" && a.Text.ZH != "" && a.Text.EN != ""
		}
		if told != want {
			t.Errorf("%d ticks a picture: told %v", step, told)
		}
	}
}

// FuzzTrack: whatever packets say, the count goes on.
func FuzzTrack(f *testing.F) {
	f.Add([]byte{0x67, 0x4d, 0x40, 0x1f, 0xec}, true)
	f.Add([]byte{0x42, 0x01, 0x01, 0x60}, false)
	f.Fuzz(func(_ *testing.T, b []byte, hevc bool) {
		var forma format.Format = &format.H264{PayloadTyp: 96, PacketizationMode: 1}
		if hevc {
			forma = &format.H265{PayloadTyp: 96}
		}
		tr := newTrack(&description.Media{Type: description.MediaTypeVideo}, forma)
		for i := 0; len(b) > 0; i++ {
			n := min(int(b[0]), len(b)-1)
			tr.packet(&rtp.Packet{Header: rtp.Header{SequenceNumber: uint16(i), Timestamp: uint32(b[0]) << 20, Marker: true}, Payload: b[1 : 1+n]})
			b = b[1+n:]
		}
		tr.sum(1)
	})
}
