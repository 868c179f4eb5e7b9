package agent

import (
	"encoding/base64"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"dongyue/internal/sound"
)

const horn = "speaker-n05"

// real is a world in which sound lasts as long as it does.
func realTime() Times {
	t := fast()
	t.Speak = character
	return t
}

// What is fetched is decoded and measured: a loud file is loud, a silent one is not.
func TestSpeakerMeasuresWhatItFetches(t *testing.T) {
	quiet := make(sound.PCM, sound.Samples(400*time.Millisecond))
	loud := make(sound.PCM, len(quiet))
	for i := range loud {
		loud[i] = int16(20000 * (i/20%2*2 - 1)) //nolint:gosec // ±20000
	}
	opus, err := os.ReadFile("../../sound/testdata/spoken.opus")
	check(t, err)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/loud":
			_, _ = w.Write(append(sound.Header(len(loud)), loud.Bytes()...))
		case "/quiet":
			_, _ = w.Write(append(sound.Header(len(quiet)), quiet.Bytes()...))
		case "/opus":
			_, _ = w.Write(opus)
		case "/page":
			_, _ = w.Write([]byte("<html>not a sound at all</html>"))
		default:
			http.NotFound(w, r)
		}
	}))
	defer srv.Close()
	h, _, k := one(t, horn, realTime())
	level := func(path string) float64 {
		n := h.mark()
		h.order(t, k, horn, path, "play", time.Minute, fields{"message": path, "url": srv.URL + path, "volume_pct": 100})
		h.follow(t, n, k, horn, fields{"type": "buffered"}, fields{"type": "playing"}, fields{"type": "finished", "data.message": path})
		for _, m := range h.all() {
			if b := m.body(); at(b, "type") == "finished" && at(b, "data.message") == path {
				x, _ := at(b, "data.level_db").(float64)
				return x
			}
		}
		return 0
	}
	if l := level("/loud"); l < 100 {
		t.Errorf("loud: %v dB", l)
	}
	if l := level("/quiet"); l > 45 {
		t.Errorf("quiet: %v dB", l)
	}
	if l := level("/opus"); l < 75 {
		t.Errorf("opus: %v dB", l)
	}
	for path, why := range map[string]string{"/none": codeFetch, "/page": codeDecode} {
		h.order(t, k, horn, path, "play", time.Minute, fields{"message": path, "url": srv.URL + path})
		if r := h.replied(t, k, horn, path, failed).body(); r["error"] != why {
			t.Errorf("%s: %v", path, r)
		}
	}
}

// Only what was announced, with the key that was announced, is played.
func TestSpeakerPlaysOnlyWhatWasAnnounced(t *testing.T) {
	h, f, k := one(t, horn, realTime())
	s, _ := f.Speaker(horn)
	addr, _ := s.RTP()
	conn, err := net.Dial("udp", addr)
	check(t, err)
	defer func() { _ = conn.Close() }()
	stream := func(key []byte, ssrc uint32) func(int) {
		lock, err := srtp.CreateContext(key[:16], key[16:], srtp.ProtectionProfileAeadAes128Gcm)
		check(t, err)
		return func(i int) {
			hd := rtp.Header{Version: 2, PayloadType: 96, SequenceNumber: uint16(i), Timestamp: uint32(i * 320), SSRC: ssrc} //nolint:gosec // few
			raw, err := hd.Marshal()
			check(t, err)
			body := make([]byte, 640)
			for j := range body {
				body[j] = byte(j / 40 % 2 * 80)
			}
			out, err := lock.EncryptRTP(nil, append(raw, body...), &hd)
			check(t, err)
			_, err = conn.Write(out)
			check(t, err)
		}
	}
	key, rogue := make([]byte, 28), make([]byte, 28)
	key[0], rogue[0] = 1, 2
	refused := func(want int64) {
		t.Helper()
		for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
			if _, n := s.RTP(); n >= want {
				return
			} else if time.Now().After(end) {
				t.Fatalf("%d refused, want %d", n, want)
			}
		}
	}
	good, bad, other := stream(key, 7), stream(rogue, 7), stream(key, 8)
	for i := range 10 { // nothing is announced
		good(i)
	}
	refused(10)
	n := h.mark()
	h.order(t, k, horn, "r1", "play", time.Minute, fields{"message": "m1", "rtp": map[string]any{
		"ssrc": 7, "key": base64.StdEncoding.EncodeToString(key), "coding": "l16", "length_ms": 400,
	}})
	h.replied(t, k, horn, "r1", accepted)
	time.Sleep(20 * time.Millisecond) // the port learns of it after the reply
	for i := range 20 {
		bad(i)
		other(i)
	}
	refused(50)
	for i := range 20 {
		good(100 + i)
		time.Sleep(5 * time.Millisecond)
	}
	n = h.follow(t, n, k, horn, fields{"type": "playing", "data.message": "m1"}, fields{"type": "finished", "data.message": "m1"})
	for i := range 5 { // the same again
		good(200 + i)
	}
	refused(55)
	// Announced and never sent: the hub is told.
	h.order(t, k, horn, "r2", "play", time.Minute, fields{"message": "m2", "rtp": map[string]any{
		"ssrc": 7, "key": base64.StdEncoding.EncodeToString(key), "coding": "l16", "length_ms": 400,
	}})
	h.replied(t, k, horn, "r2", failed)
	_ = n
}
