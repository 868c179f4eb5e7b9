package broadcast_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dongyue/internal/broadcast"
	"dongyue/internal/sound"
	"dongyue/internal/web"
)

// A talk goes both ways: what the loudspeaker's microphone hears comes to who speaks, for
// as long as the talk lasts, by an address that is good for nothing else.
func TestATalkGoesBothWays(t *testing.T) {
	r := fresh(t, withSound)
	r.estate.mics = map[string]bool{"s-1": true}
	heard := make(chan []byte, 10)
	id, _, closed := r.Microphone("chen", func(p []byte, samples uint32) {
		if samples != 960 {
			t.Errorf("a packet of %d samples", samples)
		}
		heard <- bytes.Clone(p)
	})
	defer closed()
	status, got := r.ask("POST", "/broadcasts", `{"speaker":"s-1","live":"`+id+`","two_way":true,"priority":4}`)
	if status != 201 || got["two_way"] != true || got["targets"] != 1.0 {
		t.Fatalf("%d %v", status, got)
	}
	bc := got["id"].(string)
	back := strings.TrimPrefix(r.find(bc, 1).Args.Back, "http://hub")
	a := web.NewAPI("test", guard{}, nil)
	r.Register(a)
	srv := httptest.NewServer(a)
	defer srv.Close()
	post := func(address string, body io.Reader) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+address, body)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return 0
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	for what, c := range map[string]struct {
		address string
		body    io.Reader
		want    int
	}{
		"another loudspeaker's":  {strings.Replace(back, "device=s-1", "device=s-2", 1), http.NoBody, 403},
		"no signature":           {"/api/v1/broadcasts/" + bc + "/voice", http.NoBody, 403},
		"the address of a sound": {strings.Replace(r.find(bc, 1).Args.Stream, "http://hub", "", 1), http.NoBody, 405},
		"what is no Ogg":         {back, strings.NewReader("hello, this is no sound at all, is it?"), 422},
		"a WAV":                  {back, bytes.NewReader(sound.Header(0)), 422},
	} {
		if got := post(c.address, c.body); got != c.want {
			t.Errorf("%s: %d, want %d", what, got, c.want)
		}
	}
	body, w := io.Pipe()
	over := make(chan int, 1)
	go func() { over <- post(back, body) }()
	out, err := sound.NewWriter(w, 7)
	if err != nil {
		t.Fatal(err)
	}
	if err := out.Packet([]byte{0x78, 1, 2}, 960); err != nil { // 20 ms
		t.Fatal(err)
	}
	if p := <-heard; !bytes.Equal(p, []byte{0x78, 1, 2}) {
		t.Errorf("heard %x", p)
	}
	if status, _ := r.ask("POST", "/broadcasts/"+bc+"/stop", ""); status != 200 {
		t.Errorf("stop: %d", status)
	}
	_ = out.Packet([]byte{0x78, 3}, 960) // on its way when the talk ended
	<-over
	_ = w.Close()
	if got := post(back, http.NoBody); got != http.StatusGone {
		t.Errorf("after the end: %d", got)
	}
}

func TestTalksThatMakeNoSense(t *testing.T) {
	r := fresh(t, withSound)
	r.estate.mics = map[string]bool{"s-1": true}
	id, _, closed := r.Microphone("chen", nil)
	defer closed()
	for body, want := range map[string]string{
		`{"speaker":"s-2","live":"` + id + `","two_way":true}`:   "broadcast.deaf",
		`{"zones":["east"],"live":"` + id + `","two_way":true}`:  "broadcast.invalid",
		`{"speaker":"s-1","text":"x","two_way":true}`:            "broadcast.invalid",
		`{"speaker":"s-1","zones":["east"],"live":"` + id + `"}`: "broadcast.invalid",
		`{"speaker":"s-1","live":"mic-none","two_way":true}`:     "broadcast.no_microphone",
	} {
		if status, got := r.ask("POST", "/broadcasts", body); status != 422 || got["code"] != want {
			t.Errorf("%s: %d %v", body, status, got["code"])
		}
	}
	if status, got := r.ask("POST", "/broadcasts", `{"speaker":"s-2","text":"x"}`); status != 201 || got["targets"] != 1.0 {
		t.Errorf("one loudspeaker alone: %d %v", status, got)
	}
}

// Who wants to wait with the result is asked again, until the time to begin is over.
func TestTheResultWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, ready := 0, false
		r := fresh(t, func(o *broadcast.Options) {
			o.Settled = func(context.Context, broadcast.Broadcast) bool { asked++; return ready }
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.Run(ctx) }()
		for _, c := range []struct {
			ready       bool
			after       time.Duration
			least, most int
		}{{true, time.Minute, 1, 1}, {false, time.Minute, 5, 15}} {
			asked, ready = 0, c.ready
			bc := r.send(broadcast.Request{Zones: []string{"east/b01"}, Text: "x", Priority: 3})
			r.handle(at("s-1", "playing", bc.ID, 0))
			r.Committed()
			time.Sleep(c.after)
			synctest.Wait()
			if asked < c.least || asked > c.most {
				t.Errorf("ready %v: asked %d times", c.ready, asked)
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// FuzzVoice: whatever a microphone sends ends nothing but its own way back.
func FuzzVoice(f *testing.F) {
	var good bytes.Buffer
	w, err := sound.NewWriter(&good, 7)
	if err != nil {
		f.Fatal(err)
	}
	if err := w.Packet([]byte{0x78, 1, 2}, 960); err != nil {
		f.Fatal(err)
	}
	f.Add(good.Bytes())
	f.Add(good.Bytes()[:40])
	f.Add([]byte("OggS"))
	f.Fuzz(func(t *testing.T, b []byte) {
		n := 0
		err := broadcast.PassOn(bytes.NewReader(b), func(p []byte, samples uint32) {
			if n++; samples == 0 || samples > 5760 || len(p) == 0 {
				t.Fatalf("a packet of %d bytes and %d samples", len(p), samples)
			}
		})
		if bytes.Equal(b, good.Bytes()) && (err != nil || n != 1) {
			t.Fatalf("the good one: %d packets, %v", n, err)
		}
	})
}
