package access

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"dongyue/internal/doorlist"
	"dongyue/internal/web"
)

func pass(doors string, uses int) string {
	return fmt.Sprintf(`{"name":"张三","to":%q,"uses":%d,"doors":[%s]}`, time.Now().Add(time.Hour).Format(time.RFC3339), uses, doors)
}

// codeAt is a visitor's page as the visitor has it now.
func (h *house) visitPage(link string) map[string]any {
	h.t.Helper()
	return h.want(200, "GET", link, "", "")
}

func (h *house) visitCode(link string) string {
	h.t.Helper()
	v := h.visitPage(link)
	c, ok := v["code"].(map[string]any)
	if !ok {
		h.t.Fatalf("no code: %v", v)
	}
	return c["qr"].(string)
}

func TestRotatingCode(t *testing.T) {
	h := newHouse(t)
	id := h.resident("陈建国", "04A1B2C3D4", "door-1")
	me := h.login("chen", web.Resident, id)
	get := func(query string) string {
		t.Helper()
		return h.want(200, "GET", "/home/qr"+query, "", me)["qr"].(string)
	}
	qr := get("")
	if len(qr) > 120 || qr == get("") {
		t.Fatalf("%d characters, or the same twice", len(qr))
	}
	altered := qr[:10] + "A" + qr[11:]
	if altered == qr {
		altered = qr[:10] + "B" + qr[11:]
	}
	for _, c := range []struct{ what, door, code, want string }{
		{"good", "door-1", qr, "unlock"},
		{"shown again", "door-1", qr, "credential_replay"},
		{"shown again elsewhere", "door-2", qr, "credential_replay"},
		{"another's door", "door-2", get(""), "wrong_door"},
		{"for this door", "door-1", get("?door=door-1"), "unlock"},
		{"altered", "door-1", altered, "unknown_credential"},
		{"cut", "door-1", qr[:len(qr)-1], "unknown_credential"},
		{"not a code", "door-1", "DY1.", "unknown_credential"},
	} {
		if got := h.show(c.door, "qr", c.code, "in"); got != c.want {
			t.Errorf("%s: got %s, want %s", c.what, got, c.want)
		}
	}
	scoped, err := h.signCode(refOf(h.mac("rotating code", h.codeID(id))), "door-2", time.Now())
	h.must(err)
	if got := h.show("door-1", "qr", scoped, "in"); got != "wrong_door" {
		t.Errorf("for another door: %s", got)
	}
	for ago, want := range map[time.Duration]string{doorlist.CodeStep: "unlock", 2 * doorlist.CodeStep: "qr_expired", -doorlist.CodeStep: "unlock", -2 * doorlist.CodeStep: "qr_expired", time.Hour: "qr_expired"} {
		got, step := "", uint32(0)
		for step != doorlist.StepOf(time.Now()) { // made and shown in one step, so that the test does not fall over its edge
			step = doorlist.StepOf(time.Now())
			old, err := h.signCode(refOf(h.mac("rotating code", h.codeID(id))), "", time.Now().Add(-ago))
			h.must(err)
			got = h.show("door-1", "qr", old, "in")
		}
		if got != want {
			t.Errorf("a picture of %s ago: got %s, want %s", ago, got, want)
		}
	}
	h.want(403, "GET", "/home/qr?door=door-2", "", me)
	boss := h.login("supervisor", web.Supervisor, "")
	fresh := get("")
	h.want(204, "DELETE", "/credentials/"+h.codeID(id)+"?lost=true", "", boss)
	if got := h.show("door-1", "qr", fresh, "in"); got != "lost_stolen" {
		t.Errorf("revoked: %s", got)
	}
	if p := h.want(403, "GET", "/home/qr", "", me); p["code"] != "home.code_revoked" {
		t.Errorf("got %v", p)
	}
	h.want(204, "POST", "/people/"+id+"/code", "", boss)
	if got := h.show("door-1", "qr", get(""), "in"); got != "unlock" {
		t.Errorf("renewed: %s", got)
	}
}

func (h *house) codeID(person string) string {
	h.t.Helper()
	cs, err := h.Credentials(context.Background(), person, "", 100)
	h.must(err)
	i := slices.IndexFunc(cs, func(c CredentialInfo) bool { return c.Class == ClassRotating && c.State == "active" })
	if i < 0 {
		h.t.Fatal("no rotating code")
	}
	return cs[i].ID
}

func TestVisitorPass(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	id := h.resident("陈建国", "04A1B2C3D4", "door-1")
	_, err := h.AddRight(ctx, "test", RightInfo{Person: id, Door: "gate"})
	h.must(err)
	me := h.login("chen", web.Resident, id)
	other := h.login("li", web.Resident, h.resident("李秀英", "0011223344", "door-2"))

	p := h.want(201, "POST", "/home/passes", pass(`"gate","door-1"`, 1), me)
	link := p["link"].(string)
	v := h.visitPage(link)
	if v["state"] != "good" || len(v["doors"].([]any)) != 2 || v["host"] != nil || strings.Contains(fmt.Sprint(v), "陈建国") {
		t.Fatalf("got %v", v)
	}
	for _, c := range []struct{ door, want string }{{"door-2", "wrong_door"}, {"gate", "unlock"}, {"gate", "used_up"}, {"door-1", "unlock"}} {
		if got := h.show(c.door, "qr", h.visitCode2(link, p), "in"); got != c.want {
			t.Errorf("%s: got %s, want %s", c.door, got, c.want)
		}
	}
	if v := h.visitPage(link); v["state"] != "used_up" || v["code"] != nil {
		t.Fatalf("got %v", v)
	}
	// Who leaves leaves for good.
	p = h.want(201, "POST", "/home/passes", pass(`"gate"`, 1), me)
	if got := h.show("gate", "qr", h.visitCode(p["link"].(string)), "out"); got != "unlock" {
		t.Fatalf("out: %s", got)
	}
	if v := h.visitPage(p["link"].(string)); v["state"] != "left" {
		t.Fatalf("got %v", v)
	}
	if got := h.show("gate", "qr", h.visitCode2(link, p), "in"); got != "inactive" {
		t.Fatalf("after leaving: %s", got)
	}
	// Revoked by its host, and by nobody else's.
	p = h.want(201, "POST", "/home/passes", pass("", 0), me)
	code := h.visitCode(p["link"].(string))
	h.want(404, "DELETE", "/home/passes/"+p["id"].(string), "", other)
	h.want(204, "DELETE", "/home/passes/"+p["id"].(string), "", me)
	if got := h.show("gate", "qr", code, "in"); got != "inactive" {
		t.Fatalf("revoked: %s", got)
	}
	if got := h.want(200, "GET", "/home/passes", "", me)["items"].([]any); len(got) != 3 || got[0].(map[string]any)["state"] != "revoked" {
		t.Fatalf("got %v", got)
	}
	if got := h.want(200, "GET", "/home/passes", "", other)["items"].([]any); len(got) != 0 {
		t.Fatalf("another sees %v", got)
	}
	desk := h.login("operator", web.Operator, "")
	if got := h.want(200, "GET", "/passes?host="+id, "", desk)["items"].([]any); len(got) != 3 {
		t.Fatalf("got %v", got)
	}
	h.want(404, "GET", "/visit/none", "", "")
	boss := h.login("supervisor", web.Supervisor, "")
	given := h.want(201, "POST", "/passes", `{"host":"`+id+`",`+pass(`"gate"`, 0)[1:], boss)
	h.want(204, "DELETE", "/passes/"+given["id"].(string), "", boss)
}

func TestVisitorsPagesArePaced(t *testing.T) {
	h := newHouse(t)
	limited := 0
	for range 30 {
		if status, _ := h.do("GET", "/visit/none", "", ""); status == 429 {
			limited++
		}
	}
	if limited < 15 {
		t.Fatalf("%d of 30 were limited", limited)
	}
}

// visitCode2 makes a code of a pass whose page shows none any more, as a copied
// program would.
func (h *house) visitCode2(_ string, p map[string]any) string {
	h.t.Helper()
	qr, err := h.signCode(refOf(h.mac("rotating code", p["credential"].(string))), "", time.Now())
	h.must(err)
	return qr
}

func TestPassesForOwnDoorsOnly(t *testing.T) {
	h := newHouse(t)
	id := h.resident("陈建国", "04A1B2C3D4", "door-1")
	me := h.login("chen", web.Resident, id)
	later := func(d time.Duration) string { return time.Now().Add(d).Format(time.RFC3339) }
	for status, bodies := range map[int][]string{
		403: {pass(`"door-2"`, 1), pass(`"door-none"`, 1), pass(`"door-1","gate"`, 1)},
		422: {
			`{"name":"张三"}`, `{"name":" ","to":"` + later(time.Hour) + `"}`, `{"name":"张三","to":"` + later(-time.Hour) + `"}`,
			`{"name":"张三","to":"` + later(40*24*time.Hour) + `"}`, `{"name":"张三","to":"` + later(time.Hour) + `","uses":101}`,
			`{"name":"张三","from":"` + later(2*time.Hour) + `","to":"` + later(time.Hour) + `"}`, `{"name":"张三","to":"` + later(time.Hour) + `","host":"p-other"}`,
		},
	} {
		for _, b := range bodies {
			h.want(status, "POST", "/home/passes", b, me)
		}
	}
	for range mostPasses {
		h.want(201, "POST", "/home/passes", pass("", 1), me)
	}
	if p := h.want(409, "POST", "/home/passes", pass("", 1), me); p["code"] != "access.too_many_passes" {
		t.Fatalf("got %v", p)
	}
}

// Who moves out takes everything along that opened: cards, codes, guests,
// sessions.
func TestMovingOutEndsEverything(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	h.sessions = h.who
	id := h.resident("陈建国", "04A1B2C3D4", "door-1")
	me := h.login("chen", web.Resident, id)
	boss := h.login("supervisor", web.Supervisor, "")
	mine := h.want(200, "GET", "/home/qr", "", me)["qr"].(string)
	p := h.want(201, "POST", "/home/passes", pass("", 0), me)
	guest := h.visitCode(p["link"].(string))
	began := time.Now()
	r := h.want(200, "POST", "/people/"+id+"/move-out", "", boss)
	for what, want := range map[string]float64{"credentials": 2, "rights": 1, "passes": 1, "accounts": 1, "sessions": 1} {
		if r[what] != want {
			t.Errorf("receipt: %s: got %v, want %v", what, r[what], want)
		}
	}
	for typ, value := range map[string]string{"card": "04A1B2C3D4", "qr": mine} {
		if got := h.show("door-1", typ, value, "in"); got != "inactive" {
			t.Errorf("%s: %s", typ, got)
		}
	}
	if got := h.show("door-1", "qr", guest, "in"); got != "inactive" {
		t.Errorf("guest: %s", got)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Logf("took %s", took)
	}
	h.want(401, "GET", "/home", "", me)
	if v := h.visitPage(p["link"].(string)); v["state"] != "host_left" || v["code"] != nil {
		t.Errorf("got %v", v)
	}
	again := h.want(200, "POST", "/people/"+id+"/move-out", "", boss)
	if fmt.Sprint(again) != fmt.Sprint(r) {
		t.Errorf("a second time: %v, was %v", again, r)
	}
	ms, err := h.Moves(ctx, id, 10)
	if err != nil || len(ms) != 1 || ms[0].FromUnit != "east/b01/u1" {
		t.Fatalf("%v, %v", ms, err)
	}
}

func FuzzParseCode(f *testing.F) {
	h := newHouse(f)
	id := h.resident("陈建国", "04A1B2C3D4", "door-1")
	c, err := h.HomeCode(context.Background(), "test", id, "")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(c.QR)
	f.Add(doorlist.CodePrefix)
	f.Add(c.QR + "=")
	f.Add(strings.ToLower(c.QR))
	f.Fuzz(func(t *testing.T, text string) {
		got, err := doorlist.ParseCode(text)
		if err != nil {
			return
		}
		if got.String() != text {
			t.Fatalf("%q can be written as %q, too", text, got.String())
		}
		if _, holder, fault := h.checkCode(text, "door-1", time.Now()); holder != nil && text != c.QR && fault == None {
			t.Fatalf("%q was not made here", text)
		}
	})
}

func TestImportPeople(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	good := "name,unit,household,kind,card,card_class,pin,doors,zones,schedule\n" +
		"王芳,east/b01/u1,0302,resident,04A1B2C3D4,crypto,135790,door-1,,\n" +
		"\"李, 秀英\",east/b01/u1,0303,staff,,,,,east/b01,mon-sun 00:00-24:00\n"
	boss := h.login("supervisor", web.Supervisor, "")
	post := func(path, body string) map[string]any {
		t.Helper()
		return h.want(200, "POST", path, body, boss, "Content-Type", "text/csv")
	}
	dry := post("/people/import?dry_run=true", good)
	if dry["added"] != 2.0 || dry["credentials"] != 2.0 || dry["rights"] != 2.0 || len(dry["errors"].([]any)) != 0 {
		t.Fatalf("got %v", dry)
	}
	if ps, err := h.People(ctx, "", "", "", 10); err != nil || len(ps) != 0 {
		t.Fatalf("a dry run added %v, %v", ps, err)
	}
	bad := good + "赵六,East,0101,robot,12,,12,door-9,,whenever\n" + "钱七,,,,04 a1 b2 c3 d4,,,,,\n" + "孙八,,,,,,135790,,,\n" + "周九,too,few\n" + ",,,,,,,,,\n"
	res := post("/people/import", bad)
	lines := map[float64]bool{}
	for _, e := range res["errors"].([]any) {
		lines[e.(map[string]any)["line"].(float64)] = true
	}
	if fmt.Sprint(lines) != "map[4:true 5:true 6:true 7:true 8:true]" {
		t.Fatalf("lines %v: %v", lines, res["errors"])
	}
	if strings.Contains(fmt.Sprint(res), "135790") {
		t.Fatal("a PIN comes back in an error")
	}
	if ps, err := h.People(ctx, "", "", "", 10); err != nil || len(ps) != 0 {
		t.Fatalf("half an import: %v, %v", ps, err)
	}
	post("/people/import", good)
	h.expect("unlock", "door-1", "04A1B2C3D4")
	if got := h.show("door-1", "pin", "135790", "in"); got != "unlock" {
		t.Fatalf("PIN: %s", got)
	}
	var out strings.Builder
	h.must(h.ExportPeople(ctx, &out))
	if strings.Contains(out.String(), "04A1B2C3D4") || strings.Contains(out.String(), "135790") || !strings.Contains(out.String(), "王芳") {
		t.Fatal(out.String())
	}
	back := post("/people/import", out.String())
	if back["changed"] != 2.0 || back["added"] != 0.0 || back["rights"] != 0.0 || len(back["errors"].([]any)) != 0 {
		t.Fatalf("what was exported does not come in as it was: %v", back)
	}
	if hs := h.want(200, "GET", "/households?unit=east", "", boss)["items"].([]any); len(hs) != 2 {
		t.Fatalf("got %v", hs)
	}
}

func FuzzParsePeople(f *testing.F) {
	f.Add([]byte("name,unit\n王芳,east/b01/u1\n"))
	f.Add([]byte("\xef\xbb\xbfname,card,doors\n'=1+1,04A1B2C3D4,door-1 door-2\n"))
	f.Add([]byte("name,name\n\"x\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		rows, errs := parsePeople(text)
		if len(errs) > mostErrors+8 || len(rows) > maxImportRows {
			t.Fatalf("%d rows, %d errors", len(rows), len(errs))
		}
		for _, r := range rows {
			if err := checkPerson(&r.person); err != nil || uncell(cell(r.person.Name)) != r.person.Name {
				t.Fatalf("%+v: %v", r.person, err)
			}
		}
	})
}

func TestMyDataAndErasure(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	h.sessions = h.who
	id := h.resident("陈建国", "04A1B2C3D4", "door-1")
	if _, err := h.AddCredential(ctx, "test", NewCredential{Person: id, Type: "pin", Value: "246802", Duress: true}); err != nil {
		t.Fatal(err)
	}
	h.expect("unlock", "door-1", "04A1B2C3D4")
	me := h.login("chen", web.Resident, id)
	boss := h.login("supervisor", web.Supervisor, "")
	d := h.want(200, "GET", "/home/data", "", me)
	raw, err := json.Marshal(d)
	h.must(err)
	if len(d["credentials"].([]any)) != 2 || len(d["badges"].([]any)) != 1 || len(d["kept"].([]any)) != 5 || strings.Contains(string(raw), "duress") {
		t.Fatalf("got %s", raw)
	}
	e := h.want(202, "POST", "/home/data/erasure", `{"note":"我要搬走"}`, me)
	if again := h.want(202, "POST", "/home/data/erasure", `{}`, me); again["id"] != e["id"] {
		t.Fatal("two wishes")
	}
	h.want(204, "POST", "/erasures/"+e["id"].(string), `{"answer":"已删除","erase":true}`, boss)
	h.want(404, "POST", "/erasures/"+e["id"].(string), `{"answer":"已删除","erase":true}`, boss)
	h.expect("unknown_credential", "door-1", "04A1B2C3D4")
	for _, b := range h.log() {
		if b.Person == id || b.PersonName != "" && b.Decision == Granted {
			t.Fatalf("the trail still says %+v", b)
		}
	}
	if p := h.want(200, "GET", "/people/"+id, "", boss); p["name"] != "-" || p["active"] != false {
		t.Fatalf("got %v", p)
	}
	admin := h.login("root", web.Admin, "")
	for _, u := range h.want(200, "GET", "/users", "", admin)["items"].([]any) {
		if u := u.(map[string]any); u["login"] == "chen" || u["person"] == id && (u["name"] != "-" || u["disabled"] != true) {
			t.Errorf("the account still says %v", u)
		}
	}
	if _, _, err := h.who.CheckAudit(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestBadgesAreForgotten(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	id := h.resident("陈建国", "04A1B2C3D4", "door-1")
	h.expect("unlock", "door-1", "04A1B2C3D4")
	h.expect("unlock", "door-1", "04A1B2C3D4")
	h.must(h.Forget(ctx, time.Now().Add(179*24*time.Hour)))
	if b := h.log()[0]; b.Person != id {
		t.Fatalf("too early: %+v", b)
	}
	h.must(h.Forget(ctx, time.Now().Add(181*24*time.Hour)))
	a, b := h.log()[0], h.log()[1]
	if a.Person == id || a.Person == "" || a.Person != b.Person || a.PersonName+a.Unit+a.Last4+a.Credential != "" || a.Decision != Granted {
		t.Fatalf("got %+v", a)
	}
}

func TestVisitorsAreForgotten(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	id := h.resident("陈建国", "04A1B2C3D4", "door-1")
	p, _, err := h.AddPass(ctx, "test", NewPass{Host: id, Name: "张三", Plate: "京A 12345", To: time.Now().Add(time.Hour)})
	h.must(err)
	h.must(h.Forget(ctx, time.Now().Add(89*24*time.Hour)))
	ps, err := h.Passes(ctx, PassFilter{}, "", 10)
	if err != nil || ps[0].Name != "张三" || ps[0].Plate != "京A12345" {
		t.Fatalf("too early: %+v, %v", ps, err)
	}
	h.must(h.Forget(ctx, time.Now().Add(91*24*time.Hour)))
	if ps, err = h.Passes(ctx, PassFilter{}, "", 10); err != nil || ps[0].Name != "-" || ps[0].Plate != "" || ps[0].ID != p.ID {
		t.Fatalf("got %+v, %v", ps, err)
	}
}

func TestReportsAreNotLost(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	h.must(h.db.Tx(ctx, func(tx *sql.Tx) error { return h.report(ctx, tx, "duress:1", "door-1", "duress", nil) }))
	h.start() // killed before it was told
	desk := &told{}
	h.reporter = desk
	run, stop := context.WithCancel(ctx)
	done := make(chan error)
	go func() { done <- h.Run(run) }()
	for {
		desk.mu.Lock()
		n := len(desk.all)
		desk.mu.Unlock()
		if n > 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	stop()
	if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}
