package doors

import (
	"context"
	"errors"
	"testing"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

// A plan is pressed by others in a bad minute: who acts in one court neither writes nor
// takes away what locks, or frees, another.
func TestPlansOfOtherCourtsStay(t *testing.T) {
	b := newBuilding(t)
	ctx := t.Context()
	east := web.WithPrincipal(ctx, web.Principal{ID: "u-east", Role: web.Supervisor, Zones: "east"})
	put := func(ctx context.Context, id, rung string, areas ...string) error {
		in := &planIn{ID: id}
		in.Body.Name, in.Body.Areas, in.Body.Rung = event.Text{ZH: "封闭", EN: "Lockdown"}, areas, rung
		_, err := b.putPlan(ctx, in)
		return err
	}
	drop := func(id string) error { _, err := b.dropPlan(east, &pathID{id}); return err }
	for id, areas := range map[string][]string{"all": {""}, "west": {"west"}} {
		if err := put(ctx, id, "lockdown", areas...); err != nil {
			t.Fatal(err)
		}
	}
	for what, c := range map[string]struct {
		err  error
		code string
	}{
		"the plan for all set free":  {put(east, "all", "manual_override", ""), "doors.not_your_zone"},
		"the plan for all made mine": {put(east, "all", "lockdown", "east"), "doors.not_your_zone"},
		"a new one for another":      {put(east, "mine", "manual_override", "east", "west"), "doors.not_your_zone"},
		"one for another's door":     {put(east, "mine", "manual_override", "door:u1"), "doors.not_your_zone"},
		"another's removed":          {drop("west"), "doors.not_your_zone"},
		"one that is not there":      {drop("none"), "doors.not_found"},
		"a new one of the own":       {put(east, "own", "lockdown", "east", "door:far"), ""},
		"the own removed":            {drop("own"), ""},
	} {
		p, _ := errors.AsType[*web.Problem](c.err)
		if c.code == "" && c.err != nil || c.code != "" && (p == nil || p.Code != c.code) {
			t.Errorf("%s: %v, want %q", what, c.err, c.code)
		}
	}
	plans, err := b.Plans(ctx)
	if err != nil || len(plans) != 2 || plans[0].Areas[0] != "" || plans[0].Rung != "lockdown" || plans[1].ID != "west" {
		t.Errorf("%+v, %v", plans, err)
	}
}
