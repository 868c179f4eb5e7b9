package access

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"strings"
	"testing"
	"time"

	"dongyue/internal/web"
)

// staff is somebody of the desk.
func staff(id string) web.Principal {
	return web.Principal{ID: id, Name: id, Role: web.Supervisor}
}

func TestACopyNeedsTwo(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	p := h.resident("陈建国", "04A1B2C3D4", "door-1")
	h.swipe("door-1", "04A1B2C3D4")
	from, to := now().Add(-time.Hour), now().Add(time.Hour)
	for name, c := range map[string]struct {
		person   string
		from, to time.Time
		reason   string
		want     error
	}{
		"no reason":       {p, from, to, "  ", ErrReasonNeeded},
		"a long reason":   {p, from, to, strings.Repeat("x", 501), ErrReasonNeeded},
		"nobody":          {"p-none", from, to, "案件", ErrInvalid},
		"no time":         {p, to, to, "案件", ErrInvalid},
		"more than there": {p, from, from.Add(400 * 24 * time.Hour), "案件", ErrInvalid},
	} {
		if _, err := h.AskTrail(ctx, staff("a"), c.person, c.from, c.to, c.reason); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	tr, err := h.AskTrail(ctx, staff("a"), p, from, to, "案件 1107")
	h.must(err)
	if _, err := h.takeTrail(ctx, staff("a"), tr.ID); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("taken before it was allowed: %v", err)
	}
	if _, err := h.JudgeTrail(ctx, staff("a"), tr.ID, true, ""); !errors.Is(err, ErrOwnRequest) {
		t.Errorf("allowed by the one who asked: %v", err)
	}
	if _, err := h.JudgeTrail(ctx, staff("b"), "tr-none", true, ""); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if tr, err = h.JudgeTrail(ctx, staff("b"), tr.ID, true, "同意"); err != nil || tr.State != TrailAllowed {
		t.Fatalf("%s, %v", tr.State, err)
	}
	if _, err := h.JudgeTrail(ctx, staff("c"), tr.ID, false, ""); !errors.Is(err, ErrJudged) {
		t.Errorf("judged twice: %v", err)
	}
	if _, err := h.takeTrail(ctx, staff("b"), tr.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("taken by another: %v", err)
	}
	if _, err := h.takeTrail(ctx, staff("a"), tr.ID); err != nil {
		t.Error(err)
	}
	for after, want := range map[time.Duration]string{trailGood - time.Minute: TrailAllowed, trailGood: TrailOver} {
		tr.settle(tr.JudgedAt.Add(after))
		if tr.State != want {
			t.Errorf("after %s: %s, want %s", after, tr.State, want)
		}
	}
	refused, err := h.AskTrail(ctx, staff("a"), p, from, to, "好奇")
	h.must(err)
	if refused, err = h.JudgeTrail(ctx, staff("b"), refused.ID, false, "没有依据"); err != nil || refused.State != TrailRefused {
		t.Errorf("%s, %v", refused.State, err)
	}
	if _, err := h.takeTrail(ctx, staff("a"), refused.ID); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("a refused one is taken: %v", err)
	}
	all, err := h.Trails(ctx, 10)
	if err != nil || len(all) != 2 || all[0].Answer+all[1].Answer == "" {
		t.Errorf("%+v, %v", all, err)
	}
	for action, want := range map[string]int{"trail.asked": 2, "trail.allowed": 1, "trail.refused": 1, "trail.taken": 1} {
		if es, err := h.who.AuditOf(ctx, action, p, 10); err != nil || len(es) != want {
			t.Errorf("%s: %d in the audit, %v", action, len(es), err)
		}
	}
}

// Names come from outside: no cell may begin as a formula.
func TestACopyIsNoFormula(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	h.desk.mu.Lock()
	d := h.desk.doors["door-1"]
	d.Name = "=HYPERLINK(\"http://x\")"
	h.desk.doors["door-1"] = d
	h.desk.mu.Unlock()
	p := h.resident("陈建国", "04A1B2C3D4", "door-1")
	for range trailPage/500 + 1 {
		h.swipe("door-1", "04A1B2C3D4")
	}
	var b bytes.Buffer
	h.must(h.writeTrail(ctx, &b, &Trail{Person: p, From: now().Add(-time.Hour), To: now().Add(time.Hour)}))
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil || len(rows) != trailPage/500+2 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for _, row := range rows[1:] {
		for i, c := range row {
			if c != "" && strings.ContainsRune("=+-@\t\r", rune(c[0])) {
				t.Errorf("%s: %q", rows[0][i], c)
			}
		}
	}
	if rows[1][0] > rows[2][0] {
		t.Error("the newest is first")
	}
	// Of another there is nothing in it.
	b.Reset()
	h.must(h.writeTrail(ctx, &b, &Trail{Person: "p-other", From: now().Add(-time.Hour), To: now().Add(time.Hour)}))
	if strings.Count(b.String(), "\n") != 1 {
		t.Errorf("got %q", b.String())
	}
}
