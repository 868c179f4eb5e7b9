package devices

import (
	"strings"

	"dongyue/internal/event"
)

// UpstreamLabel names what a device hangs on: a switch, a feeder, a gateway. That
// may be a registered device with an upstream of its own, or only a name.
const UpstreamLabel = "upstream"

// maxUpstream bounds the way up, so that a circle of labels ends.
const maxUpstream = 8

// hang works out again what every device hangs on, outermost first. The caller
// holds r.mu.
func (r *Registry) hang() {
	for _, rec := range r.devices {
		path := r.path(rec)
		rec.mu.Lock()
		rec.via = path
		rec.mu.Unlock()
	}
}

func (r *Registry) path(rec *record) string {
	var up []string
	for range maxUpstream {
		id := rec.upstream()
		if id == "" {
			break
		}
		up = append([]string{id}, up...)
		if rec = r.devices[id]; rec == nil {
			break
		}
	}
	return strings.Join(up, "/")
}

func (rec *record) upstream() string {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return rec.d.Labels[UpstreamLabel]
}

// place is where a device stands and what it hangs on, for its events.
func (rec *record) place() (zone, via string) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return rec.d.Zone, rec.via
}

// checkUpstream judges the label; a device can't hang on itself.
func (d *Device) checkUpstream() error {
	up, ok := d.Labels[UpstreamLabel]
	if ok && (!event.ValidDevice(up) || up == d.ID) {
		return Refuse(CodeValue, "labels: upstream is the id of what the device hangs on (1–63 lower-case letters, digits and -), not its own")
	}
	return nil
}
