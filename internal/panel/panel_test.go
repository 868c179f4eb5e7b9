package panel

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dongyue/internal/db"
	"dongyue/internal/event"
	"dongyue/internal/web"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// street are two poles with panels that take what is wanted of them at once.
type street struct {
	poles map[string]*Panel
	told  int
	fail  error
}

func (s *street) Panels(context.Context) (out []Panel) {
	for _, id := range []string{"lamp-e", "lamp-w"} {
		out = append(out, *s.poles[id])
	}
	return out
}

func (s *street) Desire(_ context.Context, pole string, members map[string]any) error {
	if s.fail != nil {
		return s.fail
	}
	s.told++
	b, err := json.Marshal(members["panel"])
	if err != nil {
		return err
	}
	p := s.poles[pole]
	p.Wanted = b
	c := wanted(b)
	p.Message, p.SHA256 = c.Message, hash(c.Text)
	return nil
}

type noted []string

func (n *noted) Audit(_ context.Context, _ *sql.Tx, actor, action, _ string, _ any) error {
	*n = append(*n, actor+" "+action)
	return nil
}

type fixture struct {
	*Room
	t      *testing.T
	street *street
	notes  *noted
	at     time.Time
}

func fresh(t *testing.T) *fixture {
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
	f := &fixture{t: t, notes: &noted{}, at: time.Date(2026, 7, 1, 8, 0, 0, 0, time.UTC)}
	f.street = &street{poles: map[string]*Panel{"lamp-e": {ID: "lamp-e", Zone: "east/b01", Online: true}, "lamp-w": {ID: "lamp-w", Zone: "west", Online: true}}}
	f.Room, err = New(t.Context(), Options{
		DB: d, Feed: feed, Panels: f.street, Audit: f.notes, Seed: make([]byte, ed25519.SeedSize), Now: func() time.Time { return f.at },
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fixture) shows(pole string) string {
	f.t.Helper()
	f.step(f.t.Context())
	return wanted(f.street.poles[pole].Wanted).Text
}

func (f *fixture) warning(ref, text string, rank int) Notice {
	return Notice{Ref: ref, Zones: []string{"east"}, Text: text, Colour: "red", Rank: rank, Author: "met@chengdu.example", ReleasedBy: "official", Until: f.at.Add(time.Hour)}
}

func (f *fixture) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func code(err error) string {
	p, ok := errors.AsType[*web.Problem](err)
	if !ok {
		return ""
	}
	return p.Code
}

func TestWarningIsShownWhereItBelongsAndEnds(t *testing.T) {
	f := fresh(t)
	f.must(f.Show(t.Context(), f.warning("m1", "暴雨红色预警", Grave)))
	f.must(f.Show(t.Context(), f.warning("m1", "暴雨红色预警", Grave))) // the same again, after a crash
	if got := f.shows("lamp-e"); got != "暴雨红色预警" {
		t.Errorf("east shows %q", got)
	}
	if got := f.shows("lamp-w"); got != "" || f.street.told != 1 {
		t.Errorf("west shows %q, %d were told", got, f.street.told)
	}
	if shown, all, err := f.Shown(t.Context(), "m1"); shown != 1 || all != 1 || err != nil {
		t.Errorf("%d of %d, %v", shown, all, err)
	}
	f.street.poles["lamp-e"].SHA256 = hash("别的")
	if shown, _, _ := f.Shown(t.Context(), "m1"); shown != 0 {
		t.Error("a panel that shows something else counts as one that shows it")
	}
	f.must(f.End(t.Context(), "m1"))
	if got := f.shows("lamp-e"); got != "" {
		t.Errorf("after its end: %q", got)
	}
	f.step(t.Context())
	if f.street.told != 2 {
		t.Errorf("%d orders; what is as it should be is not told again", f.street.told)
	}
}

func TestWhatIsSignedIsForOnePanel(t *testing.T) {
	f := fresh(t)
	w := f.warning("m1", "暴雨红色预警", Grave)
	w.Exercise = true
	f.must(f.Show(t.Context(), w))
	f.step(t.Context())
	var s Signed
	f.must(json.Unmarshal(f.street.poles["lamp-e"].Wanted, &s))
	sig, err := base64.StdEncoding.DecodeString(s.Signature)
	f.must(err)
	if !ed25519.Verify(f.Key(), []byte(signedAs+s.Content), sig) {
		t.Error("the signature is not good")
	}
	if ed25519.Verify(f.Key(), []byte(signedAs+strings.Replace(s.Content, "lamp-e", "lamp-w", 1)), sig) {
		t.Error("the signature is good for another panel")
	}
	if c := wanted(f.street.poles["lamp-e"].Wanted); c.Mode != "exercise" || c.Text != "【演习】暴雨红色预警" || !c.IssuedAt.Equal(f.at) {
		t.Errorf("%+v", c)
	}
}

func TestTheStrongestNoticeIsShown(t *testing.T) {
	f := fresh(t)
	own, err := f.Write(t.Context(), "chen", Notice{Zones: []string{""}, Text: "周六坝坝会", Colour: "white", Until: f.at.Add(2 * time.Hour)})
	f.must(err)
	if got := f.shows("lamp-w"); got != "" {
		t.Errorf("unreleased, and shown: %q", got)
	}
	if _, err := f.Release(t.Context(), "chen", own.ID); code(err) != "panel.self_release" {
		t.Errorf("released by its author: %v", err)
	}
	if got := f.shows("lamp-w"); got != "" {
		t.Errorf("released by its author, and shown: %q", got)
	}
	_, err = f.Release(t.Context(), "li", own.ID)
	f.must(err)
	exercise := f.warning("m0", "演练内容", Grave)
	exercise.Exercise = true
	f.must(f.Show(t.Context(), f.warning("m1", "红色", Grave)))
	f.must(f.Show(t.Context(), exercise))
	f.must(f.Show(t.Context(), f.warning("m2", "黄色", Routine)))
	for _, step := range []struct{ pole, want, ends string }{
		{"lamp-w", "周六坝坝会", ""}, {"lamp-e", "红色", "m1"}, {"lamp-e", "【演习】演练内容", "m0"}, {"lamp-e", "黄色", "m2"}, {"lamp-e", "周六坝坝会", ""},
	} {
		if got := f.shows(step.pole); got != step.want {
			t.Errorf("%s shows %q, want %q", step.pole, got, step.want)
		}
		if step.ends != "" {
			f.must(f.End(t.Context(), step.ends))
		}
	}
	f.at = f.at.Add(2 * time.Hour)
	if got := f.shows("lamp-e"); got != "" {
		t.Errorf("over, and shown: %q", got)
	}
	if got := strings.Join(*f.notes, ", "); got != "chen panel.write, li panel.release" {
		t.Errorf("record: %s", got)
	}
}

func TestBadNotices(t *testing.T) {
	f := fresh(t)
	good := Notice{Zones: []string{""}, Text: "周六坝坝会", Colour: "white", Until: f.at.Add(time.Hour)}
	for name, c := range map[string]struct {
		change func(*Notice)
		want   string
	}{
		"no text":     {func(n *Notice) { n.Text = " " }, "text"},
		"long":        {func(n *Notice) { n.Text = strings.Repeat("长", 301) }, "text"},
		"two lines":   {func(n *Notice) { n.Text = "a\nb" }, "one line"},
		"turned":      {func(n *Notice) { n.Text = "本周六\u202e停水" }, "one line"},
		"unseen":      {func(n *Notice) { n.Text = "\u200b" }, "one line"},
		"nowhere":     {func(n *Notice) { n.Zones = nil }, "zones"},
		"pink":        {func(n *Notice) { n.Colour = "pink" }, "colour"},
		"over":        {func(n *Notice) { n.Until = f.at }, "until"},
		"for a while": {func(n *Notice) { n.Until = f.at.AddDate(1, 0, 0) }, "until"},
	} {
		n := good
		c.change(&n)
		if _, err := f.Write(t.Context(), "chen", n); code(err) != "panel.invalid" || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := f.Release(t.Context(), "li", "none"); code(err) != "panel.no_notice" {
		t.Errorf("released what is not there: %v", err)
	}
}

func TestAPanelThatIsNotToldIsToldAgain(t *testing.T) {
	f := fresh(t)
	f.must(f.Show(t.Context(), f.warning("m1", "红色", Grave)))
	f.street.fail = errors.New("no disk")
	f.step(t.Context())
	f.street.fail = nil
	if got := f.shows("lamp-e"); got != "红色" {
		t.Errorf("shows %q", got)
	}
}

func TestScreensAreToldOfWhatPanelsShow(t *testing.T) {
	f := fresh(t)
	before := f.o.Feed.Last()
	evs := []event.Event{
		{Kind: event.Lamp, Device: "lamp-e", Channel: event.Happening, Type: "panel_shown"},
		{Kind: event.Lamp, Device: "lamp-e", Channel: event.Happening, Type: "sos"},
		{Kind: event.Lamp, Device: "lamp-e", Channel: event.Happening, Type: "panel_refused"},
		{Kind: event.Door, Device: "door-1", Channel: event.Happening, Type: "panel_shown"},
	}
	f.must(f.o.DB.Tx(t.Context(), func(tx *sql.Tx) error { return f.Handle(t.Context(), tx, evs) }))
	f.must(f.o.Feed.Committed(t.Context()))
	if n := f.o.Feed.Last() - before; n != 2 {
		t.Errorf("%d entries", n)
	}
}

// TestAClockThatIsSetBack: a panel refuses what is older than what it had, so the hub signs
// nothing that is.
func TestAClockThatIsSetBack(t *testing.T) {
	f := fresh(t)
	f.must(f.Show(t.Context(), f.warning("m1", "红色", Grave)))
	f.step(t.Context())
	before := wanted(f.street.poles["lamp-e"].Wanted)
	f.at = f.at.Add(-time.Hour)
	for _, step := range []func() error{
		func() error { return f.Show(t.Context(), f.warning("m2", "橙色", Grave)) },
		func() error { return f.End(t.Context(), "m2") },
	} {
		f.must(step())
		f.step(t.Context())
		now := wanted(f.street.poles["lamp-e"].Wanted)
		if now.Text == before.Text || !now.IssuedAt.After(before.IssuedAt) {
			t.Errorf("%q of %s after %q of %s", now.Text, now.IssuedAt, before.Text, before.IssuedAt)
		}
		before = now
	}
}

// TestReleasedByOne: of several who release at once one has done it, and the others hear who.
func TestReleasedByOne(t *testing.T) {
	f := fresh(t)
	n, err := f.Write(t.Context(), "chen", Notice{Zones: []string{""}, Text: "周六坝坝会", Colour: "white", Until: f.at.Add(time.Hour)})
	f.must(err)
	var all sync.WaitGroup
	by := make([]string, 8)
	for i := range by {
		all.Go(func() {
			got, err := f.Release(t.Context(), string(rune('p'+i)), n.ID)
			if err != nil {
				t.Error(err)
			}
			by[i] = got.ReleasedBy
		})
	}
	all.Wait()
	slices.Sort(by)
	if by = slices.Compact(by); len(by) != 1 || len(*f.notes) != 2 {
		t.Errorf("released by %v, record %v", by, *f.notes)
	}
}

type guard struct{ web.Principal }

func (g guard) Authenticate(*http.Request) (web.Principal, bool) { return g.Principal, true }
func (guard) Allowed(web.Principal, web.Action) bool             { return true }

// TestNoticesOfOtherZones are not written, released or ended by an account of another zone.
func TestNoticesOfOtherZones(t *testing.T) {
	f := fresh(t)
	ask := func(login, zones, path, body string) (int, map[string]any) {
		api := web.NewAPI("test", guard{web.Principal{ID: "u-" + login, Login: login, Zones: zones}}, slog.New(slog.DiscardHandler))
		f.Register(api)
		r := httptest.NewRequest(http.MethodPost, "/api/v1/panels/notices"+path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		m := map[string]any{}
		f.must(json.Unmarshal(w.Body.Bytes(), &m))
		return w.Code, m
	}
	body := func(zone string) string {
		return `{"zones":["` + zone + `"],"text":"停水","until":"` + f.at.Add(time.Hour).Format(time.RFC3339) + `"}`
	}
	for _, zone := range []string{"west", ""} {
		if status, got := ask("lin", "east", "", body(zone)); status != 403 || got["code"] != "panel.not_your_zone" {
			t.Errorf("%q: %d %v", zone, status, got)
		}
	}
	_, n := ask("chen", "", "", body("west"))
	id := n["id"].(string)
	for _, what := range []string{"release", "end"} {
		if status, got := ask("lin", "east", "/"+id+"/"+what, ""); status != 403 || got["code"] != "panel.not_your_zone" {
			t.Errorf("%s: %d %v", what, status, got)
		}
	}
	if status, got := ask("wang", "west", "/"+id+"/release", ""); status != 200 || got["released_by"] != "wang" {
		t.Errorf("%d %v", status, got)
	}
}
