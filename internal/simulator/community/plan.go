package community

import (
	"fmt"

	"dongyue/internal/event"
)

// Sizes of the plan in metres. A stair (unit) is 15 × 12; four of them make a
// row, three rows with yards of 24 between them a numbered building. The sheds
// stand in the middle of the yards, 10 from either row: more than the 6 that the
// fire rules for charging places ask for.
const (
	planW, planH   = 500, 390
	unitW, unitH   = 15, 12
	groupW, groupH = 80, 100
	rowsPerGroup   = 3
	unitsPerRow    = 4
	unitsPerGroup  = rowsPerGroup * unitsPerRow
	rowX, rowY     = 10, 8 // of the first row inside its group
	rowStep        = 36
	shedW, shedH   = 16, 4
	shedsPerYard   = 3
	groups         = 11
	unitDoors      = groups * unitsPerGroup
	sheds          = 60
)

// court is one of the three courts with the places of its groups.
type court struct {
	id, letter string
	name       event.Text
	shape      Rect
	first      int          // number of its first group
	at         [][2]float64 // north-west corners of its groups
}

func courts() []court {
	return []court{
		{
			"east", "e", event.Text{ZH: "东苑", EN: "East Court"}, Rect{312, 150, 178, 212}, 1,
			[][2]float64{{317, 154}, {405, 154}, {317, 258}, {405, 258}},
		},
		{
			"west", "w", event.Text{ZH: "西苑", EN: "West Court"}, Rect{10, 150, 178, 212}, 5,
			[][2]float64{{15, 154}, {103, 154}, {15, 258}, {103, 258}},
		},
		{
			"north", "n", event.Text{ZH: "北苑", EN: "North Court"}, Rect{120, 14, 260, 108}, 9,
			[][2]float64{{125, 18}, {210, 18}, {295, 18}},
		},
	}
}

// group is a numbered building inside its court.
type group struct {
	court
	number int // 1 … 11, through the whole estate
	x, y   float64
}

func (g group) zone() string { return fmt.Sprintf("%s/b%02d", g.id, g.number) }
func (g group) code() string { return fmt.Sprintf("%s%02d", g.letter, g.number) }
func (g group) rect() Rect   { return Rect{g.x, g.y, groupW, groupH} }

// zh and en are how people say it: 东苑1栋, East Court building 1.
func (g group) zh() string { return fmt.Sprintf("%s%d栋", g.name.ZH, g.number) }
func (g group) en() string { return fmt.Sprintf("%s building %d", g.name.EN, g.number) }

// unit is the rectangle of stair u (1 … 12).
func (g group) unit(u int) Rect {
	row, col := (u-1)/unitsPerRow, (u-1)%unitsPerRow
	return Rect{g.x + rowX + float64(col*unitW), g.y + rowY + float64(row*rowStep), unitW, unitH}
}

// sheds is how many charging sheds stand in the yards: six or five, sixty in all.
func (g group) sheds() int {
	if g.number%2 == 1 && g.number < groups {
		return 2 * shedsPerYard
	}
	return 2*shedsPerYard - 1
}

// shed is the rectangle of shed s (1 …), three in each of the two yards.
func (g group) shed(s int) Rect {
	yard, col := (s-1)/shedsPerYard, (s-1)%shedsPerYard
	const yardMiddle = rowY + unitH + (rowStep-unitH)/2
	return Rect{g.x + 12 + float64(col*20), g.y + yardMiddle - shedH/2 + float64(yard*rowStep), shedW, shedH}
}

func allGroups() []group {
	gs := make([]group, 0, groups)
	for _, c := range courts() {
		for i, at := range c.at {
			gs = append(gs, group{c, c.first + i, at[0], at[1]})
		}
	}
	return gs
}

// The zones' ids that the rest of the package speaks of.
const (
	estateID = "dongyue"
	plazaID  = "plaza"
	centreID = "centre"
)

func zones() []Zone {
	zs := []Zone{{estateID, Estate, event.Text{ZH: "东岳花苑", EN: "Dongyue Garden"}, "", Rect{0, 0, planW, planH}}}
	for _, c := range courts() {
		zs = append(zs, Zone{c.id, Court, c.name, estateID, c.shape})
	}
	for _, g := range allGroups() {
		zs = append(zs, Zone{g.zone(), Group, event.Text{ZH: g.zh(), EN: g.en()}, g.id, g.rect()})
		for u := 1; u <= unitsPerGroup; u++ {
			zs = append(zs, Zone{
				fmt.Sprintf("%s/u%d", g.zone(), u), Unit,
				event.Text{ZH: fmt.Sprintf("%s%d单元", g.zh(), u), EN: fmt.Sprintf("%s unit %d", g.en(), u)}, g.zone(), g.unit(u),
			})
		}
		for s := 1; s <= g.sheds(); s++ {
			zs = append(zs, Zone{
				fmt.Sprintf("%s/s%d", g.zone(), s), Shed,
				event.Text{ZH: fmt.Sprintf("%s%d号车棚", g.zh(), s), EN: fmt.Sprintf("%s shed %d", g.en(), s)}, g.zone(), g.shed(s),
			})
		}
	}
	return append(zs, commons()...)
}

// commons are the places that belong to everybody.
func commons() []Zone {
	t := func(zh, en string) event.Text { return event.Text{ZH: zh, EN: en} }
	return []Zone{
		{plazaID, Plaza, t("中心广场", "Central Plaza"), estateID, Rect{202, 150, 96, 150}},
		{centreID, Building, t("党群服务中心", "Service Centre"), estateID, Rect{212, 306, 76, 44}},
		{"sports", Plaza, t("健身场", "Sports Ground"), estateID, Rect{10, 14, 102, 108}},
		{"garden", Plaza, t("花园", "Garden"), estateID, Rect{388, 14, 102, 108}},
		{"road-main", Road, t("东岳大道", "Dongyue Avenue"), estateID, Rect{8, 128, 484, 14}},
		{"road-west", Road, t("西环路", "West Lane"), estateID, Rect{190, 144, 8, 220}},
		{"road-east", Road, t("东环路", "East Lane"), estateID, Rect{302, 144, 8, 220}},
		{"road-south", Road, t("南环路", "South Lane"), estateID, Rect{10, 366, 480, 10}},
		{"gate-east", Road, t("东门", "East Gate"), estateID, Rect{492, 128, 8, 14}},
		{"gate-west", Road, t("西门", "West Gate"), estateID, Rect{0, 128, 8, 14}},
		{"gate-south", Road, t("南门", "South Gate"), estateID, Rect{242, 376, 16, 10}},
		{"gate-north", Road, t("北门", "North Gate"), estateID, Rect{242, 2, 16, 10}},
	}
}
