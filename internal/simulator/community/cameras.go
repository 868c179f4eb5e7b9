package community

import "fmt"

// cameras are the 24 of the demonstration: gates, plaza, roads, car park, one at
// a shed of every group, and unit doors of each court.
func cameras() []Camera {
	var cs []Camera
	add := func(name, zone string, x, y, heading float64, scene int) {
		cs = append(cs, Camera{Name: name, Zone: zone, X: x, Y: y, Heading: heading, Scene: scene})
	}
	add("东门", "gate-east", 488, 126, 135, SceneGate)
	add("西门", "gate-west", 12, 126, 225, SceneGate)
	add("南门", "gate-south", 250, 365, 180, SceneGate)
	add("北门", "gate-north", 250, 13, 0, SceneGate)
	add("中心广场 北", plazaID, 250, 152, 180, ScenePlaza)
	add("中心广场 南", plazaID, 250, 298, 0, ScenePlaza)
	for _, g := range allGroups() {
		s := 2
		if g.number%2 == 0 {
			s = 5
		}
		r := g.shed(s)
		name := fmt.Sprintf("%s%d号车棚", g.zh(), s)
		if g.number == shedBGroup {
			name = g.zh() + "车棚 B-2"
		}
		add(name, fmt.Sprintf("%s/s%d", g.zone(), s), r.X-2, r.Y-6, 120, SceneShed)
	}
	gs := allGroups()
	for _, d := range []struct{ group, unit int }{{0, 1}, {3, 7}, {5, 3}, {8, 2}} {
		g := gs[d.group]
		r := g.unit(d.unit)
		add(fmt.Sprintf("%s%d单元门", g.zh(), d.unit), fmt.Sprintf("%s/u%d", g.zone(), d.unit), r.X+r.W/2-4, r.Y+r.H+5, 20, SceneDoor)
	}
	add("东岳大道", "road-main", 330, 135, 270, SceneRoad)
	add("南环路", "road-south", 170, 371, 90, SceneRoad)
	add("服务中心停车场", centreID, 286, 348, 300, SceneCarPark)
	return mixed(cs)
}

// mixed numbers the cameras so that each of the first few shows another scene:
// they are what a newcomer sees on the wall.
func mixed(cs []Camera) []Camera {
	out := make([]Camera, 0, len(cs))
	for round := 0; len(out) < len(cs); round++ {
		for scene := range SceneNumber {
			nth := 0
			for _, c := range cs {
				if c.Scene != scene {
					continue
				}
				if nth == round {
					c.ID = fmt.Sprintf("cam-%02d", len(out)+1)
					out = append(out, c)
				}
				nth++
			}
		}
	}
	return out
}
