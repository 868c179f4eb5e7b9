package agent

import (
	"fmt"
	"testing"
	"time"

	"dongyue/internal/event"
)

type fields = map[string]any

// one starts a hub and one device and waits until it listens.
func one(t *testing.T, id string, times Times) (*hub, *Fleet, event.Kind) {
	t.Helper()
	h := startDefaultHub(t)
	c := estate(t)
	ds := some(c, id)
	f := live(t, Options{Broker: h.addr, Devices: ds, People: c.People, Quiet: true, Times: times})
	h.wait(t, "state", is(ds[0].Kind, id, event.State, nil))
	t.Cleanup(func() {
		for _, m := range h.all() {
			if err := conforms(m); err != nil {
				t.Errorf("%s %s: %v", m.topic, m.payload, err)
			}
		}
	})
	return h, f, ds[0].Kind
}

// follow waits for events of a device, one after the other.
func (h *hub) follow(t *testing.T, from int, k event.Kind, id string, events ...fields) int {
	t.Helper()
	for _, want := range events {
		_, from = h.waitFrom(t, from, fmt.Sprint(want), is(k, id, event.Happening, want))
	}
	return from
}

func (h *hub) replied(t *testing.T, k event.Kind, id, command, status string) heard {
	t.Helper()
	return h.wait(t, command+" "+status, is(k, id, event.Reply, fields{"id": command, "status": status}))
}

const theDoor = "door-e01-1"

func TestDoorAsks(t *testing.T) {
	times := fast()
	times.Answer = patience
	h, f, k := one(t, theDoor, times)
	d, _ := f.Door(theDoor)
	d.Badge("12345")
	ask := h.wait(t, "ask", is(k, theDoor, event.Happening, fields{"type": "badge", "data.decision": "ask", "data.credential.value": "12345", "data.side": "in"}))
	h.order(t, k, theDoor, "c1", "unlock", time.Minute, fields{"for_s": 5, "ref": ask.body()["id"]})
	h.replied(t, k, theDoor, "c1", accepted)
	h.replied(t, k, theDoor, "c1", done)
	h.wait(t, "unlocked", is(k, theDoor, event.State, fields{"state.lock": "unlocked"}))
	h.follow(t, 0, k, theDoor, fields{"type": "opened"}, fields{"type": "closed"})
	h.order(t, k, theDoor, "c2", "unlock", time.Minute, fields{"ref": ask.body()["id"]})
	h.replied(t, k, theDoor, "c2", failed) // was answered

	d.Badge("777")
	ask = h.wait(t, "ask", is(k, theDoor, event.Happening, fields{"data.credential.value": "777"}))
	n := h.mark()
	h.order(t, k, theDoor, "c3", "deny", time.Minute, fields{"reason": "expired", "ref": ask.body()["id"]})
	h.replied(t, k, theDoor, "c3", done)
	for _, m := range h.all()[n:] {
		if m.body()["type"] == "opened" {
			t.Error("a denied card opened the door")
		}
	}
}

func TestDoorDecidesAlone(t *testing.T) {
	h, f, k := one(t, theDoor, fast())
	d, _ := f.Door(theDoor)
	own := f.People()[0].Card
	d.Badge(own) // the hub is there but says nothing
	n := h.follow(t, 0, k, theDoor, fields{"data.decision": "ask"},
		fields{"type": "badge", "data.decision": "granted", "data.reason": "offline_list", "data.credential.value": own}, fields{"type": "opened"}, fields{"type": "closed"})

	d.NetworkOff()
	for end := time.Now().Add(patience); d.Online() && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	d.Badge("999")
	d.Badge(own)
	d.NetworkOn()
	n = h.follow(t, n, k, theDoor, fields{"data.decision": "denied", "data.reason": "unknown_credential"}, fields{"data.decision": "granted"})

	check(t, h.Publish(event.Topic(k, theDoor, event.Config), []byte(`{"version":7,"cards":["999"]}`), true, 1))
	h.wait(t, "rights", is(k, theDoor, event.State, fields{"state.rights_version": 7.0}))
	d.Badge("999")
	h.follow(t, n, k, theDoor, fields{"data.decision": "granted", "data.credential.value": "999"})
}

func TestDoorAlarms(t *testing.T) {
	h, f, k := one(t, theDoor, fast())
	d, _ := f.Door(theDoor)
	d.Force(time.Second)
	n := h.follow(t, 0, k, theDoor, fields{"type": "opened"}, fields{"type": "forced_open"}, fields{"type": "held_open"})
	d.Close()
	n = h.follow(t, n, k, theDoor, fields{"type": "closed"})
	d.Prop(time.Minute)
	n = h.follow(t, n, k, theDoor, fields{"type": "rex"}, fields{"type": "opened"}, fields{"type": "held_open"})
	d.Close()
	n = h.follow(t, n, k, theDoor, fields{"type": "closed"})
	d.Duress("1")
	h.follow(t, n, k, theDoor, fields{"type": "duress"}, fields{"type": "badge"})
}

func TestDoorModes(t *testing.T) {
	h, f, k := one(t, theDoor, fast())
	d, _ := f.Door(theDoor)
	h.order(t, k, theDoor, "m1", "set_mode", time.Minute, fields{"mode": "lockdown"})
	h.wait(t, "lockdown", is(k, theDoor, event.State, fields{"state.mode": "lockdown", "state.lock": "secured"}))
	h.order(t, k, theDoor, "m2", "unlock", time.Minute, nil)
	h.replied(t, k, theDoor, "m2", failed)
	d.Exit() // never blocked
	h.follow(t, 0, k, theDoor, fields{"type": "rex"}, fields{"type": "opened"})
	d.Badge(f.People()[0].Card)
	h.follow(t, 0, k, theDoor, fields{"data.decision": "denied", "data.reason": "lockdown"})
	h.order(t, k, theDoor, "m3", "set_mode", time.Minute, fields{"mode": "free"})
	h.wait(t, "free", is(k, theDoor, event.State, fields{"state.mode": "manual_override", "state.lock": "unlocked"}))
	h.order(t, k, theDoor, "m4", "set_mode", time.Minute, fields{"mode": "party"})
	h.replied(t, k, theDoor, "m4", failed)
	h.order(t, k, theDoor, "m5", "sync", time.Minute, nil)
	h.replied(t, k, theDoor, "m5", done)
	h.order(t, k, theDoor, "m6", "lock", time.Minute, nil)
	h.replied(t, k, theDoor, "m6", done)
}

// TestCommands holds for every kind: expired and unknown ones are refused, and a
// repeated one is answered again without being done again.
func TestCommands(t *testing.T) {
	h, _, k := one(t, theDoor, fast())
	h.order(t, k, theDoor, "late", "unlock", -time.Second, nil)
	h.replied(t, k, theDoor, "late", expired)
	h.order(t, k, theDoor, "odd", "dance", time.Minute, nil)
	h.replied(t, k, theDoor, "odd", failed)
	h.order(t, k, theDoor, "wrong", "unlock", time.Minute, fields{"for_s": "long"})
	h.replied(t, k, theDoor, "wrong", failed)
	check(t, h.Publish(event.Topic(k, theDoor, event.Command), []byte(`{"id":"endless","type":"unlock"}`), false, 1))
	h.replied(t, k, theDoor, "endless", failed)
	check(t, h.Publish(event.Topic(k, theDoor, event.Command), []byte(`nonsense`), false, 1))

	h.order(t, k, theDoor, "u1", "unlock", time.Minute, nil)
	h.order(t, k, theDoor, "u1", "unlock", time.Minute, nil)
	h.order(t, k, theDoor, "last", "lock", time.Minute, nil)
	h.replied(t, k, theDoor, "last", done)
	count := map[any]int{}
	for _, m := range h.all() {
		if m.body()["id"] == "u1" && m.topic == event.Topic(k, theDoor, event.Reply) {
			count[m.body()["status"]]++
		}
	}
	if count[accepted] != 1 || count[done] != 2 {
		t.Errorf("replies to a repeated command: %v", count)
	}
	for _, m := range h.all() {
		if m.body()["type"] == "opened" && m.body()["seq"].(float64) > 1 {
			t.Error("opened twice")
		}
	}
}

// TestRetainedCommand is refused: it may be of any age.
func TestRetainedCommand(t *testing.T) {
	h := startDefaultHub(t)
	b := fmt.Sprintf(`{"id":"r1","type":"unlock","at":%q,"expires_at":%q,"args":{}}`, stamp(time.Now()), stamp(time.Now().Add(time.Hour)))
	check(t, h.Publish(event.Topic(event.Door, theDoor, event.Command), []byte(b), true, 1))
	live(t, Options{Broker: h.addr, Devices: some(estate(t), theDoor), Quiet: true})
	h.replied(t, event.Door, theDoor, "r1", failed)
}

func TestLamp(t *testing.T) {
	const id = "lamp-w017"
	h, f, k := one(t, id, fast())
	l, _ := f.Lamp(id)
	h.order(t, k, id, "d1", "dim", time.Minute, fields{"pct": 40})
	h.wait(t, "state", is(k, id, event.State, fields{"state.dim_pct": 40.0, "state.schedule": false, "state.feeder": "light-w2"}))
	h.replied(t, k, id, "d1", done)
	h.order(t, k, id, "d2", "dim", time.Minute, fields{"pct": 140})
	h.replied(t, k, id, "d2", failed)
	n := h.mark()
	h.waitFrom(t, n, "power", func(m heard) bool { w, _ := at(m.body(), "values.power_w").(float64); return w > 20 })
	l.Fail()
	h.wait(t, "fault", is(k, id, event.State, fields{"state.fault": true}))
	n = h.follow(t, 0, k, id, fields{"type": "lamp_failure", "data.active": true})
	h.waitFrom(t, n, "no power", func(m heard) bool { w, ok := at(m.body(), "values.power_w").(float64); return ok && w < 5 })
	l.Repair()
	n = h.follow(t, n, k, id, fields{"type": "lamp_failure", "data.active": false})
	l.SOS(20 * time.Millisecond)
	h.follow(t, n, k, id, fields{"type": "sos", "data.pressed": true}, fields{"type": "sos", "data.pressed": false})
	h.order(t, k, id, "f1", "flash", time.Minute, fields{"for_s": 0.1})
	h.wait(t, "flash", is(k, id, event.State, fields{"state.flash": true, "state.dim_pct": 100.0}))
	_, n = h.waitFrom(t, 0, "flash", is(k, id, event.State, fields{"state.flash": true}))
	h.waitFrom(t, n, "flash ends", is(k, id, event.State, fields{"state.flash": false}))
	h.order(t, k, id, "s1", "schedule", time.Minute, nil)
	h.replied(t, k, id, "s1", done)
}

func TestSensor(t *testing.T) {
	const id = "sensor-e02"
	h, f, k := one(t, id, fast())
	s, _ := f.Sensor(id)
	s.Set("smoke", true)
	s.Set("smoke", true) // is known
	h.wait(t, "smoke", is(k, id, event.Happening, fields{"type": "smoke", "data.active": true, "seq": 1.0}))
	h.wait(t, "thick air", func(m heard) bool { x, _ := at(m.body(), "values.smoke_pct").(float64); return x > 5 })
	h.order(t, k, id, "q1", "silence", time.Minute, fields{"for_s": 1})
	h.wait(t, "silenced", is(k, id, event.State, fields{"state.silenced": true}))
	s.Set("smoke", false)
	h.wait(t, "no smoke", is(k, id, event.Happening, fields{"type": "smoke", "data.active": false, "seq": 2.0}))
	h.order(t, k, id, "t1", "test", time.Minute, nil)
	if r := h.replied(t, k, id, "t1", done).body(); at(r, "data.ok") != true {
		t.Errorf("test: %v", r)
	}
}

func TestSpeaker(t *testing.T) {
	const id = "speaker-n05"
	times := fast()
	times.Speak = 20 * time.Millisecond
	h, f, k := one(t, id, times)
	s, _ := f.Speaker(id)
	say := func(command, message string, priority int, text string) {
		h.order(t, k, id, command, "play", time.Minute, fields{"message": message, "text": text, "priority": priority, "repeat": 1, "volume_pct": 90})
	}
	say("p1", "m1", 4, "请注意")
	h.replied(t, k, id, "p1", done)
	n := h.follow(t, 0, k, id, fields{"type": "buffered"}, fields{"type": "playing", "data.message": "m1"}, fields{"type": "finished", "data.message": "m1"})
	h.wait(t, "loud", func(m heard) bool { x, _ := at(m.body(), "values.level_db").(float64); return x > 85 })

	long := "这是一条很长很长很长很长很长很长很长很长很长很长很长很长很长很长很长很长很长很长的通知"
	say("p2", "music", 6, long+long+long+long+long+long)
	n = h.follow(t, n, k, id, fields{"type": "playing", "data.message": "music"})
	say("p3", "fire", 1, long)
	n = h.follow(t, n, k, id, fields{"type": "overridden", "data.message": "music"}, fields{"type": "playing", "data.message": "fire"})
	say("p4", "notice", 5, "通知") // waits its turn
	h.wait(t, "waiting", is(k, id, event.State, fields{"state.message": "fire", "state.waiting": 1.0}))
	n = h.follow(t, n, k, id, fields{"type": "finished", "data.message": "fire"}, fields{"type": "playing", "data.message": "notice"})

	say("p5", "stopped", 3, long)
	n = h.follow(t, n, k, id, fields{"type": "playing", "data.message": "stopped"})
	h.order(t, k, id, "x1", "stop", time.Minute, fields{"message": "stopped"})
	h.replied(t, k, id, "x1", done)
	n = h.follow(t, n, k, id, fields{"type": "finished", "data.message": "stopped"})

	s.Break()
	n = h.follow(t, n, k, id, fields{"type": "fault", "data.code": "amplifier", "data.active": true})
	say("p6", "unheard", 1, "x")
	h.replied(t, k, id, "p6", failed)
	n = h.follow(t, n, k, id, fields{"type": "fault", "data.message": "unheard"})
	s.Repair()
	h.follow(t, n, k, id, fields{"type": "fault", "data.active": false})
	for name, a := range map[string]fields{"nothing": {"message": "m"}, "nameless": {"text": "x"}} {
		h.order(t, k, id, name, "play", time.Minute, a)
		h.replied(t, k, id, name, failed)
	}
}
