package whep_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
)

const typeFrag = "application/trickle-ice-sdpfrag"

// fragment is what a viewer sends of an offer (RFC 9725, 4.3.3).
func fragment(offer string) string {
	var out strings.Builder
	media := 0
	for line := range strings.Lines(offer) {
		if strings.HasPrefix(line, "m=") {
			media++
		}
		key, _, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch key {
		case "a=ice-ufrag", "a=ice-pwd", "a=mid", "a=candidate", "a=end-of-candidates", "a=ice-options", "a=group":
			if media < 2 {
				out.WriteString(line)
			}
		}
	}
	return out.String()
}

// value finds an attribute.
func value(t *testing.T, text, key string) string {
	t.Helper()
	for line := range strings.Lines(text) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "a="+key+":"); ok {
			return v
		}
	}
	t.Fatalf("no %s in\n%s", key, text)
	return ""
}

// merged is an answer with the credentials and candidates of a fragment.
func merged(t *testing.T, answer, frag string) string {
	t.Helper()
	r := strings.NewReplacer(value(t, answer, "ice-ufrag"), value(t, frag, "ice-ufrag"), value(t, answer, "ice-pwd"), value(t, frag, "ice-pwd"))
	var out strings.Builder
	for line := range strings.Lines(r.Replace(answer)) {
		if !strings.HasPrefix(line, "a=candidate") {
			out.WriteString(line)
		}
		if strings.HasPrefix(line, "a=mid:0") {
			for c := range strings.Lines(frag) {
				if strings.HasPrefix(c, "a=candidate") {
					out.WriteString(c)
				}
			}
		}
	}
	return out.String()
}

// restartICE does what a player does when its network has changed.
func (v *viewer) restartICE(h *hub, tag string) (*http.Response, string) {
	v.t.Helper()
	o, err := v.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: true})
	if err != nil {
		v.t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(v.pc)
	if err := v.pc.SetLocalDescription(o); err != nil {
		v.t.Fatal(err)
	}
	<-gathered
	return h.do(http.MethodPatch, v.location, typeFrag, fragment(v.pc.LocalDescription().SDP), "If-Match", tag)
}

func TestICERestart(t *testing.T) {
	h := newHub(t, nil, cams(2)...)
	h.lossy = true // between the old way and the new one nothing gets through
	for name, v := range map[string]*viewer{"one camera": h.screens(1, "/whep/cam-1").viewer, "a wall": h.wall(2, "cam-1,cam-2").viewer} {
		v.wait(webrtc.PeerConnectionStateConnected)
		old := value(t, v.answer, "ice-ufrag")
		res, frag := v.restartICE(h, "*")
		if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != typeFrag {
			t.Fatalf("%s: %s %s", name, res.Status, frag)
		}
		if tag := res.Header.Get("ETag"); tag == "" || tag == v.etag {
			t.Fatalf("%s: the tag was %s and is %s", name, v.etag, tag)
		}
		if value(t, frag, "ice-ufrag") == old || !strings.Contains(frag, "a=candidate:") || strings.Contains(frag, "a=fingerprint") {
			t.Fatalf("%s: got\n%s", name, frag)
		}
		// What belongs to the ICE session of before is refused, what belongs to this one taken.
		cand := "a=mid:0\r\na=candidate:1 1 udp 2130706431 127.0.0.1 9 typ host\r\n"
		if res, _ := h.do(http.MethodPatch, v.location, typeFrag, cand, "If-Match", v.etag); res.StatusCode != http.StatusPreconditionFailed {
			t.Fatalf("%s: old tag: %s", name, res.Status)
		}
		if res, _ := h.do(http.MethodPatch, v.location, typeFrag, cand, "If-Match", res.Header.Get("ETag")); res.StatusCode != http.StatusNoContent {
			t.Fatalf("%s: new tag: %s", name, res.Status)
		}
		if err := v.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: merged(t, v.answer, frag)}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		pair := func() string {
			p, err := v.pc.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
			if err != nil || p == nil {
				return ""
			}
			return p.String()
		}
		for end := time.Now().Add(10 * time.Second); pair() == ""; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s: no pair was found after the restart", name)
			}
		}
	}
}

func TestICERestartKeepsThePictures(t *testing.T) {
	h := newHub(t, nil, cams(1)...)
	h.lossy = true
	w := h.screens(1, "/whep/cam-1")
	v := w.tiles[0]
	v.next(10 * time.Second)
	for range 2 { // again, as a phone does that wanders
		res, frag := w.restartICE(h, "*")
		if res.StatusCode != http.StatusOK {
			t.Fatalf("%s %s", res.Status, frag)
		}
		if err := w.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: merged(t, w.answer, frag)}); err != nil {
			t.Fatal(err)
		}
		for len(v.pictures) > 0 {
			<-v.pictures
		}
		for range 60 {
			v.next(5 * time.Second)
		}
	}
}
