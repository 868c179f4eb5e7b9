package whep_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"

	"dongyue/streams/whep"
)

// desk is who takes the voices.
type desk struct {
	mu      sync.Mutex
	owners  []string
	closed  []string
	replies []func([]byte, uint32)
	words   chan []byte
}

func (d *desk) open(owner string, reply func([]byte, uint32)) (string, func([]byte), func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.owners = append(d.owners, owner)
	d.replies = append(d.replies, reply)
	id := fmt.Sprintf("mic-%d", len(d.owners))
	return id, func(b []byte) {
			select {
			case d.words <- bytes.Clone(b):
			default:
			}
		}, func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.closed = append(d.closed, id)
		}
}

func (d *desk) gone(t *testing.T, id string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		d.mu.Lock()
		closed := strings.Join(d.closed, ",")
		d.mu.Unlock()
		if strings.Contains(closed+",", id+",") {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s is not closed: %s", id, closed)
		}
	}
}

func voices(t *testing.T) (*hub, *desk) {
	d := &desk{words: make(chan []byte, 100)}
	return newHub(t, func(o *whep.Options) { o.Microphone = d.open }), d
}

// mic is a browser's stand-in that speaks.
type mic struct {
	pc       *webrtc.PeerConnection
	track    *webrtc.TrackLocalStaticSample
	location string
}

// speak offers a microphone that does not listen, and connects it.
func (h *hub) speak(who string) *mic {
	return h.connected(h.offering(webrtc.RTPTransceiverDirectionSendonly), who)
}

func (h *hub) connected(m *mic, who string) *mic {
	h.t.Helper()
	res, body := h.do(http.MethodPost, "/whip/microphone", "application/sdp", m.pc.LocalDescription().SDP, "X-Who", who)
	if res.StatusCode != http.StatusCreated {
		h.t.Fatalf("%d %s", res.StatusCode, body)
	}
	m.location = res.Header.Get("Location")
	connected := make(chan struct{})
	var once sync.Once
	m.pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			once.Do(func() { close(connected) })
		}
	})
	if err := m.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: body}); err != nil {
		h.t.Fatal(err)
	}
	select {
	case <-connected:
	case <-time.After(20 * time.Second):
		h.t.Fatal("the microphone does not connect")
	}
	return m
}

// offering is a microphone with all its candidates, not yet offered.
func (h *hub) offering(direction webrtc.RTPTransceiverDirection) *mic {
	h.t.Helper()
	pc, err := newClient().NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = pc.GracefulClose() })
	track, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, "voice", "desk")
	if err != nil {
		h.t.Fatal(err)
	}
	if _, err := pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: direction}); err != nil {
		h.t.Fatal(err)
	}
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(offer); err != nil {
		h.t.Fatal(err)
	}
	<-gathered
	return &mic{pc: pc, track: track}
}

// say sends a packet until it is heard: the first ones may be lost.
func (h *hub) say(m *mic, d *desk, word []byte) {
	h.t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		if err := m.track.WriteSample(media.Sample{Data: word, Duration: 20 * time.Millisecond}); err != nil {
			h.t.Fatal(err)
		}
		select {
		case got := <-d.words:
			if !bytes.Equal(got, word) {
				h.t.Fatalf("said %x, heard %x", word, got)
			}
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
	h.t.Fatal("nothing is heard")
}

func TestAVoiceIsPassedOnUndecoded(t *testing.T) {
	h, d := voices(t)
	m := h.speak("chen")
	if m.location != "/whip/microphone/mic-1" || d.owners[0] != "chen" {
		t.Errorf("at %s, of %v", m.location, d.owners)
	}
	h.say(m, d, []byte{0xfc, 0xff, 0xfe})
	if res, body := h.do(http.MethodDelete, m.location, "", "", "X-Who", "li"); res.StatusCode != http.StatusNotFound || !strings.Contains(body, "whip.no_session") {
		t.Errorf("somebody else closed it: %d %s", res.StatusCode, body)
	}
	if res, _ := h.do(http.MethodDelete, m.location, "", "", "X-Who", "chen"); res.StatusCode != http.StatusOK {
		t.Errorf("%d", res.StatusCode)
	}
	d.gone(t, "mic-1")
	if res, _ := h.do(http.MethodDelete, m.location, "", "", "X-Who", "chen"); res.StatusCode != http.StatusNotFound {
		t.Errorf("closed twice: %d", res.StatusCode)
	}
}

func TestAMicrophoneEndsWithTheRightToIt(t *testing.T) {
	h, d := voices(t)
	m := h.speak("chen")
	h.say(m, d, []byte{0xfc, 1})
	h.whep.Revoke("chen")
	d.gone(t, "mic-1")
}

func TestAMicrophoneEndsWithItsBrowser(t *testing.T) {
	h, d := voices(t)
	m := h.speak("chen")
	h.say(m, d, []byte{0xfc, 1})
	if err := m.pc.GracefulClose(); err != nil {
		t.Fatal(err)
	}
	d.gone(t, "mic-1")
}

func TestMicrophonesThatAreRefused(t *testing.T) {
	h, d := voices(t)
	good := h.offering(webrtc.RTPTransceiverDirectionSendonly).pc.LocalDescription().SDP
	for _, c := range []struct {
		what, typ, offer string
		status           int
		code             string
	}{
		{"not SDP", "application/sdp", "hello", 406, "whip.no_opus"},
		{"another type", "text/plain", good, 415, "whep.content_type"},
		{"video only", "application/sdp", strings.ReplaceAll(good, "m=audio", "m=video"), 406, "whip.no_opus"},
		{"one that listens", "application/sdp", strings.ReplaceAll(good, "a=sendonly", "a=recvonly"), 406, "whip.no_opus"},
		{"another coding", "application/sdp", strings.ReplaceAll(good, "opus/48000", "speex/48000"), 406, "whip.no_opus"},
		{"no credentials", "application/sdp", strings.ReplaceAll(good, "a=ice-ufrag", "a=x-ufrag"), 400, "whep.bad_offer"},
		{"too long", "application/sdp", good + strings.Repeat("a=x\r\n", 100_000), 413, "whep.too_large"},
	} {
		res, body := h.do(http.MethodPost, "/whip/microphone", c.typ, c.offer, "X-Who", "chen")
		if res.StatusCode != c.status || !strings.Contains(body, c.code) {
			t.Errorf("%s: %d %s", c.what, res.StatusCode, body)
		}
	}
	for range 4 {
		h.speak("chen")
	}
	res, body := h.do(http.MethodPost, "/whip/microphone", "application/sdp", good, "X-Who", "chen")
	if res.StatusCode != http.StatusTooManyRequests || !strings.Contains(body, "whep.quota") {
		t.Errorf("the fifth: %d %s", res.StatusCode, body)
	}
	h.speak("li") // another's are his own
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := len(d.owners) - len(d.closed); n != 5 {
		t.Errorf("%d are open", n)
	}
}

func TestAnAnswerComesBackOnTheSameConnection(t *testing.T) {
	h, d := voices(t)
	m := h.offering(webrtc.RTPTransceiverDirectionSendrecv)
	heard := make(chan []byte, 100)
	m.pc.OnTrack(func(tr *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			p, _, err := tr.ReadRTP()
			if err != nil {
				return
			}
			heard <- p.Payload
		}
	})
	h.connected(m, "chen")
	h.say(m, d, []byte{0xfc, 1})
	for end := time.Now().Add(20 * time.Second); ; {
		d.replies[0]([]byte{0xfc, 7}, 960)
		select {
		case got := <-heard:
			if !bytes.Equal(got, []byte{0xfc, 7}) {
				t.Fatalf("heard %x", got)
			}
			return
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(end) {
			t.Fatal("no answer is heard")
		}
	}
}

func TestWhoDoesNotListenIsNotAnswered(t *testing.T) {
	h, d := voices(t)
	h.speak("chen")
	if d.replies[0] != nil {
		t.Error("there is a way back to a browser that only sends")
	}
}
