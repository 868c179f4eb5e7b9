package alarm

import (
	"context"
	"fmt"
	"testing"
	"time"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

func (d *desk) kpi(query string) KPI {
	d.t.Helper()
	var k KPI
	d.must(web.Integrator, "GET", "/alarms/kpi?"+query, "", &k)
	return k
}

// A shift with known events, and the figures that follow.
func TestFiguresOfAShift(t *testing.T) {
	d := open(t)
	local := time.FixedZone("UTC+8", 8*3600)
	d.now = time.Date(2026, 1, 2, 7, 0, 0, 0, local).UTC() // the morning shift begins
	began := d.now
	// What stood before and goes on standing is stale from 08:00 on.
	d.now = began.Add(-23 * time.Hour)
	d.apply(d.alone(900, nil))
	d.now = began
	prios := []event.Priority{event.Critical, event.High, event.High, event.Medium, event.Low, event.Low, event.Low, event.Low, event.Low, event.Low}
	for i, p := range prios {
		id := d.apply(d.alone(i, func(s *Signal) { s.Priority = p }))[0].ID
		d.pass(time.Duration(i+1) * time.Second)
		d.must(web.Operator, "POST", "/alarms/"+id+"/ack", "", nil)
		d.pass(12 * time.Minute)
		d.apply(d.alone(i, func(s *Signal) { s.Raised = false })) // closes
	}
	twice := d.apply(d.alone(0, nil))[0].ID // a second time the same
	d.must(web.Operator, "POST", "/alarms/"+twice+"/shelve", `{"kind":"timed","minutes":30,"reason":"x"}`, nil)
	d.out(web.Operator, `"device":"l001"`, time.Hour)
	d.apply(d.alone(1, nil))
	d.apply(d.alone(2, func(s *Signal) { s.Drill = true })) // counts nowhere
	at := d.clock()
	k := d.kpi("shift=current")
	if !k.From.Equal(began) || !k.To.Equal(at) || k.Shift != "早班" || k.ShiftName.EN != "Morning" {
		t.Errorf("%v %v %q", k.From, k.To, k.Shift)
	}
	want := KPI{
		Raised: 12, Annunciated: 11, Shelved: 1, Out: 1, Stale: 1, AckMedianS: 5.5, AckP90S: 9, Max10Min: 1, Unacked: 3, Standing: 3, Per10Min: 2,
		Mix: Mix{Critical: 8.3, High: 16.7, Medium: 25, Low: 50},
	}
	if k.Raised != want.Raised || k.Annunciated != want.Annunciated || k.Shelved != want.Shelved || k.Out != want.Out || k.Stale != want.Stale ||
		k.AckMedianS != want.AckMedianS || k.AckP90S != want.AckP90S || k.Max10Min != want.Max10Min || k.Mix != want.Mix ||
		k.Unacked != want.Unacked || k.Standing != want.Standing || k.Per10Min != want.Per10Min {
		t.Errorf("%+v", k)
	}
	if k.CloseMedS < 725 || k.CloseMedS > 727 || k.CloseP90S < 729 || k.CloseP90S > 731 { // 12 min and what the acknowledgement took
		t.Error(k.CloseMedS, k.CloseP90S)
	}
	if avg := round(11 / (at.Sub(began).Minutes() / 10)); k.Avg10Min != avg {
		t.Error(k.Avg10Min, avg)
	}
	if len(k.Top) != 10 || k.Top[0].Device != "l000" || k.Top[0].Count != 2 || k.Top[0].SharePct != 16.7 || k.Top[0].Title.EN != "lamp.dead 名l000" || k.Top[0].DeviceName != "名l000" {
		t.Errorf("%+v", k.Top)
	}
	sum := 0
	for _, h := range k.Hours {
		sum += h.Count
	}
	if sum != 11 || len(k.Hours) != 3 || !k.Hours[0].At.Equal(began) || k.Hours[0].Count != 5 {
		t.Errorf("%+v", k.Hours)
	}
	verdicts := map[string]Verdict{}
	for _, v := range k.Verdicts {
		verdicts[v.Name] = v
		if v.Text.ZH == "" || v.Text.EN == "" {
			t.Errorf("%+v", v)
		}
	}
	if v := verdicts["stale"]; !v.OK || v.Value != 1 || v.Limit != 4 {
		t.Errorf("%+v", v)
	}
	if v := verdicts["ack_p90_s"]; !v.OK || v.Value != 9 {
		t.Errorf("%+v", v)
	}
	if _, there := verdicts["grave_share_pct"]; there {
		t.Error("twelve alarms are judged by their mix")
	}
	if p := d.kpi("shift=previous"); !p.From.Equal(began.Add(-8*time.Hour)) || !p.To.Equal(began) || p.Raised != 0 || p.Stale != 0 || p.Shift != "夜班" {
		t.Errorf("%+v", p)
	}
	none := d.kpi("from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z")
	if none.Raised != 0 || none.Mix.Critical != 0 || none.Avg10Min != 0 || none.Top == nil || none.Hours == nil || len(none.Verdicts) == 0 {
		t.Errorf("%+v", none)
	}
	for query, code := range map[string]string{
		"shift=odd": "request.invalid", "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z": "alarm.bad_span", "from=2020-01-01T00:00:00Z": "alarm.bad_span",
		"from=yesterday": "request.invalid",
	} {
		if status, got := d.ask(web.Operator, "GET", "/alarms/kpi?"+query, "", nil); status != 422 || got != code {
			t.Error(query, status, got)
		}
	}
}

// Floods, chatter and a bad mix show in the verdicts.
func TestVerdictsOfABadDay(t *testing.T) {
	d := open(t)
	for i := range 60 {
		d.apply(d.alone(i, func(s *Signal) { s.Priority = event.High }))
	}
	for range 5 {
		d.blip("d1", time.Second, nil)
		d.pass(time.Second)
	}
	d.pass(11 * time.Minute)
	d.fire()
	d.pass(13*time.Minute - 11*time.Second)
	k := d.kpi("from=" + epoch().Format(time.RFC3339))
	if k.Floods != 1 || k.FloodPct < 40 || k.FloodPct > 50 || k.Max10Min != 60 || k.Chattering != 1 || k.Held != 1 || k.Annunciated != 60 {
		t.Errorf("%+v", k)
	}
	bad := 0
	for _, v := range k.Verdicts {
		if !v.OK {
			bad++
		}
	}
	// Average, worst ten minutes, flood share, chatter, top ten, mix.
	if bad != 6 {
		t.Errorf("%+v", k.Verdicts)
	}
}

func TestShiftsOfARota(t *testing.T) {
	d := open(t, func(o *Options) {
		o.Shift = func(_ context.Context, at time.Time) (from, to time.Time, name event.Text) {
			from = at.Truncate(12 * time.Hour)
			return from, from.Add(12 * time.Hour), event.Text{ZH: "甲班", EN: "Team A"}
		}
	})
	d.pass(13 * time.Hour)
	if k := d.kpi("shift=previous"); !k.From.Equal(epoch()) || !k.To.Equal(epoch().Add(12*time.Hour)) || k.ShiftName.EN != "Team A" {
		t.Errorf("%+v", k)
	}
}

func TestThreeShifts(t *testing.T) {
	local := time.FixedZone("UTC+8", 8*3600)
	for _, c := range []struct {
		at, from string
		name     string
	}{
		{"2026-01-02T07:00", "2026-01-02T07:00", "Morning"},
		{"2026-01-02T14:59", "2026-01-02T07:00", "Morning"},
		{"2026-01-02T15:00", "2026-01-02T15:00", "Afternoon"},
		{"2026-01-02T23:00", "2026-01-02T23:00", "Night"},
		{"2026-01-03T06:59", "2026-01-02T23:00", "Night"},
	} {
		at, _ := time.ParseInLocation("2006-01-02T15:04", c.at, local)
		s := threeShifts(at)
		if got := s.From.In(local).Format("2006-01-02T15:04"); got != c.from || s.Name.EN != c.name || s.To.Sub(s.From) != 8*time.Hour {
			t.Errorf("%s: %s %s", c.at, got, s.Name.EN)
		}
	}
}

// Figures of a shift at three years of alarms: one million, each with its raise,
// acknowledgement, return and call.
func BenchmarkFigures(b *testing.B) {
	d, a := workshop(b)
	ctx := context.Background()
	const n = 1_000_000
	now := time.Now()
	first := now.Add(-3 * 365 * 24 * time.Hour).UnixMilli()
	step := (now.UnixMilli() - first) / n
	for _, q := range []string{
		`WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ` + fmt.Sprint(n-1) + `)
		INSERT INTO alarm(id, seq, rule, device, part, zone, device_name, kind, priority, prio_rank, state, title_zh, title_en, active, latched, silent,
			measured, late, proc_card, cameras, evidence, times, raised_at, last_at, acked_at, returned_at, closed_at, incident)
		SELECT printf('A%025d', i), i, 'rule.' || (i * 7919 % 97), 'dev-' || (i * 104729 % 3001), '', 'east/b01', 'dev', 'door', 'low', 4, 'normal', '', '', 0, 0, 0,
			1, 0, '', '[]', 'null', 1, ` + fmt.Sprint(first) + ` + i * ` + fmt.Sprint(step) + `, 0, 0, 0, ` + fmt.Sprint(first) + ` + i * ` + fmt.Sprint(step) + ` + 600000, printf('I%025d', i / 3) FROM n`,
		`INSERT INTO alarm_journal(alarm, at, actor, name, what, note, rule, device, prio) SELECT id, raised_at, 'hub', 'hub', 'raise', '', rule, device, 4 FROM alarm`,
		`INSERT INTO alarm_journal(alarm, at, actor, name, what, note, ack_ms) SELECT id, raised_at + 20000, 'u', 'u', 'ack', '', 20000 + seq % 70000 FROM alarm`,
		`INSERT INTO alarm_journal(alarm, at, actor, name, what, note, close_ms) SELECT id, raised_at + 600000, 'hub', 'hub', 'return', '', 600000 FROM alarm`,
		`INSERT INTO annunciation(at, incident, alarm, reason, prio, operators, held) SELECT raised_at, incident, id, 'new', 4, 1, 0 FROM alarm WHERE seq % 3 = 0`,
	} {
		if _, err := d.Read().ExecContext(ctx, q); err != nil {
			b.Fatal(err)
		}
	}
	for name, s := range map[string]Span{
		"shift": {From: now.Add(-8 * time.Hour), To: now}, "month": {From: now.AddDate(0, -1, 0), To: now}, "year": {From: now.AddDate(-1, 0, 0), To: now},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				k, err := a.Figures(ctx, s)
				if err != nil || k.Raised == 0 || k.Annunciated == 0 {
					b.Fatal(k.Raised, err)
				}
			}
		})
	}
}
