package devices_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dongyue/devices"
	"dongyue/internal/event"
	"dongyue/internal/web"
)

// guard lets everybody in as chen.
type guard struct{}

func (guard) Authenticate(*http.Request) (web.Principal, bool) {
	return web.Principal{ID: "u1", Login: "chen", Role: web.Admin}, true
}
func (guard) Allowed(web.Principal, web.Action) bool { return true }

// ask sends a request to the API and returns status and answer.
func (h *hub) ask(method, path, body string, header ...string) (int, map[string]any) {
	h.t.Helper()
	a := web.NewAPI("test", guard{}, slog.New(slog.DiscardHandler))
	h.Register(a)
	req := httptest.NewRequest(method, "/api/v1"+path, strings.NewReader(body))
	if strings.HasPrefix(body, "{") {
		req.Header.Set("Content-Type", "application/json")
	} else {
		req.Header.Set("Content-Type", "text/csv")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	a.ServeHTTP(rec, req)
	var m map[string]any
	if err := json.Unmarshal(rec.Body.Bytes(), &m); err != nil {
		h.t.Fatalf("%s %s: %d %s", method, path, rec.Code, rec.Body)
	}
	return rec.Code, m
}

func TestRegisterAndSignIn(t *testing.T) {
	h := fresh(t)
	ctx := context.Background()
	status, got := h.ask("POST", "/devices", `{"id":"door-e01-1","kind":"door","name":"1 栋 1 单元","zone":"west/b02/u1"}`)
	secret, _ := got["secret"].(string)
	if status != 201 || len(secret) < 22 || got["id"] != "door-e01-1" || got["kind"] != "door" {
		t.Fatalf("%d %v", status, got)
	}
	if k, err := h.Authenticate(ctx, "door-e01-1", []byte(secret)); err != nil || k != event.Door {
		t.Fatalf("%s, %v", k, err)
	}
	for _, bad := range []struct{ id, secret string }{{"door-e01-1", "x"}, {"door-e01-1", ""}, {"door-1", secret}, {"nobody", secret}, {"nobody", ""}} {
		if _, err := h.Authenticate(ctx, bad.id, []byte(bad.secret)); err == nil {
			t.Errorf("%q got in with %q", bad.id, bad.secret)
		}
	}
	status, again := h.ask("POST", "/devices/door-e01-1/secret", ``)
	if status != 200 || again["secret"] == secret || len(h.dropped) != 1 {
		t.Fatalf("%d %v, dropped %v", status, again, h.dropped)
	}
	if _, err := h.Authenticate(ctx, "door-e01-1", []byte(secret)); err == nil {
		t.Error("the old secret is still good")
	}
	if _, err := h.Authenticate(ctx, "door-e01-1", []byte(fmt.Sprint(again["secret"]))); err != nil {
		t.Error(err)
	}
	if status, one := h.ask("GET", "/devices/door-e01-1", ``); status != 200 || one["secret"] != nil || one["health"] != "unknown" || one["last_seen"] != nil {
		t.Errorf("%d %v", status, one)
	}
	status, zones := h.ask("GET", "/zones", ``)
	var ids []string
	for _, z := range zones["items"].([]any) {
		ids = append(ids, z.(map[string]any)["id"].(string))
	}
	if status != 200 || fmt.Sprint(ids) != "[east east/b01 west west/b02 west/b02/u1]" {
		t.Errorf("%d %v", status, ids)
	}
}

func TestBadRegistrations(t *testing.T) {
	h := fresh(t)
	for _, c := range []struct {
		method, path, body string
		status             int
		code               string
	}{
		{"POST", "/devices", `{"id":"door-1","kind":"door"}`, 409, "device.exists"},
		{"POST", "/devices", `{"id":"Door","kind":"door"}`, 422, devices.CodeValue},
		{"POST", "/devices", `{"id":"a","kind":"fridge"}`, 422, devices.CodeValue},
		{"POST", "/devices", `{"id":"a","kind":"door","zone":"East/../b"}`, 422, devices.CodeValue},
		{"POST", "/devices", `{"id":"a","kind":"door","more":1}`, 422, "request.invalid"},
		{"POST", "/devices", `{"kind":"door"}`, 422, "request.invalid"},
		{"GET", "/devices/nobody", ``, 404, devices.CodeDevice},
		{"POST", "/devices/nobody/secret", ``, 404, devices.CodeDevice},
		{"POST", "/devices/nobody/commands", `{"type":"lock"}`, 404, devices.CodeDevice},
		{"GET", "/devices/nobody/commands", ``, 404, devices.CodeDevice},
		{"GET", "/devices/door-1/commands/x", ``, 404, "command.not_found"},
		{"GET", "/devices/door-1/commands?cursor=x", ``, 400, "request.cursor"},
		{"GET", "/devices?limit=5000", ``, 422, "request.invalid"},
		{"POST", "/devices/door-1/commands", `{"type":"dim","args":{"pct":1}}`, 422, devices.CodeCommand},
		{"POST", "/devices/lamp-1/commands", `{"type":"dim","args":{"pct":"1"}}`, 422, devices.CodeType},
	} {
		status, got := h.ask(c.method, c.path, c.body)
		if status != c.status || got["code"] != c.code {
			t.Errorf("%s %s %s: %d %v, want %d %s", c.method, c.path, c.body, status, got, c.status, c.code)
		}
	}
}

func TestListPages(t *testing.T) {
	h := fresh(t)
	ids := func(query string) (list []string, next string) {
		status, got := h.ask("GET", "/devices?"+query, ``)
		if status != 200 {
			t.Fatalf("%s: %d %v", query, status, got)
		}
		for _, d := range got["items"].([]any) {
			list = append(list, d.(map[string]any)["id"].(string))
		}
		return list, got["next"].(string)
	}
	var all []string
	for next := ""; ; {
		page, n := ids("limit=2&cursor=" + next)
		all = append(all, page...)
		if next = n; next == "" {
			break
		}
	}
	if fmt.Sprint(all) != "[charger-1 door-1 lamp-1 sensor-1 speaker-1]" {
		t.Errorf("pages %v", all)
	}
	for query, want := range map[string]string{
		"kind=door": "[door-1]", "zone=east": "[charger-1 door-1 lamp-1 sensor-1 speaker-1]", "zone=eas": "[]", "online=true": "[]",
		"q=OR-1": "[door-1 sensor-1]", "health=unknown&limit=1": "[charger-1]",
	} {
		if got, _ := ids(query); fmt.Sprint(got) != want {
			t.Errorf("%s: %v, want %s", query, got, want)
		}
	}
}

func TestCommandOverHTTP(t *testing.T) {
	h := fresh(t)
	h.wire.set("lamp-1", true)
	body := `{"type":"dim","args":{"pct":40},"ttl_s":2.5}`
	status, a := h.ask("POST", "/devices/lamp-1/commands", body, "Idempotency-Key", "k")
	if status != 202 || a["status"] != "sent" || a["actor"] != "chen" {
		t.Fatalf("%d %v", status, a)
	}
	if _, b := h.ask("POST", "/devices/lamp-1/commands", body, "Idempotency-Key", "k"); b["id"] != a["id"] {
		t.Errorf("%v, want the command of before", b)
	}
	if status, b := h.ask("POST", "/devices/lamp-1/commands", `{"type":"dim","args":{"pct":50}}`, "Idempotency-Key", "k"); status != 409 {
		t.Errorf("%d %v", status, b)
	}
	h.ask("POST", "/devices/lamp-1/commands", `{"type":"flash"}`)
	status, page := h.ask("GET", "/devices/lamp-1/commands?limit=1", ``)
	if status != 200 || page["items"].([]any)[0].(map[string]any)["type"] != "flash" {
		t.Fatalf("%d %v", status, page)
	}
	if _, page = h.ask("GET", "/devices/lamp-1/commands?limit=1&cursor="+page["next"].(string), ``); page["items"].([]any)[0].(map[string]any)["id"] != a["id"] || page["next"] != "" {
		t.Errorf("second page %v", page)
	}
	if status, one := h.ask("GET", "/devices/lamp-1/commands/"+a["id"].(string), ``); status != 200 || one["type"] != "dim" {
		t.Errorf("%d %v", status, one)
	}
}

func TestImport(t *testing.T) {
	h := fresh(t)
	file := "\xEF\xBB\xBFid,kind,name,zone,secret\r\n" +
		"door-7,door,\"7 栋, 1 单元\",east/b07/u1,preset-secret-of-7\r\n" +
		"Door-8,door,bad id,east,s\r\n" + // line 3
		"door-9,gate,bad kind,east,s\r\n" +
		"door-10,door,bad zone,East!,s\r\n" +
		"lamp-2,lamp,灯,east,\r\n" +
		"door-7,door,twice,east,s\r\n" + // 7
		"door-11,door\r\n" + // 8
		"lamp-1,door,another kind,east,s\r\n" + // 9
		"a,lamp,x,east,s,too,many\r\n" + // 10
		"a\"b,lamp,x,east,s\r\n" + // 11
		"speaker-1,speaker,renamed,west,\r\n" +
		"\"unfinished,lamp" // 13
	status, got := h.ask("POST", "/devices/import", file)
	if status != 200 || got["created"] != 2.0 || got["updated"] != 1.0 {
		t.Fatalf("%d %v", status, got)
	}
	var bad []string
	for _, e := range got["errors"].([]any) {
		m := e.(map[string]any)
		bad = append(bad, fmt.Sprintf("%v:%v", m["line"], m["code"]))
	}
	want := "[3:field.value 4:field.value 5:field.value 7:payload.duplicate 8:csv.columns 9:device.kind 10:csv.columns 11:csv.form 13:csv.form]"
	if fmt.Sprint(bad) != want {
		t.Errorf("errors %v, want %v", bad, want)
	}
	ctx := context.Background()
	if _, err := h.Authenticate(ctx, "door-7", []byte("preset-secret-of-7")); err != nil {
		t.Error("a preset secret is not taken")
	}
	made := got["secrets"].([]any)[0].(map[string]any)
	if _, err := h.Authenticate(ctx, "lamp-2", []byte(made["secret"].(string))); err != nil || made["id"] != "lamp-2" {
		t.Error("a made secret is not good")
	}
	if _, err := h.Authenticate(ctx, "speaker-1", []byte("secret-of-speaker-1")); err != nil {
		t.Error("a missing secret replaced the one there was")
	}
	if d := h.get("speaker-1"); d.Name != "renamed" || d.Zone != "west" {
		t.Errorf("got %+v", d)
	}
	if d := h.get("door-7"); d.Name != "7 栋, 1 单元" {
		t.Errorf("got %+v", d)
	}
	if status, got := h.ask("POST", "/devices/import", "zone,secret,kind,id,name\neast,s,lamp,lamp-9,x\n"); status != 200 || got["created"] != 1.0 {
		t.Errorf("other order of columns: %d %v", status, got)
	}
	if status, got := h.ask("POST", "/devices/import", "lamp-10,lamp,x,east,s\n"); status != 200 || got["created"] != 1.0 {
		t.Errorf("no header: %d %v", status, got)
	}
	if _, got := h.ask("POST", "/devices/import", "lamp-10,lamp,x,east,another\n"); got["updated"] != 1.0 || len(h.dropped) != 1 {
		t.Errorf("changed secret: %v, dropped %v", got, h.dropped)
	}
}

// No secret may be found in the files of the database.
func TestSecretsAreNotStored(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.db")
	h := open(t, path)
	_, got := h.ask("POST", "/devices", `{"id":"door-1","kind":"door"}`)
	h.ask("POST", "/devices/import", "lamp-1,lamp,x,east,preset-secret-value\n")
	for _, file := range []string{path, path + "-wal"} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []string{"preset-secret-value", got["secret"].(string)} {
			if strings.Contains(string(b), s) {
				t.Errorf("%s is in %s", s, file)
			}
		}
	}
}

func TestSeedTwiceChangesNothing(t *testing.T) {
	h := fresh(t)
	site := devices.Site{
		Zones:   []devices.Zone{{ID: "east/shed-b", Kind: devices.Shed, Name: event.Text{ZH: "乙棚", EN: "Shed B"}, Shape: [4]float64{1, 2, 3, 4}}},
		Devices: []devices.SeedDevice{{Device: devices.Device{ID: "lamp-7", Kind: event.Lamp, Name: "灯", Zone: "east/shed-b", X: 3}}},
	}
	ctx := context.Background()
	if err := h.Seed(ctx, site); err != nil {
		t.Fatal(err)
	}
	before := len(h.entries("device"))
	if err := h.Seed(ctx, site); err != nil || len(h.entries("device")) != before {
		t.Errorf("%v, %d entries more", err, len(h.entries("device"))-before)
	}
	site.Devices[0].Name = "新灯"
	if err := h.Seed(ctx, site); err != nil || h.get("lamp-7").Name != "新灯" || len(h.entries("device")) != before+1 {
		t.Errorf("%v, %+v", err, h.get("lamp-7"))
	}
	if in := h.In(ctx, event.Lamp, "east"); len(in) != 2 || in[0].ID != "lamp-1" || in[1].ID != "lamp-7" {
		t.Errorf("in east: %v", in)
	}
	site.Devices[0].Kind = event.Door
	if err := h.Seed(ctx, site); refused(err) != devices.CodeKind {
		t.Errorf("got %v", err)
	}
	if err := h.Seed(ctx, devices.Site{Zones: []devices.Zone{{ID: "x", Kind: "castle"}}}); err == nil {
		t.Error("a zone of no kind was taken")
	}
}

// A name and labels are changed one by one; what is wrong changes nothing, and the device
// goes on as it was.
func TestChangeADevice(t *testing.T) {
	h := fresh(t)
	status, made := h.ask("POST", "/devices", `{"id":"door-9","kind":"door","name":"9 栋","zone":"west/b09","labels":{"lift":"1-6","fire_scope":"zone"}}`)
	if status != 201 {
		t.Fatal(status, made)
	}
	for _, c := range []struct {
		body   string
		status int
		labels string
		name   string
	}{
		{`{"labels":{"lift":"-1,1-18"}}`, 200, "map[fire_scope:zone lift:-1,1-18]", "9 栋"},
		{`{"labels":{"lift":""}}`, 200, "map[fire_scope:zone]", "9 栋"},
		{`{"name":"九栋"}`, 200, "map[fire_scope:zone]", "九栋"},
		{`{"labels":{"":"x"}}`, 422, "map[fire_scope:zone]", "九栋"},
		{`{"labels":{"upstream":"door-9"}}`, 422, "map[fire_scope:zone]", "九栋"},
		{`{}`, 200, "map[fire_scope:zone]", "九栋"},
	} {
		status, said := h.ask("PATCH", "/devices/door-9", c.body)
		_, got := h.ask("GET", "/devices/door-9", "")
		if status != c.status || fmt.Sprint(got["labels"]) != c.labels || got["name"] != c.name || got["zone"] != "west/b09" {
			t.Errorf("%s: %d %v; then %v %v", c.body, status, said, got["labels"], got["name"])
		}
	}
	if status, _ := h.ask("PATCH", "/devices/door-none", `{"name":"x"}`); status != 404 {
		t.Errorf("a device that is not there: %d", status)
	}
	if _, err := h.Authenticate(context.Background(), "door-9", []byte(made["secret"].(string))); err != nil {
		t.Errorf("its secret is another one: %v", err)
	}
}
