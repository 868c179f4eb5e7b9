package config

import (
	"fmt"
	"net/url"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"dongyue/internal/event"
)

// SiteFile is what a community is made of: the file that site.file names, and
// what GET /devices/export?format=yaml writes.
type SiteFile struct {
	Zones   []SiteZone   `yaml:"zones"`
	Devices []SiteDevice `yaml:"devices"`
	Cameras []SiteCamera `yaml:"cameras"`
}

// SiteZone is a place in the address tree.
type SiteZone struct {
	ID    string     `yaml:"id"`
	Kind  string     `yaml:"kind" enum:"community|court|group|building|unit|shed|plaza|road"`
	Name  event.Text `yaml:"name"`
	Shape []float64  `yaml:"shape"` // x, y, width, height in metres
}

// SiteDevice is a device to register. Without a secret it keeps the one it has.
type SiteDevice struct {
	ID     string            `yaml:"id"`
	Kind   string            `yaml:"kind" enum:"door|lamp|charger|speaker|sensor"`
	Name   string            `yaml:"name"`
	Zone   string            `yaml:"zone"`
	Labels map[string]string `yaml:"labels"`
	X      float64           `yaml:"x"` // metres on the plan
	Y      float64           `yaml:"y"`
	Secret Secret            `yaml:"secret"`
}

// SiteCamera is a camera to pull from.
type SiteCamera struct {
	ID      string  `yaml:"id"`
	Name    string  `yaml:"name"`
	Zone    string  `yaml:"zone"`
	URL     Secret  `yaml:"url"` // has the camera's password in it
	SubURL  Secret  `yaml:"sub_url"`
	X       float64 `yaml:"x"`
	Y       float64 `yaml:"y"`
	Heading float64 `yaml:"heading"` // degrees clockwise from the plan's top
	Fov     float64 `yaml:"fov"`     // degrees

	Transport   string `yaml:"transport" enum:"auto|tcp|udp"`
	AlwaysOn    bool   `yaml:"always_on"`       // pulled while nobody watches
	RecordSound bool   `yaml:"record_sound"`    // its sound is recorded with its pictures
	Fingerprint string `yaml:"tls_fingerprint"` // SHA-256 of its certificate
	ONVIF       Secret `yaml:"onvif"`           // its device service, with user and password
}

// maxSite is 20,000 devices of 400 bytes.
const maxSite = 8 << 20

// LoadSite reads a description of the community. Every mistake is found in one
// run and has its place; the error is Problems.
func LoadSite(file string, b []byte) (*SiteFile, error) {
	var s SiteFile
	l := loader{file: file}
	l.places, l.problems = decodeUpTo(file, b, &s, maxSite)
	if len(l.problems) == 0 {
		l.site(&s)
	}
	if err := l.problems.err(); err != nil {
		return nil, err
	}
	return &s, nil
}

func (l *loader) site(s *SiteFile) {
	seen := map[string]string{}
	once := func(what, id, path string) {
		if first, twice := seen[what+id]; twice {
			l.problem(path+".id", "is already that of "+first, "choose another id, or remove one")
		}
		seen[what+id] = path
	}
	for i, z := range s.Zones {
		path := fmt.Sprintf("zones[%d]", i)
		once("zone ", z.ID, path)
		if z.ID == "" && z.Kind != "community" {
			l.problem(path, "has no id", "write a path such as east/b01")
		}
		l.zone(path+".id", z.ID)
		if z.Kind == "" {
			l.problem(path, "has no kind", "write one of community, court, group, building, unit, shed, plaza, road")
		}
		if n := len(z.Shape); n != 0 && n != 4 {
			l.problem(path+".shape", fmt.Sprintf("has %d numbers", n), "write [x, y, width, height] in metres")
		}
	}
	for i, d := range s.Devices {
		path := fmt.Sprintf("devices[%d]", i)
		once("device ", d.ID, path)
		l.device(path, d.ID)
		l.zone(path+".zone", d.Zone)
		if d.Kind == "" {
			l.problem(path, "has no kind", "write one of door, lamp, charger, speaker, sensor")
		}
		if scope, set := d.Labels[FireScopeLabel]; set && !ValidFireScope(scope) {
			l.problem(path+".labels."+FireScopeLabel, "is not what a fire input can release", "write one of building, unit, zone")
		}
		if passage, set := d.Labels[PassageLabel]; set && passage != Vehicles {
			l.problem(path+".labels."+PassageLabel, "is not known", "write vehicles for a barrier, or leave it out")
		}
		if len(d.Secret) > 256 {
			l.problem(path+".secret", "is longer than 256 bytes", "write a shorter one")
		}
	}
	for i, c := range s.Cameras {
		path := fmt.Sprintf("cameras[%d]", i)
		once("camera ", c.ID, path)
		l.device(path, c.ID)
		l.zone(path+".zone", c.Zone)
		l.camera(path+".url", c.URL, true)
		l.camera(path+".sub_url", c.SubURL, false)
		l.onvif(path+".onvif", c.ONVIF)
		if f := strings.ReplaceAll(c.Fingerprint, ":", ""); f != "" && (len(f) != 64 || strings.Trim(strings.ToLower(f), "0123456789abcdef") != "") {
			l.problem(path+".tls_fingerprint", "is no SHA-256", "write 64 hex digits; `dongyue streams probe` prints them")
		}
	}
}

func (l *loader) device(path, id string) {
	switch {
	case id == "":
		l.problem(path, "has no id", "write 1–63 lower-case letters, digits and -, not - first")
	case !event.ValidDevice(id):
		l.problem(path+".id", "is no id", "write 1–63 lower-case letters, digits and -, not - first")
	}
}

func (l *loader) zone(path, zone string) {
	for part := range strings.SplitSeq(zone, "/") {
		if zone != "" && (part == "" || strings.Trim(part, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" || strings.HasPrefix(part, "-")) {
			l.problem(path, "is no zone", "write a path such as east/b01/u1 of lower-case letters, digits, - and _")
			return
		}
	}
}

// camera says nothing of the address itself: it has a password in it.
func (l *loader) camera(path string, address Secret, must bool) {
	if address == "" {
		if must {
			l.problem(path, "is empty", "write rtsp://user:password@host:554/path")
		}
		return
	}
	u, err := url.Parse(address.Reveal())
	if err != nil || u.Scheme != "rtsp" && u.Scheme != "rtsps" || u.Host == "" {
		l.problem(path, "is not an RTSP address", "write rtsp://user:password@host:554/path, special characters of the password percent-encoded")
	}
}

// onvif says nothing of the address itself either.
func (l *loader) onvif(path string, address Secret) {
	u, err := url.Parse(address.Reveal())
	if address != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		l.problem(path, "is no ONVIF address", "write http://user:password@host/onvif/device_service")
	}
}

// words decodes keys and values that are all text, such as labels.
func (d *decoder) words(n ast.Node, v reflect.Value, path string) {
	var values []*ast.MappingValueNode
	switch x := n.(type) {
	case *ast.MappingNode:
		values = x.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{x}
	default:
		d.fail(n.GetToken(), path, "wants keys and values, has "+kindOf(n), "write {maker: x}")
		return
	}
	out := reflect.MakeMap(v.Type())
	for _, kv := range values {
		tk := kv.Key.GetToken()
		key := reflect.ValueOf(tk.Value)
		if kv.Key.IsMergeKey() || out.MapIndex(key).IsValid() {
			d.fail(tk, join(path, tk.Value), "is set twice, or merges another section", "write each key once")
			continue
		}
		one := reflect.New(v.Type().Elem()).Elem()
		d.value(kv.Value, one, join(path, tk.Value), "")
		out.SetMapIndex(key, one)
	}
	v.Set(out)
}
