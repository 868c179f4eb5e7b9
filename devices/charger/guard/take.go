package guard

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"time"

	"dongyue/devices/charger"
	"dongyue/devices/charger/curve"
	"dongyue/internal/event"
)

// Grades of an anomaly, by what the hub does about it.
const (
	Watch = "watch" // it has a rule of its own
	Tell  = "tell"  // people are told
	End   = "end"   // the session ends
	Cut   = "cut"   // the socket is cut
	Fire  = "fire"  // it is no fault of one socket
)

type reading struct {
	State  *string  `json:"state"`
	Power  *float64 `json:"power_w"`
	Temp   *float64 `json:"temp_c"`
	Vapour *float64 `json:"voc_ppm"`
}

func or(x *float64) float64 {
	if x == nil {
		return math.NaN()
	}
	return *x
}

// Live takes a reading. What it finds goes to the journal; the same readings
// again say the same under the same ids, which the journal takes once.
func (g *Guard) Live(ev event.Event) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.take(&ev)
}

func (g *Guard) take(ev *event.Event) {
	if ev.Kind != event.Charger || ev.Channel != event.Telemetry || ev.Late {
		return
	}
	var r reading
	if json.Unmarshal(ev.Data, &r) != nil {
		return
	}
	s := g.shedOf(ev)
	if ev.Part == "" {
		g.breathe(s, ev, r)
		return
	}
	p := s.port(ev.Part)
	p.clock(ev)
	p.heard = ev.ReceivedAt
	if p.silent {
		p.silent = false
		g.say(ev.Device, s.zone, ev.Part, "silent", ev.At.UnixMilli(), ev.ReceivedAt, map[string]any{"active": false})
	}
	g.thermometer(s, ev, p, r.Temp != nil)
	if r.State != nil {
		p.follow(*r.State, ev.At.UnixMilli())
	}
	found := p.Take(&g.limits, curve.Sample{At: ev.At.UnixMilli(), Power: or(r.Power), Temp: or(r.Temp)})
	if s.gas && found&(curve.Oscillation|curve.NoDecline|curve.RisesAgain|curve.Warming) != 0 {
		found |= curve.Heating // a sign of the socket's own, while the air is full of it
	}
	p.told |= found
	found.Each(func(name string, one curve.Code) {
		g.say(ev.Device, s.zone, ev.Part, name, p.began, ev.ReceivedAt, map[string]any{
			"grade": grade(one), "energy_wh": round(p.Energy()), "peak_w": round(p.Peak()), "slope_k_min": round(p.Slope()),
		})
	})
	g.beside(s, ev, p)
}

func grade(c curve.Code) string {
	switch {
	case c == curve.Warm || c == curve.Hot: // charger.hot_plug and charger.over_temperature
		return Watch
	case c.Cuts():
		return Cut
	case c.Ends():
		return End
	}
	return Tell
}

// follow begins and ends a session by the socket's own word, for those that were
// not told of as an event, as after a restart.
func (p *port) follow(state string, at int64) {
	switch {
	case state == "charging" && p.began == 0:
		p.began = at
		p.Begin(at, curve.Known{})
	case state == "idle":
		p.over()
	}
}

// blindFor is how long a charging socket that knows its plug's temperature may tell of its
// power only: a sensor that has come off is no plug that stays cool.
const blindFor = time.Minute

func (g *Guard) thermometer(s *shed, ev *event.Event, p *port, told bool) {
	switch {
	case told:
		p.warm = ev.ReceivedAt
	case p.warm.IsZero() || ev.ReceivedAt.Sub(p.warm) <= blindFor || !p.Charging() || p.began == 0:
		return
	}
	if p.cold != told {
		return
	}
	p.cold = !told
	more := map[string]any{"active": p.cold}
	g.say(ev.Device, s.zone, ev.Part, "no_temperature", ev.At.UnixMilli(), ev.ReceivedAt, more)
}

// over ends a session by the socket's own word, which comes before that of the cabinet:
// what was found in it is kept for that.
func (p *port) over() {
	if p.began != 0 {
		ended := *p
		ended.last = nil
		p.last = &ended
	}
	p.began, p.told, p.heating = 0, 0, 0
}

// setBy is by how much more or less a cabinet's clock may run between two readings than
// the hub's, ms: what was longer on its way is late and not judged. Beyond it the clock was
// set, and the session is as old as it was before.
const setBy = 90_000

func (p *port) clock(ev *event.Event) {
	if p.At() == 0 || p.heard.IsZero() {
		return
	}
	by := ev.At.UnixMilli() - p.At() - ev.ReceivedAt.Sub(p.heard).Milliseconds()
	if by < setBy && by > -setBy {
		return
	}
	p.Shift(by)
	for _, x := range []*int64{&p.began, &p.heating} {
		if *x != 0 {
			*x += by
		}
	}
}

// back takes a cabinet's coming and going. While it was away it was silent for another
// reason, so its sockets have their time again; and after a loss of power, which is
// another boot, nothing charges until it says so.
func (g *Guard) back(ev *event.Event) {
	var said struct {
		Online bool `json:"online"`
	}
	if ev.Late || json.Unmarshal(ev.Data, &said) != nil || !said.Online {
		return
	}
	s := g.shedOf(ev)
	fresh := s.boot != "" && s.boot != ev.Boot
	s.boot = ev.Boot
	for part, p := range s.ports {
		p.heard = ev.ReceivedAt
		if fresh {
			p.over()
		}
		if p.silent {
			p.silent = false
			g.say(ev.Device, s.zone, part, "silent", ev.At.UnixMilli(), ev.ReceivedAt, map[string]any{"active": false})
		}
	}
}

// breathe takes the cabinet's gas sensor.
func (g *Guard) breathe(s *shed, ev *event.Event, r reading) {
	if r.Vapour == nil {
		return
	}
	gas := s.air.Take(&g.limits, ev.At.UnixMilli(), *r.Vapour) != 0
	if gas == s.gas {
		return
	}
	s.gas = gas
	g.say(ev.Device, s.zone, "", "gas", ev.At.UnixMilli(), ev.ReceivedAt, map[string]any{"grade": Watch, "voc_ppm": *r.Vapour, "active": gas})
}

// A socket heats by itself from 2 K/min on for half a minute, when the power does
// not explain it; two side by side are a fire and not a bad contact.
const (
	fastHeat = 2.0
	heatFor  = 30_000 // ms
)

func (g *Guard) beside(s *shed, ev *event.Event, p *port) {
	at := ev.At.UnixMilli()
	if p.Slope() < fastHeat {
		p.heating = 0
		return
	}
	if p.heating == 0 {
		p.heating = at
	}
	row, n, ok := charger.Numbered(ev.Part)
	if !ok || s.fire || at-p.heating < heatFor {
		return
	}
	for other, q := range s.ports {
		if r, m, ok := charger.Numbered(other); !ok || r != row || m != n-1 && m != n+1 {
			continue
		}
		if q.heating == 0 || at-q.At() > silence.Milliseconds() || q.At()-q.heating < heatFor {
			continue
		}
		s.fire = true
		g.say(ev.Device, s.zone, ev.Part, "adjacent_heating", at, ev.ReceivedAt, map[string]any{"grade": Fire, "beside": other})
		time.AfterFunc(10*time.Minute, func() { // what still heats then is told again
			g.mu.Lock()
			s.fire = false
			g.mu.Unlock()
		})
		return
	}
}

// say tells the journal. since makes the id: one finding of one session is one
// event, whoever repeats it.
func (g *Guard) say(device, zone, part, code string, since int64, at time.Time, more map[string]any) {
	data := map[string]any{"code": code, "by": "hub", "active": true, "grade": Watch}
	if w, ok := inWords(code); ok {
		data["what_zh"], data["what_en"] = w.ZH, w.EN
	}
	maps.Copy(data, more)
	over := ""
	if data["active"] == false {
		over = "-over"
	}
	b, err := json.Marshal(data)
	if err != nil {
		g.o.Log.Error("charger guard: anomaly not told", "device_id", device, "err", err)
		return
	}
	ev := event.Event{
		ID: fmt.Sprintf("hub-%s-%s-%d%s", code, part, since, over), Device: device, Kind: event.Charger, Zone: zone, Channel: event.Happening,
		Type: "anomaly", Part: part, At: at.UTC().Truncate(time.Millisecond), ReceivedAt: at.UTC().Truncate(time.Millisecond), Data: b,
	}
	g.o.Journal.Append(ev, func(_ uint64, _ bool, err error) {
		if err != nil {
			g.o.Log.Error("charger guard: anomaly not told", "device_id", device, "part", part, "code", code, "err", err)
		}
	})
}

func round(x float64) float64 { return math.Round(x*10) / 10 }
