package workorder

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"dongyue/internal/web"
)

func TestOrdersOverHTTP(t *testing.T) {
	h := newHouse(t)
	desk, _ := h.login("desk", web.Operator, "")
	wang, wangP := h.login("wang", web.Crew, "")
	li, _ := h.login("li", web.Crew, "")
	o := h.want(201, "POST", "/work-orders", `{"title":{"zh":"大门卡住"},"priority":"high","device":"gate","zone":"east","text":"每天下午"}`, desk)
	id := o["id"].(string)
	if o["number"] != 1.0 || o["state"] != "open" || o["source"] != "manual" || o["title"].(map[string]any)["en"] != "大门卡住" {
		t.Fatalf("got %v", o)
	}
	for _, who := range []string{wang, li} {
		if got := h.want(200, "GET", "/work-orders?mine=true&state=active", "", who)["items"].([]any); len(got) != 1 {
			t.Fatalf("got %v", got)
		}
	}
	if got := h.want(200, "POST", "/work-orders/"+id+"/take", "", wang); got["state"] != "taken" || got["assignee"] != wangP.ID {
		t.Fatalf("got %v", got)
	}
	if v := h.want(409, "POST", "/work-orders/"+id+"/take", "", li); v["code"] != "order.taken" {
		t.Fatalf("got %v", v)
	}
	h.want(409, "POST", "/work-orders/"+id+"/done", `{}`, li)
	if got := h.want(200, "GET", "/work-orders?mine=true&state=active", "", li)["items"].([]any); len(got) != 0 {
		t.Fatalf("got %v", got)
	}
	h.want(200, "POST", "/work-orders/"+id+"/comment", `{"text":"要换铰链"}`, li)
	done := h.want(200, "POST", "/work-orders/"+id+"/done", `{"text":"换好了"}`, wang)
	log, err := json.Marshal(done["log"])
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"每天下午", `"what":"created"`, `"what":"taken"`, "要换铰链", "换好了", `"actor_name":"wang"`} {
		if !strings.Contains(string(log), want) {
			t.Errorf("the log lacks %s: %s", want, log)
		}
	}
	// Without a body, as one tap sends it.
	o = h.want(201, "POST", "/work-orders", `{"title":{"en":"Bulb"}}`, desk)
	if o["priority"] != "medium" {
		t.Fatalf("got %v", o)
	}
	h.want(200, "POST", "/work-orders/"+o["id"].(string)+"/done", "", desk) // the desk may
	// Giving it to somebody.
	staff := h.want(200, "GET", "/work-orders/staff", "", desk)["items"].([]any)
	if len(staff) != 3 {
		t.Fatalf("got %v", staff)
	}
	o = h.want(201, "POST", "/work-orders", `{"title":{"zh":"漏水"},"priority":"critical","assignee":"`+wangP.ID+`"}`, desk)
	if o["assignee_name"] != "wang" {
		t.Fatalf("got %v", o)
	}
	h.want(409, "POST", "/work-orders/"+o["id"].(string)+"/take", "", li)
	if got := h.want(200, "POST", "/work-orders/"+o["id"].(string)+"/assign", `{"assignee":""}`, desk); got["assignee"] != "" || got["due_at"] != o["due_at"] {
		t.Fatalf("got %v", got)
	}
	h.want(200, "POST", "/work-orders/"+o["id"].(string)+"/take", "", li)

	page := h.want(200, "GET", "/work-orders?limit=2", "", desk)
	rest := h.want(200, "GET", "/work-orders?limit=2&cursor="+page["next"].(string), "", desk)
	if len(page["items"].([]any)) != 2 || len(rest["items"].([]any)) != 1 || rest["next"] != "" {
		t.Fatalf("%v\n%v", page, rest)
	}
	for query, n := range map[string]int{"state=done": 2, "priority=critical": 1, "device=gate": 1, "source=alarm": 0, "source=manual&state=taken": 1, "state=all": 3} {
		if got := h.want(200, "GET", "/work-orders?"+query, "", desk)["items"].([]any); len(got) != n {
			t.Errorf("%s: %d orders, want %d", query, len(got), n)
		}
	}
}

func TestBadOrders(t *testing.T) {
	h := newHouse(t)
	desk, deskP := h.login("desk", web.Operator, "")
	_, res := h.login("chen", web.Resident, "p-1")
	o := h.want(201, "POST", "/work-orders", `{"title":{"zh":"x"}}`, desk)["id"].(string)
	for _, c := range []struct {
		status             int
		method, path, body string
	}{
		{422, "POST", "/work-orders", `{}`},
		{422, "POST", "/work-orders", `{"title":{}}`},
		{422, "POST", "/work-orders", `{"title":{"zh":"x"},"priority":"now"}`},
		{422, "POST", "/work-orders", `{"title":{"zh":"x"},"device":"../x"}`},
		{422, "POST", "/work-orders", `{"title":{"zh":"x"},"assignee":"u-none"}`},
		{422, "POST", "/work-orders", `{"title":{"zh":"` + strings.Repeat("x", 400) + `"}}`},
		{404, "GET", "/work-orders/w-none", ``},
		{404, "POST", "/work-orders/w-none/take", ``},
		{404, "POST", "/work-orders/w-none/done", `{}`},
		{422, "POST", "/work-orders/" + o + "/comment", `{}`},
		{422, "POST", "/work-orders/" + o + "/comment", `{"text":"  "}`},
		{422, "POST", "/work-orders/" + o + "/assign", `{"assignee":"` + res.ID + `"}`},
		{422, "GET", "/work-orders?state=lost", ``},
		{400, "GET", "/work-orders?cursor=-1", ``},
	} {
		h.want(c.status, c.method, c.path, c.body, desk)
	}
	h.want(200, "POST", "/work-orders/"+o+"/assign", `{"assignee":"`+deskP.ID+`"}`, desk)
}

func TestRequestsOverHTTP(t *testing.T) {
	h := newHouse(t)
	chen, _ := h.login("chen", web.Resident, "p-1")
	li, _ := h.login("li", web.Resident, "p-2")
	wang, _ := h.login("wang", web.Crew, "")
	q := h.want(201, "POST", "/home/requests", `{"text":"三楼楼道灯不亮","zone":"east/b01/u1"}`, chen, "Idempotency-Key", "k")
	again := h.want(201, "POST", "/home/requests", `{"text":"三楼楼道灯不亮","zone":"east/b01/u1"}`, chen, "Idempotency-Key", "k")
	if q["id"] != again["id"] || q["state"] != "open" || q["number"] != 1.0 {
		t.Fatalf("got %v, %v", q, again)
	}
	// The same key of somebody else is another request.
	if v := h.want(201, "POST", "/home/requests", `{"text":"水管漏水"}`, li, "Idempotency-Key", "k"); v["id"] == q["id"] {
		t.Fatal("one resident got another's request")
	}
	o := h.want(200, "GET", "/work-orders?source=request", "", wang)["items"].([]any)[1].(map[string]any)
	if o["request"] != q["id"] || o["title"].(map[string]any)["zh"] != "三楼楼道灯不亮" || o["zone"] != "east/b01/u1" {
		t.Fatalf("got %v", o)
	}
	id := o["id"].(string)
	h.want(200, "POST", "/work-orders/"+id+"/take", "", wang)
	h.want(200, "POST", "/work-orders/"+id+"/done", "", wang)
	mine := h.want(200, "GET", "/home/requests", "", chen)["items"].([]any)
	if len(mine) != 1 || mine[0].(map[string]any)["state"] != "done" || mine[0].(map[string]any)["done_at"] == nil {
		t.Fatalf("got %v", mine)
	}
	// Residents see neither orders nor each other's requests.
	for _, r := range []string{"GET /work-orders", "GET /work-orders/" + id, "POST /work-orders/" + id + "/take", "POST /work-orders", "GET /work-orders/staff"} {
		method, path, _ := strings.Cut(r, " ")
		h.want(403, method, path, "", chen)
	}
	for _, path := range []string{"/home/requests", "/home/requests?person=p-1", "/home/requests?cursor=" + q["id"].(string)} {
		for _, item := range h.want(200, "GET", path, "", li)["items"].([]any) {
			if item.(map[string]any)["id"] == q["id"] {
				t.Errorf("%s shows somebody else's request", path)
			}
		}
	}
	h.want(422, "POST", "/home/requests", `{"text":" "}`, chen)
	h.want(422, "POST", "/home/requests", `{"text":"x","zone":"<b>"}`, chen)
	h.want(403, "POST", "/home/requests", `{"text":"x"}`, wang)
	admin, _ := h.login("boss", web.Admin, "")
	h.want(403, "POST", "/home/requests", `{"text":"x"}`, admin)
	h.want(403, "GET", "/home/requests", "", admin)
}

func TestRequestsArePagedAndLimited(t *testing.T) {
	h := newHouse(t)
	chen, who := h.login("chen", web.Resident, "p-1")
	for n := range maxOpen {
		h.want(201, "POST", "/home/requests", fmt.Sprintf(`{"text":"%d"}`, n), chen)
	}
	if v := h.want(429, "POST", "/home/requests", `{"text":"one more"}`, chen); v["code"] != "request.too_many" {
		t.Fatalf("got %v", v)
	}
	seen, cursor := map[string]bool{}, ""
	for range 5 {
		page := h.want(200, "GET", "/home/requests?limit=8&cursor="+cursor, "", chen)
		for _, q := range page["items"].([]any) {
			seen[q.(map[string]any)["id"].(string)] = true
		}
		if cursor = page["next"].(string); cursor == "" {
			break
		}
	}
	if len(seen) != maxOpen {
		t.Fatalf("%d of %d", len(seen), maxOpen)
	}
	os, err := h.List(context.Background(), Filter{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Done(context.Background(), crew(1), os[0].ID, "", true, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Report(context.Background(), who, "now there is room", "", ""); err != nil {
		t.Fatal(err)
	}
}

func TestTheFeedTellsEachChange(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	o := h.fromAlarm(lampOut(1))
	if _, err := h.Take(ctx, crew(1), o.ID, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Done(ctx, crew(1), o.ID, "好了", false, ""); err != nil {
		t.Fatal(err)
	}
	rows, err := h.db.Read().QueryContext(ctx, "SELECT data FROM feed WHERE topic = 'order' ORDER BY seq")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var changes []string
	for rows.Next() {
		var raw string
		var e struct {
			ID, Change, State string
			Log               []Entry
		}
		if err := rows.Scan(&raw); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(raw), &e); err != nil || e.ID != o.ID || len(e.Log) != 1 {
			t.Fatalf("%s, %v", raw, err)
		}
		changes = append(changes, e.Change+"/"+e.State)
	}
	if got := strings.Join(changes, " "); got != "created/open taken/taken done/done" || rows.Err() != nil {
		t.Fatalf("got %s", got)
	}
}

func TestEveryRouteIsGuarded(t *testing.T) {
	h := newHouse(t)
	a := web.NewAPI("test", h.who, slog.New(slog.DiscardHandler))
	h.Register(a)
	for _, r := range a.Routes() {
		h.want(401, r.Method, strings.TrimPrefix(strings.ReplaceAll(r.Path, "{id}", "x"), "/api/v1"), "", "")
		if r.Action == web.Public || r.Action == web.Self {
			t.Errorf("%s %s is open", r.Method, r.Path)
		}
	}
}
