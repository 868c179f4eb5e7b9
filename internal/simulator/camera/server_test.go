package camera

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/pion/rtp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestClips(t *testing.T) {
	total := 0
	for _, scene := range Scenes() {
		for q, fps := range qualities() {
			c, err := loadClip(scene, q)
			if err != nil {
				t.Fatal(err)
			}
			var sps h264.SPS
			if err := sps.Unmarshal(c.sps); err != nil {
				t.Fatal(err)
			}
			w, h := 1280, 720
			if q == "sub" {
				w, h = 640, 360
			}
			if sps.Width() != w || sps.Height() != h || sps.FPS() != float64(fps) || sps.ProfileIdc != 77 {
				t.Errorf("%s.%s: %d×%d, %v fps, profile %d", scene, q, sps.Width(), sps.Height(), sps.FPS(), sps.ProfileIdc)
			}
			if len(c.frames) != 10*fps {
				t.Errorf("%s.%s: %d frames", scene, q, len(c.frames))
			}
			for i, f := range c.frames {
				if f.key != (i%(2*fps) == 0) {
					t.Errorf("%s.%s: frame %d, key %v", scene, q, i, f.key)
				}
				for _, p := range f.payloads {
					total += len(p)
				}
			}
		}
	}
	if total > 6<<20 {
		t.Errorf("the clips have %d bytes", total)
	}
}

func TestAnnexB(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"\x00\x00\x00\x01ab\x00\x00\x01c", "ab|c"},
		{"\x00\x00\x01ab\x00\x00\x00\x00\x01c\x00\x00", "ab|c"},
		{"junk\x00\x00\x01x", "x"},
		{"\x00\x00\x01", ""},
		{"", ""},
	} {
		if got := string(bytes.Join(annexB([]byte(c.in)), []byte("|"))); got != c.want {
			t.Errorf("%q: got %q, want %q", c.in, got, c.want)
		}
	}
}

func TestUnknownScene(t *testing.T) {
	if _, err := New(Options{Cameras: []Camera{{ID: "a", Scene: "moon"}}}); err == nil {
		t.Fatal("no error")
	}
	if _, err := New(Options{Cameras: []Camera{{ID: "a", Scene: "plaza"}, {ID: "a", Scene: "plaza"}}}); err == nil {
		t.Fatal("no error")
	}
}

func start(t *testing.T, cameras ...Camera) *Server {
	t.Helper()
	s, err := New(Options{Addr: "127.0.0.1:0", Cameras: cameras})
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
	return s
}

// open plays a path; packets come on the channel.
func open(t *testing.T, s *Server, path string) (<-chan *rtp.Packet, *gortsplib.Client, error) {
	t.Helper()
	u, err := base.ParseURL("rtsp://" + s.Addr().String() + path)
	if err != nil {
		t.Fatal(err)
	}
	tcp := gortsplib.ProtocolTCP
	c := &gortsplib.Client{Scheme: u.Scheme, Host: u.Host, Protocol: &tcp}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	desc, _, err := c.Describe(u)
	if err != nil {
		return nil, c, err
	}
	var f *format.H264
	m := desc.FindFormat(&f)
	if _, err := c.Setup(desc.BaseURL, m, 0, 0); err != nil {
		return nil, c, err
	}
	ch := make(chan *rtp.Packet, 4096)
	c.OnPacketRTP(m, f, func(p *rtp.Packet) { ch <- p })
	_, err = c.Play(nil)
	return ch, c, err
}

func TestPlay(t *testing.T) {
	s := start(t, Camera{ID: "a", Scene: "plaza"}, Camera{ID: "b", Scene: "plaza"})
	for _, path := range []string{"/a/main", "/b/sub"} {
		ch, _, err := open(t, s, path)
		if err != nil {
			t.Fatal(err)
		}
		step := uint32(3600)
		if path == "/b/sub" {
			step = 7500
		}
		var last *rtp.Packet
		for frames := 0; frames < 15; {
			p := <-ch
			if last == nil {
				if p.Payload[0]&0x1f != 24 && p.Payload[0]&0x1f != 7 {
					t.Fatalf("%s begins with %x", path, p.Payload[0])
				}
			} else if p.SequenceNumber != last.SequenceNumber+1 || last.Marker && p.Timestamp-last.Timestamp != step {
				t.Fatalf("%s: %d at %d after %d at %d", path, p.SequenceNumber, p.Timestamp, last.SequenceNumber, last.Timestamp)
			}
			if last = p; p.Marker {
				frames++
			}
		}
	}
}

func TestOutage(t *testing.T) {
	s := start(t, Camera{ID: "a", Scene: "lamp-path"}, Camera{ID: "b", Scene: "lamp-path"})
	ch, c, err := open(t, s, "/a/sub")
	if err != nil {
		t.Fatal(err)
	}
	other, _, err := open(t, s, "/b/sub")
	if err != nil {
		t.Fatal(err)
	}
	<-ch
	if err := s.Off("a"); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		t.Fatal("the session goes on")
	}
	if _, _, err := open(t, s, "/a/sub"); err == nil {
		t.Fatal("a camera that is off answers")
	}
	for range 30 {
		<-other // the other camera goes on
	}
	if err := s.On("a"); err != nil {
		t.Fatal(err)
	}
	ch, _, err = open(t, s, "/a/sub")
	if err != nil {
		t.Fatal(err)
	}
	<-ch
	if s.Off("nobody") == nil {
		t.Fatal("no error")
	}
}
