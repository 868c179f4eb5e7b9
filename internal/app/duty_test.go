package app

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"dongyue/configs"
	"dongyue/internal/alarm"
	"dongyue/internal/config"
	"dongyue/rules"
)

// letterbox is a program that takes the hub's messages.
type letterbox struct {
	*httptest.Server
	mu  sync.Mutex
	got []letter
}

type letter struct {
	ID, Language, Subject, Body, Priority string
	Alarms                                []string
	To                                    []struct{ User, Name string }
	LifeSafety                            bool `json:"life_safety"`
}

func newLetterbox(t *testing.T) *letterbox {
	l := &letterbox{}
	l.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var x letter
		b, _ := io.ReadAll(r.Body)
		if json.Unmarshal(b, &x) == nil {
			l.mu.Lock()
			l.got = append(l.got, x)
			l.mu.Unlock()
		}
	}))
	t.Cleanup(l.Close)
	return l
}

func (l *letterbox) letters() []letter {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.got)
}

// withWebhook sends messages there.
func withWebhook(l *letterbox) func(*config.Config) {
	return func(c *config.Config) {
		c.Notify.Webhook.URL, c.Notify.AllowPrivate, c.Notify.GroupWait = config.Secret(l.URL), true, 0
	}
}

// within waits for what has to come.
func (h *house) within(what string, done func() bool) {
	h.t.Helper()
	for range 600 { // half a minute on a machine that is busy
		if done() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	h.t.Fatalf("%s: did not happen", what)
}

type fullAlarm struct {
	Drill       bool
	CloseReason string `json:"close_reason"`
	Journal     []struct{ What, Text string }
	Escalation  *struct {
		Policy string
		Step   int
		Names  []string
	}
}

func (h *house) alarm(id string) (al fullAlarm) {
	h.t.Helper()
	h.call(http.MethodGet, "/alarms/"+id, nil, &al)
	return al
}

func (al *fullAlarm) lines(what string) (out []string) {
	for _, j := range al.Journal {
		if j.What == what {
			out = append(out, j.Text)
		}
	}
	return out
}

// An alarm that nobody acknowledges reaches the one on duty, in words, and its
// journal says so.
func TestTheOneOnDutyIsCalled(t *testing.T) {
	post := newLetterbox(t)
	h := openHouse(t, t.TempDir(), withWebhook(post))
	var rota struct{ People []struct{ ID, Name string } }
	h.call(http.MethodGet, "/rota", nil, &rota)
	if len(rota.People) != 1 {
		t.Fatalf("%+v", rota)
	}
	admin := rota.People[0]
	h.call(http.MethodPut, "/rota/shifts", map[string]any{"shifts": []any{map[string]any{
		"id": "all", "name": map[string]string{"zh": "全天", "en": "All day"}, "from": "00:00", "to": "00:00", "days": []int{1, 2, 3, 4, 5, 6, 7},
		"team": []string{admin.ID}, "supervisor": "",
	}}}, nil)
	h.call(http.MethodPut, "/notify/contacts/me", map[string]any{"channels": []map[string]string{{"type": "webhook", "address": "desk"}}}, nil)
	h.call(http.MethodPut, "/escalations/policies/life_safety", map[string]any{
		"priorities": []string{}, "steps": []any{map[string]any{"after_s": 0, "to": []string{"on_duty"}}, map[string]any{"after_s": 1, "to": []string{"supervisor"}}},
	}, nil)
	h.call(http.MethodPut, "/escalations/policies/critical", map[string]any{
		"priorities": []string{"critical"}, "steps": []any{map[string]any{"after_s": 0, "to": []string{"on_duty"}}, map[string]any{"after_s": 1, "to": []string{"supervisor"}}},
	}, nil)
	_, publish, _ := h.register("charger", "charger-1")
	publish("event", fmt.Sprintf(`{"id":"e1","boot":"b","seq":1,"at":%q,"type":"smoke","data":{}}`, now()))
	h.within("two calls", func() bool { return len(post.letters()) >= 2 })
	one, two := post.letters()[0], post.letters()[1]
	if !strings.Contains(one.Subject, "（第 1 次呼叫）") || !strings.Contains(two.Subject, "（第 2 次呼叫）") || one.Language != "zh" || one.Priority != "critical" ||
		len(one.To) != 1 || one.To[0].Name != admin.Name || !strings.Contains(one.Body, "时间：") || strings.Contains(one.Body, "值班表") {
		t.Errorf("%+v", one)
	}
	if !strings.Contains(two.Body, "值班表此时无人") { // the shift has no supervisor
		t.Errorf("%+v", two)
	}
	id := one.Alarms[0]
	h.within("the journal", func() bool { al := h.alarm(id); return len(al.lines("notify_sent")) >= 2 })
	al := h.alarm(id)
	if got := al.lines("escalate"); len(got) != 2 || !strings.HasSuffix(got[0], "1/2: on_duty: "+admin.Name) || !strings.HasSuffix(got[1], "; fallback") {
		t.Errorf("%q", got)
	}
	if got := al.lines("notify_sent"); got[0] != "webhook: "+admin.Name || al.Escalation == nil || al.Escalation.Step != 2 {
		t.Errorf("%q %+v", got, al.Escalation)
	}
	var ds struct {
		Items []struct{ Channel, State, User string }
	}
	h.call(http.MethodGet, "/notify/deliveries?alarm="+id, nil, &ds)
	if len(ds.Items) != 4 { // twice the desk, twice the webhook
		t.Errorf("%+v", ds.Items)
	}
}

// A drill shows everything and does nothing: no command, no broadcast, no order, no
// message, no word to programs. A real alarm of the same device meanwhile is real.
func TestADrillDoesNothing(t *testing.T) {
	post := newLetterbox(t)
	h := openHouse(t, t.TempDir(), withWebhook(post))
	h.call(http.MethodPut, "/notify/contacts/me", map[string]any{"channels": []map[string]string{{"type": "webhook", "address": ""}}}, nil)
	h.call(http.MethodPut, "/escalations/policies/critical", map[string]any{
		"priorities": []string{"critical"}, "steps": []any{map[string]any{"after_s": 0, "to": []string{"on_duty"}}},
	}, nil)
	h.call(http.MethodPut, "/escalations/policies/life_safety", map[string]any{
		"priorities": []string{}, "steps": []any{map[string]any{"after_s": 0, "to": []string{"on_duty"}}},
	}, nil)
	_, publish, commands := h.register("charger", "charger-1")
	_, _, played := h.register("speaker", "speaker-1")
	told := h.listen()

	var drill struct {
		ID      string
		Alarms  []string
		Actions []struct {
			Type, State, Command string
			Text                 struct{ ZH, EN string }
		}
	}
	h.call(http.MethodPost, "/drills", map[string]any{"rule": "charger.smoke", "device": "charger-1", "reason": "月度消防演练"}, &drill)
	if len(drill.Alarms) == 0 || len(drill.Actions) == 0 {
		t.Fatalf("%+v", drill)
	}
	for _, a := range drill.Actions {
		if a.State != "drill" || a.Text.ZH == "" || a.Text.EN == "" {
			t.Errorf("%+v", a)
		}
	}
	h.within("the escalation on the screens", func() bool {
		var ds struct{ Items []struct{ Channel string } }
		h.call(http.MethodGet, "/notify/deliveries?alarm="+drill.Alarms[0], nil, &ds)
		return len(ds.Items) == 1 && ds.Items[0].Channel == "desk"
	})

	// The same, in earnest.
	publish("event", fmt.Sprintf(`{"id":"e1","boot":"b","seq":1,"at":%q,"type":"smoke","data":{}}`, now()))
	if c := receive(t, commands); c["type"] != "cut" {
		t.Errorf("command %v", c)
	}
	if c := receive(t, played); c["type"] != "play" {
		t.Errorf("command %v", c)
	}
	h.within("the message", func() bool { return len(post.letters()) > 0 })
	var open struct{ Items []fullAlarm }
	h.call(http.MethodGet, "/alarms?device=charger-1&rule=charger.smoke", nil, &open)
	if len(open.Items) != 2 {
		t.Fatalf("%+v", open.Items)
	}
	for _, l := range post.letters() {
		if strings.Contains(l.Subject, "演练") || slices.Contains(l.Alarms, drill.Alarms[0]) {
			t.Errorf("the drill left the house: %+v", l)
		}
	}
	select {
	case a := <-told:
		if a["drill"] != false || a["id"] == drill.Alarms[0] {
			t.Errorf("programs hear first of %v", a)
		}
	case <-time.After(20 * time.Second):
		t.Error("programs hear of nothing")
	}
	select {
	case c := <-commands:
		if c["type"] == "cut" {
			t.Errorf("a second command %v", c)
		}
	default:
	}
	h.call(http.MethodPost, "/drills/"+drill.ID+"/end", nil, nil)
	if al := h.alarm(drill.Alarms[0]); al.CloseReason != "drill" || !al.Drill {
		t.Errorf("%+v", al)
	}
	var audit struct{ Items []struct{ Action string } }
	h.call(http.MethodGet, "/audit?limit=200", nil, &audit)
	if !slices.ContainsFunc(audit.Items, func(e struct{ Action string }) bool { return e.Action == "drill.began" }) {
		t.Errorf("%+v", audit.Items)
	}
}

// listen is a program that hears of alarms over MQTT.
func (h *house) listen() <-chan map[string]any {
	h.t.Helper()
	var tk struct{ ID, Token string }
	h.call(http.MethodPost, "/tokens", map[string]string{"name": "wall", "role": "integrator"}, &tk)
	told := make(chan map[string]any, 64)
	c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker("tcp://" + h.app.broker.Addr().String()).SetClientID("wall").SetUsername("wall").SetPassword(tk.Token).SetAutoReconnect(false))
	await := func(t mqtt.Token) {
		h.t.Helper()
		if !t.WaitTimeout(10*time.Second) || t.Error() != nil {
			h.t.Fatal(t.Error())
		}
	}
	await(c.Connect())
	h.t.Cleanup(func() { c.Disconnect(0) })
	await(c.Subscribe("dy/v1/hub/alarm", 1, func(_ mqtt.Client, m mqtt.Message) {
		var x map[string]any
		if json.Unmarshal(m.Payload(), &x) == nil {
			told <- x
		}
	}))
	return told
}

func TestRefusedDrills(t *testing.T) {
	h := openHouse(t, t.TempDir())
	h.register("lamp", "lamp-1")
	for body, code := range map[string]string{
		`{"rule":"lamp.sos","device":"nothing","reason":"x"}`:                         "drill.no_device",
		`{"rule":"nothing","device":"lamp-1","reason":"x"}`:                           "drill.no_rule",
		`{"rule":"charger.smoke","device":"lamp-1","reason":"x"}`:                     "drill.not_raised",
		`{"rule":"lamp.sos","device":"lamp-1","reason":"x","data":{"pressed":false}}`: "drill.not_raised",
	} {
		resp, err := h.client.Post(h.app.URL()+"/api/v1/drills", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(string(b), code) {
			t.Errorf("%s: %d %s", body, resp.StatusCode, b)
		}
	}
}

// A mistake in a card stops the start, with its place.
func TestBadCardsStopTheStart(t *testing.T) {
	cfg := config.Default()
	cfg.Data.Dir, cfg.Procedures.Dir = t.TempDir(), "testdata/bad-cards"
	_, err := New(t.Context(), Options{Config: cfg, Version: "test", Out: io.Discard, Progress: io.Discard, Log: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "loop.yaml:4:7") || !strings.Contains(err.Error(), "no way to the end") {
		t.Fatalf("got %v", err)
	}
}

// What the rules that come with the hub name is there: cards, and policies.
func TestShippedRulesNameWhatIsThere(t *testing.T) {
	a := &App{o: Options{Config: config.Default()}}
	cards, err := a.cards()
	if err != nil {
		t.Fatal(err)
	}
	known, err := policies()
	if err != nil {
		t.Fatal(err)
	}
	set, problems := rules.Load(configs.Rules())
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for _, r := range set.Rules {
		if _, ok := cards[r.Procedure]; r.Procedure != "" && !ok {
			t.Errorf("%s names the card %q", r.ID, r.Procedure)
		}
		if r.Procedure == "" && r.Priority.Rank() <= 2 {
			t.Errorf("%s is %s and has no card", r.ID, r.Priority)
		}
		if r.Escalation != "" && !slices.ContainsFunc(known, func(p alarm.Policy) bool { return p.Name == r.Escalation }) {
			t.Errorf("%s names the policy %q", r.ID, r.Escalation)
		}
	}
}

// An account that is named in a policy and has gone since calls those who are
// called where the rota has nobody.
func TestAStepThatNamesNobodyCallsTheSupervisors(t *testing.T) {
	h := openHouse(t, t.TempDir())
	people, fallback := h.app.called([]string{"user:u-gone"}, time.Now())
	if len(people) == 0 || !fallback {
		t.Errorf("%v %v", people, fallback)
	}
}
