package community

import "dongyue/internal/event"

// upstream is the label by which the registry learns what a device hangs on; the
// model knows the hub's words, not its code.
const upstream = "upstream"

// centreCabinet is where the service centre's devices are plugged in.
const centreCabinet = "switch-c01"

// cabinet is the switch cabinet of a group. Doors, chargers, speakers and smoke
// sensors of the group are plugged into it; when its switch dies, all of them are
// gone at once.
func (g group) cabinet() string { return "switch-" + g.code() }

// supply is the feeder of a whole court. It is no device: nothing speaks for it.
func (c court) supply() string { return "feeder-" + c.letter }

func on(what string) map[string]string { return map[string]string{upstream: what} }

// cabinets puts the monitor of a switch cabinet (弱电箱) into every group and into
// the service centre. It speaks over the switch that it sits beside, so it is gone
// when the switch is, and it hangs on the feeder of its court.
func cabinets() []Device {
	var ds []Device
	add := func(id, name, zone, feeder string, x, y float64) {
		ds = append(ds, Device{ID: id, Kind: event.Sensor, Name: name, Zone: zone, Labels: on(feeder), X: x, Y: y})
	}
	for _, g := range allGroups() {
		add(g.cabinet(), g.zh()+"弱电箱", g.zone(), g.supply(), g.x+6, g.y+groupH/2)
	}
	centre := commons()[1].Shape
	add(centreCabinet, "服务中心弱电箱", centreID, "feeder-c", centre.X+4, centre.Y+20)
	return ds
}
