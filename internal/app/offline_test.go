package app

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"dongyue/devices"
	"dongyue/internal/config"
	"dongyue/internal/doorlist"
	"dongyue/internal/event"
	"dongyue/internal/simulator/agent"
	"dongyue/internal/simulator/community"
)

// lonely is a stair with simulated controllers over real MQTT, whose hub goes away.
type lonely struct {
	*house
	fleet *agent.Fleet
	mqtt  string
}

const (
	lonelyDoor  = "door-e01-1"
	lonelyOther = "door-e01-2"
)

// open starts the hub, at the address that it had before if it had one.
func (l *lonely) open(dir string) {
	l.t.Helper()
	l.house = openHouse(l.t, dir, func(c *config.Config) {
		if l.mqtt != "" {
			c.MQTT.Addr = config.Addr(l.mqtt)
		}
	})
	l.mqtt = l.app.broker.Addr().String()
}

func openLonely(t *testing.T) *lonely {
	t.Helper()
	l := &lonely{house: &house{t: t}}
	l.open(t.TempDir())
	var site devices.Site
	var all []community.Device
	for i, id := range []string{lonelyDoor, lonelyOther} {
		x := community.Device{ID: id, Kind: event.Door, Name: fmt.Sprintf("1栋%d单元门", i+1), Zone: fmt.Sprintf("east/b01/u%d", i+1), Secret: "secret-secret-secret-1"}
		all = append(all, x)
		site.Devices = append(site.Devices, devices.SeedDevice{Device: devices.Device{ID: x.ID, Kind: x.Kind, Name: x.Name, Zone: x.Zone}, Secret: x.Secret})
	}
	if err := l.app.devices.Seed(t.Context(), site); err != nil {
		t.Fatal(err)
	}
	var err error
	l.fleet, err = agent.New(agent.Options{
		Broker: l.mqtt, Devices: all, Quiet: true, ConnectRate: 1000, ListKey: l.app.access.ListKey(), MinPause: 50 * time.Millisecond, MaxPause: 300 * time.Millisecond,
		Times: agent.Times{Pass: 100 * time.Millisecond, Enter: 20 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = l.fleet.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return l
}

// give registers a person with a card for the stair's first door.
func (l *lonely) give(name, card string, more map[string]any) (credential string) {
	l.t.Helper()
	var p, c struct{ ID string }
	l.call(http.MethodPost, "/people", map[string]any{"name": name, "unit": "east/b01/u1"}, &p)
	body := map[string]any{"person": p.ID, "type": "card", "value": card}
	maps.Copy(body, more)
	l.call(http.MethodPost, "/credentials", body, &c)
	l.call(http.MethodPost, "/rights", map[string]any{"person": p.ID, "door": lonelyDoor, "schedule": "always"}, nil)
	return c.ID
}

func (l *lonely) door(id string) *agent.Door {
	d, ok := l.fleet.Door(id)
	if !ok {
		l.t.Fatalf("no door %s", id)
	}
	return d
}

type listView struct {
	Door, State, Refused string
	Has, Version         uint64
	Entries, Revoked     int
	Since, Until         *time.Time
}

func (l *lonely) lists(query string) (all []listView) {
	l.t.Helper()
	var r struct{ Items []listView }
	l.call(http.MethodGet, "/door-lists"+query, nil, &r)
	return r.Items
}

// settled waits until the first door has confirmed a list with n credentials.
func (l *lonely) settled(n int) time.Duration {
	l.t.Helper()
	return l.until(fmt.Sprintf("the door has %d credentials", n), func() bool {
		i := slices.IndexFunc(l.lists(""), func(v listView) bool { return v.Door == lonelyDoor && v.State == "current" && v.Entries == n })
		return i >= 0 && l.door(lonelyDoor).Credentials() == n
	})
}

type passage struct {
	Event, Door, Decision, Reason, By, Flag, Last4 string
	Late                                           bool
}

// alone are the badges that the first door decided itself, oldest first.
func (l *lonely) alone() (all []passage) {
	l.t.Helper()
	var r struct{ Items []passage }
	l.call(http.MethodGet, "/badges?limit=1000&door="+lonelyDoor, nil, &r)
	for _, p := range slices.Backward(r.Items) {
		if p.By == "door" {
			all = append(all, p)
		}
	}
	return all
}

func (l *lonely) alarms(rule string) (n int) {
	l.t.Helper()
	var r struct {
		Items []struct{ Rule, Device string }
	}
	l.call(http.MethodGet, "/alarms", nil, &r)
	for _, a := range r.Items {
		if a.Rule == rule {
			n++
		}
	}
	return n
}

// The whole story: the hub dies; a resident comes in, a revoked card and an expired
// visitor do not; the hub comes back, and everything is told once, in order.
func TestDoorsDecideAloneAndTellAfterwards(t *testing.T) {
	l := openLonely(t)
	const resident, lost, visitor = "0000004711", "0000004712", "0000004713"
	l.give("陈建国", resident, nil)
	lostID := l.give("李秀英", lost, nil)
	leaves := time.Now().Add(8 * time.Second).UTC()
	l.give("访客", visitor, map[string]any{"valid_to": leaves})
	l.settled(3)

	l.call(http.MethodDelete, "/credentials/"+lostID+"?lost=true", nil, nil)
	t.Logf("the lost card was out of the door's list after %v", l.settled(2))
	if old := l.lists("?old=true"); len(old) != 0 {
		t.Errorf("old lists: %+v", old)
	}

	dir := l.dir
	l.stop()
	d := l.door(lonelyDoor)
	l.until("the door is alone", func() bool { return !d.Online() })
	time.Sleep(time.Until(leaves)) // the visitor's end is a wall-clock time
	for _, card := range []string{resident, lost, visitor, "9999999999", resident} {
		d.Badge(card)
	}
	l.open(dir)
	want := []passage{
		{Decision: "granted", Last4: "4711"}, {Decision: "denied", Reason: "unknown_credential", Last4: "4712"},
		{Decision: "denied", Reason: "expired", Last4: "4713"}, {Decision: "denied", Reason: "unknown_credential", Last4: "9999"},
		{Decision: "granted", Last4: "4711"},
	}
	l.until("all badges are told", func() bool { return len(l.alone()) >= len(want) })
	l.until("the lost card is an alarm", func() bool { return l.alarms("door.revoked_tried") == 1 })
	got := l.alone()
	if len(got) != len(want) {
		t.Fatalf("%d badges: %+v", len(got), got)
	}
	for i, g := range got {
		g.Event, g.Door, g.By, g.Late = "", "", "", false
		if g != want[i] {
			t.Errorf("badge %d: %+v, want %+v", i, g, want[i])
		}
	}
	if n := l.alarms("door.revoked_used"); n != 0 {
		t.Errorf("%d alarms of a card that opened", n)
	}
}

// A door whose cable is cut goes by the list that it had. The desk sees until when
// that is dangerous, and hears of it afterwards.
func TestRevokedWhileTheDoorIsAway(t *testing.T) {
	l := openLonely(t)
	const lost = "0000004712"
	l.give("陈建国", "0000004711", nil)
	id := l.give("李秀英", lost, nil)
	l.settled(2)
	d := l.door(lonelyDoor)
	d.NetworkOff()
	l.until("the door is away", func() bool { return !d.Online() })
	l.call(http.MethodDelete, "/credentials/"+id+"?lost=true", nil, nil)
	l.until("the desk sees the old list", func() bool {
		old := l.lists("?old=true")
		return len(old) == 1 && old[0].Door == lonelyDoor && old[0].Revoked == 1 && old[0].Since != nil && old[0].Until != nil &&
			time.Until(*old[0].Until) > 29*24*time.Hour && old[0].Has+1 == old[0].Version
	})
	d.Badge(lost)
	d.NetworkOn()
	l.until("the passage is an alarm", func() bool { return l.alarms("door.revoked_used") == 1 })
	l.settled(1)
	if old := l.lists("?old=true"); len(old) != 0 {
		t.Errorf("old lists: %+v", old)
	}
	got := l.alone()
	if len(got) != 1 || got[0].Decision != "granted" || got[0].Flag != "lost_stolen" {
		t.Errorf("badges %+v", got)
	}
}

// A list that another hub signed changes nothing at the door, and somebody hears of it.
func TestForgedListIsRefusedAndTold(t *testing.T) {
	l := openLonely(t)
	l.give("陈建国", "0000004711", nil)
	l.settled(1)
	root := doorlist.NewTree().Root()
	h := doorlist.Head{
		Door: lonelyDoor, Version: 1000, IssuedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour), Root: hex.EncodeToString(root[:]), Salt: make([]byte, 16),
		Stretch: doorlist.NewStretch(make([]byte, 16)), CodeKey: make([]byte, 32), Rung: "controlled",
	}
	_, thief, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	head, sig, err := h.Sign(thief)
	if err != nil {
		t.Fatal(err)
	}
	ms, err := doorlist.Split(lonelyDoor, 1000, 0, (&doorlist.Body{Head: head, Sig: sig}).Encode())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range ms {
		if err := l.app.mqtt.Publish(event.Topic(event.Door, lonelyDoor, event.Config), m, 1, false, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	l.until("the forgery is an alarm", func() bool { return l.alarms("door.list_forged") == 1 })
	l.until("the desk sees why", func() bool { return l.lists("")[0].Refused == "wrong_signature" })
	if n := l.door(lonelyDoor).Credentials(); n != 1 {
		t.Errorf("the door has %d credentials", n)
	}
	l.give("王芳", "0000004714", nil)
	l.settled(2) // and the next good one is taken
}

// A controller that loses its power while it is alone stands where the hub last wanted
// it: a lockdown holds, the way out is free.
func TestLockdownHoldsAcrossAPowerCutWithoutTheHub(t *testing.T) {
	l := openLonely(t)
	l.give("陈建国", "0000004711", nil)
	l.settled(1)
	l.call(http.MethodPost, "/rungs", map[string]any{"areas": []string{"east"}, "rung": "lockdown", "reason": "演练"}, nil)
	l.until("the list says so", func() bool {
		v := l.lists("")[0]
		return v.State == "current" && l.door(lonelyDoor).ListRung() == event.Lockdown
	})
	dir, d := l.dir, l.door(lonelyDoor)
	l.stop()
	d.PowerOff()
	d.PowerOn()
	d.Badge("0000004711")
	d.Exit()
	l.open(dir)
	l.until("it is told", func() bool { return len(l.alone()) == 1 })
	if p := l.alone()[0]; p.Decision != "denied" || p.Reason != "lockdown" {
		t.Errorf("%+v", p)
	}
	l.until("the way out was free", func() bool {
		var evs listed
		l.call(http.MethodGet, "/events?device="+lonelyDoor+"&type=opened", nil, &evs)
		return len(evs.Items) == 1
	})
}
