package rules

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

// gated is a source that waits until it is let on.
type gated struct {
	past
	on chan struct{}
}

func (g gated) Scan(ctx context.Context, from, to time.Time, f func([]event.Event) error) error {
	select {
	case <-g.on:
	case <-ctx.Done():
		return ctx.Err()
	}
	return g.past.Scan(ctx, from, to, f)
}

// trialDesk is a desk whose replays go over a past and wait for a word.
func trialDesk(t *testing.T, p past) (d *desk, on chan struct{}) {
	t.Helper()
	d = newDesk(t, map[string]string{"a.yaml": ruleNamed("hot", "data.t >= 70")})
	on = make(chan struct{})
	replays, err := NewReplays(ReplaysOptions{Source: gated{p, on}, Live: d.Set, Now: func() time.Time { return testEpoch().Add(time.Hour) }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- replays.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	d.api = web.NewAPI("test", guard{}, d.o.Log)
	Operations{Engine: d.engine, Book: d.Book, Replays: replays}.Register(d.api)
	return d, on
}

// ended waits until a replay is no longer running.
func (d *desk) ended(id string) (j ReplayJob) {
	d.t.Helper()
	for range 1000 {
		if code := d.ask("GET", "/rules/replays/"+id, nil, &j); code != http.StatusOK {
			d.t.Fatal(code)
		}
		if j.State != Running {
			return j
		}
		time.Sleep(5 * time.Millisecond)
	}
	d.t.Fatal("it does not end")
	return j
}

func TestReplayAPI(t *testing.T) {
	d, on := trialDesk(t, past{reading(0, "1", `{"t":80}`), reading(60, "2", `{"t":65}`)})
	body := map[string]any{"files": Files{"a.yaml": ruleNamed("hot", "data.t >= 60")}, "since": "1h"}
	var first, second ReplayJob
	if code := d.ask("POST", "/rules/replay", body, &first); code != http.StatusAccepted || first.State != Running || first.By != "u1" {
		t.Fatalf("%d %+v", code, first)
	}
	var p web.Problem
	if code := d.ask("POST", "/rules/replay", body, &p); code != http.StatusConflict || p.Code != "rules.replay_running" {
		t.Errorf("a second one: %d %+v", code, p)
	}
	on <- struct{}{}
	j := d.ended(first.ID)
	if j.State != Done || j.Progress != 1 || j.Report == nil || j.Report.Raised != 2 || j.Report.LiveRaised != 1 || len(j.Report.Diff) != 1 || j.EndedAt == nil {
		t.Errorf("%+v", j)
	}
	if code := d.ask("POST", "/rules/replay", map[string]any{"since": testEpoch()}, &second); code != http.StatusAccepted {
		t.Fatal(code)
	}
	if code := d.ask("DELETE", "/rules/replays/"+second.ID, nil, nil); code != http.StatusNoContent {
		t.Errorf("cancel: %d", code)
	}
	if j := d.ended(second.ID); j.State != Cancelled || j.Report != nil {
		t.Errorf("%+v", j)
	}
	var list struct{ Items []ReplayJob }
	d.ask("GET", "/rules/replays", nil, &list)
	if len(list.Items) != 2 || list.Items[0].ID != second.ID || list.Items[1].Report != nil {
		t.Errorf("%+v", list)
	}
	d.ask("DELETE", "/rules/replays/"+second.ID, nil, nil)
	if code := d.ask("GET", "/rules/replays/"+second.ID, nil, &p); code != http.StatusNotFound || p.Code != "rules.no_replay" {
		t.Errorf("forgotten: %d %+v", code, p)
	}
}

func TestReplayAPIRefuses(t *testing.T) {
	d, _ := trialDesk(t, nil)
	for what, c := range map[string]struct {
		body   map[string]any
		role   web.Role
		status int
		code   string
	}{
		"an operator":   {map[string]any{"since": "1h"}, web.Operator, 403, "auth.forbidden"},
		"no since":      {map[string]any{}, web.Admin, 422, "request.invalid"},
		"no time":       {map[string]any{"since": "soon"}, web.Admin, 422, "rules.replay_span"},
		"the future":    {map[string]any{"since": "2030-01-01"}, web.Admin, 422, "rules.replay_span"},
		"too long":      {map[string]any{"since": "400d"}, web.Admin, 422, "rules.replay_span"},
		"until no time": {map[string]any{"since": "1h", "until": "x"}, web.Admin, 422, "rules.replay_span"},
		"a bad file":    {map[string]any{"since": "1h", "files": Files{"a.yaml": "rules: [{}]"}}, web.Admin, 422, "rules.bad_files"},
		"a bad name":    {map[string]any{"since": "1h", "files": Files{"a": ""}}, web.Admin, 422, "rules.file_name"},
	} {
		var p web.Problem
		d.role = c.role
		if code := d.ask("POST", "/rules/replay", c.body, &p); code != c.status || p.Code != c.code {
			t.Errorf("%s: %d %+v", what, code, p)
		}
	}
}

func TestFailedReplaySaysWhy(t *testing.T) {
	r, err := NewReplays(ReplaysOptions{Source: broken{past{reading(0, "1", `{"t":80}`)}}, Live: func() *Set { return mustLoad(t, ruleNamed("hot", "data.t >= 70")) }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	j, err := r.Start(nil, testEpoch(), testEpoch().Add(time.Hour), "u1")
	if err != nil {
		t.Fatal(err)
	}
	for j.State == Running {
		time.Sleep(time.Millisecond)
		if j, err = r.Get(j.ID); err != nil {
			t.Fatal(err)
		}
	}
	if j.State != Failed || j.Error == "" {
		t.Errorf("%+v", j)
	}
	stop()
	if err := errors.Join(<-done, ctx.Err()); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := NewReplays(ReplaysOptions{}); err == nil {
		t.Error("replays of nothing")
	}
}

func TestMoment(t *testing.T) {
	now := time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)
	for s, want := range map[string]time.Time{
		"30d": now.AddDate(0, 0, -30), "36h": now.Add(-36 * time.Hour), "1d12h": now.Add(-36 * time.Hour), "2026-03-01": time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC),
		"2026-03-01T08:00:00+08:00": time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), "0s": now,
	} {
		if got, err := Moment(s, now); err != nil || !got.Equal(want) {
			t.Errorf("%q: %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "d", "-1d", "-5m", "3", "99999d", "1h2d", "yesterday"} {
		if got, err := Moment(s, now); err == nil {
			t.Errorf("%q is %v", s, got)
		}
	}
}
