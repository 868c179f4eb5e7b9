package alarm

import (
	"context"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"dongyue/internal/db"
	"dongyue/internal/web"
)

// A hub of before there were incidents, with an open and a closed alarm, comes up
// with everything where it belongs.
func TestUpgradeFromTheFirstTables(t *testing.T) {
	ctx := context.Background()
	d := &desk{t: t, path: filepath.Join(t.TempDir(), "hub.db"), now: epoch().Add(time.Hour)}
	old, err := db.Open(ctx, d.path)
	if err != nil {
		t.Fatal(err)
	}
	first, err := migrations.ReadFile("migrations/00001_alarm.sql")
	if err != nil {
		t.Fatal(err)
	}
	if err := old.Migrate(ctx, "alarm", fstest.MapFS{"00001_alarm.sql": {Data: first}}); err != nil {
		t.Fatal(err)
	}
	at := epoch().UnixMilli()
	for _, q := range []string{
		`INSERT INTO alarm(id, seq, rule, device, part, zone, device_name, kind, priority, prio_rank, state, title_zh, title_en, active, latched, silent,
			measured, late, proc_card, cameras, evidence, times, raised_at, last_at, acked_at, closed_at) VALUES
			('A1', 1, 'door.forced_open', 'd1', '', 'east/b01', '门', 'door', 'high', 2, 'unacked_active', '强开', 'forced', 1, 1, 0, 0, 0, '', '["c1"]', '{"seq":7}', 1, ?1, ?1, NULL, NULL),
			('A0', 1, 'lamp.dead', 'l1', '', 'east/b01', '灯', 'lamp', 'low', 4, 'normal', '灯灭', 'dead', 0, 0, 0, 1, 0, '', '[]', 'null', 1, ?1, ?1, ?1 + 5000, ?1 + 9000)`,
		`INSERT INTO alarm_journal(alarm, at, actor, name, what, note) VALUES ('A1', ?1, 'hub', 'hub', 'raise', ''), ('A0', ?1, 'hub', 'hub', 'raise', ''), ('A0', ?1 + 5000, 'u1', '陈', 'ack', '')`,
	} {
		if _, err := old.Read().ExecContext(ctx, q, at); err != nil {
			t.Fatal(err)
		}
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	d.start()
	t.Cleanup(func() { _ = d.db.Close() })
	al := d.alarm("A1")
	if al.State != UnackedActive || al.Incident == "" || al.Cause != "door" || al.Evidence == nil || al.Evidence.Seq != 7 || len(al.Journal) != 1 {
		t.Errorf("%+v", al)
	}
	d.wants("door.forced_open: door.forced_open@d1")
	d.sound()
	k := d.kpi("from=" + epoch().Format(time.RFC3339))
	if k.Raised != 2 || k.AckMedianS != 5 || k.Mix.High != 50 || k.Unacked != 1 {
		t.Errorf("%+v", k)
	}
	d.must(web.Operator, "POST", "/alarms/A1/close", `{"text":"看过"}`, nil)
	if got := d.incidents("open"); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	if al := d.alarm("A0"); al.Incident != "" || al.State != Normal {
		t.Errorf("%+v", al)
	}
}
