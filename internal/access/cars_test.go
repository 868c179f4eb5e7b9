package access

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"dongyue/internal/doorlist"
	"dongyue/internal/web"
)

// host is a resident with a stair, a gate for people and a barrier.
func (h *house) host() (id, cookie string) {
	h.t.Helper()
	id = h.resident("陈建国", "04A1B2C3D4", "door-1")
	for _, d := range []string{"gate", "barrier"} {
		_, err := h.AddRight(context.Background(), "test", RightInfo{Person: id, Door: d})
		h.must(err)
	}
	return id, h.login("chen", web.Resident, id)
}

func (h *house) invite(body, who string) map[string]any {
	h.t.Helper()
	return h.want(201, "POST", "/home/passes", body, who)
}

func carPass(plate string, more string) string {
	return fmt.Sprintf(`{"name":"张三","to":%q,"doors":["barrier","door-1"],"plate":%q%s}`, time.Now().Add(2*time.Hour).Format(time.RFC3339), plate, more)
}

// S13: one gate, one unit, two hours, one plate.
func TestVisitorByCar(t *testing.T) {
	h := newHouse(t)
	_, me := h.host()
	p := h.invite(carPass("川a·d12345", `,"uses":1`), me)
	if p["plate"] != "川AD12345" || p["end_on_leave"] != true || p["kind"] != "visitor" {
		t.Fatalf("got %v", p)
	}
	link := p["link"].(string)
	for _, c := range []struct{ what, door, typ, value, side, want string }{
		{"a plate that nobody has", "barrier", "plate", "川A99999", "in", "unknown_credential"},
		{"no plate at all", "barrier", "plate", "川A?2345", "in", "plate_unreadable"},
		{"the code in the car", "barrier", "qr", h.visitCode(link), "in", "plate_needed"},
		{"at another's stair", "door-2", "plate", "川AD12345", "in", "wrong_door"},
		{"the car", "barrier", "plate", "川A·D12345", "in", "unlock"},
		{"a second one with the same plate", "barrier", "plate", "川AD12345", "in", "car_inside"},
		{"at the stair", "door-1", "qr", h.visitCode(link), "in", "unlock"},
		{"the stair is once", "door-1", "qr", h.visitCode2(link, p), "in", "used_up"},
	} {
		if got := h.show(c.door, c.typ, c.value, c.side); got != c.want {
			t.Errorf("%s: got %s, want %s", c.what, got, c.want)
		}
	}
	if v := h.visitPage(link); v["state"] != "used_up" || v["inside_since"] == nil || v["overstay"] != false || v["plate"] != "川AD12345" {
		t.Fatalf("got %v", v)
	}
	// Going out of the stair on foot ends nothing: the car is still there.
	if got := h.show("door-1", "qr", h.visitCode2(link, p), "out"); got != "unlock" {
		t.Fatalf("out of the stair: %s", got)
	}
	if v := h.visitPage(link); v["state"] != "used_up" {
		t.Fatalf("got %v", v)
	}
	if got := h.show("barrier", "plate", "川AD12345", "out"); got != "unlock" {
		t.Fatalf("out: %s", got)
	}
	if v := h.visitPage(link); v["state"] != "left" || v["inside_since"] != nil {
		t.Fatalf("got %v", v)
	}
	if gone, err := h.GuestsGone(context.Background(), time.Now().Add(-time.Minute)); err != nil || !gone[p["person"].(string)] {
		t.Fatalf("%v, %v", gone, err)
	}
	if got := h.show("barrier", "plate", "川AD12345", "in"); got != "inactive" {
		t.Fatalf("again: %s", got)
	}
	last := h.log()[0]
	if last.Type != "plate" || last.Last4 != "2345" || last.PersonName != "张三" {
		t.Fatalf("got %+v", last)
	}
}

// A guest who comes to two homes with one car has two passes; the car opens by either, and
// a copy of the plate by neither while it is inside.
func TestOnePlateOnTwoBookings(t *testing.T) {
	h := newHouse(t)
	_, me := h.host()
	first := h.invite(carPass("川A12345", ""), me)
	h.invite(carPass("川A12345", ""), me)
	for i, want := range []string{"unlock", "car_inside"} {
		if got := h.show("barrier", "plate", "川A12345", "in"); got != want {
			t.Fatalf("%d: got %s, want %s", i, got, want)
		}
	}
	if got := h.show("barrier", "plate", "川A12345", "out"); got != "unlock" {
		t.Fatalf("out: %s", got)
	}
	if got := h.show("barrier", "plate", "川A12345", "in"); got != "unlock" {
		t.Fatalf("in again, by a pass that did not end: %s", got)
	}
	h.want(204, "DELETE", "/home/passes/"+first["id"].(string), "", me)
	if p := h.want(200, "GET", "/home/passes", "", me)["items"].([]any); p[0].(map[string]any)["used"].(float64)+p[1].(map[string]any)["used"].(float64) != 2 {
		t.Fatalf("two openings: %v", p)
	}
	// No camera saw it leave: the host says so, and it may come again.
	for _, p := range h.want(200, "GET", "/home/passes", "", me)["items"].([]any) {
		h.want(204, "POST", "/home/passes/"+p.(map[string]any)["id"].(string)+"/left", "", me)
	}
	if got := h.show("barrier", "plate", "川A12345", "in"); got != "unlock" {
		t.Fatalf("after it left unseen: %s", got)
	}
}

func TestResidentsCarOpens(t *testing.T) {
	h := newHouse(t)
	id, _ := h.host()
	boss := h.login("supervisor", web.Supervisor, "")
	c := h.want(201, "POST", "/credentials", `{"person":"`+id+`","type":"plate","value":"川Ａ·54321"}`, boss)
	if c["last4"] != "4321" {
		t.Fatalf("got %v", c)
	}
	for range 2 { // nobody counts the cars of a home
		if got := h.show("barrier", "plate", "川A54321", "in"); got != "unlock" {
			t.Fatalf("got %s", got)
		}
	}
	e := h.want(422, "POST", "/credentials", `{"person":"`+id+`","type":"plate","value":"A12345"}`, boss)
	if !strings.Contains(fmt.Sprint(e["detail"]), "no province") {
		t.Fatalf("got %v", e)
	}
	h.want(204, "DELETE", "/credentials/"+c["id"].(string), "", boss)
	if got := h.show("barrier", "plate", "川A54321", "in"); got != "inactive" {
		t.Fatalf("sold: %s", got)
	}
}

func TestPassesThatMakeNoSense(t *testing.T) {
	h := newHouse(t)
	_, me := h.host()
	_, err := h.AddRight(context.Background(), "test", RightInfo{Person: h.want(200, "GET", "/home", "", me)["person"].(string), Door: "door-2"})
	h.must(err)
	h.resident("李秀英", "0011223344", "door-2")
	moved := h.want(200, "GET", "/people?q=李秀英", "", h.login("supervisor", web.Supervisor, ""))["items"].([]any)[0].(map[string]any)
	if moved["unit"] != "east/b01/u1" {
		t.Fatalf("got %v", moved)
	}
	_, err = h.AddPerson(context.Background(), "test", PersonInfo{Name: "邻居", Unit: "east/b01/u2", Household: "0101"})
	h.must(err)
	later := func(d time.Duration) string { return time.Now().Add(d).Format(time.RFC3339) }
	for says, body := range map[string]string{
		"is no number plate":    `{"name":"张三","to":"` + later(time.Hour) + `","plate":"川A1?345","doors":["barrier"]}`,
		"opens by number plate": `{"name":"张三","to":"` + later(time.Hour) + `","doors":["barrier","door-1"]}`,
		"at most 60 minutes":    `{"name":"快递","kind":"courier","to":"` + later(2*time.Hour) + `"}`,
		"is elsewhere":          `{"name":"快递","kind":"courier","to":"` + later(time.Hour/2) + `","doors":["gate","door-2"]}`,
	} {
		if e := h.want(422, "POST", "/home/passes", body, me); !strings.Contains(fmt.Sprint(e["detail"]), says) {
			t.Errorf("want %q, got %v", says, e)
		}
	}
	h.want(422, "POST", "/home/passes", `{"name":"张三","kind":"staff","to":"`+later(time.Hour)+`"}`, me)
}

// A courier's pass leads through the gate to one stair, once, within the hour.
func TestCouriersWay(t *testing.T) {
	h := newHouse(t)
	id, me := h.host()
	_, err := h.AddRight(context.Background(), "test", RightInfo{Person: id, Door: "door-2"})
	h.must(err)
	_, err = h.AddPerson(context.Background(), "test", PersonInfo{Name: "邻居", Unit: "east/b01/u2", Household: "0101"})
	h.must(err)
	p := h.invite(`{"name":"快递","kind":"courier","to":"`+time.Now().Add(30*time.Minute).Format(time.RFC3339)+`"}`, me)
	if fmt.Sprint(p["doors"]) != "[door-1 gate]" || p["uses"] != 1.0 || p["end_on_leave"] != true || p["kind"] != "courier" {
		t.Fatalf("got %v", p)
	}
	link := p["link"].(string)
	for _, c := range []struct{ door, want string }{{"door-2", "wrong_door"}, {"barrier", "plate_needed"}, {"gate", "unlock"}, {"door-1", "unlock"}, {"door-1", "used_up"}} {
		if got := h.show(c.door, "qr", h.visitCode2(link, p), "in"); got != c.want {
			t.Errorf("%s: got %s, want %s", c.door, got, c.want)
		}
	}
	h.want(422, "POST", "/home/passes/"+p["id"].(string)+"/extend", `{"to":"`+time.Now().Add(2*time.Hour).Format(time.RFC3339)+`"}`, me)
	if got := h.show("gate", "qr", h.visitCode2(link, p), "out"); got != "unlock" {
		t.Fatalf("out: %s", got)
	}
	if v := h.visitPage(link); v["state"] != "left" || v["kind"] != "courier" {
		t.Fatalf("got %v", v)
	}
}

// Where the host wants to see who comes, the code opens nothing: it rings.
func TestHostConfirms(t *testing.T) {
	h := newHouse(t)
	id, me := h.host()
	unit, flat := "east/b01/u1", "0302"
	_, err := h.ChangePerson(context.Background(), "test", id, PersonChange{Unit: &unit, Household: &flat})
	h.must(err)
	p := h.invite(carPass("川A12345", `,"uses":1,"confirm":true`), me)
	if got := h.show("barrier", "plate", "川A12345", "in"); got != "unlock" {
		t.Fatalf("the plate asks nobody: %s", got)
	}
	if got := h.show("door-1", "qr", h.visitCode(p["link"].(string)), "in"); got != "confirm_needed" {
		t.Fatalf("got %s", got)
	}
	var device, typ, data string
	h.must(h.db.Read().QueryRow("SELECT device, type, data FROM access_reports WHERE type = 'ring'").Scan(&device, &typ, &data))
	if device != "door-1" || !strings.Contains(data, `"flat":"0302"`) || !strings.Contains(data, `"unit":"east/b01/u1"`) || !strings.Contains(data, "张三") {
		t.Fatalf("%s %s %s", device, typ, data)
	}
	if v := h.visitPage(p["link"].(string)); v["state"] != "good" || v["confirm"] != true {
		t.Fatalf("nothing was used up: %v", v)
	}
}

// reported are the overstays that the desk is to be told of.
func (h *house) reported() (all []string) {
	h.t.Helper()
	rows, err := h.db.Read().Query("SELECT data FROM access_reports WHERE type = 'overstay' ORDER BY rowid")
	h.must(err)
	defer rows.Close()
	for rows.Next() {
		var data string
		h.must(rows.Scan(&data))
		var x struct {
			Active bool   `json:"active"`
			Part   string `json:"part"`
		}
		h.must(json.Unmarshal([]byte(data), &x))
		all = append(all, fmt.Sprint(x.Part, " ", x.Active))
	}
	return all
}

type oneAccount struct{}

func (oneAccount) AccountsOf(string) []string { return []string{"u-chen"} }

// The ladder of a car that stays: the guest sees it first, the host is told next, then the
// desk; each once, also over a restart. More time begins it anew; leaving ends it.
func TestOverstayLadder(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	h.accounts = oneAccount{}
	_, me := h.host()
	p := h.invite(carPass("川A12345", ""), me)
	id, to := p["id"].(string), time.Now().Add(2*time.Hour)
	if got := h.show("barrier", "plate", "川A12345", "in"); got != "unlock" {
		t.Fatal(got)
	}
	told := func() (n int) {
		t.Helper()
		h.must(h.db.Read().QueryRow("SELECT count(*) FROM feed WHERE topic = 'pass' AND account = 'u-chen'").Scan(&n))
		return n
	}
	step := func(at time.Time, hosts int, desk ...string) {
		t.Helper()
		h.must(h.tellOverstays(ctx, at))
		h.must(h.tellOverstays(ctx, at))
		if n := told(); n != hosts || fmt.Sprint(h.reported()) != fmt.Sprint(desk) {
			t.Fatalf("%s behind the end: the host was told %d times, want %d; the desk %v, want %v", at.Sub(to), n, hosts, h.reported(), desk)
		}
	}
	step(to.Add(-time.Minute), 0)
	step(to.Add(9*time.Minute), 0)
	step(to.Add(11*time.Minute), 1)
	h.start()
	h.accounts = oneAccount{}
	step(to.Add(31*time.Minute), 1, id+" true")
	step(to.Add(40*time.Minute), 1, id+" true")

	later := time.Now().Add(4 * time.Hour)
	h.want(204, "POST", "/home/passes/"+id+"/extend", `{"to":"`+later.Format(time.RFC3339)+`"}`, me)
	step(to.Add(40*time.Minute), 1, id+" true", id+" false")
	step(later.Add(31*time.Minute), 2, id+" true", id+" false", id+" true")
	if got := h.show("barrier", "plate", "川A12345", "out"); got != "unlock" {
		t.Fatal(got)
	}
	step(later.Add(50*time.Minute), 2, id+" true", id+" false", id+" true", id+" false")

	for _, body := range []string{`{"to":"` + time.Now().Add(time.Hour).Format(time.RFC3339) + `"}`, `{"to":"` + time.Now().Add(60*24*time.Hour).Format(time.RFC3339) + `"}`} {
		h.want(422, "POST", "/home/passes/"+id+"/extend", body, me)
	}
	other := h.login("li", web.Resident, h.resident("李秀英", "0011223344", "door-2"))
	h.want(404, "POST", "/home/passes/"+id+"/extend", `{"to":"`+later.Add(time.Hour).Format(time.RFC3339)+`"}`, other)
	h.want(404, "POST", "/home/passes/"+id+"/left", "", other)
}

// A pass that was taken back while the car is inside: it should be gone at once.
func TestRevokedWithTheCarInside(t *testing.T) {
	h := newHouse(t)
	_, me := h.host()
	p := h.invite(carPass("川A12345", ""), me)
	if got := h.show("barrier", "plate", "川A12345", "in"); got != "unlock" {
		t.Fatal(got)
	}
	h.want(204, "DELETE", "/home/passes/"+p["id"].(string), "", me)
	over := h.want(200, "GET", "/home", "", me)["overstays"].([]any)
	if len(over) != 1 || over[0].(map[string]any)["plate"] != "川A12345" {
		t.Fatalf("got %v", over)
	}
	if got := h.show("barrier", "plate", "川A12345", "out"); got != "unlock" {
		t.Fatalf("nobody is kept in: %s", got)
	}
	if over := h.want(200, "GET", "/home", "", me)["overstays"].([]any); len(over) != 0 {
		t.Fatalf("got %v", over)
	}
}

// What a barrier did while it was alone counts: the car is inside.
func TestBarrierTellsAfterwards(t *testing.T) {
	h := newHouse(t)
	_, me := h.host()
	h.invite(carPass("川A12345", ""), me)
	ev := h.badge("barrier", "plate", "川A12345", "granted")
	h.handle(ev)
	if got := h.show("barrier", "plate", "川A12345", "in"); got != "car_inside" {
		t.Fatalf("got %s", got)
	}
}

// What a barrier opens for while it is alone: for no plate, and for no guest's code. At
// the stair the code is good, unless the host wants to be asked.
func TestGuestsAtABarrierThatIsAlone(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	id, me := h.host()
	plain := h.invite(carPass("川A12345", ""), me)
	asked := h.invite(carPass("川A54321", `,"confirm":true`), me)
	_, err := h.AddCredential(ctx, "test", NewCredential{Person: id, Type: "plate", Value: "川A99999"})
	h.must(err)
	b, err := h.newBuilder(ctx, time.Now())
	h.must(err)
	barrier, _ := h.desk.Door("barrier")
	stair, _ := h.desk.Door("door-1")
	h.mu.RLock()
	defer h.mu.RUnlock()
	knows := func(d *Door, person, typ string) (n int) {
		for _, c := range h.ix.credentials {
			rights := rightSet{rights: []doorlist.Right{{When: Always}}}
			if c.Person.ID != person || c.Type != typ {
				continue
			}
			if _, ok := b.entry(c, d, nil, &rights); ok {
				n++
			}
		}
		return n
	}
	for _, c := range []struct {
		d           *Door
		person, typ string
		want        int
	}{
		{&barrier, plain["person"].(string), "plate", 0}, {&barrier, plain["person"].(string), "qr", 0}, {&barrier, id, "plate", 0},
		{&stair, plain["person"].(string), "qr", 1}, {&stair, plain["person"].(string), "plate", 0}, {&stair, asked["person"].(string), "qr", 0},
	} {
		if n := knows(c.d, c.person, c.typ); n != c.want {
			t.Errorf("%s knows %d of type %s of %s, want %d", c.d.ID, n, c.typ, c.person, c.want)
		}
	}
	cs, err := h.Credentials(ctx, id, "", 10)
	h.must(err)
	for _, c := range cs {
		if c.ShowOnce {
			t.Errorf("%s is to be shown once", c.Type)
		}
	}
	h.must(h.db.Tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.Exec("UPDATE access_credentials SET offline = x''")
		return err
	}))
	cs, err = h.Credentials(ctx, id, "", 10)
	h.must(err)
	for _, c := range cs {
		if c.ShowOnce != (c.Type == "card") {
			t.Errorf("%s: to be shown once %v", c.Type, c.ShowOnce)
		}
	}
}
