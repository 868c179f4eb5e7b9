package rules

import (
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"dongyue/internal/event"
)

// Every rule that comes with the hub can be exercised without anybody knowing what
// the device would say, and what is raised is the rule's alarm with its actions.
func TestEveryShippedRuleCanBeExercised(t *testing.T) {
	set, problems := Load(os.DirFS("../configs/rules"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	at := time.Date(2026, 11, 28, 3, 0, 0, 0, time.UTC)
	for _, r := range set.Rules {
		q := Rehearsal{Rule: r.ID, Device: "device-1", Part: "7", Kind: event.Sensor, Zone: "east/b01", Via: "feeder-e", At: at}
		if len(r.On.Kinds) > 0 {
			q.Kind = r.On.Kinds[0]
		}
		trs, err := Rehearse(set, q)
		if err != nil {
			t.Errorf("%s: %v", r.ID, err)
			continue
		}
		i := slices.IndexFunc(trs, func(t Transition) bool { return t.Rule == r.ID })
		if tr := trs[i]; !tr.Raised || tr.Repeat || tr.Late || !tr.At.Equal(at) || len(tr.Actions) != len(r.Actions) || tr.Evidence.Device != "device-1" {
			t.Errorf("%s: %+v", r.ID, tr)
		}
	}
}

func TestRehearseWithData(t *testing.T) {
	set, problems := Load(os.DirFS("../configs/rules"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	q := Rehearsal{Rule: "charger.hot_plug", Device: "c1", Part: "7", Kind: event.Charger, Zone: "east", At: time.Now(), Data: map[string]any{"temp_c": 63}}
	trs, err := Rehearse(set, q)
	if err != nil || len(trs) != 1 || trs[0].Rule != "charger.hot_plug" || trs[0].Part != "7" {
		t.Errorf("%+v %v", trs, err)
	}
	q.Data = map[string]any{"temp_c": 20}
	if _, err := Rehearse(set, q); !errors.Is(err, ErrNotRaised) {
		t.Errorf("cold: %v", err)
	}
	q.Kind = event.Door
	if _, err := Rehearse(set, q); !errors.Is(err, ErrNotRaised) {
		t.Errorf("a door: %v", err)
	}
	q.Rule = "nothing"
	if _, err := Rehearse(set, q); !errors.Is(err, ErrNoRule) {
		t.Errorf("no rule: %v", err)
	}
}

// Of silence: the device is heard once, and then no more.
func TestRehearseAbsence(t *testing.T) {
	set := mustLoad(t, `
rules:
  - id: silent
    title: {zh: "{part}", en: "{part} is silent"}
    on: {kind: charger, channel: telemetry, where: data.charging == true}
    absent: 5m
    priority: high
  - id: unseen
    title: {zh: a, en: a}
    on: {kind: sensor, type: patrol}
    absent: 12h
    priority: low
`)
	at := testEpoch()
	for _, q := range []Rehearsal{
		{Rule: "silent", Device: "c1", Part: "7", Kind: event.Charger, At: at},
		{Rule: "silent", Device: "c1", Part: "7", Kind: event.Charger, At: at, Data: map[string]any{"charging": true}},
		{Rule: "unseen", Device: "s1", Kind: event.Sensor, At: at},
	} {
		trs, err := Rehearse(set, q)
		if err != nil {
			t.Errorf("%s: %v", q.Rule, err)
			continue
		}
		if len(trs) != 1 || trs[0].Rule != q.Rule || trs[0].Device != q.Device || trs[0].Part != q.Part || !trs[0].At.Equal(at) {
			t.Errorf("%s: %+v", q.Rule, trs)
		}
	}
	idle := Rehearsal{Rule: "silent", Device: "c1", Kind: event.Charger, At: at, Data: map[string]any{"charging": false}}
	if _, err := Rehearse(set, idle); !errors.Is(err, ErrNotRaised) {
		t.Errorf("one that does not charge is not missed: %v", err)
	}
}

// Of a group: others are made up, the device completes it, and nobody hears of
// what the others would have raised for themselves.
func TestRehearseQuorum(t *testing.T) {
	set := mustLoad(t, area+`
  - id: alone
    title: {zh: a, en: a}
    on: {channel: presence}
    when: data.online == false
    priority: low
  - id: hot
    title: {zh: a, en: a}
    on: {kind: charger, channel: telemetry, where: device.startsWith("d")}
    when: data.t > 70 && rise("t", "1m") > 2
    for: 2h
    quorum: {of: 3, by: via}
    priority: high
  - id: pushed
    title: {zh: a, en: a}
    on: {type: button}
    keep_firing_for: 4s
    quorum: {of: 5, by: unit}
    priority: high
  - id: share
    title: {zh: a, en: a}
    on: {channel: state}
    when: data.on == false
    quorum: {share_pct: 50, by: community}
    priority: high
  - id: huge
    title: {zh: a, en: a}
    on: {channel: state}
    when: data.on == false
    quorum: {of: 100000, by: community}
    priority: high
`)
	at := testEpoch()
	q := Rehearsal{Device: "d1", Kind: event.Charger, Zone: "east/b01/s1", Via: "feeder/switch-1", At: at}
	for _, c := range []struct {
		rule string
		want []string // rule device
	}{
		{"area", []string{"alone d1", "area zone:east"}},
		{"alone", []string{"alone d1", "device d1"}},
		{"hot", []string{"hot feeder"}}, // which silences its switch
		{"pushed", []string{"pushed zone:east/b01/s1"}},
		{"share", []string{"share zone:"}},
	} {
		q.Rule = c.rule
		trs, err := Rehearse(set, q)
		if err != nil {
			t.Errorf("%s: %v", c.rule, err)
			continue
		}
		var got []string
		for _, tr := range trs {
			got = append(got, tr.Rule+" "+tr.Device)
			if tr.Evidence.Device != "d1" || !tr.At.Equal(at) {
				t.Errorf("%s: %+v", c.rule, tr)
			}
			if tr.Rule == "area" && tr.Title.EN != "{name}: 4 of east, d1 d1+2 d1+3 d1+4, zone:east" {
				t.Error(tr.Title.EN)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.rule, got, c.want)
		}
	}
	for rule, but := range map[string]func(*Rehearsal){
		"hot":    func(q *Rehearsal) { q.Via = "" },
		"pushed": func(q *Rehearsal) { q.Zone = "east/b01" },
		"huge":   func(*Rehearsal) {},
	} {
		q := q
		q.Rule = rule
		but(&q)
		if _, err := Rehearse(set, q); !errors.Is(err, ErrNotRaised) || err.Error() == ErrNotRaised.Error() {
			t.Errorf("%s: %v", rule, err)
		}
	}
}

func TestScripts(t *testing.T) {
	for expr, want := range map[string]map[string]any{
		`data.temp_c >= 70 || (data.temp_c >= 60 && rise("temp_c", "1m") >= 5)`: {"temp_c": 70.0},
		`data.leakage_ma > 30`:                       {"leakage_ma": 31.0},
		`data["lux"] < 5`:                            {"lux": 4.0},
		`data.active == true && data.mode == "fire"`: {"active": true, "mode": "fire"},
		`data.online == false`:                       {"online": false},
		`data.topic.endsWith("/telemetry") && data.text.contains("abc")`: {"topic": "/telemetry", "text": " abc"},
		`avg(power_w, 1m) >= 1000`:                                       {"power_w": 1000.0},
		`count("1m") >= 3`:                                               {},
		``:                                                               {},
	} {
		s := script{data: map[string]any{}, slope: map[string]float64{}, times: 1}
		s.read(expr)
		if len(s.data) != len(want) {
			t.Errorf("%s: %v", expr, s.data)
		}
		for k, v := range want {
			if s.data[k] != v {
				t.Errorf("%s: %s is %v, want %v", expr, k, s.data[k], v)
			}
		}
		if expr == `count("1m") >= 3` && s.times != 3 {
			t.Errorf("%d times", s.times)
		}
	}
}
