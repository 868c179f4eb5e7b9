package community

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"math/rand/v2"

	"dongyue/internal/event"
)

// Community is everything there is to know about the estate.
type Community struct {
	Zones   []Zone   // parents before their children
	Devices []Device // ordered by kind, then by id
	Cameras []Camera
	People  []Person
	Users   []User
}

// Zone is an addressable piece of the estate and its place on the plan.
type Zone struct {
	ID     string     // path: east, east/b01, east/b01/u1
	Kind   ZoneKind   //
	Name   event.Text //
	Parent string     // "" for the community itself
	Shape  Rect       // on the plan
}

// ZoneKind says what a zone is.
type ZoneKind string

// The kinds of zones. A group is a numbered building (栋) with its stairs; the
// 11 groups are those of the residents' own organisation. Gates are roads.
const (
	Estate   ZoneKind = "community"
	Court    ZoneKind = "court"
	Group    ZoneKind = "group"
	Building ZoneKind = "building"
	Unit     ZoneKind = "unit"
	Shed     ZoneKind = "shed"
	Plaza    ZoneKind = "plaza"
	Road     ZoneKind = "road"
)

// Rect is a rectangle on the plan in metres: x to the east, y to the south, from
// the north-west corner of the estate.
type Rect struct{ X, Y, W, H float64 }

// Middle is the rectangle's centre.
func (r Rect) Middle() (x, y float64) { return r.X + r.W/2, r.Y + r.H/2 }

// Contains reports whether a rectangle lies inside.
func (r Rect) Contains(o Rect) bool {
	return o.X >= r.X && o.Y >= r.Y && o.X+o.W <= r.X+r.W && o.Y+o.H <= r.Y+r.H
}

// Overlaps reports whether two rectangles share an area; touching is not that.
func (r Rect) Overlaps(o Rect) bool {
	return r.X < o.X+o.W && o.X < r.X+r.W && r.Y < o.Y+o.H && o.Y < r.Y+r.H
}

// Device is one thing that speaks MQTT.
type Device struct {
	ID     string            // door-e01-1; also client id and user name
	Kind   event.Kind        //
	Name   string            // 东苑1栋1单元门
	Zone   string            //
	Labels map[string]string // upstream: what it hangs on; feeder of lamps and chargers; ports of chargers; lift of doors: its floors
	X, Y   float64           // metres on the plan
	Secret string            // password, 256 bit
}

// Camera is one RTSP camera of the estate.
type Camera struct {
	ID      string  // cam-01
	Name    string  //
	Zone    string  //
	X, Y    float64 // metres on the plan
	Heading float64 // degrees, 0 north, clockwise
	Scene   int     // what it sees: one of the Scene constants
}

// The scenes that cameras show, in the order in which the simulated cameras
// list theirs.
const (
	SceneShed    = iota // a charging shed
	SceneDoor           // in front of a unit door
	SceneGate           // cars and people at a gate
	ScenePlaza          // the plaza
	SceneRoad           // a path with lamp poles
	SceneCarPark        // parked cars
	SceneNumber         // how many there are
)

// Person is a resident.
type Person struct {
	ID   string // p-0001
	Name string // 陈建国
	Unit string // zone of the stair: east/b01/u1
	Flat string // 0302
	Card string // number of the door card, ten digits
	Door string // device id of the unit door
}

// User is an account of the demonstration.
type User struct {
	Login  string // operator
	Name   string // 陈静
	Role   string // admin, supervisor, operator, crew or resident
	Person string // of a resident: id in People
}

// minKey is the least length of an installation key in bytes: 128 bits.
const minKey = 16

var errKey = errors.New("community: installation key shorter than 16 bytes")

// Dongyue makes the estate. The seed decides names and card numbers; the
// installation key, random bytes that belong to one installation only, decides
// the secrets, so no secret can be known from the source code.
func Dongyue(seed uint64, key []byte) (Community, error) {
	if len(key) < minKey {
		return Community{}, errKey
	}
	r := rand.New(rand.NewPCG(seed, 0x646f6e67797565)) //nolint:gosec // names and places, not secrets
	var c Community
	c.Zones = zones()
	c.Devices = devices(key)
	c.Cameras = cameras()
	c.People = people(r)
	c.Users = users(c.People)
	return c, nil
}

// secret is HMAC-SHA-256 of the device's id under the installation key.
func secret(key []byte, device string) string {
	m := hmac.New(sha256.New, key)
	m.Write([]byte("dongyue device secret 1\x00" + device))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

// Zone finds a zone by id.
func (c *Community) Zone(id string) (Zone, bool) {
	for _, z := range c.Zones {
		if z.ID == id {
			return z, true
		}
	}
	return Zone{}, false
}

// Cards lists the card numbers that open each unit door: those of the people
// behind it. Doors use it when they must decide alone.
func (c *Community) Cards() map[string][]string {
	m := make(map[string][]string, unitDoors)
	for _, p := range c.People {
		m[p.Door] = append(m[p.Door], p.Card)
	}
	return m
}
