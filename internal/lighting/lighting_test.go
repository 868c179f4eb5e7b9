package lighting

import (
	"context"
	"database/sql"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dongyue/internal/db"
	"dongyue/internal/event"
	"dongyue/internal/web"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// street is the room on a real database, with lamps and a clock of its own.
type street struct {
	*Lighting
	t     *testing.T
	path  string
	db    *db.DB
	api   *web.API
	now   time.Time
	lamps []Lamp
	wish  map[string]Wish // what each lamp was told last
	told  int
	said  []string // reports
}

func (s *street) Lamps(context.Context) []Lamp { return slices.Clone(s.lamps) }

func (s *street) Desire(_ context.Context, lamp string, members map[string]any) error {
	var w Wish
	if err := json.Unmarshal(members["lighting"].(json.RawMessage), &w); err != nil {
		return err
	}
	s.wish[lamp] = w
	s.told++
	return nil
}

func (s *street) Report(_ context.Context, _, device, typ string, data json.RawMessage, _ time.Time) error {
	var d struct{ Active bool }
	if err := json.Unmarshal(data, &d); err != nil {
		return err
	}
	s.said = append(s.said, device+" "+typ+map[bool]string{true: " on", false: " off"}[d.Active])
	return nil
}

func (s *street) Energy(_ context.Context, _ string, from, _ time.Time) (map[time.Time]float64, error) {
	return map[time.Time]float64{from.Add(20 * time.Hour): 80, from.Add(23 * time.Hour): 48, from.Add(24 * time.Hour): 40}, nil
}

type guard struct{}

func (guard) Authenticate(r *http.Request) (web.Principal, bool) {
	id, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return web.Principal{ID: id, Zones: map[string]string{"lin": "east"}[id]}, ok
}

func (guard) Allowed(p web.Principal, a web.Action) bool {
	return a == web.DevicesRead || p.ID == "boss" || (p.ID == "chen" || p.ID == "lin") && a == web.DevicesCommand
}

func china() *time.Location { return time.FixedZone("CST", 8*3600) }

// newStreet has two lamps in the east court and one on the plaza, on a November evening.
func newStreet(t *testing.T) *street {
	s := &street{t: t, path: filepath.Join(t.TempDir(), "hub.db"), now: time.Date(2026, 11, 28, 20, 0, 0, 0, china()), wish: map[string]Wish{}}
	for _, x := range [][2]string{{"lamp-e001", "east/p01"}, {"lamp-e002", "east/p01"}, {"lamp-c001", "plaza"}} {
		s.lamps = append(s.lamps, Lamp{ID: x[0], Name: x[0], Zone: x[1], Feeder: "light-e1", Online: true})
	}
	s.start()
	t.Cleanup(func() { _ = s.db.Close() })
	return s
}

// start opens everything; a second time it is a restart.
func (s *street) start() {
	s.t.Helper()
	ctx := context.Background()
	if s.db != nil {
		if err := s.db.Close(); err != nil {
			s.t.Fatal(err)
		}
	}
	var err error
	if s.db, err = db.Open(ctx, s.path); err != nil {
		s.t.Fatal(err)
	}
	feed, err := web.NewFeed(ctx, s.db)
	if err != nil {
		s.t.Fatal(err)
	}
	s.Lighting, err = New(ctx, Options{DB: s.db, Feed: feed, Lamps: s, Report: s, Meter: s, Place: dayi(), Zone: china(), Now: func() time.Time { return s.now }})
	if err != nil {
		s.t.Fatal(err)
	}
	s.api = web.NewAPI("test", guard{}, s.o.Log)
	s.Register(s.api)
}

// step lets time pass and the room look; every lamp measures at that time.
func (s *street) step(d time.Duration) {
	s.now = s.now.Add(d)
	for i := range s.lamps {
		s.lamps[i].Power.At, s.lamps[i].Dim.At = s.now, s.now
	}
	s.Step(context.Background())
}

func (s *street) sos(lamp, data string) {
	s.t.Helper()
	ctx := context.Background()
	err := s.db.Tx(ctx, func(tx *sql.Tx) error {
		return s.Handle(ctx, tx, []event.Event{{ID: "ev-1", Device: lamp, Kind: event.Lamp, Channel: event.Happening, Type: "sos", Data: json.RawMessage(data)}})
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.Committed(ctx)
}

func (s *street) level(lamp string) int {
	w := s.wish[lamp]
	pct, _, _ := w.Level(s.now)
	return pct
}

func (s *street) call(status int, who, method, path, body string) map[string]any {
	s.t.Helper()
	r := httptest.NewRequestWithContext(context.Background(), method, "/api/v1"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+who)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	s.api.ServeHTTP(w, r)
	raw, err := io.ReadAll(w.Result().Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if w.Code != status {
		s.t.Fatalf("%s %s %s: %d %s, want %d", method, path, body, w.Code, raw, status)
	}
	v := map[string]any{}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &v); err != nil {
			s.t.Fatal(err)
		}
	}
	return v
}

func TestNewWantsItsParts(t *testing.T) {
	if _, err := New(context.Background(), Options{}); err == nil {
		t.Fatal("no error")
	}
}

func TestShippedPlanIsRight(t *testing.T) {
	p := shipped()
	if wrong := p.check(); len(wrong) > 0 {
		t.Fatal(wrong)
	}
}

// A night in November: the sun sets at 17:58 and rises at 07:33 over Dayi.
func TestLampsFollowTheProgramme(t *testing.T) {
	s := newStreet(t)
	s.step(0)
	for _, c := range []struct {
		clock string
		pct   int
	}{
		{"28 12:00", 0}, {"28 17:30", 0}, {"28 18:20", 100}, {"28 22:59", 100}, {"28 23:00", 60}, {"29 04:59", 60}, {"29 05:00", 100},
		{"29 07:15", 100}, {"29 07:45", 0}, {"29 18:20", 100}, {"30 23:30", 60}, {"31 01:00", 60},
	} {
		at, err := time.ParseInLocation("2006-01-02 15:04", "2026-11-"+c.clock, china())
		if c.clock[:2] == "31" {
			at, err = time.ParseInLocation("2006-01-02 15:04", "2026-12-01 01:00", china())
		}
		if err != nil {
			t.Fatal(err)
		}
		w := s.wish["lamp-e001"]
		if pct, _, ok := w.Level(at); !ok || pct != c.pct {
			t.Errorf("%s: %d %%, want %d", c.clock, pct, c.pct)
		}
	}
	if s.told != 3 {
		t.Fatalf("told %d times", s.told)
	}
	for range 100 { // until 19:40 of the next day, through noon
		s.step(15 * time.Minute)
	}
	if s.told != 6 {
		t.Errorf("told %d times; once a night is enough", s.told)
	}
}

func TestCalendarRulesInOrder(t *testing.T) {
	p := shipped()
	p.Calendars[0].Rules = []Rule{
		{Programme: "festival", From: "2027-02-05", To: "2027-02-20"}, {Programme: "festival", From: "12-24", To: "01-02"},
		{Programme: "festival", Weekdays: []string{"fri", "sat"}}, {Programme: "night"},
	}
	if wrong := p.check(); len(wrong) > 0 {
		t.Fatal(wrong)
	}
	for date, want := range map[string]string{
		"2026-11-26": "night", "2026-11-27": "festival", "2026-11-28": "festival", "2026-12-23": "night", "2026-12-31": "festival", "2027-01-01": "festival",
		"2027-01-03": "night", "2027-02-05": "festival", "2027-02-21": "night",
	} {
		d, err := time.Parse(time.DateOnly, date)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.programme("paths", Date{d.Year(), d.Month(), d.Day()}); got == nil || got.ID != want {
			t.Errorf("%s: %+v, want %s", date, got, want)
		}
	}
}

func TestPhotocellPeriod(t *testing.T) {
	p := Programme{ID: "x", Switches: []Switch{{At: "dusk", Pct: 80}, {At: "sunrise", Pct: 0}}, Sensor: []Period{{From: "15:00", To: "dusk+10m", On: 30, Off: 90, Pct: 50}}}
	got := p.night(Date{2026, 11, 28}, dayi(), china())
	if len(got) != 3 || got[0].On != 30 || got[0].Pct != 50 || got[1].Pct != 80 || got[1].On != 0 || got[2].Pct != 0 {
		t.Fatalf("%+v", got)
	}
	w := Wish{Points: got}
	if _, _, ok := w.Level(got[0].At.Add(time.Minute)); ok {
		t.Error("the hub knows what only the photocell knows")
	}
	if pct, _, ok := w.Level(got[1].At); !ok || pct != 80 {
		t.Error("behind the period the switch that fell into it does not hold")
	}
}

func TestOverrideEndsAndSurvives(t *testing.T) {
	s := newStreet(t)
	s.step(0)
	until := s.now.Add(time.Hour).UTC().Format(time.RFC3339)
	made := s.call(201, "chen", "POST", "/lighting/overrides", `{"target":"group:all","pct":30,"until":"`+until+`","reason":"电影放映"}`)
	s.step(time.Second)
	if s.level("lamp-e001") != 30 || s.level("lamp-c001") != 30 {
		t.Fatalf("%+v", s.wish)
	}
	// An alarm is stronger, for its lamp, for five minutes; the event that comes again changes nothing.
	for range 2 {
		s.sos("lamp-e001", `{"pressed":true}`)
		s.sos("lamp-e002", `{"pressed":false}`)
		s.step(30 * time.Second)
	}
	if s.level("lamp-e001") != 100 || s.level("lamp-e002") != 30 {
		t.Fatalf("%+v", s.wish)
	}
	s.start()
	s.wish = map[string]Wish{}
	s.step(time.Second)
	if s.level("lamp-e001") != 100 || s.wish["lamp-e001"].Override.Cause != Alarm {
		t.Fatalf("after a restart: %+v", s.wish["lamp-e001"])
	}
	// What the lamp was told ends by itself, with or without the hub.
	s.now = s.now.Add(5 * time.Minute)
	if s.level("lamp-e001") != 100 || s.wish["lamp-e001"].Override.Until.After(s.now) {
		t.Fatalf("%+v at %s", s.wish["lamp-e001"].Override, s.now)
	}
	s.step(time.Second)
	if s.level("lamp-e001") != 30 {
		t.Fatalf("%+v", s.wish["lamp-e001"])
	}
	s.call(204, "chen", "DELETE", "/lighting/overrides/"+made["id"].(string), "")
	s.step(time.Second)
	if s.level("lamp-e001") != 100 || s.wish["lamp-e001"].Override != nil { // 20:07, by the programme
		t.Fatalf("%+v", s.wish["lamp-e001"])
	}
	s.call(404, "chen", "DELETE", "/lighting/overrides/"+made["id"].(string), "")
}

func TestFaultsByMeterAgainstPlan(t *testing.T) {
	s := newStreet(t)
	full := func() {
		for i := range s.lamps {
			s.lamps[i].Power.V, s.lamps[i].Dim.V = 82, 100
		}
	}
	full()
	s.step(0)
	s.step(time.Minute)
	s.lamps[0].Power.V = 2.5 // dark at night
	s.lamps[2].Dim.V = 40    // does not dim as it should
	s.step(time.Minute)
	if len(s.said) != 0 {
		t.Fatalf("one reading was enough: %v", s.said)
	}
	s.Step(context.Background()) // the same reading again is no second one
	if len(s.said) != 0 {
		t.Fatalf("got %v", s.said)
	}
	s.step(time.Minute)
	s.step(time.Minute)
	s.start() // what was reported is known after a restart
	s.step(time.Minute)
	want := []string{"lamp-e001 lamp_failure on", "lamp-c001 dimming_failure on"}
	if !slices.Equal(s.said, want) {
		t.Fatalf("got %v", s.said)
	}
	if g := s.call(200, "li", "GET", "/lighting", "")["groups"].([]any)[0].(map[string]any); g["faulty"] != 2.0 || g["burning"] != 1.0 {
		t.Fatalf("%v", g)
	}
	s.said = nil
	full()
	s.step(time.Minute)
	slices.Sort(s.said)
	if !slices.Equal(s.said, []string{"lamp-c001 dimming_failure off", "lamp-e001 lamp_failure off"}) {
		t.Fatalf("got %v", s.said)
	}
	// Burning by day; one that is away or silent is not judged.
	s.said = nil
	s.now = time.Date(2026, 11, 29, 11, 0, 0, 0, china())
	s.lamps[1].Online = false
	s.lamps[2].Power.V = 3
	s.step(time.Minute)
	s.step(time.Minute)
	if !slices.Equal(s.said, []string{"lamp-e001 lamp_unexpected_on on"}) {
		t.Fatalf("got %v", s.said)
	}
}

// Between a switching time and the meter's next word nothing is wrong.
func TestSwitchingIsNoFault(t *testing.T) {
	s := newStreet(t)
	s.now = time.Date(2026, 11, 28, 22, 58, 0, 0, china())
	for i := range s.lamps {
		s.lamps[i].Power.V, s.lamps[i].Dim.V = 82, 100
	}
	for range 6 { // to 23:01, where 60 % are due since a minute
		s.step(30 * time.Second)
	}
	s.sos("lamp-e001", `{}`)
	s.lamps[0].Power.V = 2
	s.step(30 * time.Second)
	s.step(30 * time.Second)
	if len(s.said) != 0 {
		t.Fatalf("got %v", s.said)
	}
}

// The end of an override switches a lamp at a time that no programme names: it has its time
// to fade as well, whether the override ended by itself or was taken back.
func TestTheEndOfAnOverrideIsNoFault(t *testing.T) {
	for _, taken := range []bool{false, true} {
		s := newStreet(t)
		s.now = time.Date(2026, 11, 29, 11, 0, 0, 0, china()) // by day
		for i := range s.lamps {
			s.lamps[i].Power.V, s.lamps[i].Dim.V = 2, 0
		}
		s.step(0)
		made := s.call(201, "chen", "POST", "/lighting/overrides", `{"target":"lamp:lamp-e001","pct":100,"until":"`+s.now.Add(10*time.Minute).UTC().Format(time.RFC3339)+`","reason":"try"}`)
		s.lamps[0].Power.V, s.lamps[0].Dim.V = 82, 100
		for range 18 {
			s.step(30 * time.Second)
		}
		if taken {
			s.call(204, "chen", "DELETE", "/lighting/overrides/"+made["id"].(string), "")
			s.step(time.Second)
		} else {
			s.step(59 * time.Second)
			s.step(2 * time.Second)
		}
		s.step(30 * time.Second) // it fades
		if len(s.said) != 0 {
			t.Errorf("taken back %v: %v while it fades", taken, s.said)
		}
		for range 6 { // and burns on
			s.step(30 * time.Second)
		}
		if !slices.Equal(s.said, []string{"lamp-e001 lamp_unexpected_on on"}) {
			t.Errorf("taken back %v: %v", taken, s.said)
		}
	}
}

func TestPlanOverHTTP(t *testing.T) {
	s := newStreet(t)
	v := s.call(200, "li", "GET", "/lighting", "")
	if v["version"] != 0.0 || v["night"].(map[string]any)["date"] != "2026-11-28" || v["groups"].([]any)[0].(map[string]any)["pct"] != 100.0 {
		t.Fatalf("%v", v)
	}
	p := shipped()
	p.Groups = append(p.Groups, Group{ID: "plaza", Name: event.Text{ZH: "广场", EN: "Plaza"}, Calendar: "paths", Zones: []string{"plaza"}})
	body := func(version uint64, p Plan) string {
		b, err := json.Marshal(map[string]any{"version": version, "plan": p})
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	s.call(403, "chen", "PUT", "/lighting/plan", body(0, p))
	s.call(200, "boss", "PUT", "/lighting/plan", body(0, p))
	if v := s.call(409, "boss", "PUT", "/lighting/plan", body(0, p)); v["code"] != "lighting.version" {
		t.Fatalf("%v", v)
	}
	s.start()
	v = s.call(200, "li", "GET", "/lighting", "")
	if g := v["groups"].([]any); v["version"] != 1.0 || len(g) != 2 || g[1].(map[string]any)["lamps"] != 1.0 {
		t.Fatalf("%v", v)
	}
	if items := s.call(200, "li", "GET", "/lighting/lamps", "")["items"].([]any); len(items) != 3 || items[2].(map[string]any)["group"] != "plaza" {
		t.Fatalf("%v", items)
	}
	if items := s.call(200, "li", "GET", "/lighting/sun?from=2026-06-21&days=2", "")["items"].([]any); len(items) != 2 || !strings.HasPrefix(items[0].(map[string]any)["sunset"].(string), "2026-06-21T12:") {
		t.Fatalf("%v", items)
	}
	if items := s.call(200, "li", "GET", "/lighting/energy?from=2026-11-27&to=2026-11-28", "")["items"].([]any); len(items) != 4 {
		t.Fatalf("%v", items)
	} else if first := items[0].(map[string]any); first["date"] != "2026-11-27" || first["kwh"] != 0.256 {
		t.Fatalf("%v", first) // two lamps at 128 Wh
	}
	s.call(422, "li", "GET", "/lighting/energy?from=2026-11-28&to=2026-11-27", "")
	s.call(422, "li", "GET", "/lighting/sun?from=yesterday", "")
}

func TestBadPlansAreNamed(t *testing.T) {
	for want, change := range map[string]func(p *Plan){
		`programmes[0] night: switches[0].at "25:00"`:    func(p *Plan) { p.Programmes[0].Switches[0].At = "25:00" },
		`switches[0].at "sunset+200m"`:                   func(p *Plan) { p.Programmes[0].Switches[0].At = "sunset+200m" },
		`switches[1].pct: 0 to 100 is wanted, not 101`:   func(p *Plan) { p.Programmes[0].Switches[1].Pct = 101 },
		`sensor[0]: on_below_lux from 1`:                 func(p *Plan) { p.Programmes[0].Sensor = []Period{{From: "15:00", To: "dusk", On: 50, Off: 50}} },
		`calendars[0] paths: rules: the last one must`:   func(p *Plan) { p.Calendars[0].Rules = p.Calendars[0].Rules[:2] },
		`rules[0].programme "none"`:                      func(p *Plan) { p.Calendars[0].Rules[0].Programme = "none" },
		`rules[0] "2027-02-30"`:                          func(p *Plan) { p.Calendars[0].Rules[0].To = "2027-02-30" },
		`rules[0]: from and to are both`:                 func(p *Plan) { p.Calendars[0].Rules[0].To = "03-01" },
		`rules[0]: to is before from`:                    func(p *Plan) { p.Calendars[0].Rules[0].To = "2026-01-01" },
		`rules[2].weekdays "mo"`:                         func(p *Plan) { p.Calendars[0].Rules[2].Weekdays = []string{"mo"} },
		`groups[0] all: calendar "none"`:                 func(p *Plan) { p.Groups[0].Calendar = "none" },
		`groups[0].id "A b"`:                             func(p *Plan) { p.Groups[0].ID = "A b" },
		`programmes[1].id "night": is there twice`:       func(p *Plan) { p.Programmes[1].ID = "night" },
		`programmes[0] night: name: both languages`:      func(p *Plan) { p.Programmes[0].Name.EN = " " },
		`programmes[0] night: switches: at least one is`: func(p *Plan) { p.Programmes[0].Switches = nil },
		`programmes: 102, at most 100`:                   func(p *Plan) { p.Programmes = append(p.Programmes, make([]Programme, 100)...) },
	} {
		p := shipped()
		change(&p)
		if got := strings.Join(p.check(), "; "); !strings.Contains(got, want) {
			t.Errorf("want %s, got %.300s", want, got)
		}
	}
}

func TestBadOverrides(t *testing.T) {
	s := newStreet(t)
	in := func(d time.Duration) string { return s.now.Add(d).UTC().Format(time.RFC3339) }
	for _, body := range []string{
		`{"target":"group:all","pct":30,"until":"` + in(-time.Minute) + `","reason":"x"}`,
		`{"target":"group:all","pct":30,"until":"` + in(8*24*time.Hour) + `","reason":"x"}`,
		`{"target":"group:none","pct":30,"until":"` + in(time.Hour) + `","reason":"x"}`,
		`{"target":"lamp-e001","pct":30,"until":"` + in(time.Hour) + `","reason":"x"}`,
		`{"target":"lamp:lamp-e001","pct":101,"until":"` + in(time.Hour) + `","reason":"x"}`,
		`{"target":"lamp:lamp-e001","pct":10,"until":"` + in(time.Hour) + `","reason":" "}`,
	} {
		s.call(422, "chen", "POST", "/lighting/overrides", body)
	}
	s.call(403, "li", "POST", "/lighting/overrides", `{"target":"lamp:lamp-e001","pct":10,"until":"`+in(time.Hour)+`","reason":"x"}`)
}

func TestRunEndsWithItsContext(t *testing.T) {
	s := newStreet(t)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// No text makes a time that the night can't hold, and none makes a panic.
func FuzzMoment(f *testing.F) {
	for _, s := range []string{"23:00", "sunset-10m", "dusk", "dawn+180m", "sunrise+999m", "24:00", "sunset+m"} {
		f.Add(s)
	}
	form := momentForm()
	f.Fuzz(func(t *testing.T, text string) {
		m, err := parseMoment(form, text)
		if err != nil {
			return
		}
		night := Date{2026, 11, 28}
		at, ok := m.when(night, dayi(), china())
		if d := at.Sub(night.noon(china())); !ok || d < -3*time.Hour || d > 27*time.Hour {
			t.Fatalf("%q: %s from noon", text, d)
		}
	})
}

// An account acts on the lamps of its own zones.
func TestLampsOfOtherZones(t *testing.T) {
	s := newStreet(t)
	s.step(0)
	body := func(target string) string {
		return `{"target":"` + target + `","pct":30,"until":"` + s.now.Add(time.Hour).UTC().Format(time.RFC3339) + `","reason":"电影放映"}`
	}
	for _, target := range []string{"group:all", "lamp:lamp-c001"} {
		if got := s.call(403, "lin", "POST", "/lighting/overrides", body(target)); got["code"] != "lighting.not_your_zone" {
			t.Errorf("%s: %v", target, got)
		}
	}
	s.call(201, "lin", "POST", "/lighting/overrides", body("lamp:lamp-e001"))
	all := s.call(201, "chen", "POST", "/lighting/overrides", body("group:all"))
	s.call(403, "lin", "DELETE", "/lighting/overrides/"+all["id"].(string), "")
	s.call(404, "lin", "DELETE", "/lighting/overrides/none", "")
}
