package community

import (
	"bytes"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dongyue/internal/event"
)

var testKey = bytes.Repeat([]byte{7}, 32)

func dongyue(t *testing.T) Community {
	t.Helper()
	c, err := Dongyue(1, testKey)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestNumbers(t *testing.T) {
	c := dongyue(t)
	n := map[event.Kind]int{}
	for _, d := range c.Devices {
		n[d.Kind]++
	}
	want := map[event.Kind]int{event.Door: 132, event.Charger: 60, event.Lamp: 120, event.Speaker: 39, event.Sensor: 52}
	if d := cmp.Diff(want, n); d != "" {
		t.Errorf("devices (-want +got):\n%s", d)
	}
	z := map[ZoneKind]int{}
	for _, x := range c.Zones {
		z[x.Kind]++
	}
	if z[Court] != 3 || z[Group] != 11 || z[Unit] != 132 || z[Shed] != 60 || z[Estate] != 1 {
		t.Errorf("zones: %v", z)
	}
	if len(c.Cameras) != 24 || len(c.People) != 264 || len(c.Users) != 5 {
		t.Errorf("%d cameras, %d people, %d users", len(c.Cameras), len(c.People), len(c.Users))
	}
}

func TestDevicesAreWellFormed(t *testing.T) {
	c := dongyue(t)
	ids, secrets, places := map[string]bool{}, map[string]bool{}, map[[2]float64]string{}
	feeders := map[string]int{}
	for _, d := range c.Devices {
		z, ok := c.Zone(d.Zone)
		switch {
		case !event.ValidDevice(d.ID) || ids[d.ID]:
			t.Errorf("id %q is not valid or not unique", d.ID)
		case d.Name == "" || len(d.Secret) < 22 || secrets[d.Secret]:
			t.Errorf("%s: name %q, secret of %d characters", d.ID, d.Name, len(d.Secret))
		case !ok:
			t.Errorf("%s is in zone %q, which does not exist", d.ID, d.Zone)
		case !z.Shape.Contains(Rect{d.X, d.Y, 0, 0}):
			t.Errorf("%s at %v,%v is outside of %s %v", d.ID, d.X, d.Y, z.ID, z.Shape)
		case places[[2]float64{d.X, d.Y}] != "":
			t.Errorf("%s stands where %s stands", d.ID, places[[2]float64{d.X, d.Y}])
		}
		ids[d.ID], secrets[d.Secret], places[[2]float64{d.X, d.Y}] = true, true, d.ID
		if d.Kind == event.Lamp {
			feeders[d.Labels["feeder"]]++
		} else if d.Kind == event.Charger && d.Labels["feeder"] == "" {
			t.Errorf("%s has no feeder", d.ID)
		}
	}
	for _, id := range []string{"door-e01-1", "charger-e03", "lamp-w017", "speaker-n05", "sensor-e02", "lamp-c012"} {
		if !ids[id] {
			t.Errorf("%s is missing", id)
		}
	}
	if len(feeders) != 10 {
		t.Errorf("feeders: %v", feeders)
	}
	for f, n := range feeders {
		if n != 12 {
			t.Errorf("feeder %s carries %d lamps", f, n)
		}
	}
}

// TestEverythingHangsOnSomething follows the upstream labels: a lamp on its feeder,
// a cabinet on the court's, everything else on the cabinet of its own group.
func TestEverythingHangsOnSomething(t *testing.T) {
	c := dongyue(t)
	byID, load := map[string]Device{}, map[string]int{}
	for _, d := range c.Devices {
		byID[d.ID] = d
	}
	for _, d := range c.Devices {
		up := d.Labels["upstream"]
		load[up]++
		switch over, registered := byID[up]; {
		case !event.ValidDevice(up) || up == d.ID:
			t.Errorf("%s hangs on %q", d.ID, up)
		case d.Kind == event.Lamp && up != d.Labels["feeder"]:
			t.Errorf("%s hangs on %s and is fed by %s", d.ID, up, d.Labels["feeder"])
		case d.Kind != event.Lamp && d.Kind != event.Sensor && !registered:
			t.Errorf("%s hangs on %s, which is no device", d.ID, up)
		case registered && !event.Within(d.Zone, over.Zone):
			t.Errorf("%s in %s hangs on %s in %s", d.ID, d.Zone, up, over.Zone)
		}
	}
	// 12 doors, 6 sheds, 3 speakers and 3 smoke sensors on a cabinet; four cabinets on a court's feeder.
	for up, want := range map[string]int{"switch-e01": 24, "switch-n11": 23, "switch-c01": 7, "feeder-e": 4, "feeder-n": 3, "light-w3": 12} {
		if load[up] != want {
			t.Errorf("%d devices hang on %s, want %d", load[up], up, want)
		}
	}
}

func TestFirstDoor(t *testing.T) {
	c := dongyue(t)
	for _, d := range c.Devices {
		if d.ID == "door-e01-1" {
			if d.Zone != "east/b01/u1" || d.Name != "东苑1栋1单元门" {
				t.Errorf("got %+v", d)
			}
			return
		}
	}
	t.Error("no door-e01-1")
}

// TestPlan holds the drawing together: children lie inside their parents, and
// neighbours do not overlap.
func TestPlan(t *testing.T) {
	c := dongyue(t)
	children := map[string][]Zone{}
	for _, z := range c.Zones {
		if z.Name.ZH == "" || z.Name.EN == "" {
			t.Errorf("%s has no name in both languages", z.ID)
		}
		if z.Parent != "" {
			p, ok := c.Zone(z.Parent)
			if !ok || !p.Shape.Contains(z.Shape) {
				t.Errorf("%s %v is not inside %q %v", z.ID, z.Shape, z.Parent, p.Shape)
			}
		}
		for _, o := range children[z.Parent] {
			if z.Shape.Overlaps(o.Shape) {
				t.Errorf("%s %v overlaps %s %v", z.ID, z.Shape, o.ID, o.Shape)
			}
		}
		children[z.Parent] = append(children[z.Parent], z)
	}
	for _, z := range c.Zones {
		if z.Kind == Shed {
			for _, u := range children[z.Parent] {
				if u.Kind == Unit && u.Shape.Overlaps(Rect{z.Shape.X - 6, z.Shape.Y - 6, z.Shape.W + 12, z.Shape.H + 12}) {
					t.Errorf("%s is nearer than 6 m to %s", z.ID, u.ID)
				}
			}
		}
	}
}

func TestCameras(t *testing.T) {
	c := dongyue(t)
	ids, scenes := map[string]bool{}, map[int]bool{}
	for _, x := range c.Cameras {
		if _, ok := c.Zone(x.Zone); !ok {
			t.Errorf("%s is in zone %q", x.ID, x.Zone)
		}
		if ids[x.ID] || x.Name == "" || x.Scene < 0 || x.Scene >= SceneNumber || math.Mod(x.Heading, 360) != x.Heading {
			t.Errorf("%+v", x)
		}
		ids[x.ID], scenes[x.Scene] = true, true
	}
	if len(scenes) != SceneNumber {
		t.Errorf("only the scenes %v are shown", scenes)
	}
}

func TestPeople(t *testing.T) {
	c := dongyue(t)
	doors := map[string]string{}
	for _, d := range c.Devices {
		if d.Kind == event.Door {
			doors[d.ID] = d.Zone
		}
	}
	cards := map[string]bool{}
	for _, p := range c.People {
		if doors[p.Door] != p.Unit || len(p.Card) != 10 || cards[p.Card] || p.Name == "" {
			t.Errorf("%+v", p)
		}
		cards[p.Card] = true
	}
	for door, list := range c.Cards() {
		if len(list) != perUnit {
			t.Errorf("%s has %d cards", door, len(list))
		}
	}
	for _, u := range c.Users {
		if (u.Role == "resident") != (u.Person != "") {
			t.Errorf("%+v", u)
		}
	}
}

func TestDeterministic(t *testing.T) {
	a, b := dongyue(t), dongyue(t)
	if d := cmp.Diff(a, b); d != "" {
		t.Errorf("the same seed and key gave different estates:\n%s", d)
	}
	other, err := Dongyue(2, testKey)
	if err != nil {
		t.Fatal(err)
	}
	if cmp.Equal(a.People, other.People) || !cmp.Equal(a.Devices, other.Devices) {
		t.Error("the seed decides people and nothing of the devices")
	}
}

func TestSecretsBelongToTheInstallation(t *testing.T) {
	a := dongyue(t)
	b, err := Dongyue(1, bytes.Repeat([]byte{8}, 32))
	if err != nil {
		t.Fatal(err)
	}
	for i := range a.Devices {
		if a.Devices[i].Secret == b.Devices[i].Secret {
			t.Fatalf("%s has the same secret in two installations", a.Devices[i].ID)
		}
	}
	if _, err := Dongyue(1, []byte("short")); err == nil {
		t.Error("a key that can be guessed was accepted")
	}
}
