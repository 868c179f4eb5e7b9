package rtsp

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/liberrors"
	"github.com/pion/rtp"
	"go.uber.org/goleak"

	"dongyue/streams"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sink counts.
type sink struct {
	units, lost, sounds atomic.Int32
	first               chan struct{}
	once                sync.Once
	boom                bool
}

func newSink() *sink { return &sink{first: make(chan struct{})} }

func (s *sink) Describe(streams.Description)      {}
func (s *sink) Sound([][]byte, uint32, time.Time) { s.sounds.Add(1) }
func (s *sink) Unit([][]byte, uint32, time.Time) {
	s.units.Add(1)
	s.once.Do(func() { close(s.first) })
	if s.boom {
		panic("boom")
	}
}
func (s *sink) Lost(error) { s.lost.Add(1) }

// server is an RTSP server whose packets a test makes.
type server struct {
	rtsp    *gortsplib.Server
	stream  *gortsplib.ServerStream
	addr    string
	playing chan struct{}
	once    sync.Once
	user    string // "" lets everybody in
}

func (s *server) OnDescribe(c *gortsplib.ServerHandlerOnDescribeCtx) (*base.Response, *gortsplib.ServerStream, error) {
	if c.Path == "/nothing" {
		return &base.Response{StatusCode: base.StatusNotFound}, nil, nil
	}
	if c.Path == "/full" {
		return &base.Response{StatusCode: base.StatusNotEnoughBandwidth}, nil, nil
	}
	if s.user != "" && !c.Conn.VerifyCredentials(c.Request, s.user, "secret") {
		return &base.Response{StatusCode: base.StatusUnauthorized}, nil, liberrors.ErrServerAuth{}
	}
	return &base.Response{StatusCode: base.StatusOK}, s.stream, nil
}

func (s *server) OnSetup(*gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	return &base.Response{StatusCode: base.StatusOK}, s.stream, nil
}

func (s *server) OnPlay(*gortsplib.ServerHandlerOnPlayCtx) (*base.Response, error) {
	s.once.Do(func() { close(s.playing) })
	return &base.Response{StatusCode: base.StatusOK}, nil
}

func serve(t *testing.T, f format.Format) *server {
	t.Helper()
	return serveMany(t, f)
}

// serveMany serves a picture and what follows as sound.
func serveMany(t *testing.T, formats ...format.Format) *server {
	t.Helper()
	s := &server{playing: make(chan struct{})}
	s.rtsp = &gortsplib.Server{Handler: s, RTSPAddress: "127.0.0.1:0", Listen: func(network, addr string) (net.Listener, error) {
		l, err := net.Listen(network, addr)
		if err == nil {
			s.addr = l.Addr().String()
		}
		return l, err
	}}
	if err := s.rtsp.Start(); err != nil {
		t.Fatal(err)
	}
	desc := &description.Session{}
	for i, f := range formats {
		kind := description.MediaTypeVideo
		if i > 0 {
			kind = description.MediaTypeAudio
		}
		desc.Medias = append(desc.Medias, &description.Media{Type: kind, Formats: []format.Format{f}})
	}
	s.stream = &gortsplib.ServerStream{Server: s.rtsp, Desc: desc}
	if err := s.stream.Initialize(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.stream.Close()
		s.rtsp.Close()
	})
	return s
}

func h264() format.Format { return &format.H264{PayloadTyp: 96, PacketizationMode: 1} }

func (s *server) write(seq uint16, ts uint32, marker bool, payload []byte) {
	_ = s.stream.WritePacketRTP(s.stream.Desc.Medias[0], &rtp.Packet{
		Header:  rtp.Header{Version: 2, PayloadType: 96, SequenceNumber: seq, Timestamp: ts, Marker: marker},
		Payload: payload,
	})
}

func (s *server) writeTo(media int, kind uint8, seq uint16, ts uint32, payload []byte) {
	_ = s.stream.WritePacketRTP(s.stream.Desc.Medias[media], &rtp.Packet{
		Header: rtp.Header{Version: 2, PayloadType: kind, SequenceNumber: seq, Timestamp: ts}, Payload: payload,
	})
}

// pull runs until the test ends.
func pull(t *testing.T, addr string, to streams.Sink) {
	t.Helper()
	p, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Pull(ctx, streams.Source{URL: streams.URL("rtsp://" + addr + "/x")}, to) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("pull ended by itself: %v", err)
		}
	})
}

func TestUnits(t *testing.T) {
	s, to := serve(t, h264()), newSink()
	pull(t, s.addr, to)
	<-s.playing
	for i := range 10 {
		s.write(uint16(i), uint32(i*3600), true, []byte{0x65, 1, 2, 3})
	}
	<-to.first
}

// A camera that sends rubbish costs its own pictures and nothing else.
func TestHostileCamera(t *testing.T) {
	bad, good := serve(t, h264()), serve(t, h264())
	toBad, toGood := newSink(), newSink()
	toBad.boom = true // even a fault of ours, in the camera's goroutine
	pull(t, bad.addr, toBad)
	pull(t, good.addr, toGood)
	<-bad.playing
	<-good.playing
	r := rand.New(rand.NewPCG(1, 2))
	kinds := []byte{0, 1, 5, 7, 8, 24, 25, 26, 27, 28, 29, 30, 31}
	for i := range 200 {
		b := make([]byte, 1+r.IntN(60))
		for k := range b {
			b[k] = byte(r.Uint32())
		}
		b[0] = b[0]&0xe0 | kinds[r.IntN(len(kinds))]
		bad.write(uint16(i), uint32(i), r.IntN(3) == 0, b)
		time.Sleep(100 * time.Microsecond) // the server's queue holds 256
	}
	good.write(1, 1, true, []byte{0x65, 1, 2, 3})
	<-toGood.first
	bad.write(300, 1000, true, []byte{0x65, 1, 2, 3})
	<-toBad.first
	if toBad.lost.Load() == 0 || toGood.lost.Load() != 0 {
		t.Fatalf("bad lost %d, good lost %d", toBad.lost.Load(), toGood.lost.Load())
	}
}

func TestCauses(t *testing.T) {
	ok, other := serve(t, h264()), serve(t, &format.VP8{PayloadTyp: 96})
	locked := serve(t, h264())
	locked.user = "admin"
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = dead.Close()
	p, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		url  string
		want error
	}{
		{"rtsp://" + ok.addr + "/nothing", streams.ErrNotFound},
		{"rtsp://" + ok.addr + "/full", streams.ErrFull},
		{"rtsp://" + other.addr + "/x", streams.ErrNoVideo},
		{"rtsp://admin:wrong@" + locked.addr + "/x", streams.ErrAuth},
		{"rtsp://" + locked.addr + "/x", streams.ErrAuth},
		{"rtsp://" + dead.Addr().String() + "/x", streams.ErrUnreachable},
		{"rtsp://no-such-host.invalid/x", streams.ErrUnreachable},
	} {
		err := p.Pull(context.Background(), streams.Source{URL: streams.URL(c.url)}, newSink())
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.url, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "wrong") {
			t.Errorf("the password is in %v", err)
		}
	}
	if err := p.Pull(context.Background(), streams.Source{URL: "http://x"}, newSink()); err == nil {
		t.Error("pulled something else than RTSP")
	}
}

func TestCameraHangsUp(t *testing.T) {
	s, to := serve(t, h264()), newSink()
	p, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		done <- p.Pull(context.Background(), streams.Source{URL: streams.URL("rtsp://" + s.addr + "/x")}, to)
	}()
	<-s.playing
	s.stream.Close()
	select {
	case err := <-done:
		if err == nil {
			t.Fatal("no error")
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the pull goes on")
	}
}

// FuzzPacket: whatever packets say, the depacketizer neither panics nor hands
// over an empty unit.
func FuzzPacket(f *testing.F) {
	f.Add([]byte{0x78, 0, 4, 0x67, 1, 2, 3, 0, 0}, true)
	f.Add([]byte{0x7c, 0x85, 1}, false)
	f.Add([]byte{0x7c}, true)
	f.Add([]byte{}, true)
	f.Add([]byte{0x18, 0}, true)
	f.Fuzz(func(t *testing.T, b []byte, marker bool) {
		v, _, err := findVideo(&description.Session{Medias: []*description.Media{{Type: description.MediaTypeVideo, Formats: []format.Format{h264()}}}})
		if err != nil {
			t.Fatal(err)
		}
		v.to, v.taken = &unitSink{t: t}, func(*rtp.Packet) time.Time { return time.Time{} }
		feed(b, marker, v.packet)
	})
}

type unitSink struct{ t *testing.T }

func (unitSink) Describe(streams.Description)      {}
func (unitSink) Sound([][]byte, uint32, time.Time) {}
func (s unitSink) Unit(nalus [][]byte, _ uint32, _ time.Time) {
	if len(nalus) == 0 {
		s.t.Fatal("an empty unit")
	}
	var p streams.Packetizer
	_, _ = p.AccessUnit(nalus) // the next station takes it without a panic
}
func (unitSink) Lost(error) {}
