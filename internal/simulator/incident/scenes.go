package incident

import (
	"context"
	"fmt"
	"slices"
	"time"

	"dongyue/internal/event"
	"dongyue/internal/simulator/agent"
	"dongyue/internal/simulator/community"
)

// How long things last. The hub's shipped rules wait 30 s for a device that is
// offline, and doors 30 s before they are held open; incidents outlast both.
const (
	runawayRate   = 1.0 // K per second: 60 °C after 22 s, smoke after 44 s
	runawayPort   = "7"
	onSite        = 30 * time.Second // from the cut to the crew at the shed
	smokeFor      = 40 * time.Second
	forcedFor     = 15 * time.Second
	heldFor       = 50 * time.Second
	pressFor      = 10 * time.Second
	darkFor       = 75 * time.Second
	offlineFor    = 75 * time.Second
	cameraOffFor  = 20 * time.Second
	lensFor       = 40 * time.Second
	lookEvery     = 500 * time.Millisecond
	cutWithin     = 2 * time.Minute
	warnFor       = 25 * time.Second // until a warning is updated, and from then to its end
	leakFor       = 90 * time.Second
	feederScatter = 60 * time.Millisecond // between one lamp's failure and the next one's
)

func (s *Script) list() []scene {
	lasting := func(id, zh, en, textZH, textEN string, last time.Duration, act func(context.Context, time.Duration) error) scene {
		return scene{Incident{ID: id, Title: event.Text{ZH: zh, EN: en}, Text: event.Text{ZH: textZH, EN: textEN}, Seconds: int(last.Seconds())}, act}
	}
	of := func(id, zh, en, textZH, textEN string, act func(context.Context) error) scene {
		return lasting(id, zh, en, textZH, textEN, 0, func(ctx context.Context, _ time.Duration) error { return act(ctx) })
	}
	story := func(sc scene) scene {
		sc.Story = true
		return sc
	}
	return []scene{
		of(
			"charger_runaway", "充电热失控", "Charger thermal runaway",
			"车棚7号口的电池从38 °C持续升温；及时断电则降温，否则在82 °C冒烟。",
			"The battery at port 7 of a shed warms from 38 °C on. Cut in time it cools; if not, it smokes at 82 °C.", s.runaway),
		story(lasting(
			"shed_b", "凌晨三点，B棚电池热失控", "03:00, a battery runs away in shed B",
			"B棚10辆车在充电，7号口曲线摆动、升温，继电器粘连；断整棚后电池仍自燃冒烟。看中枢一步步处置：断电、广播、解锁、亮灯、119卡、逐级呼叫、账单。",
			"Ten bikes charge in shed B. The curve of port 7 swings, its plug heats, its relay sticks; the feeder is cut and the cells go on by themselves until they smoke. "+
				"Watch the hub: the cut, the voice, doors, lamps, the card for 119, who is called and when, the bill.",
			shedBFor, s.shedB)),
		of(
			"smoke", "楼道烟雾", "Smoke in a building",
			"一个单元的烟感报警，40秒后烟雾散去。", "The smoke sensor of a staircase reports smoke; it clears after 40 s.", s.smoke),
		of(
			"door_forced", "强行开门", "Door forced open",
			"没有刷卡，单元门被撬开，15秒后关上。", "A unit door is broken open without a badge and falls shut after 15 s.", s.forced),
		of(
			"door_held", "门未关", "Door held open",
			"有人出门后把门顶住，50秒后才关。", "Somebody leaves and props the door open for 50 s.", s.held),
		of(
			"duress", "胁迫开门", "Duress at a door",
			"住户被胁迫，门照常打开，同时静默报警。", "A resident is made to open; the door opens as usual and tells the hub in silence.", s.duress),
		of(
			"fire_panel", "楼栋火警联动", "Fire panel of a building",
			"消防主机向门禁发出信号，整栋楼的单元门解锁，75秒后复位。",
			"The fire panel signals at a door: all doors of the building are unlocked, until it is reset after 75 s.", s.firePanel),
		of(
			"lamp_sos", "灯杆求助", "SOS at a lamp pole",
			"有人按下灯杆上的求助按钮。", "Somebody presses the SOS button of a lamp pole.", s.sos),
		of(
			"lamp_failure", "路灯熄灭", "Lamp failure",
			"一盏路灯不亮，75秒后修好。", "One lamp goes dark and is repaired after 75 s.", s.lampFailure),
		of(
			"feeder_failure", "线路停电", "Feeder failure",
			"同一馈线上的12盏灯同时熄灭，75秒后恢复。", "All 12 lamps of a feeder go dark together and come back after 75 s.", s.feederFailure),
		of(
			"lamp_leakage", "灯杆漏电", "Leak at a lamp pole",
			"一根灯杆对地漏电，枢纽立即断电并派急修单；90秒后漏电消除，供电须到场后人工恢复。",
			"A lamp pole leaks to earth: the hub cuts it and orders an urgent repair. After 90 s the leak is gone; its supply is restored by hand.", s.leak),
		of(
			"official_warning", "官方预警", "Official warning",
			"气象台发来签名的暴雨红色预警，东苑、西苑广播、灯杆屏和居民手机同时告知；25秒后升级，再过25秒解除。",
			"The weather office sends a signed red warning: loudspeakers, panels and residents' phones of two courts tell of it. Updated after 25 s, cancelled 25 s later.", s.warning(false)),
		of(
			"official_exercise", "官方预警演练", "Official exercise",
			"同样的预警，但状态为演练：先播「演练」提示语，50秒后结束。", "The same as an exercise, which says so first; it ends after 50 s.", s.warning(true)),
		of(
			"official_forged", "伪造预警", "Forged warning",
			"一条被篡改的官方预警：拒收、不播出，并产生安全告警。", "A warning that was changed on its way: it is refused and silent, and raises a security alarm.", s.tampered),
		lasting(
			"power_cut", "东苑停电", "Power cut in the East Court",
			"东苑全部设备同时掉电，随后反复通断，几分钟后恢复；其间有一扇门真的被撬开。",
			"Every device of the East Court loses its power and comes back flickering for some minutes; in the middle a door really is broken open.",
			powerCutFor, s.powerCut),
		of(
			"switch_dead", "交换机故障", "Network switch dead",
			"一栋楼弱电箱的交换机死机，接在上面的设备全部离线，75秒后恢复。",
			"The switch in a building's cabinet dies: all that is plugged into it is offline for 75 s.", s.switchDead),
		of(
			"chattering_contact", "触点抖动", "Chattering contact",
			"读卡器松动，防拆触点在一分钟内时通时断。", "A reader has come loose: its tamper contact opens and closes for a minute.", s.chatter),
		of(
			"speaker_fault", "广播故障", "Loudspeaker fault",
			"一只音柱的功放故障，75秒后修好。", "The amplifier of a loudspeaker fails and is repaired after 75 s.", s.speakerFault),
		of(
			"device_offline", "门禁离线", "Device offline",
			"一个单元门禁断电，75秒后恢复。", "A door controller loses its power and comes back after 75 s.", s.offline),
		of(
			"camera_outage", "摄像机中断", "Camera outage",
			"一台摄像机中断20秒。", "A camera is gone for 20 s.", s.cameraOutage),
		of(
			"camera_covered", "镜头被遮挡", "Covered lens",
			"有人遮住一台摄像机的镜头，40秒后拿开。", "Somebody covers the lens of a camera for 40 s.", s.cameraCovered),
		of(
			"line_crossed", "有人越线", "Crossed line",
			"一台摄像机看到有人越过画在它画面里的线。", "A camera sees somebody cross the line that was drawn in it.", s.lineCrossed),
		of(
			"stranger", "陌生卡", "Stranger's card",
			"有人用未登记的卡刷门。", "Somebody holds an unknown card to a reader.", s.stranger),
		of(
			"resident_badge", "住户刷卡", "Resident badges in",
			"一位住户刷卡回家。", "A resident comes home and badges in.", s.resident),
	}
}

// seen are the devices of a kind in zones that a camera looks at, or all where
// no camera does.
func (s *Script) seen(k event.Kind) []string {
	all := s.opts.Fleet.IDs(k)
	var ids []string
	for _, id := range all {
		d, _ := s.opts.Fleet.Device(id)
		for _, v := range s.opts.Views {
			if event.Within(d.Spec().Zone, v.Zone) {
				ids = append(ids, id)
				break
			}
		}
	}
	if len(ids) == 0 {
		return all
	}
	return ids
}

// at finds a thing for an incident, does it and tidies up when a while has
// passed or ctx has ended.
func at[T any](ctx context.Context, s *Script, ids []string, find func(string) (T, bool), begin func(T), last time.Duration, end func(T)) error {
	id, free, err := s.pick(ids)
	if err != nil {
		return err
	}
	defer free()
	x, ok := find(id)
	if !ok {
		return fmt.Errorf("%s is not simulated", id)
	}
	begin(x)
	s.wait(ctx, last)
	if end != nil {
		end(x)
	}
	return nil
}

func (s *Script) runaway(ctx context.Context) error {
	sheds := s.seen(event.Charger)
	if len(sheds) > 1 { // shed B has its own story
		sheds = slices.DeleteFunc(sheds, func(id string) bool { return id == community.ShedB })
	}
	id, free, err := s.pick(sheds)
	if err != nil {
		return err
	}
	defer free()
	c, ok := s.opts.Fleet.Charger(id)
	if !ok {
		return fmt.Errorf("%s is not simulated", id)
	}
	defer c.ResetAll()
	c.Overheat(runawayPort, runawayRate/s.opts.Pace)
	for end := time.Now().Add(s.pace(cutWithin)); time.Now().Before(end); {
		if !s.wait(ctx, lookEvery) {
			return nil
		}
		if p, ok := c.Port(ctx, runawayPort); !ok || p.State == "cut" {
			break
		}
	}
	s.wait(ctx, onSite)
	return nil
}

func (s *Script) smoke(ctx context.Context) error {
	smell := slices.DeleteFunc(s.seen(event.Sensor), func(id string) bool { return len(s.opts.Fleet.On(id)) > 1 }) // not a cabinet's monitor
	return at(ctx, s, smell, s.opts.Fleet.Sensor,
		func(x *agent.Sensor) { x.Set("smoke", true) }, smokeFor, func(x *agent.Sensor) { x.Set("smoke", false) })
}

func (s *Script) forced(ctx context.Context) error {
	return at(ctx, s, s.seen(event.Door), s.opts.Fleet.Door,
		func(x *agent.Door) { x.Force(s.pace(forcedFor)) }, forcedFor, (*agent.Door).Close)
}

func (s *Script) held(ctx context.Context) error {
	return at(ctx, s, s.seen(event.Door), s.opts.Fleet.Door,
		func(x *agent.Door) { x.Prop(s.pace(heldFor)) }, heldFor, (*agent.Door).Close)
}

func (s *Script) duress(ctx context.Context) error {
	return at(ctx, s, s.seen(event.Door), s.opts.Fleet.Door,
		func(x *agent.Door) { x.Duress(s.cardOf(x.ID())) }, pressFor, nil)
}

func (s *Script) firePanel(ctx context.Context) error {
	return at(ctx, s, s.seen(event.Door), s.opts.Fleet.Door,
		func(x *agent.Door) { x.Fire(true) }, darkFor, func(x *agent.Door) { x.Fire(false) })
}

func (s *Script) sos(ctx context.Context) error {
	return at(ctx, s, s.seen(event.Lamp), s.opts.Fleet.Lamp,
		func(x *agent.Lamp) { x.SOS(s.pace(pressFor)) }, pressFor, nil)
}

func (s *Script) lampFailure(ctx context.Context) error {
	return at(ctx, s, s.opts.Fleet.IDs(event.Lamp), s.opts.Fleet.Lamp, (*agent.Lamp).Fail, darkFor, (*agent.Lamp).Repair)
}

func (s *Script) speakerFault(ctx context.Context) error {
	return at(ctx, s, s.opts.Fleet.IDs(event.Speaker), s.opts.Fleet.Speaker, (*agent.Speaker).Break, darkFor, (*agent.Speaker).Repair)
}

func (s *Script) offline(ctx context.Context) error {
	return at(ctx, s, s.opts.Fleet.IDs(event.Door), s.opts.Fleet.Device, (*agent.Device).PowerOff, offlineFor, (*agent.Device).PowerOn)
}
