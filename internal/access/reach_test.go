package access

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"dongyue/internal/identity"
	"dongyue/internal/web"
)

// inZone is a supervisor who acts in one zone.
func inZone(zone string) context.Context {
	return web.WithPrincipal(context.Background(), web.Principal{ID: "u-" + zone, Role: web.Supervisor, Zones: zone})
}

// Who acts in one court neither makes nor changes people of another, takes nothing away
// from them and lets nobody into a group that opens there.
func TestTheZoneHoldsForPeople(t *testing.T) {
	ctx, east, west := context.Background(), inZone("east"), inZone("west")
	h := newHouse(t)
	to := time.Now().Add(time.Hour)
	_, err := h.AddRight(ctx, "test", RightInfo{Group: "crew", Zone: "east"})
	h.must(err)
	zone, groups, moved := "west/b01/u1", []string{"crew"}, false

	n := 0
	// Each is tried by the one who must not first; so nothing that is refused is done.
	for what, try := range map[string]func(ctx context.Context, id string) error{
		"card": func(ctx context.Context, id string) error {
			_, err := h.AddCredential(ctx, "u", NewCredential{Person: id, Type: "card", Value: "CC" + id})
			return err
		},
		"revoked card": func(ctx context.Context, id string) error {
			cs, err := h.Credentials(context.Background(), id, "", 10)
			h.must(err)
			return h.RevokeCredential(ctx, "u", cs[0].ID, true)
		},
		"ended right": func(ctx context.Context, id string) error {
			rs, err := h.Rights(context.Background(), RightsFilter{Person: id}, "", 10)
			h.must(err)
			return h.EndRight(ctx, "u", rs[0].ID)
		},
		"name": func(ctx context.Context, id string) error {
			name := "改名"
			_, err := h.ChangePerson(ctx, "u", id, PersonChange{Name: &name})
			return err
		},
		"moved out": func(ctx context.Context, id string) error { _, err := h.MoveOut(ctx, "u", id); return err },
		"fresh code": func(ctx context.Context, id string) error {
			return h.RenewCode(ctx, "u", id)
		},
		"erased": func(ctx context.Context, id string) error {
			e, err := h.AskErasure(context.Background(), "u", id, "")
			h.must(err)
			return h.AnswerErasure(ctx, "u", e.ID, "好", true)
		},
		"revoked pass": func(ctx context.Context, id string) error {
			ps, err := h.Passes(context.Background(), PassFilter{Host: id}, "", 1)
			h.must(err)
			return h.EndPass(ctx, "u", "", ps[0].ID)
		},
		"guest gone": func(ctx context.Context, id string) error {
			ps, err := h.Passes(context.Background(), PassFilter{Host: id}, "", 1)
			h.must(err)
			return h.GuestLeft(ctx, "u", "", ps[0].ID)
		},
		"file": func(ctx context.Context, id string) error {
			res, err := h.ImportPeople(ctx, "u", []byte("id,name\n"+id+",王\n"), false)
			if err == nil && len(res.Errors) > 0 {
				return ErrNotYourZone
			}
			return err
		},
	} {
		n++
		id := h.resident("王芳", fmt.Sprintf("AA%04d", n), "door-1")
		_, _, err := h.AddPass(ctx, "test", NewPass{Host: id, Name: "张三", To: to})
		h.must(err)
		if err := try(west, id); !errors.Is(err, ErrNotYourZone) {
			t.Errorf("%s of somebody in another court: %v", what, err)
		}
		if err := try(east, id); err != nil {
			t.Errorf("%s of somebody in the own court: %v", what, err)
		}
	}

	id := h.resident("陈建国", "04A1B2C3D4", "door-1")
	add := func(ctx context.Context, p PersonInfo) error {
		p.Name = "甲"
		_, err := h.AddPerson(ctx, "u", p)
		return err
	}
	change := func(ctx context.Context, c PersonChange) error { _, err := h.ChangePerson(ctx, "u", id, c); return err }
	for what, c := range map[string]struct {
		err  error
		want error
	}{
		"a person of another court":             {add(east, PersonInfo{Unit: zone}), ErrNotYourZone},
		"a person of the own":                   {add(west, PersonInfo{Unit: zone}), nil},
		"staff of no home":                      {add(west, PersonInfo{Kind: Staff}), nil},
		"one of a group that opens elsewhere":   {add(west, PersonInfo{Kind: Staff, Groups: groups}), ErrNotYourZone},
		"one of a group that opens here":        {add(east, PersonInfo{Kind: Staff, Groups: groups}), nil},
		"into another court":                    {change(east, PersonChange{Unit: &zone}), ErrNotYourZone},
		"moved out by another court":            {change(west, PersonChange{Active: &moved}), ErrNotYourZone},
		"into a group of the own court":         {change(east, PersonChange{Groups: &groups}), nil},
		"the calendar of all":                   {h.SetCalendar(east, "u", nil), ErrNotYourZone},
		"the calendar, by whom acts everywhere": {h.SetCalendar(ctx, "u", nil), nil},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: %v, want %v", what, c.err, c.want)
		}
	}
	res, err := h.ImportPeople(west, "u", []byte("name,kind,unit,household,groups\n乙,resident,west/b01/u1,0101,\n丙,resident,east/b01/u1,0101,\n丁,staff,,,crew\n"), true)
	h.must(err)
	if len(res.Errors) != 2 || res.Errors[0].Line != 3 || res.Errors[1].Line != 4 {
		t.Errorf("%+v", res)
	}
}

// Somebody without a home, as staff, is of those who act wherever that person may go: a
// card for the caretaker of all courts is a card for all courts.
func TestACardForStaffIsForAllTheyOpen(t *testing.T) {
	ctx, east := context.Background(), inZone("east/b01")
	h := newHouse(t)
	card := func(p string, n int) error {
		_, err := h.AddCredential(east, "u", NewCredential{Person: p, Type: "card", Value: fmt.Sprintf("BB%04d", n)})
		return err
	}
	for i, right := range []RightInfo{{Door: "door-1"}, {Zone: "east/b01"}, {Zone: "east"}, {Door: "gate"}, {Group: "crew", Zone: "east"}} {
		p, err := h.AddPerson(ctx, "test", PersonInfo{Name: "管家", Kind: Staff, Groups: slices.DeleteFunc([]string{right.Group}, func(g string) bool { return g == "" })})
		h.must(err)
		if right.Group == "" {
			right.Person = p.ID
		}
		_, err = h.AddRight(ctx, "test", right)
		h.must(err)
		want := error(nil)
		if i > 1 {
			want = ErrNotYourZone
		}
		if err := card(p.ID, i); !errors.Is(err, want) {
			t.Errorf("right %d: %v, want %v", i, err, want)
		}
	}
}

// Over the API it is 403 with a code, and the area of others keeps its rules.
func TestZonesOverHTTP(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	id := h.resident("王芳", "04A1B2C3D4", "door-1")
	h.must(h.SetArea(ctx, "test", PassbackArea{ID: "hall", Name: "厅", Passback: PassbackEnforce}))
	h.must(h.SetDoorPolicy(ctx, "test", DoorPolicy{Door: "door-1", Inside: "hall"}))
	boss := h.login("west", web.Supervisor, "")
	zones := []string{"west"}
	for _, u := range h.who.Staff() {
		_, _, err := h.who.ChangeUser(ctx, "test", u.ID, identity.Change{Zones: &zones})
		h.must(err)
	}
	for _, c := range [][3]string{
		{"POST", "/people", `{"name":"王","unit":"east/b01/u1"}`},
		{"PATCH", "/people/" + id, `{"active":false}`},
		{"POST", "/people/" + id + "/move-out", ""},
		{"POST", "/credentials", `{"person":"` + id + `","type":"card","value":"0000111122"}`},
		{"PUT", "/passback-areas/hall", `{"name":"厅","passback":"none"}`},
		{"DELETE", "/passback-areas/hall/inside", ""},
		{"PUT", "/calendar", `{"items":[]}`},
	} {
		if got := h.want(403, c[0], c[1], c[2], boss); got["code"] != "access.not_your_zone" {
			t.Errorf("%s %s: %v", c[0], c[1], got)
		}
	}
	h.want(200, "GET", "/people/"+id, "", boss) // it still sees all
	if s := h.swipe("door-1", "04A1B2C3D4"); s.typ != "unlock" {
		t.Errorf("the resident is told %+v", s)
	}
}

// Everybody's file leaves the hub only with a reason, which stands in the audit.
func TestAnExportSaysWhy(t *testing.T) {
	h := newHouse(t)
	h.resident("陈建国", "04A1B2C3D4", "door-1")
	boss := h.login("supervisor", web.Supervisor, "")
	for _, reason := range []string{"", "?reason=", "?reason=%20%20"} {
		if got := h.want(422, "GET", "/people/export"+reason, "", boss); got["code"] != "access.reason_needed" {
			t.Errorf("%q: %v", reason, got)
		}
	}
	if es, err := h.who.AuditOf(t.Context(), "people.exported", "", 10); err != nil || len(es) != 0 {
		t.Errorf("%d entries of what was refused, %v", len(es), err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.srv.URL+"/api/v1/people/export?reason=%E5%B9%B4%E5%BA%A6%E6%A0%B8%E5%AF%B9", nil)
	h.must(err)
	r.AddCookie(&http.Cookie{Name: web.SessionCookie, Value: boss})
	res, err := http.DefaultClient.Do(r)
	h.must(err)
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	h.must(err)
	if res.StatusCode != http.StatusOK || !strings.Contains(string(body), "陈建国") {
		t.Errorf("%d %s", res.StatusCode, body)
	}
	es, err := h.who.AuditOf(t.Context(), "people.exported", "", 10)
	if err != nil || len(es) != 1 || !strings.Contains(string(es[0].Detail), "年度核对") {
		t.Errorf("%+v, %v", es, err)
	}
}
