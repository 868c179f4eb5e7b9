package workorder

import (
	"context"
	"database/sql"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"dongyue/internal/web"
)

// A phone that did not hear the answer says the same an hour later, when things have
// moved on: that changes nothing.
func TestAStepIsDoneOnce(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	m := &meter{within: -time.Second} // no patience: bounced at the next look
	h.proof = m
	desk, _ := h.login("desk", web.Operator, "")
	wang, me := h.login("wang", web.Crew, "")
	o := h.fromAlarm(lampOut(1))
	post := func(what, body, key string) map[string]any {
		t.Helper()
		return h.want(200, "POST", "/work-orders/"+o.ID+"/"+what, body, wang, "Idempotency-Key", key)
	}
	post("take", "", "k1")
	h.want(200, "POST", "/work-orders/"+o.ID+"/assign", `{"assignee":""}`, desk)
	if got := post("take", "", "k1"); got["state"] != "open" || got["assignee"] != "" {
		t.Errorf("the phone has taken back what the desk took away: %v", got)
	}
	post("take", "", "k2")
	post("done", `{"text":"换好了"}`, "k3")
	if err := h.Check(ctx); err != nil {
		t.Fatal(err)
	}
	if got := post("done", `{"text":"换好了"}`, "k3"); got["state"] != "taken" || m.tried != 1 {
		t.Errorf("an old word stands for a new one: %v, tried %d times", got["state"], m.tried)
	}
	for range 2 {
		post("comment", `{"text":"等配件"}`, "k4")
	}
	h.want(404, "POST", "/work-orders/w-none/take", "", wang, "Idempotency-Key", "k5")
	got, err := h.Get(ctx, o.ID)
	if want := []string{Created, TakenUp, Assigned, TakenUp, Claimed, Bounced, Comment}; err != nil || !slices.Equal(whats(got), want) || got.Assignee != me.ID {
		t.Errorf("%v, %v, %s", whats(got), err, got.Assignee)
	}
}

// since is a meter that knows from when its word is wanted.
type since struct {
	meter
	asked time.Time
}

func (s *since) Proven(_ context.Context, _ Order, at time.Time) (string, bool) {
	s.asked = at
	return "", false
}

// What is written into the log while an order is proven moves nothing: what the meter
// has shown since the claim counts.
func TestACommentDoesNotMoveTheProof(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	m := &since{meter: meter{within: time.Hour}}
	h.proof = m
	o := h.fromAlarm(lampOut(1))
	if _, err := h.Take(ctx, crew(1), o.ID, ""); err != nil {
		t.Fatal(err)
	}
	claimed, err := h.Done(ctx, crew(1), o.ID, "", false, "")
	if err != nil {
		t.Fatal(err)
	}
	for now().Equal(claimed.UpdatedAt) { // the clock of the log counts milliseconds
		time.Sleep(time.Millisecond)
	}
	if _, err := h.Comment(ctx, crew(1), o.ID, "钥匙在门卫", ""); err != nil {
		t.Fatal(err)
	}
	if err := h.Check(ctx); err != nil || !m.asked.Equal(claimed.UpdatedAt) {
		t.Errorf("asked since %s, claimed at %s, %v", m.asked, claimed.UpdatedAt, err)
	}
}

func TestAPhotoOfAnotherOrder(t *testing.T) {
	h := newHouse(t)
	desk, _ := h.login("desk", web.Operator, "")
	a, b := h.fromAlarm(lampOut(1)), h.fromAlarm(lampOut(2))
	good := picture(t, 64)
	h.want(200, "PUT", "/work-orders/"+a.ID+"/photos/0123456789abcdef?when=after", good, desk)
	v := h.want(422, "PUT", "/work-orders/"+b.ID+"/photos/0123456789abcdef?when=after", good, desk)
	if detail, _ := v["detail"].(string); v["code"] != "order.invalid" || !strings.Contains(detail, "another order") {
		t.Errorf("%v", v)
	}
}

// What breaks on its way is not answered as if it had arrived: the phone would drop it.
func TestAPhotoThatBreaks(t *testing.T) {
	h := newHouse(t)
	desk, _ := h.login("desk", web.Operator, "")
	o := h.fromAlarm(lampOut(1))
	c, err := net.Dial("tcp", strings.TrimPrefix(h.srv.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_, err = c.Write([]byte("PUT /api/v1/work-orders/" + o.ID + "/photos/0123456789abcdef?when=after HTTP/1.1\r\nHost: x\r\nCookie: " + web.SessionCookie + "=" + desk +
		"\r\nContent-Type: image/jpeg\r\nTransfer-Encoding: chunked\r\n\r\nno chunk\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	first := make([]byte, 12)
	if _, err := io.ReadFull(c, first); err != nil || string(first) != "HTTP/1.1 408" {
		t.Errorf("%q, %v, want %d", first, err, http.StatusRequestTimeout)
	}
}

// A lamp that fails while its feeder's order is proven belongs to it: the repair does
// not hold before that one burns, too.
func TestALampThatFailsUnderProof(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	h.proof = &meter{within: time.Hour}
	feeder := lampOut(1)
	feeder.Devices = []string{"lamp-1"}
	o := h.fromAlarm(feeder)
	if _, err := h.Take(ctx, crew(1), o.ID, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Done(ctx, crew(1), o.ID, "", false, ""); err != nil {
		t.Fatal(err)
	}
	if err := h.db.Tx(ctx, func(tx *sql.Tx) error { return h.Link(ctx, tx, feeder.Device, "lamp-2") }); err != nil {
		t.Fatal(err)
	}
	got, err := h.Get(ctx, o.ID)
	if err != nil || got.State != Checking || got.CheckUntil == nil || !slices.Equal(got.Devices, []string{"lamp-1", "lamp-2"}) {
		t.Errorf("%+v, %v", got, err)
	}
}
