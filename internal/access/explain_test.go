package access

import (
	"testing"

	"dongyue/internal/web"
)

func TestWhoMayOpenADoorAndWhyNot(t *testing.T) {
	h := newHouse(t)
	boss := h.login("supervisor", web.Supervisor, "")
	id := h.want(201, "POST", "/people", `{"name":"王芳","unit":"east/b01/u1","groups":["cleaners"]}`, boss)["id"].(string)
	card := h.want(201, "POST", "/credentials", `{"person":"`+id+`","type":"card","value":"04A1B2C3D4"}`, boss)["id"].(string)
	h.want(201, "POST", "/rights", `{"person":"`+id+`","door":"door-1","schedule":"mon 00:00-00:01"}`, boss)
	h.want(204, "PUT", "/door-groups/back", `{"doors":["door-1"]}`, boss)
	r := h.want(201, "POST", "/rights", `{"group":"cleaners","door_group":"back"}`, boss)["id"].(string)

	mine := h.want(200, "GET", "/people/"+id+"/doors", "", boss)["items"].([]any)
	if d := mine[0].(map[string]any); len(mine) != 1 || d["door"] != "door-1" || d["open"] != true || len(d["why"].([]any)) != 2 {
		t.Fatalf("got %v", mine)
	}
	who := h.want(200, "GET", "/doors/door-1/people", "", boss)["items"].([]any)
	if p := who[0].(map[string]any); len(who) != 1 || p["person"] != id || p["name"] != "王芳" {
		t.Fatalf("got %v", who)
	}
	ask := "/doors/door-1/explain?person=" + id
	if e := h.want(200, "GET", ask, "", boss); e["granted"] != true || len(e["why"].([]any)) != 2 {
		t.Fatalf("got %v", e)
	}
	h.want(204, "PUT", "/door-policies/door-1", `{"refuse_uid":true}`, boss)
	if e := h.want(200, "GET", ask+"&credential="+card, "", boss); e["granted"] != false || e["reason"] != "credential_class" {
		t.Fatalf("got %v", e)
	}
	h.want(204, "DELETE", "/rights/"+r, "", boss)
	// Another day, a Tuesday: of what is left only Monday's minute holds.
	if e := h.want(200, "GET", ask+"&at=2099-12-01T04:00:00Z", "", boss); e["reason"] != "outside_schedule" {
		t.Fatalf("got %v", e)
	}
	h.want(200, "POST", "/people/"+id+"/move-out", "{}", boss)
	if e := h.want(200, "GET", ask, "", boss); e["reason"] != "inactive" {
		t.Fatalf("got %v", e)
	}
	if d := h.want(200, "GET", "/people/"+id+"/doors", "", boss)["items"].([]any)[0].(map[string]any); d["open"] != false || d["reason"] != "inactive" {
		t.Fatalf("got %v", d)
	}
	if who := h.want(200, "GET", "/doors/door-1/people", "", boss)["items"].([]any); len(who) != 0 {
		t.Fatalf("who has left opens: %v", who)
	}
	h.want(404, "GET", "/doors/none/people", "", boss)
	h.want(404, "GET", "/people/none/doors", "", boss)
	h.want(404, "GET", ask+"&credential=c-none", "", boss)
	h.want(422, "GET", "/doors/door-1/explain", "", boss)
	h.want(403, "GET", "/badges/lookups", "", h.login("desk", web.Operator, ""))
}
