package community

import (
	"fmt"
	"strconv"

	"dongyue/internal/event"
)

// PortsPerShed is how many sockets a charging shed has, unless its label says another
// number.
const PortsPerShed = 10

// Shed B is that of the story of a battery that burns at night: more sockets than the
// others, and loudspeakers of its own and at the two units that look at it.
const (
	ShedB      = "charger-w02"
	shedBPorts = 24
	shedBGroup = 5
	shedBUnit  = 5 // and the one beside it
)

// lampsPerFeeder is how many poles hang on one fuse: the ten feeders of the
// estate carry twelve each.
const lampsPerFeeder = 12

// panelEvery is how many poles stand from one with a text panel to the next: at the
// plaza three, in each court nine.
const panelEvery = 4

// devices lists the 403 things of the estate: 132 doors, 60 chargers, 120
// lamps, 39 speakers, 40 smoke sensors and 12 monitors of switch cabinets.
func devices(key []byte) []Device {
	var ds []Device
	for _, f := range []func() []Device{chargers, doors, lamps, sensors, speakers, cabinets} {
		ds = append(ds, f()...)
	}
	for i := range ds {
		ds[i].Secret = secret(key, ds[i].ID)
	}
	return ds
}

func doors() []Device {
	var ds []Device
	for _, g := range allGroups() {
		for u := 1; u <= unitsPerGroup; u++ {
			r := g.unit(u)
			ds = append(ds, Device{
				ID: fmt.Sprintf("door-%s-%d", g.code(), u), Kind: event.Door,
				Name: fmt.Sprintf("%s%d单元门", g.zh(), u), Zone: fmt.Sprintf("%s/u%d", g.zone(), u),
				Labels: lifted(on(g.cabinet())), X: r.X + r.W/2, Y: r.Y + r.H, // doors look to the south
			})
		}
	}
	return ds
}

// lifted says that a door's controller calls the lift of its stair, and to which floors.
func lifted(labels map[string]string) map[string]string {
	labels["lift"] = "1-6"
	return labels
}

func chargers() []Device {
	var ds []Device
	number := map[string]int{}
	for _, g := range allGroups() {
		for s := 1; s <= g.sheds(); s++ {
			number[g.letter]++
			x, y := g.shed(s).Middle()
			d := Device{
				ID: fmt.Sprintf("charger-%s%02d", g.letter, number[g.letter]), Kind: event.Charger,
				Name: fmt.Sprintf("%s%d号充电棚", g.zh(), s), Zone: fmt.Sprintf("%s/s%d", g.zone(), s), X: x, Y: y,
				Labels: map[string]string{upstream: g.cabinet(), "feeder": "power-" + g.code(), "ports": strconv.Itoa(PortsPerShed)},
			}
			if d.ID == ShedB {
				d.Name = g.zh() + "B棚"
				d.Labels["ports"] = strconv.Itoa(shedBPorts)
				d.Labels["facing"] = fmt.Sprintf("%s/u%d %s/u%d", g.zone(), shedBUnit, g.zone(), shedBUnit+1)
			}
			ds = append(ds, d)
		}
	}
	return ds
}

// lamps puts 36 poles into each court, along the edges of its groups, and 12
// round the plaza.
func lamps() []Device {
	var ds []Device
	add := func(letter, zh, zone string, n int, x, y float64) {
		feeder := fmt.Sprintf("light-%s%d", letter, (n-1)/lampsPerFeeder+1)
		ds = append(ds, Device{
			ID: fmt.Sprintf("lamp-%s%03d", letter, n), Kind: event.Lamp,
			Name: fmt.Sprintf("%s%d号灯杆", zh, n), Zone: zone, X: x, Y: y,
			Labels: map[string]string{upstream: feeder, "feeder": feeder}, // the controller is fed by the line that it switches
		})
		if n%panelEvery == 1 {
			ds[len(ds)-1].Labels["panel"] = "led"
		}
	}
	const perCourt = 36
	number := map[string]int{}
	for _, g := range allGroups() {
		for i := range perCourt / len(g.at) {
			number[g.letter]++
			x, y := along(g.rect(), 3, float64(i)/float64(perCourt/len(g.at)))
			add(g.letter, g.name.ZH, g.zone(), number[g.letter], x, y)
		}
	}
	for i := range lampsPerFeeder {
		x, y := along(commons()[0].Shape, 4, float64(i)/lampsPerFeeder)
		add("c", "中心广场", plazaID, i+1, x, y)
	}
	return ds
}

// along is the point at a fraction of the way round a rectangle, inset by some
// metres, clockwise from the north-west corner.
func along(r Rect, inset, part float64) (x, y float64) {
	w, h := r.W-2*inset, r.H-2*inset
	d := part * 2 * (w + h)
	x, y = r.X+inset, r.Y+inset
	switch {
	case d < w:
		return x + d, y
	case d < w+h:
		return x + w, y + d - w
	case d < 2*w+h:
		return x + w - (d - w - h), y + h
	}
	return x, y + h - (d - 2*w - h)
}

// speakers hangs three at each group: in front of the first row and in the two
// yards. Shed B has six more: two under its roof and two at each unit that looks at it.
func speakers() []Device {
	var ds []Device
	number := map[string]int{}
	for _, g := range allGroups() {
		for i := range rowsPerGroup {
			number[g.letter]++
			n := number[g.letter]
			ds = append(ds, Device{
				ID: fmt.Sprintf("speaker-%s%02d", g.letter, n), Kind: event.Speaker,
				Name: fmt.Sprintf("%s%d号广播", g.name.ZH, n), Zone: g.zone(), Labels: on(g.cabinet()),
				X: g.x + groupW/2, Y: g.y + 24 + float64(i*rowStep),
			})
		}
	}
	for _, g := range allGroups() {
		if g.number != shedBGroup {
			continue
		}
		add := func(name, zone string, r Rect) {
			for i, side := range []string{"东", "西"} {
				number[g.letter]++
				n := number[g.letter]
				ds = append(ds, Device{
					ID: fmt.Sprintf("speaker-%s%02d", g.letter, n), Kind: event.Speaker, Name: name + side + "广播", Zone: zone, Labels: on(g.cabinet()),
					X: r.X + r.W*float64(3-2*i)/4, Y: r.Y + 1,
				})
			}
		}
		add(g.zh()+"B棚", g.zone()+"/s2", g.shed(2))
		for u := shedBUnit; u <= shedBUnit+1; u++ {
			add(fmt.Sprintf("%s%d单元", g.zh(), u), fmt.Sprintf("%s/u%d", g.zone(), u), g.unit(u))
		}
	}
	return ds
}

// sensors puts one smoke detector into the middle stair of every row and seven
// into the service centre.
func sensors() []Device {
	var ds []Device
	number := map[string]int{}
	for _, g := range allGroups() {
		for row := range rowsPerGroup {
			number[g.letter]++
			u := row*unitsPerRow + 2
			x, y := g.unit(u).Middle()
			ds = append(ds, Device{
				ID: fmt.Sprintf("sensor-%s%02d", g.letter, number[g.letter]), Kind: event.Sensor,
				Name: fmt.Sprintf("%s%d单元烟感", g.zh(), u), Zone: fmt.Sprintf("%s/u%d", g.zone(), u), Labels: on(g.cabinet()), X: x, Y: y,
			})
		}
	}
	centre := commons()[1].Shape
	for i, room := range []string{"调度中心", "爱心厨房", "电影学院", "活动室", "会议室", "配电间", "档案室"} {
		ds = append(ds, Device{
			ID: fmt.Sprintf("sensor-c%02d", i+1), Kind: event.Sensor,
			Name: room + "烟感", Zone: centreID, Labels: on(centreCabinet), X: centre.X + 8 + float64(i)*10, Y: centre.Y + 10 + float64(i%2)*24,
		})
	}
	return ds
}
