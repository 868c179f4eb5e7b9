package notify

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

// guard knows accounts by their bearer token; u-li is the supervisor.
type guard struct{}

func (guard) Authenticate(r *http.Request) (web.Principal, bool) {
	id, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return web.Principal{ID: id, Name: people()[id]}, ok
}

func (guard) Allowed(p web.Principal, a web.Action) bool {
	return a == web.DutyRead || p.ID == "u-li"
}

// desk is a house with its API, in real time.
type desk struct {
	*house
	api *web.API
}

func newDesk(t *testing.T) *desk {
	h := newHouse(t, filepath.Join(t.TempDir(), "hub.db"))
	t.Cleanup(h.close)
	h.run()
	d := &desk{h, web.NewAPI("test", guard{}, slog.New(slog.DiscardHandler))}
	h.Register(d.api)
	return d
}

// ask sends a request and decodes the answer; code is a problem's.
func (d *desk) ask(who, method, path, body string, into any) (status int, code string) {
	d.t.Helper()
	r := httptest.NewRequest(method, "/api/v1"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+who)
	w := httptest.NewRecorder()
	d.api.ServeHTTP(w, r)
	text, _ := io.ReadAll(w.Body)
	if w.Code >= 400 {
		var p web.Problem
		if err := json.Unmarshal(text, &p); err != nil || p.Code == "" || p.Detail == "" {
			d.t.Errorf("%s %s: not a problem: %s", method, path, text)
		}
		return w.Code, p.Code
	}
	if err := json.Unmarshal(text, into); err != nil {
		d.t.Fatalf("%s %s: %v: %s", method, path, err, text)
	}
	return w.Code, ""
}

func TestContactsAreOnesOwn(t *testing.T) {
	d := newDesk(t)
	var c Contacts
	mine := `{"language":"en","channels":[{"type":"smtp","address":"chen@example.org"},{"type":"wecom","address":""}]}`
	if status, code := d.ask("u-chen", "PUT", "/notify/contacts/me", mine, &c); status != 200 || c.Language != English || len(c.Channels) != 2 {
		t.Fatal(status, code, c)
	}
	if status, _ := d.ask("u-li", "GET", "/notify/contacts/u-chen", "", &c); status != 200 || c.Channels[0].Address != "chen@example.org" {
		t.Error("a supervisor", status, c)
	}
	for _, x := range []struct {
		who, method, path, body, code string
		status                        int
	}{
		{"u-chen", "GET", "/notify/contacts/u-li", "", "auth.forbidden", 403},
		{"u-chen", "PUT", "/notify/contacts/u-li", `{"channels":[]}`, "auth.forbidden", 403},
		{"u-li", "GET", "/notify/contacts/nobody", "", "notify.no_user", 404},
		{"u-chen", "PUT", "/notify/contacts/me", `{"language":"zh","channels":[{"type":"smtp","address":"chen"}]}`, "notify.bad_contact", 422},
		{"u-chen", "PUT", "/notify/contacts/me", `{"language":"zh","channels":[{"type":"pigeon","address":"chen"}]}`, "request.invalid", 422},
		{"u-chen", "POST", "/notify/test", `{"user":"u-li"}`, "auth.forbidden", 403},
		{"u-chen", "GET", "/notify/deliveries?cursor=x", "", "notify.bad_cursor", 400},
	} {
		if status, code := d.ask(x.who, x.method, x.path, x.body, nil); status != x.status || code != x.code {
			t.Errorf("%s %s by %s: %d %s", x.method, x.path, x.who, status, code)
		}
	}
}

func TestATestMessageTellsWhatCameOfIt(t *testing.T) {
	d := newDesk(t)
	d.reach("u-chen", mailTo("chen"), Contact{WeCom, ""}, Contact{Ntfy, "topic"})
	d.chat.answers(func(int, *Letter) error { return errDown })
	var got struct {
		Delivery
		Ways []Delivery
	}
	if status, code := d.ask("u-chen", "POST", "/notify/test", `{}`, &got); status != 200 || got.State == Sent {
		t.Fatal(status, code, got)
	}
	states := map[string]State{}
	for _, x := range got.Ways {
		states[x.Channel] = x.State
	}
	if len(states) != 4 || states["desk"] != Sent || states["smtp"] != Sent || states["wecom"] != Waiting || states["ntfy"] != Failed {
		t.Errorf("%+v", got.Ways)
	}
	// One way alone, before it is saved.
	if status, code := d.ask("u-li", "POST", "/notify/test", `{"user":"u-chen","type":"smtp","address":"new@example.org"}`, &got); status != 200 || got.State != Sent || got.Address != "new@example.org" || len(got.Ways) != 2 {
		t.Error(status, code, got)
	}
	if status, code := d.ask("u-chen", "POST", "/notify/test", `{"type":"smtp","address":"nobody"}`, nil); status != 422 || code != "notify.bad_contact" {
		t.Error(status, code)
	}
	var ch struct{ Items []channelState }
	d.ask("u-chen", "GET", "/notify/channels", "", &ch)
	i := slices.IndexFunc(ch.Items, func(c channelState) bool { return c.Type == WeCom })
	if len(ch.Items) != 7 || !ch.Items[i].Configured || ch.Items[i].OK || ch.Items[i].Problem != errDown.Error() || ch.Items[i].Waiting != 1 {
		t.Errorf("%+v", ch.Items)
	}
}

func TestDeliveriesArePaged(t *testing.T) {
	d := newDesk(t)
	for _, alarm := range []string{"a", "b", "a"} {
		d.send(life(note("k"+alarm+string(rune('0'+len(d.states()))), alarm, event.High, "u-chen", "u-li")))
	}
	var all, page struct {
		Items []Delivery
		Next  string
	}
	d.ask("u-chen", "GET", "/notify/deliveries?user=u-chen", "", &all)
	d.ask("u-chen", "GET", "/notify/deliveries?alarm=a&limit=1", "", &page)
	if len(page.Items) != 1 || page.Items[0].Alarm != "a" || page.Next == "" {
		t.Fatalf("%+v", page)
	}
	d.ask("u-chen", "GET", "/notify/deliveries?alarm=a&limit=9&cursor="+page.Next, "", &page)
	if len(all.Items) < 2 || page.Next != "" || len(page.Items) == 0 {
		t.Errorf("%+v %+v", all, page)
	}
}
