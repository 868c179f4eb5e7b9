package official

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dongyue/internal/cap"
	"dongyue/internal/db"
	"dongyue/internal/web"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const sender = "met@chengdu.example"

// town stands for the community: two courts side by side, a building in one of them.
type town struct {
	mu       sync.Mutex
	calls    []Call
	silenced []string
	alarms   []string
	fail     error
	onSpeak  func()
}

func (w *town) Zones(context.Context) []Zone {
	return []Zone{
		{"", "community", [4]float64{0, 0, 500, 400}},
		{"east", "court", [4]float64{300, 100, 150, 200}},
		{"east/b01", "building", [4]float64{310, 110, 60, 60}},
		{"west", "court", [4]float64{0, 100, 150, 200}},
		{"west/u1", "unit", [4]float64{}},
	}
}

func (w *town) Speak(_ context.Context, c Call) (string, error) {
	if w.onSpeak != nil {
		w.onSpeak()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fail != nil {
		return "", w.fail
	}
	if !slices.ContainsFunc(w.calls, func(x Call) bool { return x.Key == c.Key }) {
		w.calls = append(w.calls, c)
	}
	return "b-" + c.Key, nil
}

func (w *town) Silence(_ context.Context, id string) error {
	w.silenced = append(w.silenced, id)
	return nil
}

func pair(t testing.TB, name string) tls.Certificate {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

type room struct {
	*Official
	t      *testing.T
	town   *town
	signer *cap.Signer
	n      int
}

func fresh(t *testing.T, change ...func(*Options)) *room {
	t.Helper()
	d, err := db.Open(t.Context(), filepath.Join(t.TempDir(), "hub.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	feed, err := web.NewFeed(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	p := pair(t, sender)
	leaf, err := x509.ParseCertificate(p.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	keys := &cap.Keys{}
	if err := keys.Add(leaf); err != nil {
		t.Fatal(err)
	}
	r := &room{t: t, town: &town{}}
	if r.signer, err = cap.NewSigner(p); err != nil {
		t.Fatal(err)
	}
	o := Options{
		DB: d, Feed: feed, Air: r.town, Zones: r.town, Log: slog.New(slog.DiscardHandler), Keys: keys, Signer: r.signer, Sender: "hub", Origin: &Origin{Lat: 30, Lon: 104},
		Geocodes: map[string]string{"510107001": "west", "510107": ""},
		Alarm:    func(_ context.Context, reason, _ string) { r.town.alarms = append(r.town.alarms, reason) },
	}
	for _, f := range change {
		f(&o)
	}
	if r.Official, err = New(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	return r
}

// message is one of the sender; area is what it has besides a description.
func (r *room) message(area cap.Area, change ...func(*cap.Message)) *cap.Message {
	r.n++
	area.Desc = "两苑"
	m := &cap.Message{
		Identifier: "w-" + string(rune('a'+r.n)), Sender: sender, Sent: time.Now().Truncate(time.Second), Status: cap.StatusActual, MsgType: cap.Alert, Scope: "Public",
		Infos: []cap.Info{{
			Language: "zh-CN", Categories: []string{"Met"}, Event: "暴雨", Urgency: "Immediate", Severity: "Extreme", Certainty: "Observed",
			Headline: "暴雨红色预警", Instruction: "请留在室内。", Areas: []cap.Area{area},
		}},
	}
	for _, f := range change {
		f(m)
	}
	return m
}

func (r *room) receive(m *cap.Message) Entry {
	r.t.Helper()
	b, err := r.signer.Sign(m)
	if err != nil {
		r.t.Fatal(err)
	}
	e, err := r.Receive(r.t.Context(), b, "api")
	if err != nil {
		r.t.Fatal(err)
	}
	return e
}

func (r *room) at(x, y float64) cap.Point { return r.o.Origin.Earth(x, y) }

func TestWhereAMessageIsHeard(t *testing.T) {
	r := fresh(t)
	poly := func(ps ...cap.Point) cap.Area { return cap.Area{Polygons: []cap.Polygon{append(ps, ps[0])}} }
	for name, c := range map[string]struct {
		area cap.Area
		want string
	}{
		"a corner of both courts":      {poly(r.at(140, 150), r.at(310, 150), r.at(200, 160)), "east,west"},
		"inside the building":          {poly(r.at(320, 120), r.at(330, 120), r.at(330, 130)), "east"},
		"around all":                   {poly(r.at(-100, -100), r.at(900, -100), r.at(900, 900), r.at(-100, 900)), "east,west"},
		"an edge through the court":    {poly(r.at(200, 90), r.at(460, 250), r.at(460, 90)), "east"},
		"between the courts":           {poly(r.at(200, 10), r.at(250, 10), r.at(250, 90)), "elsewhere"},
		"far away":                     {poly(cap.Point{Lat: 40, Lon: 100}, cap.Point{Lat: 40, Lon: 101}, cap.Point{Lat: 41, Lon: 101}), "elsewhere"},
		"a circle":                     {cap.Area{Circles: []cap.Circle{{Point: r.at(-40, 200), RadiusKM: 0.05}}}, "west"},
		"a circle beside":              {cap.Area{Circles: []cap.Circle{{Point: r.at(-60, 200), RadiusKM: 0.05}}}, "elsewhere"},
		"a code":                       {cap.Area{Geocodes: []cap.Value{{Name: "GB2260", Value: "510107001"}}}, "west"},
		"a code of the whole district": {cap.Area{Geocodes: []cap.Value{{Name: "GB2260", Value: "510107"}}}, ""},
		"a code of elsewhere":          {cap.Area{Geocodes: []cap.Value{{Name: "GB2260", Value: "110101"}}}, "elsewhere"},
		"words only":                   {cap.Area{}, ""},
	} {
		e := r.receive(r.message(c.area))
		got := strings.Join(e.Zones, ",")
		if e.State == Elsewhere {
			got = "elsewhere"
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q (%s)", name, got, c.want, e.State)
		}
	}
	lost := fresh(t, func(o *Options) { o.Origin = nil })
	if e := lost.receive(lost.message(cap.Area{Circles: []cap.Circle{{Point: cap.Point{Lat: 30, Lon: 104}, RadiusKM: 1}}})); e.State != Speaking || e.Zones[0] != "" {
		t.Errorf("without a place it is for everybody: %+v", e)
	}
}

// The plan's corner lies where the origin says, turned as it says.
func TestOriginRoundTrip(t *testing.T) {
	for _, g := range []Origin{{30, 104, 0}, {30, 104, 90}, {-33, 151, -17}} {
		p := g.plan(g.Earth(120, 40))
		if d := max(p.x-120, 120-p.x, p.y-40, 40-p.y); d > 0.01 {
			t.Errorf("%+v: %v", g, p)
		}
	}
	east := Origin{30, 104, 0}
	if p := east.plan(cap.Point{Lat: 30, Lon: 104.001}); p.x < 90 || p.x > 100 || p.y > 0.1 {
		t.Errorf("east of the corner is %v", p)
	}
	if p := east.plan(cap.Point{Lat: 29.999, Lon: 104}); p.y < 100 || p.y > 120 {
		t.Errorf("south of the corner is %v", p)
	}
}

func TestWhatBecomesOfAMessage(t *testing.T) {
	r := fresh(t)
	words := cap.Area{}
	first := r.message(words)
	e := r.receive(first)
	c := r.town.calls[0]
	if e.State != Speaking || !c.Grave || c.Exercise || c.Text != "暴雨红色预警。请留在室内。" || e.GB.Severity != "RED" || e.GB.EventClass != "11" {
		t.Fatalf("%+v %+v", e, c)
	}
	minor := r.receive(r.message(words, func(m *cap.Message) { m.Infos[0].Severity = "Minor" }))
	if minor.State != Speaking || r.town.calls[1].Grave {
		t.Errorf("%+v", r.town.calls[1])
	}
	for status, want := range map[string]State{"Test": Silent, "System": Silent, "Draft": Silent} {
		if e := r.receive(r.message(words, func(m *cap.Message) { m.Status = status })); e.State != want || e.Broadcast != "" {
			t.Errorf("%s: %+v", status, e)
		}
	}
	if e := r.receive(r.message(words, func(m *cap.Message) { m.Status = "Exercise" })); e.State != Speaking || !r.town.calls[2].Exercise {
		t.Errorf("%+v", e)
	}
	past := time.Now().Add(-time.Minute)
	if e := r.receive(r.message(words, func(m *cap.Message) { m.Infos[0].Expires = &past })); e.State != Expired {
		t.Errorf("%+v", e)
	}
	refer := func(kind, status string) Entry {
		return r.receive(r.message(words, func(m *cap.Message) {
			m.MsgType, m.Status, m.References = kind, status, []cap.Reference{cap.Of(first)}
		}))
	}
	if e := refer(cap.Cancel, "Exercise"); e.State != Silent || len(r.town.silenced) != 0 {
		t.Errorf("an exercise ended what is actual: %+v", r.town.silenced)
	}
	up := refer(cap.Update, cap.StatusActual)
	if last := r.town.calls[len(r.town.calls)-1]; up.State != Speaking || last.Replaces != e.Broadcast {
		t.Errorf("%+v", last)
	}
	if e := refer(cap.Cancel, cap.StatusActual); e.State != Silent || strings.Join(r.town.silenced, ",") != r.town.calls[0].broadcast() {
		t.Errorf("silenced %v", r.town.silenced)
	}
	r.town.fail = errors.New("no loudspeaker")
	if e := r.receive(r.message(words)); e.State != Failed || e.Reason != "broadcast" {
		t.Errorf("%+v", e)
	}
}

func (c Call) broadcast() string { return "b-" + c.Key }

func TestNotBelieved(t *testing.T) {
	r := fresh(t)
	good, err := r.signer.Sign(r.message(cap.Area{}))
	if err != nil {
		t.Fatal(err)
	}
	other, err := cap.NewSigner(pair(t, sender))
	if err != nil {
		t.Fatal(err)
	}
	stranger, _ := other.Sign(r.message(cap.Area{}))
	late, _ := r.signer.Sign(r.message(cap.Area{}, func(m *cap.Message) { m.Sent = time.Now().Add(-25 * time.Hour) }))
	early, _ := r.signer.Sign(r.message(cap.Area{}, func(m *cap.Message) { m.Sent = time.Now().Add(time.Hour) }))
	for _, c := range []struct {
		what, reason string
		b            []byte
		alarm        bool
	}{
		{"changed", reasonSignature, []byte(strings.Replace(string(good), "红色", "蓝色", 1)), true},
		{"unsigned", reasonUnsigned, r.message(cap.Area{}).XML(), true},
		{"of a stranger", reasonKey, stranger, true},
		{"of yesterday", reasonClock, late, true},
		{"of tomorrow", reasonClock, early, true},
		{"no CAP", reasonForm, []byte("<html/>"), false},
		{"large", reasonSize, make([]byte, 2<<20), false},
	} {
		before := len(r.town.alarms)
		e, err := r.Receive(t.Context(), c.b, "api")
		if err != nil || e.State != Refused || e.Reason != c.reason || e.Message != nil || (len(r.town.alarms) > before) != c.alarm {
			t.Errorf("%s: %+v %v, alarms %v", c.what, e, err, r.town.alarms)
		}
	}
	if len(r.town.calls) != 0 {
		t.Errorf("heard %+v", r.town.calls)
	}
	for i, want := range []State{Speaking, Replayed, Replayed} {
		if e, err := r.Receive(t.Context(), good, "api"); err != nil || e.State != want {
			t.Errorf("%d: %s, want %s; %v", i, e.State, want, err)
		}
	}
	if n := len(r.town.calls); n != 1 || r.town.alarms[len(r.town.alarms)-1] != reasonReplay {
		t.Errorf("%d calls, alarms %v", n, r.town.alarms)
	}
	none := fresh(t, func(o *Options) { o.Keys = nil })
	if e := none.receive(none.message(cap.Area{})); e.Reason != reasonNoKeys || len(none.town.calls) != 0 {
		t.Errorf("%+v", e)
	}
}

// Results come once, whatever the line does meanwhile.
func TestResultsComeOnce(t *testing.T) {
	var mu sync.Mutex
	var got []string
	fails := 2
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		b, _ := io.ReadAll(q.Body)
		if fails--; fails >= 0 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		got = append(got, q.Header.Get("Idempotency-Key")+" "+string(b))
	}))
	defer srv.Close()
	r := fresh(t, func(o *Options) { o.Upstream, o.Client = srv.URL, srv.Client() })
	e := r.receive(r.message(cap.Area{}))
	h := Heard{Ref: e.ID, Targets: 2, Playing: 1, Nodes: []string{"s-1=playing", "s-2=failed(offline)"}}
	for range 3 { // a crash tells it again
		if err := r.Settled(t.Context(), h); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		mu.Lock()
		n := len(got)
		mu.Unlock()
		if n > 0 {
			break
		}
	}
	time.Sleep(50 * time.Millisecond)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(got) != 1 || !strings.HasPrefix(got[0], "ack-"+e.ID+" ") || !strings.Contains(got[0], "1 of 2 playing; s-1=playing s-2=failed(offline)") {
		t.Fatalf("%q", got)
	}
	if _, err := r.o.Keys.Open([]byte(got[0][len("ack-"+e.ID+" "):]), time.Now()); !errors.Is(err, cap.ErrSender) { // the same key here, another name
		t.Errorf("signature: %v", err)
	}
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	r := fresh(t, func(o *Options) { o.Folder = dir })
	good, err := r.signer.Sign(r.message(cap.Area{}))
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"good.xml": good, "bad.xml": []byte("<html></html>"), "half.xml": good[:200], "note.txt": good} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []string{"done", "refused"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.folder(t.Context()); err != nil {
		t.Fatal(err)
	}
	list := func(d string) string {
		es, _ := os.ReadDir(filepath.Join(dir, d))
		var names []string
		for _, e := range es {
			if !e.IsDir() {
				names = append(names, e.Name()[max(0, strings.LastIndex(e.Name(), "-")+1):])
			}
		}
		return strings.Join(names, ",")
	}
	if got := list("done") + " " + list("refused") + " " + list(""); got != "good.xml bad.xml half.xml,note.txt" || len(r.town.calls) != 1 {
		t.Errorf("%s, %d calls", got, len(r.town.calls))
	}
}

func TestOwnAlarms(t *testing.T) {
	r := fresh(t)
	a := Alarm{ID: "a1", TitleZH: "冒烟", TitleEN: "smoke", Zone: "东苑", Shape: [4]float64{300, 100, 150, 200}, Critical: true, Category: "Fire", At: time.Now()}
	for range 2 {
		if err := r.Publish(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	a.Over = true
	if err := r.Publish(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	out, err := r.getOutbox(t.Context(), &listInput{Limit: 10})
	if err != nil || len(out.Body.Items) != 2 {
		t.Fatalf("%d %v", len(out.Body.Items), err)
	}
	m, err := cap.Parse([]byte(out.Body.Items[1].XML))
	if err != nil || m.MsgType != cap.Alert || len(m.Infos) != 2 || len(m.Infos[0].Areas[0].Polygons) != 1 {
		t.Errorf("%+v %v", m, err)
	}
	over, err := cap.Parse([]byte(out.Body.Items[0].XML))
	if err != nil || over.MsgType != cap.Cancel || over.References[0].Identifier != "alarm-a1" {
		t.Errorf("%+v %v", over, err)
	}
}

// signs stand for the panels.
type signs struct {
	shown []Sign
	ended []string
	fail  error
}

func (s *signs) Show(_ context.Context, x Sign) error {
	if s.fail != nil {
		return s.fail
	}
	s.shown = append(s.shown, x)
	return nil
}

func (s *signs) End(_ context.Context, ref string) error {
	s.ended = append(s.ended, ref)
	return nil
}

func (s *signs) Shown(context.Context, string) (int, int, error) { return 2, 3, nil }

type home struct{}

func (home) Home(person string) string {
	return map[string]string{"p-east": "east/b01/u1", "p-west": "west"}[person]
}

// warnings are what a resident is shown.
func (r *room) warnings(person string) (words []string) {
	r.t.Helper()
	out, err := r.getWarnings(web.WithPrincipal(r.t.Context(), web.Principal{ID: "u", Person: person}), nil)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, w := range out.Body.Items {
		words = append(words, w.Colour+" "+w.Headline)
	}
	return words
}

func TestWhatIsReadOfAMessage(t *testing.T) {
	panels := &signs{}
	r := fresh(t, func(o *Options) { o.Signs, o.Homes = panels, home{} })
	east := cap.Area{Polygons: []cap.Polygon{{r.at(320, 120), r.at(330, 120), r.at(330, 130), r.at(320, 120)}}}
	first := r.message(east)
	e := r.receive(first)
	if s := panels.shown[0]; s.Ref != e.ID || strings.Join(s.Zones, ",") != "east" || s.Text != "暴雨红色预警 请留在室内。" || s.Colour != "red" || !s.Grave || s.Exercise || s.Author != sender {
		t.Errorf("%+v", s)
	}
	if got := fmt.Sprint(r.warnings("p-east"), r.warnings("p-west"), r.warnings("")); got != "[red 暴雨红色预警] [] [red 暴雨红色预警]" {
		t.Errorf("residents see %s", got)
	}
	// What is not public is for nobody's eyes.
	r.receive(r.message(east, func(m *cap.Message) { m.Scope, m.Addresses = "Private", "hub" }))
	if len(panels.shown) != 1 || len(r.warnings("p-east")) != 1 {
		t.Errorf("a private message is shown: %v", r.warnings("p-east"))
	}
	// An update takes its place, also where nothing can be heard.
	r.town.fail = errors.New("no loudspeaker")
	up := r.receive(r.message(east, func(m *cap.Message) {
		m.MsgType, m.References = cap.Update, []cap.Reference{cap.Of(first)}
		m.Infos[0].Severity, m.Infos[0].Headline = "Severe", "暴雨橙色预警"
	}))
	r.town.fail = nil
	if up.State != Failed || len(panels.shown) != 2 || fmt.Sprint(panels.ended) != fmt.Sprint([]string{e.ID}) {
		t.Errorf("%s, shown %d, ended %v", up.State, len(panels.shown), panels.ended)
	}
	if got := fmt.Sprint(r.warnings("p-east")); got != "[orange 暴雨橙色预警]" {
		t.Errorf("residents see %s", got)
	}
	if old, err := r.find(t.Context(), e.ID); err != nil || old.State != Updated {
		t.Errorf("%v %v", old.State, err)
	}
	r.receive(r.message(east, func(m *cap.Message) {
		m.MsgType, m.References = cap.Cancel, []cap.Reference{cap.Of(first), cap.Of(up.Message)}
	}))
	if got := r.warnings("p-east"); len(got) != 0 || !slices.Contains(panels.ended, up.ID) {
		t.Errorf("after the end: %v, ended %v", got, panels.ended)
	}
	// The result counts the panels.
	last := r.receive(r.message(east))
	if err := r.Settled(t.Context(), Heard{Ref: last.ID, Targets: 1, Playing: 1, Nodes: []string{"s=playing"}}); err != nil {
		t.Fatal(err)
	}
	out, err := r.getOutbox(t.Context(), &listInput{Limit: 1})
	if err != nil || !strings.Contains(out.Body.Items[0].XML, "loudspeakers 1 of 1 playing; panels 2 of 3 showing; s=playing") {
		t.Errorf("%+v %v", out, err)
	}
}

// TestLinksDoNotKeepTheOrder: what was cancelled or updated before it came is not heard.
func TestLinksDoNotKeepTheOrder(t *testing.T) {
	for kind, want := range map[string]State{cap.Cancel: Cancelled, cap.Update: Updated} {
		r := fresh(t)
		first := r.message(cap.Area{})
		refer := func(status string) {
			r.receive(r.message(cap.Area{}, func(m *cap.Message) {
				m.MsgType, m.Status, m.References = kind, status, []cap.Reference{cap.Of(first)}
			}))
		}
		other := r.message(cap.Area{})
		refer(cap.StatusActual)
		heard := len(r.town.calls)
		if e := r.receive(first); e.State != want || len(r.town.calls) != heard {
			t.Errorf("%s: %+v, heard %d", kind, e, len(r.town.calls)-heard)
		}
		if e := r.receive(other); e.State != Speaking {
			t.Errorf("%s: one that nobody has ended: %+v", kind, e)
		}
		second := r.message(cap.Area{})
		first = second
		refer(cap.StatusExercise)
		if e := r.receive(second); e.State != Speaking {
			t.Errorf("%s of an exercise ends what is actual: %+v", kind, e)
		}
	}
}

// TestAnUpdateThatIsNotForUs any more, or over, ends what it updates.
func TestAnUpdateThatIsNotForUs(t *testing.T) {
	past := time.Now().Add(-time.Minute)
	far := cap.Area{Desc: "远处", Polygons: []cap.Polygon{{{Lat: 40, Lon: 100}, {Lat: 40, Lon: 101}, {Lat: 41, Lon: 101}, {Lat: 40, Lon: 100}}}}
	for what, change := range map[string]func(*cap.Message){
		"elsewhere": func(m *cap.Message) { m.Infos[0].Areas = []cap.Area{far} },
		"over":      func(m *cap.Message) { m.Infos[0].Expires = &past },
	} {
		panels := &signs{}
		r := fresh(t, func(o *Options) { o.Signs = panels })
		first := r.message(cap.Area{})
		e := r.receive(first)
		r.receive(r.message(cap.Area{}, change, func(m *cap.Message) { m.MsgType, m.References = cap.Update, []cap.Reference{cap.Of(first)} }))
		now, err := r.entries(t.Context(), "WHERE id = ?", e.ID)
		if err != nil || now[0].State != Updated || strings.Join(r.town.silenced, ",") != e.Broadcast || len(panels.ended) != 1 || len(r.town.calls) != 1 {
			t.Errorf("%s: %s, silenced %v, panels %v, %v", what, now[0].State, r.town.silenced, panels.ended, err)
		}
	}
}

// TestInfosOfSeveralPlaces: each place hears its own, and what is over is not said.
func TestInfosOfSeveralPlaces(t *testing.T) {
	r := fresh(t)
	past := time.Now().Add(-time.Minute)
	east := cap.Area{Desc: "东苑", Polygons: []cap.Polygon{{r.at(320, 120), r.at(330, 120), r.at(330, 130), r.at(320, 120)}}}
	west := cap.Area{Desc: "西苑", Geocodes: []cap.Value{{Name: "GB2260", Value: "510107001"}}}
	far := cap.Area{Desc: "远处", Polygons: []cap.Polygon{{{Lat: 40, Lon: 100}, {Lat: 40, Lon: 101}, {Lat: 41, Lon: 101}, {Lat: 40, Lon: 100}}}}
	info := func(text, severity string, area cap.Area, expires *time.Time) cap.Info {
		return cap.Info{
			Language: "zh-CN", Categories: []string{"Met"}, Event: "洪水", Urgency: "Immediate", Severity: severity, Certainty: "Observed", Headline: text,
			Expires: expires, Areas: []cap.Area{area},
		}
	}
	for what, c := range map[string]struct {
		infos []cap.Info
		text  string
		zones string
		grave bool
	}{
		"ours is the second":     {[]cap.Info{info("立即撤离", "Extreme", far, nil), info("注意防范", "Minor", east, nil)}, "注意防范。", "east", false},
		"ours is not over":       {[]cap.Info{info("立即撤离", "Extreme", east, &past), info("注意防范", "Moderate", east, nil)}, "注意防范。", "east", false},
		"one in words follows":   {[]cap.Info{info("注意防范", "Severe", cap.Area{Desc: "河边"}, nil), info("river", "Severe", east, nil)}, "注意防范。", "east", true},
		"words of another place": {[]cap.Info{info("注意防范", "Severe", cap.Area{Desc: "河边"}, nil), info("river", "Severe", far, nil)}, "", "", false},
		"each has its own":       {[]cap.Info{info("注意防范", "Minor", east, nil), info("立即撤离", "Extreme", west, nil)}, "东苑：注意防范；西苑：立即撤离。", "east,west", true},
	} {
		before := len(r.town.calls)
		e := r.receive(r.message(cap.Area{}, func(m *cap.Message) { m.Infos = c.infos }))
		if c.text == "" {
			if e.State != Elsewhere || len(r.town.calls) != before {
				t.Errorf("%s: %+v", what, e)
			}
			continue
		}
		if len(r.town.calls) != before+1 {
			t.Errorf("%s: %+v", what, e)
			continue
		}
		if got := r.town.calls[before]; got.Text != c.text || strings.Join(got.Zones, ",") != c.zones || got.Grave != c.grave {
			t.Errorf("%s: %+v", what, got)
		}
	}
}

// TestCodesOfLargerPlaces: a code of the county or province around is for us as well.
func TestCodesOfLargerPlaces(t *testing.T) {
	r := fresh(t)
	for code, want := range map[string]string{"510100": "", "510000": "", "510107000000": "", "510108": "elsewhere", "520000": "elsewhere", "510107999": "elsewhere", "5101": "elsewhere", "x": "elsewhere"} {
		e := r.receive(r.message(cap.Area{Geocodes: []cap.Value{{Name: "GB2260", Value: code}}}))
		got := strings.Join(e.Zones, ",")
		if e.State == Elsewhere {
			got = "elsewhere"
		}
		if got != want {
			t.Errorf("%s: %q, want %q", code, got, want)
		}
	}
	none := fresh(t, func(o *Options) { o.Geocodes = nil })
	if e := none.receive(none.message(cap.Area{Geocodes: []cap.Value{{Name: "GB2260", Value: "510107"}}})); e.State != Speaking || e.Zones[0] != "" || !strings.Contains(e.Detail, "official.geocodes") {
		t.Errorf("a hub that knows no codes, and says so: %+v", e)
	} else if later, err := none.find(t.Context(), e.ID); err != nil || later.Detail != e.Detail {
		t.Errorf("later it says %q, %v", later.Detail, err)
	}
	if e := r.receive(r.message(cap.Area{Geocodes: []cap.Value{{Name: "GB2260", Value: "510107"}}})); e.Zones[0] != "" || e.Detail != "" {
		t.Errorf("meant for everybody: %+v", e)
	}
}

// TestTheDateLine runs around a plan beside it.
func TestTheDateLine(t *testing.T) {
	g := &Origin{Lat: -18, Lon: -179.5}
	zone := rect{0, 0, 100, 100}
	for s, want := range map[*cap.Polygon]bool{
		{{Lat: -17, Lon: 179}, {Lat: -17, Lon: -179}, {Lat: -19, Lon: -179}, {Lat: -19, Lon: 179}, {Lat: -17, Lon: 179}}:  true,
		{{Lat: -17, Lon: -179}, {Lat: -17, Lon: 179}, {Lat: -19, Lon: 179}, {Lat: -19, Lon: -179}, {Lat: -17, Lon: -179}}: true,
		{{Lat: -17, Lon: 178}, {Lat: -17, Lon: 179}, {Lat: -19, Lon: 179}, {Lat: -19, Lon: 178}, {Lat: -17, Lon: 178}}:    false,
		{{Lat: -60, Lon: -180}, {Lat: 60, Lon: -180}, {Lat: 60, Lon: 180}, {Lat: -60, Lon: 180}, {Lat: -60, Lon: -180}}:   true,
		{{Lat: 0, Lon: 120}, {Lat: 0, Lon: -120}, {Lat: 60, Lon: -120}, {Lat: 60, Lon: 120}, {Lat: 0, Lon: 120}}:          false,
	} {
		if zone.touches(g.outline(*s)) != want {
			t.Errorf("%v: %v", *s, !want)
		}
	}
	if dayi := (&Origin{Lat: 30.6, Lon: 103.5}); zone.touches(dayi.outline(cap.Polygon{
		{Lat: 0, Lon: 120}, {Lat: 0, Lon: -120}, {Lat: 60, Lon: -120}, {Lat: 60, Lon: 120}, {Lat: 0, Lon: 120},
	})) {
		t.Error("the Pacific lies around Dayi")
	}
}

// TestForNamedPeopleOnly: what is private is not said aloud.
func TestForNamedPeopleOnly(t *testing.T) {
	r := fresh(t)
	for _, scope := range []string{"Private", "Restricted"} {
		if e := r.receive(r.message(cap.Area{}, func(m *cap.Message) { m.Scope, m.Addresses = scope, "hub" })); e.State != Silent || len(r.town.calls) != 0 {
			t.Errorf("%s: %+v", scope, e)
		}
	}
}

// TestAFileThatIsBeingWritten may stop at the end of any element; it is no forgery.
func TestAFileThatIsBeingWritten(t *testing.T) {
	r := fresh(t)
	good, err := r.signer.Sign(r.message(cap.Area{}))
	if err != nil {
		t.Fatal(err)
	}
	for i := range good {
		if ended(good[:i]) {
			t.Fatalf("%d of %d bytes are taken for all: …%s", i, len(good), good[max(0, i-40):i])
		}
	}
	for _, whole := range []string{string(good), string(good) + "\n\n", "<html></html>", "<?xml version='1.0'?><!-- by hand --><a:alert >1</a:alert >"} {
		if !ended([]byte(whole)) {
			t.Errorf("not taken: %s", whole)
		}
	}
}

// TestTheSameByFileAndByHTTP: what is too large is refused both ways and stands in the list.
func TestTheSameByFileAndByHTTP(t *testing.T) {
	r := fresh(t, func(o *Options) { o.Folder = t.TempDir() })
	large := bytes.Repeat([]byte("<alert>"), 1_500_000) // 10 MB
	w := httptest.NewRecorder()
	r.submit(w, httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(large)))
	if w.Code != http.StatusRequestEntityTooLarge || !strings.Contains(w.Body.String(), "official.too_large") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if err := os.WriteFile(filepath.Join(r.o.Folder, "large.xml"), large, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{"done", "refused"} {
		if err := os.Mkdir(filepath.Join(r.o.Folder, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.folder(t.Context()); err != nil {
		t.Fatal(err)
	}
	all, err := r.entries(t.Context(), "ORDER BY seq")
	if err != nil || len(all) != 2 {
		t.Fatalf("%+v %v", all, err)
	}
	for _, e := range all {
		if kept := r.raw(e.ID); e.State != Refused || e.Reason != reasonSize || kept.Code != http.StatusOK || kept.Body.Len() != 0 {
			t.Errorf("by %s: %s, %s, %d with %d bytes kept", e.Came, e.State, e.Reason, kept.Code, kept.Body.Len())
		}
	}
	if len(r.town.alarms)+len(r.town.calls) != 0 {
		t.Errorf("alarms %v", r.town.alarms)
	}
}

// TestResidentsReadWhatIsForThem, not what a message says of other places, or said before.
func TestResidentsReadWhatIsForThem(t *testing.T) {
	panels := &signs{}
	r := fresh(t, func(o *Options) { o.Signs, o.Homes = panels, home{} })
	past := time.Now().Add(-time.Minute)
	east := cap.Area{Desc: "东苑", Polygons: []cap.Polygon{{r.at(320, 120), r.at(330, 120), r.at(330, 130), r.at(320, 120)}}}
	far := cap.Area{Desc: "远处", Polygons: []cap.Polygon{{{Lat: 40, Lon: 100}, {Lat: 40, Lon: 101}, {Lat: 41, Lon: 101}, {Lat: 40, Lon: 100}}}}
	info := func(text, severity string, area cap.Area, expires *time.Time) cap.Info {
		return cap.Info{
			Language: "zh-CN", Categories: []string{"Met"}, Event: "洪水", Urgency: "Immediate", Severity: severity, Certainty: "Observed", Headline: text,
			Expires: expires, Areas: []cap.Area{area},
		}
	}
	for what, first := range map[string]cap.Info{"of another place": info("立即撤离", "Extreme", far, nil), "over": info("立即撤离", "Extreme", east, &past)} {
		e := r.receive(r.message(cap.Area{}, func(m *cap.Message) { m.Infos = []cap.Info{first, info("注意防范", "Minor", east, nil)} }))
		if got := fmt.Sprint(r.warnings("p-east")); got != "[blue 注意防范]" {
			t.Errorf("%s: residents read %s", what, got)
		}
		if s := panels.shown[len(panels.shown)-1]; s.Text != "注意防范" || s.Colour != "blue" {
			t.Errorf("%s: panels show %+v", what, s)
		}
		r.receive(r.message(cap.Area{}, func(m *cap.Message) { m.MsgType, m.References = cap.Cancel, []cap.Reference{cap.Of(e.Message)} }))
	}
}
