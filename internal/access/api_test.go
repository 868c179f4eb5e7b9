package access

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"dongyue/internal/web"
)

func TestPeopleCredentialsRightsOverHTTP(t *testing.T) {
	h := newHouse(t)
	boss := h.login("supervisor", web.Supervisor, "")
	p := h.want(201, "POST", "/people", `{"name":"王芳","unit":"east/b01/u1"}`, boss)
	id := p["id"].(string)
	c := h.want(201, "POST", "/credentials", `{"person":"`+id+`","type":"card","value":"04A1B2C3D4"}`, boss)
	if c["last4"] != "C3D4" || c["state"] != "active" || c["value"] != nil {
		t.Fatalf("got %v", c)
	}
	r := h.want(201, "POST", "/rights", `{"person":"`+id+`","door":"door-1","schedule":"always"}`, boss)
	again := h.want(201, "POST", "/rights", `{"person":"`+id+`","door":"door-1"}`, boss)
	if again["id"] != r["id"] {
		t.Fatal("the same right twice")
	}
	if s := h.swipe("door-1", "04A1B2C3D4"); s.typ != "unlock" {
		t.Fatalf("got %+v", s)
	}
	file := h.want(200, "GET", "/people/"+id, "", boss)
	if file["name"] != "王芳" || len(file["credentials"].([]any)) != 1 || len(file["rights"].([]any)) != 1 {
		t.Fatalf("got %v", file)
	}
	// Taking away works for the very next badge.
	h.want(204, "DELETE", "/rights/"+r["id"].(string), "", boss)
	if s := h.swipe("door-1", "04A1B2C3D4"); s.args["reason"] != "wrong_door" {
		t.Fatalf("got %+v", s)
	}
	h.want(201, "POST", "/rights", `{"group":"couriers","zone":"east/b01","schedule":"mon-sun 00:00-24:00"}`, boss)
	h.want(200, "PATCH", "/people/"+id, `{"groups":["couriers"]}`, boss)
	if s := h.swipe("door-1", "04A1B2C3D4"); s.typ != "unlock" {
		t.Fatalf("got %+v", s)
	}
	if gone := h.want(200, "PATCH", "/people/"+id, `{"active":false}`, boss); gone["active"] != false || gone["left_at"] == nil {
		t.Fatalf("got %v", gone)
	}
	if s := h.swipe("door-1", "04A1B2C3D4"); s.args["reason"] != "inactive" {
		t.Fatalf("moved out: %+v", s)
	}
	h.want(200, "PATCH", "/people/"+id, `{"active":true}`, boss)
	h.want(204, "DELETE", "/credentials/"+c["id"].(string)+"?lost=true", "", boss)
	if s := h.swipe("door-1", "04A1B2C3D4"); s.args["reason"] != "lost_stolen" {
		t.Fatalf("lost: %+v", s)
	}
	// The card may be given out again.
	h.want(201, "POST", "/credentials", `{"person":"`+id+`","type":"card","value":"04:a1:b2:c3:d4"}`, boss)
	if s := h.swipe("door-1", "04A1B2C3D4"); s.typ != "unlock" {
		t.Fatalf("got %+v", s)
	}
	if got := h.want(200, "GET", "/credentials?person="+id, "", boss)["items"].([]any); len(got) != 2 {
		t.Fatalf("got %v", got)
	}
	if got := h.want(200, "GET", "/rights?group=couriers", "", boss)["items"].([]any); len(got) != 1 {
		t.Fatalf("got %v", got)
	}
	log := h.want(200, "GET", "/badges?door=door-1&limit=2", "", boss)
	rest := h.want(200, "GET", "/badges?door=door-1&cursor="+log["next"].(string), "", boss)
	if len(log["items"].([]any)) != 2 || len(rest["items"].([]any)) != 4 || rest["next"] != "" {
		t.Fatalf("%v\n%v", log, rest)
	}
	if got := h.want(200, "GET", "/badges?person=p-none&reason=%E6%9F%A5%E8%AF%81", "", boss)["items"].([]any); len(got) != 0 {
		t.Fatalf("got %v", got)
	}
	if _, _, err := h.who.CheckAudit(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func TestBadInput(t *testing.T) {
	h := newHouse(t)
	boss := h.login("supervisor", web.Supervisor, "")
	id := h.resident("陈建国", "04A1B2C3D4", "door-1")
	for _, c := range []struct {
		status             int
		method, path, body string
	}{
		{422, "POST", "/people", `{}`},
		{422, "POST", "/people", `{"name":"  "}`},
		{422, "POST", "/people", `{"name":"x","unit":"East/../b01"}`},
		{422, "POST", "/people", `{"name":"x","groups":["a b"]}`},
		{422, "POST", "/people", `{"name":"x","id":"p-mine"}`},
		{400, "POST", "/people", `{"name":`},
		{404, "GET", "/people/p-none", ``},
		{404, "PATCH", "/people/p-none", `{"name":"x"}`},
		{422, "POST", "/credentials", `{"person":"p-none","type":"card","value":"12345678"}`},
		{422, "POST", "/credentials", `{"person":"` + id + `","type":"face","value":"12345678"}`},
		{422, "POST", "/credentials", `{"person":"` + id + `","type":"card","value":":-: :-:"}`},
		{422, "POST", "/credentials", `{"person":"` + id + `","type":"pin","value":"1234"}`},
		{422, "POST", "/credentials", `{"person":"` + id + `","type":"pin","value":"12345x"}`},
		{422, "POST", "/credentials", `{"person":"` + id + `","type":"card","value":"12345678","valid_from":"2026-03-02T00:00:00Z","valid_to":"2026-03-01T00:00:00Z"}`},
		{409, "POST", "/credentials", `{"person":"` + id + `","type":"card","value":"04 a1 b2 c3 d4"}`},
		{404, "DELETE", "/credentials/c-none", ``},
		{422, "POST", "/rights", `{"person":"` + id + `"}`},
		{422, "POST", "/rights", `{"door":"door-1"}`},
		{422, "POST", "/rights", `{"person":"` + id + `","group":"x","door":"door-1"}`},
		{422, "POST", "/rights", `{"person":"` + id + `","door":"door-1","zone":"east"}`},
		{422, "POST", "/rights", `{"person":"` + id + `","door":"door-none"}`},
		{422, "POST", "/rights", `{"person":"p-none","door":"door-1"}`},
		{422, "POST", "/rights", `{"person":"` + id + `","zone":"/"}`},
		{422, "POST", "/rights", `{"person":"` + id + `","door":"door-1","schedule":"whenever"}`},
		{404, "DELETE", "/rights/r-none", ``},
		{422, "POST", "/doors/door-1/unlock", `{}`},
		{422, "POST", "/doors/door-1/unlock", `{"reason":""}`},
		{422, "POST", "/doors/door-1/unlock", `{"reason":"   "}`},
		{404, "POST", "/doors/door-none/unlock", `{"reason":"快递"}`},
		{409, "POST", "/doors/door-off/unlock", `{"reason":"快递"}`},
		{400, "GET", "/badges?cursor=x", ``},
		{422, "GET", "/badges?person=p-none", ``},
		{422, "GET", "/badges?person=p-none&reason=%20", ``},
		{422, "GET", "/badges?person=p-none", ``},
		{422, "GET", "/badges?limit=0", ``},
		{422, "GET", "/badges?from=yesterday", ``},
	} {
		if v := h.want(c.status, c.method, c.path, c.body, boss); v["code"] == "" || v["code"] == nil {
			t.Errorf("%s %s: no code", c.method, c.path)
		}
	}
	if s := h.desk.take(); len(s) != 0 {
		t.Fatalf("a refused request sent %+v", s)
	}
}

// Text that means something to a database, a shell or a browser is text.
func TestHostileNamesAreStoredAsText(t *testing.T) {
	h := newHouse(t)
	boss := h.login("supervisor", web.Supervisor, "")
	for _, name := range []string{`'; DROP TABLE access_people; --`, `<script>alert(1)</script>`, `=cmd|' /C calc'!A0`, "a\u202Eb", "{{7*7}}"} {
		p := h.want(201, "POST", "/people", fmt.Sprintf(`{"name":%q}`, name), boss)
		if got := h.want(200, "GET", "/people/"+p["id"].(string), "", boss); got["name"] != name {
			t.Errorf("%q came back as %q", name, got["name"])
		}
	}
	if got := h.want(200, "GET", "/people?q=%27&unit=", "", boss)["items"].([]any); len(got) != 2 {
		t.Fatalf("got %v", got)
	}
}

func TestPeoplePages(t *testing.T) {
	h := newHouse(t)
	boss := h.login("supervisor", web.Supervisor, "")
	for n := range 7 {
		h.want(201, "POST", "/people", fmt.Sprintf(`{"name":"N%d","unit":"east/b0%d/u1"}`, n, n%2), boss)
	}
	seen, cursor := map[string]bool{}, ""
	for range 4 {
		page := h.want(200, "GET", "/people?limit=3&cursor="+cursor, "", boss)
		for _, p := range page["items"].([]any) {
			seen[p.(map[string]any)["id"].(string)] = true
		}
		if cursor = page["next"].(string); cursor == "" {
			break
		}
	}
	if len(seen) != 7 {
		t.Fatalf("%d of 7 people", len(seen))
	}
	for unit, n := range map[string]int{"east": 7, "east/b00": 4, "east/b0": 0, "east/b01/u1": 3} {
		if got := h.want(200, "GET", "/people?unit="+unit, "", boss)["items"].([]any); len(got) != n {
			t.Errorf("%s: %d people, want %d", unit, len(got), n)
		}
	}
}

func TestUnlockFromTheDesk(t *testing.T) {
	h := newHouse(t)
	op := h.login("operator", web.Operator, "")
	v := h.want(202, "POST", "/doors/door-1/unlock", `{"reason":"快递"}`, op, "Idempotency-Key", "k1")
	again := h.want(202, "POST", "/doors/door-1/unlock", `{"reason":"快递"}`, op, "Idempotency-Key", "k1")
	if v["id"] != "cmd-1" || v["status"] != "sent" || again["id"] != "cmd-1" {
		t.Fatalf("got %v, %v", v, again)
	}
	s := h.desk.take()
	if len(s) != 1 || s[0].typ != "unlock" || s[0].device != "door-1" || s[0].args["ref"] != nil || s[0].ref == "" || len(s[0].ref) > 128 {
		t.Fatalf("got %+v", s)
	}
	if bs := h.log(); len(bs) != 1 || bs[0].By != ByDesk || bs[0].Note != "快递" || bs[0].Actor == "" {
		t.Fatalf("got %+v", bs)
	}
	// The same key for another door, or by another account, is another opening.
	h.want(202, "POST", "/doors/door-2/unlock", `{"reason":"快递"}`, op, "Idempotency-Key", "k1")
	h.want(202, "POST", "/doors/door-1/unlock", `{"reason":"访客"}`, h.login("op2", web.Operator, ""), "Idempotency-Key", "k1")
	if n := len(h.desk.take()); n != 2 {
		t.Fatalf("%d commands", n)
	}
	es, err := h.who.AuditEntries(context.Background(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, e := range es {
		if e.Action == "doors.unlock" {
			n++
		}
	}
	if n != 3 {
		t.Fatalf("%d openings in the audit", n)
	}
	h.desk.err = errors.New("broker is down")
	h.want(500, "POST", "/doors/door-1/unlock", `{"reason":"快递"}`, op)
	if b := h.log()[0]; b.Decision != Unanswered {
		t.Fatalf("got %+v", b)
	}
}

func TestResidentsSeeAndOpenOnlyTheirOwn(t *testing.T) {
	h := newHouse(t)
	mine := h.resident("陈建国", "04A1B2C3D4", "door-1")
	other := h.resident("李秀英", "0011223344", "door-2")
	me, neighbour := h.login("chen", web.Resident, mine), h.login("li", web.Resident, other)

	home := h.want(200, "GET", "/home", "", me)
	doors := home["doors"].([]any)
	if home["name"] != "陈建国" || home["unit"] != "east/b01/u1" || len(doors) != 1 || doors[0].(map[string]any)["id"] != "door-1" {
		t.Fatalf("got %v", home)
	}
	v := h.want(202, "POST", "/home/doors/door-1/open", "", me)
	if s := h.desk.take(); len(s) != 1 || s[0].typ != "unlock" || v["id"] == "" {
		t.Fatalf("got %+v", s)
	}
	// A neighbour's door, one that does not exist, and odd ids: one answer.
	want := h.want(403, "POST", "/home/doors/door-2/open", "", me)
	for _, id := range []string{"door-none", "gate", "door-off", "door-1%00", "DOOR-1", "'%20OR%201=1", "door-1,door-2"} {
		got := h.want(403, "POST", "/home/doors/"+id+"/open", "", h.login("chen"+fmt.Sprint(len(id)), web.Resident, mine+""))
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, a neighbour's door: %v", id, got, want)
		}
	}
	h.want(404, "POST", "/home/doors/..%2f..%2fdoor-1/open", "", me) // no route
	if s := h.desk.take(); len(s) != 0 {
		t.Fatalf("opened %+v", s)
	}
	// The log is the own one, whatever is asked for.
	h.swipe("door-2", "0011223344")
	for _, path := range []string{"/home/badges", "/home/badges?person=" + other, "/home/badges?door=door-2"} {
		items := h.want(200, "GET", path, "", me)["items"].([]any)
		if len(items) != 1 || items[0].(map[string]any)["door"] != "door-1" {
			t.Errorf("%s: got %v", path, items)
		}
		for _, secret := range []string{"actor", "note", "flag", "person"} {
			if _, there := items[0].(map[string]any)[secret]; there {
				t.Errorf("residents see %s", secret)
			}
		}
	}
	if items := h.want(200, "GET", "/home/badges", "", neighbour)["items"].([]any); len(items) != 1 {
		t.Fatalf("got %v", items)
	}
	// Nothing else is theirs.
	for _, r := range []string{
		"GET /people", "GET /people/" + mine, "POST /people", "PATCH /people/" + mine, "GET /credentials", "POST /credentials",
		"DELETE /credentials/x", "GET /rights", "POST /rights", "DELETE /rights/x", "GET /badges", "GET /badges?person=" + mine, "POST /doors/door-1/unlock",
	} {
		method, path, _ := strings.Cut(r, " ")
		h.want(403, method, path, "", me)
	}
}

func TestHomeFollowsTheRights(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	id := h.resident("陈建国", "04A1B2C3D4", "door-1")
	me := h.login("chen", web.Resident, id)
	if _, err := h.AddRight(ctx, "test", RightInfo{Person: id, Zone: "east/b02"}); err != nil {
		t.Fatal(err)
	}
	if got := h.want(200, "GET", "/home", "", me)["doors"].([]any); len(got) != 2 {
		t.Fatalf("got %v", got)
	}
	h.want(409, "POST", "/home/doors/door-off/open", "", me) // mine, but not connected
	if _, err := h.ChangePerson(ctx, "test", id, PersonChange{Active: new(false)}); err != nil {
		t.Fatal(err)
	}
	if got := h.want(200, "GET", "/home", "", me)["doors"].([]any); len(got) != 0 {
		t.Fatalf("moved out: %v", got)
	}
	h.want(403, "POST", "/home/doors/door-1/open", "", me)
	// An account that belongs to nobody.
	for _, c := range []string{h.login("ghost", web.Resident, "p-ghost"), h.login("boss", web.Admin, "")} {
		status, v := h.do("POST", "/home/doors/door-1/open", "", c)
		if status != 403 {
			t.Fatalf("%d %v", status, v)
		}
	}
}

func TestOpeningIsPaced(t *testing.T) {
	h := newHouse(t)
	id := h.resident("陈建国", "04A1B2C3D4", "door-1")
	me := h.login("chen", web.Resident, id)
	limited := 0
	for range 30 {
		if status, _ := h.do("POST", "/home/doors/door-1/open", "", me); status == 429 {
			limited++
		}
	}
	if limited < 15 {
		t.Fatalf("%d of 30 were limited", limited)
	}
	h.want(202, "POST", "/home/doors/door-2/open", "", h.login("li", web.Resident, h.resident("李秀英", "0011223344", "door-2")))
}

func TestEveryRouteIsGuarded(t *testing.T) {
	h := newHouse(t)
	a := web.NewAPI("test", h.who, slog.New(slog.DiscardHandler))
	h.Register(a)
	for _, r := range a.Routes() {
		if r.Path == "/api/v1/visit/{token}" && r.Action == web.Public { // its token is what one must have
			continue
		}
		h.want(401, r.Method, strings.TrimPrefix(strings.ReplaceAll(r.Path, "{id}", "x"), "/api/v1"), "", "")
		if r.Action == web.Public || r.Action == web.Self {
			t.Errorf("%s %s is open", r.Method, r.Path)
		}
	}
	crew := h.login("crew", web.Crew, "")
	for _, r := range a.Routes() {
		if r.Action == web.Public {
			continue
		}
		h.want(403, r.Method, strings.TrimPrefix(strings.ReplaceAll(r.Path, "{id}", "x"), "/api/v1"), "", crew)
	}
}
