package whep

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/sdp/v3"
	"github.com/pion/transport/v5/packetio"
	"github.com/pion/webrtc/v4"

	"dongyue/internal/db"
	"dongyue/internal/web"
	"dongyue/streams"
)

// dark is a camera that never answers.
type dark struct{}

func (dark) Pull(ctx context.Context, _ streams.Source, _ streams.Sink) error {
	<-ctx.Done()
	return nil
}

// doorway is a server that runs, with a camera "c".
func doorway(f *testing.F) *Server {
	must := func(err error) {
		f.Helper()
		if err != nil {
			f.Fatal(err)
		}
	}
	d, err := db.Open(f.Context(), filepath.Join(f.TempDir(), "hub.db"))
	must(err)
	feed, err := web.NewFeed(f.Context(), d)
	must(err)
	room, err := streams.New(streams.Options{DB: d, Feed: feed, Puller: dark{}, LeaveOff: time.Millisecond})
	must(err)
	must(room.Seed(f.Context(), []streams.Camera{{ID: "c", Name: "c", URL: "rtsp://h/x"}}))
	s, err := New(Options{Addr: "127.0.0.1:0", Streams: room, Microphone: func(string, func([]byte, uint32)) (string, func([]byte), func()) {
		return rand.Text(), func([]byte) {}, func() {}
	}})
	must(err)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = room.Run(ctx) })
	wg.Go(func() { _ = s.Run(ctx) })
	<-s.Ready()
	f.Cleanup(func() {
		cancel()
		wg.Wait()
		_ = d.Close()
	})
	return s
}

// browserOffer is what a client of the library offers.
func browserOffer(f *testing.F) string {
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		f.Fatal(err)
	}
	defer func() { _ = pc.GracefulClose() }()
	for _, k := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		if _, err := pc.AddTransceiverFromKind(k, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			f.Fatal(err)
		}
	}
	o, err := pc.CreateOffer(nil)
	if err != nil {
		f.Fatal(err)
	}
	return o.SDP
}

// FuzzOffer: whatever is offered is refused, or answered by SDP with as many
// sections; candidates that come later end nothing; and no session is left.
func FuzzOffer(f *testing.F) {
	good := browserOffer(f)
	f.Add(good, "a=mid:0\r\na=candidate:1 1 udp 2130706431 192.0.2.1 9 typ host\r\n")
	f.Add(strings.ReplaceAll(good, "recvonly", "sendrecv"), "")
	f.Add(strings.ReplaceAll(good, "actpass", "passive"), "a=candidate:x")
	f.Add(strings.ReplaceAll(good, "a=mid:0", "a=mid:0\r\na=candidate:1 1 tcp 1 ::1 9 typ host tcptype active\r\na=ice-lite\r\na=simulcast:recv 1;2\r\na=rid:1 recv"), "")
	f.Add(goodOffer, "")
	s := doorway(f)
	f.Fuzz(func(t *testing.T, offer, frag string) {
		if len(offer) > maxBody || judge([]byte(offer)) != fine {
			return
		}
		x, answer, err := s.open(t.Context(), request{name: "c", wishes: []wish{{"c", streams.Main}}, sound: len(offer)%2 == 0, principal: "u", offer: []byte(offer)})
		if err != nil {
			return
		}
		defer func() {
			x.cancel(errDeleted)
			for end := time.Now().Add(20 * time.Second); s.Sessions() > 0; time.Sleep(time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("a session of this offer does not end:\n%s", stacks())
				}
			}
		}()
		var o, a sdp.SessionDescription
		if err := a.UnmarshalString(answer); err != nil {
			t.Fatalf("the answer is no SDP: %v\n%s", err, answer)
		}
		if err := o.UnmarshalString(offer); err == nil && len(o.MediaDescriptions) != len(a.MediaDescriptions) {
			t.Fatalf("%d sections are answered by %d", len(o.MediaDescriptions), len(a.MediaDescriptions))
		}
		if g, ok := parseFragment(frag); ok {
			for _, c := range g.candidates {
				_ = x.pc.AddICECandidate(webrtc.ICECandidateInit{Candidate: c.line, SDPMid: &c.mid})
			}
		}
	})
}

// FuzzVoice: whatever a microphone offers is refused, or answered by SDP with as many
// sections; and no microphone is left.
func FuzzVoice(f *testing.F) {
	good := browserOffer(f)
	f.Add(strings.ReplaceAll(good, "recvonly", "sendonly"))
	f.Add(strings.ReplaceAll(good, "recvonly", "sendrecv"))
	f.Add(strings.ReplaceAll(strings.ReplaceAll(good, "recvonly", "sendonly"), "actpass", "passive"))
	f.Add("v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\na=sendonly\r\n")
	s := doorway(f)
	f.Fuzz(func(t *testing.T, offer string) {
		if len(offer) > maxBody || !speaks([]byte(offer)) {
			return
		}
		v, answer, err := s.hear(web.Principal{ID: "u"}, offer)
		if err == nil {
			v.cancel(errDeleted)
			var o, a sdp.SessionDescription
			if err := a.UnmarshalString(answer); err != nil {
				t.Fatalf("the answer is no SDP: %v\n%s", err, answer)
			}
			if err := o.UnmarshalString(offer); err == nil && len(o.MediaDescriptions) != len(a.MediaDescriptions) {
				t.Fatalf("%d sections are answered by %d", len(o.MediaDescriptions), len(a.MediaDescriptions))
			}
		}
		for end := time.Now().Add(20 * time.Second); microphones(s) > 0; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("a microphone of this offer does not end:\n%s", stacks())
			}
		}
	})
}

// microphones is how many are open.
func microphones(s *Server) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.voices)
}

func stacks() []byte {
	b := make([]byte, 1<<20)
	return b[:runtime.Stack(b, true)]
}

// FuzzReceiving: what is made of an offer offers to send nothing, and stays as it is
// when it is done again.
func FuzzReceiving(f *testing.F) {
	f.Add(goodOffer)
	f.Add("m=video 9\r\na=sendrecv")
	f.Add("m=audio\n\nm=video\r")
	f.Fuzz(func(t *testing.T, offer string) {
		once := receiving(offer)
		if containsLine(once, "a=sendrecv") {
			t.Fatalf("%q", once)
		}
		if twice := receiving(once); twice != once {
			t.Fatalf("%q becomes %q", once, twice)
		}
	})
}

// FuzzInbox: whatever a viewer sends is taken or forgotten.
func FuzzInbox(f *testing.F) {
	for _, p := range []rtcp.Packet{
		&rtcp.PictureLossIndication{MediaSSRC: 7}, &rtcp.TransportLayerNack{MediaSSRC: 7, Nacks: []rtcp.NackPair{{PacketID: 65535, LostPackets: 0xffff}}},
		&rtcp.FullIntraRequest{MediaSSRC: 7, FIR: []rtcp.FIREntry{{SSRC: 7}}}, &rtcp.ReceiverReport{SSRC: 1},
	} {
		b, err := p.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint32(7), b)
	}
	f.Fuzz(func(t *testing.T, ssrc uint32, b []byte) {
		tl := &tile{track: &track{ssrc: 7}}
		tl.reader = streams.NewReader(streams.NewStream(), tl.track, 0)
		x := &session{tiles: []*tile{tl}}
		for _, kind := range []packetio.BufferPacketType{packetio.RTCPBufferPacket, packetio.RTPBufferPacket} {
			in := x.inbox(kind, ssrc)
			if n, err := in.Write(b); n != len(b) || err != nil {
				t.Fatalf("wrote %d of %d: %v", n, len(b), err)
			}
			if n, err := in.Read(b); n != 0 || !errors.Is(err, io.EOF) {
				t.Fatalf("read %d: %v", n, err)
			}
		}
	})
}
