package access

import (
	"context"
	"strings"
	"testing"
	"time"

	"dongyue/internal/web"
)

func TestPublicURL(t *testing.T) {
	for _, bad := range []string{"hub.example.com", "ftp://a", "https://", "://"} {
		if _, err := publicURL(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	u, err := publicURL("https://hub.example.com:8443")
	if err != nil {
		t.Fatal(err)
	}
	x := &Access{public: u}
	if got := x.link("/visit/a"); got != "https://hub.example.com:8443/visit/a" {
		t.Error(got)
	}
	if got := x.siteHost("10.0.0.2"); got != "hub.example.com:8443" {
		t.Error(got)
	}
	if x = (&Access{}); x.link("/visit/a") != "/visit/a" || x.siteHost("a") != "a" {
		t.Error("without one, what was asked holds")
	}
}

// A pass for many uses ends when the visitor goes out, if it was given so.
func TestAPassEndsOnLeaving(t *testing.T) {
	h := newHouse(t)
	id := h.resident("陈建国", "04A1B2C3D4", "door-1")
	me := h.login("chen", web.Resident, id)
	for leave, want := range map[bool]string{true: "left", false: "good"} {
		body := strings.TrimSuffix(pass(`"door-1"`, 5), "}")
		if leave {
			body += `,"end_on_leave":true`
		}
		p := h.want(201, "POST", "/home/passes", body+"}", me)
		link := p["link"].(string)
		for _, side := range []string{"in", "out"} {
			if got := h.show("door-1", "qr", h.visitCode(link), side); got != "unlock" {
				t.Fatalf("%s: %s", side, got)
			}
		}
		if got := h.visitPage(link)["state"]; got != want {
			t.Errorf("end_on_leave %v: %v, want %s", leave, got, want)
		}
	}
}

// A door that does not open at this hour is listed with the reason, and says it.
func TestAClosedDoorSaysWhy(t *testing.T) {
	h := newHouse(t)
	id := h.resident("陈建国", "04A1B2C3D4", "door-1")
	me := h.login("chen", web.Resident, id)
	never := time.Now().In(h.loc).Add(-3 * time.Hour)
	schedule := never.Format("Mon 15:04") + "-" + never.Add(time.Minute).Format("15:04")
	_, err := h.AddRight(context.Background(), "test", RightInfo{Person: id, Door: "gate", Schedule: strings.ToLower(schedule[:1]) + schedule[1:]})
	h.must(err)
	doors := h.want(200, "GET", "/home", "", me)["doors"].([]any)
	closed := map[string]any{}
	for _, d := range doors {
		d := d.(map[string]any)
		closed[d["id"].(string)] = d["closed"]
	}
	if closed["door-1"] != nil || closed["gate"] != string(OutsideSchedule) {
		t.Errorf("%v", closed)
	}
	if p := h.want(403, "POST", "/home/doors/gate/open", "", me); p["code"] != "home.outside_schedule" {
		t.Errorf("%v", p["code"])
	}
}
