package ladder

import (
	"fmt"
	"strconv"
	"time"

	"dongyue/devices/charger"
	"dongyue/internal/event"
)

// Rung of the ladder.
type Rung string

// The rungs, each with all below it.
const (
	CutPort    Rung = "cut"
	Neighbours Rung = "neighbours"
	Evacuate   Rung = "evacuate"
)

// ParseRung knows the rungs by their names.
func ParseRung(s string) (Rung, bool) {
	switch r := Rung(s); r {
	case CutPort, Neighbours, Evacuate:
		return r, true
	}
	return "", false
}

// Kind of a step.
type Kind string

// The kinds.
const (
	Cut     Kind = "cut"     // a socket
	Feeder  Kind = "feeder"  // the whole cabinet
	Say     Kind = "say"     // a broadcast
	Release Kind = "release" // doors
	Light   Kind = "light"   // a lamp
	Card    Kind = "card"    // for the call to 119
)

// Step is one thing to do.
type Step struct {
	ID     string        `json:"id"`
	Kind   Kind          `json:"kind" enum:"cut,feeder,say,release,light,card"`
	Device string        `json:"device"`
	Part   string        `json:"part"`
	Zones  []string      `json:"zones"`
	Text   event.Text    `json:"text,omitzero"`
	Within time.Duration `json:"-"`  // until it must be proved
	If     string        `json:"if"` // done only when the step of this id is not proved in time
}

// Place is where a cabinet stands and what is around.
type Place struct {
	Device  string
	Name    string
	Zone    string
	Address event.Text
	Ports   []string // in their order on the wall
	Facing  []string // zones of the units that look at it
	Lamps   []string
}

// How long the world may take to show that a step is done.
const (
	cutWithin    = time.Second // product rule; then the feeder
	feederWithin = 2 * time.Second
	sayWithin    = 10 * time.Second
	doorsWithin  = 10 * time.Second
	lampWithin   = 10 * time.Second
)

// besides is how many sockets on either side are cut with a burning one.
const besides = 2

// Plan is what a rung means at a place. part is the socket; "" where only the
// cabinet is known, and then everything that is cut is the feeder.
func Plan(r Rung, p *Place, part string) (steps []Step) {
	cut := func(part string) {
		steps = append(steps, Step{ID: "cut:" + part, Kind: Cut, Device: p.Device, Part: part, Within: cutWithin})
	}
	whole := Step{ID: "feeder", Kind: Feeder, Device: p.Device, Within: feederWithin}
	if part != "" {
		cut(part)
		whole.If = "cut:" + part
	}
	if r == Evacuate {
		whole.If = ""
	}
	if r != CutPort {
		for _, n := range neighbours(p.Ports, part) {
			cut(n)
		}
	}
	steps = append(steps, whole)
	switch r {
	case CutPort:
	case Neighbours:
		steps = append(steps, Step{ID: "say", Kind: Say, Zones: []string{p.Zone}, Text: warning(p), Within: sayWithin})
	case Evacuate:
		steps = append(steps, Step{ID: "say", Kind: Say, Zones: append([]string{p.Zone}, p.Facing...), Text: leave(p), Within: sayWithin})
		if len(p.Facing) > 0 {
			steps = append(steps, Step{ID: "release", Kind: Release, Zones: p.Facing, Within: doorsWithin})
		}
		for _, l := range p.Lamps {
			steps = append(steps, Step{ID: "light:" + l, Kind: Light, Device: l, Within: lampWithin})
		}
		steps = append(steps, Step{ID: "card", Kind: Card, Within: time.Second})
	}
	return steps
}

// neighbours are the sockets at most two places beside one.
func neighbours(ports []string, part string) (out []string) {
	at := -1
	for i, p := range ports {
		if p == part {
			at = i
		}
	}
	if at < 0 { // not among those that the cabinet has told of: by number
		row, n, ok := charger.Numbered(part)
		if !ok {
			return nil
		}
		for d := -besides; d <= besides; d++ {
			if d != 0 && n+d > 0 {
				out = append(out, row+strconv.Itoa(n+d))
			}
		}
		return out
	}
	for i := max(0, at-besides); i <= min(len(ports)-1, at+besides); i++ {
		if i != at {
			out = append(out, ports[i])
		}
	}
	return out
}

// The texts are those of the procedure: a fire out of doors is no reason to walk
// through its smoke.
func leave(p *Place) event.Text {
	return event.Text{
		ZH: fmt.Sprintf("紧急通知：%s发生火情。请关好门窗，不要下楼取车。需要离开的住户请从背火一侧撤离，不要乘坐电梯。", p.Name),
		EN: fmt.Sprintf("Emergency: fire at %s. Close doors and windows, do not fetch your bike. Leave on the side away from the fire, do not use the lift.", p.Name),
	}
}

func warning(p *Place) event.Text {
	return event.Text{
		ZH: fmt.Sprintf("请注意：%s有电池异常发热，请立即离开车棚，不要触碰车辆。", p.Name),
		EN: fmt.Sprintf("Attention: a battery overheats at %s. Leave the shed at once and touch no bike.", p.Name),
	}
}

// call119 is what a person reads into the telephone: where, what, since when, what
// has been done.
func call119(p *Place, part string, at time.Time, zone *time.Location, done []string) event.Text {
	socket, port := "", ""
	if part != "" {
		socket, port = part+" 号口", " port "+part
	}
	zh, en := "尚无", "nothing yet"
	if len(done) > 0 {
		zh, en = joined(done, "、"), joined(done, ", ")
	}
	clock := at.In(zone).Format("15:04:05")
	return event.Text{
		ZH: fmt.Sprintf("【119 报警卡】地点：%s %s%s。情况：电动自行车锂电池冒烟起火，%s 发现。已采取：%s。人员：正在核对，附近单元已广播。到场：请从最近的大门进入，门已解锁，物业在场接应。", p.Address.ZH, p.Name, socket, clock, zh),
		EN: fmt.Sprintf("[119 card] Where: %s, %s%s. What: an e-bike lithium battery smokes or burns, noticed at %s. Done: %s. People: being checked, the units near by have been told. Access: by the nearest gate, doors are unlocked, the property staff meets you.", p.Address.EN, p.Name, port, clock, en),
	}
}

func joined(all []string, by string) (s string) {
	for i, x := range all {
		if i > 0 {
			s += by
		}
		s += x
	}
	return s
}
