package whep_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/pion/webrtc/v4"

	"dongyue/internal/simulator/camera"
	"dongyue/streams/whep"
)

func code(t *testing.T, body string) string {
	t.Helper()
	var p struct{ Code string }
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		t.Fatalf("not a problem: %s", body)
	}
	return p.Code
}

func TestRefusals(t *testing.T) {
	h := newHub(t, nil, camera.Camera{ID: "cam-1", Scene: "plaza"})
	pc, err := newClient().NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pc.GracefulClose() }()
	good := h.offer(pc)
	noICE := strings.ReplaceAll(good, "a=ice-ufrag", "a=x-ufrag")
	vp8 := strings.NewReplacer("H264/90000", "H263/90000").Replace(good)
	mode0 := strings.ReplaceAll(good, "packetization-mode=1", "packetization-mode=0")
	for _, c := range []struct {
		name, path, ct, body string
		status               int
		code                 string
	}{
		{"unknown camera", "/whep/nobody", "application/sdp", good, http.StatusNotFound, "camera.unknown"},
		{"wrong type", "/whep/cam-1", "application/json", good, http.StatusUnsupportedMediaType, "whep.content_type"},
		{"no type", "/whep/cam-1", "", good, http.StatusUnsupportedMediaType, "whep.content_type"},
		{"junk", "/whep/cam-1", "application/sdp", "hello", http.StatusBadRequest, "whep.bad_offer"},
		{"empty", "/whep/cam-1", "application/sdp", "", http.StatusBadRequest, "whep.bad_offer"},
		{"binary", "/whep/cam-1", "application/sdp", "v=0\r\n\x00\xff\xfe", http.StatusBadRequest, "whep.bad_offer"},
		{"cut off", "/whep/cam-1", "application/sdp", good[:200], http.StatusBadRequest, "whep.bad_offer"},
		{"no ICE", "/whep/cam-1", "application/sdp", noICE, http.StatusBadRequest, "whep.bad_offer"},
		{"no H264", "/whep/cam-1", "application/sdp", vp8, http.StatusNotAcceptable, "whep.no_h264"},
		{"mode 0 only", "/whep/cam-1", "application/sdp", mode0, http.StatusNotAcceptable, "whep.no_h264"},
		{"stream", "/whep/cam-1?stream=third", "application/sdp", good, http.StatusBadRequest, "whep.stream"},
		{"huge", "/whep/cam-1", "application/sdp", strings.Repeat("a=x\r\n", 100_000), http.StatusRequestEntityTooLarge, "whep.too_large"},
		{"many", "/whep/cam-1", "application/sdp", good + strings.Repeat(good[strings.Index(good, "m=video"):], 20), http.StatusBadRequest, "whep.bad_offer"},
	} {
		res, body := h.do(http.MethodPost, c.path, c.ct, c.body)
		if res.StatusCode != c.status || code(t, body) != c.code {
			t.Errorf("%s: %s %s", c.name, res.Status, body)
		}
		if res.Header.Get("Access-Control-Allow-Origin") == "" {
			t.Errorf("%s: a page of another origin can't read the answer", c.name)
		}
	}
	if n := h.whep.Sessions(); n != 0 {
		t.Fatalf("%d sessions are left", n)
	}
	if res, _ := h.do(http.MethodOptions, "/whep/cam-1", "", "", "X-Who", ""); res.StatusCode != http.StatusNoContent || res.Header.Get("Accept-Patch") == "" {
		t.Fatal(res.Status)
	}
	if res, _ := h.do(http.MethodPost, "/whep/cam-1", "application/sdp", good, "X-Who", ""); res.StatusCode != http.StatusUnauthorized {
		t.Fatal(res.Status)
	}
}

func TestLimits(t *testing.T) {
	h := newHub(t, func(o *whep.Options) { o.MaxPerPrincipal, o.MaxSessions = 1, 2 }, camera.Camera{ID: "cam-1", Scene: "plaza"})
	h.watch("/whep/cam-1")
	pc, err := newClient().NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pc.GracefulClose() }()
	offer := h.offer(pc)
	for _, c := range []struct {
		who    string
		status int
	}{{"u1", http.StatusTooManyRequests}, {"u2", http.StatusCreated}, {"u3", http.StatusServiceUnavailable}} {
		if res, body := h.do(http.MethodPost, "/whep/cam-1", "application/sdp", offer, "X-Who", c.who); res.StatusCode != c.status {
			t.Fatalf("%s: %s %s", c.who, res.Status, body)
		}
	}
}

func TestPatch(t *testing.T) {
	h := newHub(t, nil, camera.Camera{ID: "cam-1", Scene: "plaza"})
	v := h.watch("/whep/cam-1")
	const frag = "application/trickle-ice-sdpfrag"
	cand := "a=mid:0\r\na=candidate:1 1 udp 2130706431 127.0.0.1 9 typ host\r\na=end-of-candidates\r\n"
	for _, c := range []struct {
		name, ct, body, etag, who string
		status                    int
	}{
		{"any tag", frag, cand, "*", "u1", http.StatusNoContent},
		{"no tag", frag, cand, "", "u1", http.StatusPreconditionRequired},
		{"with tag", frag, cand, v.etag, "u1", http.StatusNoContent},
		{"one of two tags", frag, cand, `"other", ` + v.etag, "u1", http.StatusNoContent},
		{"bad candidate", frag, "a=candidate:nonsense\r\n", v.etag, "u1", http.StatusNoContent},
		{"other tag", frag, cand, `"other"`, "u1", http.StatusPreconditionFailed},
		{"restart, short password", frag, "a=ice-ufrag:abcd\r\na=ice-pwd:efgh\r\n", "*", "u1", http.StatusBadRequest},
		{"restart, no tag", frag, "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n", "", "u1", http.StatusPreconditionRequired},
		{"restart, other tag", frag, "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n", `"other"`, "u1", http.StatusPreconditionFailed},
		{"junk", frag, "hello\r\n", "", "u1", http.StatusBadRequest},
		{"flood", frag, strings.Repeat("a=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\n", 100), "", "u1", http.StatusBadRequest},
		{"type", "application/sdp", cand, "", "u1", http.StatusUnsupportedMediaType},
		{"not mine", frag, cand, "", "u2", http.StatusNotFound},
	} {
		res, body := h.do(http.MethodPatch, v.location, c.ct, c.body, "If-Match", c.etag, "X-Who", c.who)
		if res.StatusCode != c.status {
			t.Errorf("%s: %s %s", c.name, res.Status, body)
		}
	}
}
