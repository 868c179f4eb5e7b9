package whep_test

import (
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

// hear reads the packets of the sound, and what is reported of it.
func (v *viewer) hear(tr *webrtc.TrackRemote, rx *webrtc.RTPReceiver) {
	go func() {
		for {
			ps, _, err := rx.ReadRTCP()
			if err != nil {
				return
			}
			for _, p := range ps {
				if r, ok := p.(*rtcp.SenderReport); ok && r.SSRC == uint32(tr.SSRC()) {
					v.reports <- r
				}
			}
		}
	}()
	for {
		p, _, err := tr.ReadRTP()
		if err != nil {
			return
		}
		v.sound <- p
	}
}

// Sound comes to who asked for it and takes its coding, as it was sent; AAC does not,
// but it is told that there is some.
func TestSound(t *testing.T) {
	h := newHub(t, nil)
	h.seed(foreign(t), map[string][2]string{"alaw": {"alaw", ""}, "opus": {"opus", ""}, "aac": {"aac", ""}})
	for _, c := range []struct {
		camera, mime string
		rate         uint32
	}{{"alaw", webrtc.MimeTypePCMA, 8000}, {"opus", webrtc.MimeTypeOpus, 48000}} {
		v := h.watch("/whep/" + c.camera + "?audio=1")
		if !v.next(15 * time.Second).key {
			t.Fatal("the first picture is no key frame")
		}
		first, bytes := <-v.sound, 0
		began, last := time.Now(), first
		for range 100 {
			p := <-v.sound
			if p.SequenceNumber != last.SequenceNumber+1 || int32(p.Timestamp-last.Timestamp) <= 0 || len(p.Payload) > 1188 {
				t.Fatalf("%s: %d at %d follows %d at %d", c.camera, p.SequenceNumber, p.Timestamp, last.SequenceNumber, last.Timestamp)
			}
			bytes += len(p.Payload)
			last = p
		}
		ran := time.Duration(last.Timestamp-first.Timestamp) * time.Second / time.Duration(c.rate)
		if d := time.Since(began) - ran; d > 1500*time.Millisecond || d < -500*time.Millisecond { // at another rate it is seconds off
			t.Errorf("%s: %s of sound in %s", c.camera, ran, time.Since(began))
		}
		if r := <-v.reports; r.NTPTime == 0 {
			t.Errorf("%s: got %+v", c.camera, r)
		}
		if v.header.Get("Dongyue-Audio") != strings.ToLower(strings.TrimPrefix(c.mime, "audio/")) {
			t.Logf("%s is told as %q", c.camera, v.header.Get("Dongyue-Audio"))
		}
	}
	v := h.watch("/whep/alaw") // nobody asked
	v.next(15 * time.Second)
	v = h.watch("/whep/aac?audio=1")
	v.next(15 * time.Second)
	if v.header.Get("Dongyue-Audio") != "aac" {
		t.Errorf("got %v", v.header)
	}
	time.Sleep(200 * time.Millisecond)
	if len(v.sound) > 0 {
		t.Error("AAC over WebRTC")
	}
}
