package onvif

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"dongyue/streams"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func private(t *testing.T) streams.Networks {
	t.Helper()
	n, err := streams.ParseNetworks(streams.PrivateNetworks())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// replayed is a camera that gives the answers in testdata of one maker.
type replayed struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string // bodies
}

func replay(t *testing.T, maker string) *replayed {
	t.Helper()
	r := &replayed{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		b, _ := io.ReadAll(q.Body)
		r.mu.Lock()
		r.asked = append(r.asked, string(b))
		r.mu.Unlock()
		root, err := parseXML(b)
		if err != nil {
			t.Errorf("what is asked is no XML: %v", err)
			return
		}
		name := root.at("Body").kids[0].name
		file, err := os.ReadFile("testdata/" + maker + "-" + name + ".xml")
		if err != nil {
			if file, err = os.ReadFile("testdata/" + maker + "-fault.xml"); err != nil {
				http.NotFound(w, q)
				return
			}
			w.WriteHeader(http.StatusBadRequest)
		}
		_, port, _ := strings.Cut(strings.TrimPrefix(r.URL, "http://"), ":")
		text := strings.ReplaceAll(string(file), "PORT", port)
		for _, host := range []string{"192.168.1.64", "192.168.1.108", "192.168.0.90"} { // as they stand behind port 80
			text = strings.ReplaceAll(text, "http://"+host+"/", "http://"+host+":"+port+"/")
		}
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *replayed) connect(t *testing.T) *Client {
	t.Helper()
	u := strings.Replace(r.URL, "http://", "http://admin:se%40cret@", 1)
	c, err := Connect(t.Context(), streams.Source{URL: streams.URL(u)}, private(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestMakers(t *testing.T) {
	for _, c := range []struct {
		maker     string
		profiles  []string
		big, sub  string
		main      string // HOST is the camera's
		ptz, evts bool
	}{
		{"hikvision", []string{"Profile_1", "Profile_2", "Profile_3"}, "Profile_1", "Profile_2", "rtsp://admin:se%40cret@192.168.1.64:554/Streaming/Channels/101?transportmode=unicast&profile=Profile_1", true, true},
		{"dahua", []string{"MediaProfile00000", "MediaProfile00001", "MediaProfile00002"}, "MediaProfile00000", "MediaProfile00001", "rtsp://admin:se%40cret@127.0.0.1:554/cam/realmonitor?channel=1&subtype=0&unicast=true", false, true},
		{"axis", []string{"profile_1_h265", "profile_1_h264", "profile_2_h264", "profile_1_jpeg"}, "profile_1_h264", "profile_2_h264", "rtsp://admin:se%40cret@192.168.0.90/onvif-media/media.amp?profile=profile_1_h264&sessiontimeout=60&streamtype=unicast", false, true},
		{"old", []string{"p0"}, "p0", "", "rtsp://admin:se%40cret@10.0.0.9/live0", true, false},
	} {
		t.Run(c.maker, func(t *testing.T) {
			k := replay(t, c.maker).connect(t)
			list, err := k.Profiles(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var tokens []string
			for _, p := range list {
				tokens = append(tokens, p.Token)
			}
			if diff := cmp.Diff(c.profiles, tokens); diff != "" {
				t.Error(diff)
			}
			big, small := choose(list)
			if big.Token != c.big || (small == nil) != (c.sub == "") || small != nil && small.Token != c.sub {
				t.Errorf("chose %+v and %+v", big, small)
			}
			u, err := k.StreamURI(t.Context(), big)
			if err != nil || string(u) != c.main {
				t.Errorf("got %s, %v", string(u), err)
			}
			if ptz, evts := k.Has(); ptz != c.ptz || evts != c.evts {
				t.Errorf("ptz %v, events %v", ptz, evts)
			}
		})
	}
}

func TestHikvisionInDetail(t *testing.T) {
	r := replay(t, "hikvision")
	k := r.connect(t)
	if d := time.Until(time.Date(2001, 2, 3, 3, 4, 5, 0, time.UTC)); (k.offset - d).Abs() > time.Minute {
		t.Errorf("its clock is off by %s, want %s", k.offset, d)
	}
	info, err := k.Info(t.Context())
	if want := (Info{"HIKVISION", "DS-2DE4225IW-DE", "V5.7.1"}); err != nil || info != want {
		t.Errorf("got %+v, %v", info, err)
	}
	list, err := k.Profiles(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := Profile{Token: "Profile_1", Name: "mainStream", Source: "VideoSource_1", Encoding: "H264", Width: 1920, Height: 1080, FPS: 25, Kbps: 4096, PTZ: true}
	if list[0] != want {
		t.Errorf("got %+v", list[0])
	}
	snap, err := k.SnapshotURI(t.Context(), &list[0])
	if err != nil || !strings.HasPrefix(snap, "http://127.0.0.1:") || !strings.HasSuffix(snap, "/onvif-http/snapshot?Profile_1") {
		t.Errorf("got %s, %v", snap, err)
	}
	presets, err := k.Presets(t.Context(), "Profile_1")
	if diff := cmp.Diff([]Preset{{"1", "Preset 1"}, {"34", "Back to origin"}, {"35", "35"}}, presets); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	v, ok, err := k.Position(t.Context(), "Profile_1")
	if err != nil || !ok || v != (Vector{-0.5, 0.25, 0.125}) {
		t.Errorf("got %+v, %v, %v", v, ok, err)
	}
	// What has no answer here is refused as by a camera that does not know the user.
	if err := k.Stop(t.Context(), `a"<b>`); !errors.Is(err, streams.ErrAuth) || strings.Contains(err.Error(), "cret") {
		t.Errorf("got %v", err)
	}
	if last := r.asked[len(r.asked)-1]; !strings.Contains(last, "a&#34;&lt;b&gt;") || !strings.Contains(last, "2001-02-03T03:0") || strings.Contains(last, "se@cret") {
		t.Errorf("asked %s", last)
	}
	for i, text := range r.asked {
		if open := strings.Contains(text, "GetSystemDateAndTime"); open == strings.Contains(text, "UsernameToken") {
			t.Errorf("request %d: %s", i, text)
		}
	}
}

func TestEventsOfMakers(t *testing.T) {
	for _, c := range []struct {
		maker string
		want  []string
	}{
		{"hikvision", []string{"motion VideoSourceToken true"}},
		{"dahua", []string{"motion 000 false", "input AlarmIn1 true"}},
		{"axis", []string{"tamper 0 true", "input 1 true"}},
	} {
		b, err := os.ReadFile("testdata/" + c.maker + "-PullMessages.xml")
		if err != nil {
			t.Fatal(err)
		}
		n, err := answer(http.StatusOK, b)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range (&Client{}).events(n) {
			got = append(got, e.Kind+" "+e.Source+" "+map[bool]string{true: "true", false: "false"}[e.Active])
			if d := time.Since(e.At).Abs(); d > time.Minute {
				t.Errorf("%s: at %s", c.maker, e.At)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.maker, diff)
		}
	}
}

func TestSubscription(t *testing.T) {
	r := replay(t, "dahua")
	k := r.connect(t)
	s, err := k.subscribe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if list, err := s.pull(t.Context()); err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	last := r.asked[len(r.asked)-1]
	// The reference's parameter comes back, escaped as it must be.
	if !strings.Contains(last, `xmlns:r="http://www.example.org/events"`) || !strings.Contains(last, "Idx&lt;7&gt;") || !strings.Contains(last, "PullMessagesRequest") {
		t.Errorf("asked %s", last)
	}
	s.ends = time.Now()
	if _, err := s.pull(t.Context()); !errors.Is(err, streams.ErrAuth) { // the golden refusal
		t.Errorf("got %v", err)
	}
}

func TestFaults(t *testing.T) {
	for _, c := range []struct {
		file, code string
		auth       bool
	}{
		{"hikvision-fault", "ter:NotAuthorized", true},
		{"dahua-fault", "wsse:FailedAuthentication", true},
		{"axis-fault", "ter:NoProfile", false},
		{"old-GetServices", "S:Client", false},
	} {
		b, err := os.ReadFile("testdata/" + c.file + ".xml")
		if err != nil {
			t.Fatal(err)
		}
		_, err = answer(http.StatusBadRequest, b)
		var f *Fault
		if !errors.As(err, &f) || f.Code != c.code || errors.Is(err, streams.ErrAuth) != c.auth || f.Reason == "" {
			t.Errorf("%s: %v", c.file, err)
		}
	}
}

func TestDiscoverAnswer(t *testing.T) {
	b, err := os.ReadFile("testdata/discover-hikvision.xml")
	if err != nil {
		t.Fatal(err)
	}
	nets := private(t)
	got := matches(b, netip.MustParseAddr("10.0.0.64"), nets)
	want := []Device{{ID: "urn:uuid:9f0c0d00-0000-11b5-8202-000000000001", Name: "东门 1", Hardware: "DS-2CD2143", Address: "http://10.0.0.64/onvif/device_service", Host: "10.0.0.64"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := matches(b, netip.MustParseAddr("10.0.0.65"), nets); len(got) != 0 {
		t.Errorf("a device speaks for another host: %+v", got)
	}
}

func TestHostileXML(t *testing.T) {
	deep := strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100)
	for _, s := range []string{
		"", "<", "no xml", "<a></b>", deep,
		`<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>`,
		`<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>`,
		"<a>&x;</a>",
		"<a>" + strings.Repeat("<b/>", maxNodes+1) + "</a>",
		"<a>" + strings.Repeat("x", maxAnswer) + "</a>",
		"<a/><b/>",
	} {
		if n, err := parseXML([]byte(s)); err == nil {
			t.Errorf("%.40q is taken: %+v", s, n)
		}
	}
}

func FuzzXML(f *testing.F) {
	files, err := os.ReadDir("testdata")
	if err != nil {
		f.Fatal(err)
	}
	for _, e := range files {
		if b, err := os.ReadFile("testdata/" + e.Name()); err == nil && !e.IsDir() {
			f.Add(b)
		}
	}
	nets, err := streams.ParseNetworks(streams.PrivateNetworks())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, d := range matches(b, netip.MustParseAddr("10.0.0.64"), nets) {
			if !strings.Contains(d.Address, "10.0.0.64") {
				t.Fatalf("found %+v", d)
			}
		}
		n, err := answer(http.StatusOK, b)
		if err != nil {
			return
		}
		for _, second := range []bool{false, true} {
			big, _ := choose(profiles(n, second))
			if big != nil && big.Token == "" {
				t.Fatal("a profile without a token")
			}
		}
		if got := (&Client{}).events(n); len(got) > maxMessages {
			t.Fatal("too many events")
		}
		_, _ = dateTime(n.find("UTCDateTime"))
	})
}

func TestUnreachable(t *testing.T) {
	none, err := streams.ParseNetworks([]string{"192.0.2.0/24"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		url  string
		nets streams.Networks
		want error
	}{
		{"http://admin:hunter2@127.0.0.1:9/onvif", private(t), streams.ErrUnreachable},
		{"http://admin:hunter2@127.0.0.1:9/onvif", none, streams.ErrNetwork},
		{"http://admin:hunter2@no-such-host.invalid/onvif", private(t), streams.ErrUnreachable},
	} {
		_, err := Connect(context.Background(), streams.Source{URL: streams.URL(c.url)}, c.nets)
		if !errors.Is(err, c.want) || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "no-such") || strings.Contains(err.Error(), "127.0") {
			t.Errorf("%s: %v", c.url, err)
		}
	}
}
