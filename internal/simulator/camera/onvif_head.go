package camera

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

// place is where a head points: -1 to 1, zoom 0 to 1.
type place struct{ pan, tilt, zoom float64 }

// head turns with a speed until it is stopped or its time is over.
type head struct {
	mu     sync.Mutex
	from   place
	speed  place
	since  time.Time
	until  time.Time
	moving bool
}

// fullSpeed is how much of its range a head turns in a second at speed 1.
const fullSpeed = 0.4

func (h *head) at(now time.Time) (p place, moving bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.settle(now), h.moving
}

// settle computes the place and ends a movement whose time is over.
func (h *head) settle(now time.Time) place {
	if !h.moving {
		return h.from
	}
	end := now
	if end.After(h.until) {
		end = h.until
	}
	s := end.Sub(h.since).Seconds() * fullSpeed
	p := place{
		clamp(h.from.pan+h.speed.pan*s, -1), clamp(h.from.tilt+h.speed.tilt*s, -1), clamp(h.from.zoom+h.speed.zoom*s, 0),
	}
	if !now.Before(h.until) {
		h.from, h.moving = p, false
	}
	return p
}

func clamp(x, low float64) float64 { return min(max(x, low), 1) }

func (h *head) move(now time.Time, v vector, d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.from = h.settle(now)
	h.speed = place{v.PanTilt.X, v.PanTilt.Y, v.Zoom.X}
	h.since, h.until, h.moving = now, now.Add(d), true
}

func (h *head) set(p place) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.from, h.moving = p, false
}

func (h *head) stop(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.from, h.moving = h.settle(now), false
}

// presets of every simulated camera.
func presets() []struct {
	name string
	at   place
} {
	return []struct {
		name string
		at   place
	}{
		{"全景", place{0, 0, 0}}, {"入口", place{-0.6, -0.1, 0.4}}, {"停车位", place{0.7, -0.2, 0.2}},
	}
}

// ptz carries a command of the PTZ service out.
func (d *device) ptz(c *command) (body string, ok bool) {
	now := time.Now()
	switch c.XMLName.Local {
	case "ContinuousMove":
		t := 5 * time.Second
		if s, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimPrefix(c.Timeout, "PT"), "S"), 64); err == nil {
			t = time.Duration(s * float64(time.Second))
		}
		d.head.move(now, c.Velocity, t)
	case "AbsoluteMove":
		d.head.set(place{clamp(c.Position.PanTilt.X, -1), clamp(c.Position.PanTilt.Y, -1), clamp(c.Position.Zoom.X, 0)})
	case "Stop":
		d.head.stop(now)
	case "GotoPreset":
		n, err := strconv.Atoi(c.PresetToken)
		if err != nil || n < 1 || n > len(presets()) {
			return "", false
		}
		d.head.set(presets()[n-1].at)
	case "GetPresets":
		var s strings.Builder
		for i, p := range presets() {
			fmt.Fprintf(&s, `<tptz:Preset token="%d"><tt:Name>%s</tt:Name></tptz:Preset>`, i+1, p.name)
		}
		return `<tptz:GetPresetsResponse>` + s.String() + `</tptz:GetPresetsResponse>`, true
	case "GetStatus":
		p, moving := d.head.at(now)
		state := "IDLE"
		if moving {
			state = "MOVING"
		}
		return fmt.Sprintf(`<tptz:GetStatusResponse><tptz:PTZStatus><tt:Position><tt:PanTilt x="%.4f" y="%.4f"/><tt:Zoom x="%.4f"/></tt:Position>`+
			`<tt:MoveStatus><tt:PanTilt>%s</tt:PanTilt></tt:MoveStatus></tptz:PTZStatus></tptz:GetStatusResponse>`, p.pan, p.tilt, p.zoom, state), true
	default:
		return "", false
	}
	return `<tptz:` + c.XMLName.Local + `Response/>`, true
}
