package rules

import (
	"github.com/invopop/jsonschema"

	"dongyue/internal/event"
)

// The keys of a rule file, as decode.go and action.go read them; the schema's
// test holds the two together.

func ruleFileKeys() keys {
	return keys{{name: "rules", zh: "规则列表", en: "the rules", form: list(object(ruleKeys())), must: true}}
}

func ruleKeys() keys {
	return keys{
		{name: "id", zh: "主题.名称,全站唯一", en: "topic.name, unique in the community", must: true,
			form: &jsonschema.Schema{Type: "string", Pattern: `^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$`, Examples: []any{"charger.over_temperature"}}},
		{name: "title", zh: "{name} 设备名,{part},{zone},{parent} 上一级区域,{data.X} 数值;[ … ] 内缺值则整段省略",
			en:   "{name} of the device, {part}, {zone}, {parent} zone around it, {data.X} a value; what stands in [ ] is left out when a value in it is missing",
			form: both(), must: true},
		{name: "on", zh: "看什么:设备种类,事件类型或通道,区域", en: "what it watches: kinds, types of events or a channel, zones", form: object(onKeys()), must: true},
		{name: "when",
			zh:   "条件(CEL);缺值不作判断。窗口函数(指标, 时长):rise 每分钟升幅,avg、min、max,rate 计数器每秒增量;count(时长) 次数;changed(指标) 与上一次不同",
			en:   "the condition (CEL); a missing value says nothing. Windows of (metric, span): rise per minute, avg, min, max, rate: a counter's increase per second; count(span): how often; changed(metric): another value than the last time",
			form: text("data.temp_c >= 70 || (data.temp_c >= 60 && rise(\"temp_c\", \"1m\") >= 5)", "avg(\"noise_db\", \"10m\") > 75", "count(\"5m\") >= 3", "changed(\"mode\") && data.mode == \"lockdown\"")},
		{name: "absent", zh: "代替 when:所看的事件多久没有出现", en: "instead of when: nothing of what `on` describes for so long", form: length("30s", "5m")},
		{name: "quorum", zh: "同组中多少台设备满足条件才报警;of 与 share_pct 并存时须同时达到", en: "the condition must hold for so many devices of a group; of and share_pct together must both be reached", form: object(quorumKeys())},
		{name: "for", zh: "持续多久才报警", en: "it must hold this long", form: length("10s", "2m")},
		{name: "keep_firing_for", zh: "恢复后再保持多久", en: "kept this long after it is over", form: length("30s", "10m")},
		{name: "clear", zh: "何时算恢复:另一阈值(回差),或另一事件", en: "what ends it: another threshold (hysteresis), or another event", form: object(clearKeys())},
		{name: "priority", zh: "优先级", en: "priority (ISA-18.2: about 5 % critical and high, 15 % medium, 80 % low)",
			form: word(priorities()...), must: true},
		{name: "latch", zh: "人工复位前一直保留", en: "stays until a person closes it", form: yesOrNo()},
		{name: "life_safety", zh: "生命安全:保持至人工复位,不得搁置或抑制", en: "latches; nobody may shelve it, nothing may suppress it", form: yesOrNo()},
		{name: "realarm", zh: "仍在报警时,隔多久再提醒", en: "told again while it stands", form: length("10m")},
		{name: "incident", zh: "同因、同地、同时的报警并为一事", en: "alarms of one cause at one place are one affair", form: object(incidentKeys())},
		{name: "escalation", zh: "升级策略;不写则按优先级", en: "policy of escalation; the one for its priority where it is left out", form: text("life_safety")},
		{name: "silent", zh: "任何地方不出声(胁迫)", en: "makes no sound anywhere (duress)", form: yesOrNo()},
		{name: "procedure", zh: "处置卡", en: "the card that the operator works through", form: text("smoke", "sos")},
		{name: "show", zh: "弹出的镜头", en: "the cameras to show", form: object(keys{
			{name: "cameras", zh: "最近的几路", en: "how many of the nearest", form: either(
				&jsonschema.Schema{Type: "string", Pattern: `^nearest\(\+?0*([0-9]|1[0-6])\)$`, Examples: []any{"nearest(2)"}}, number(0, 16))},
		})},
		{name: "depends_on", zh: "这些规则触发时不报", en: "silent while one of these fires", form: either(text("power.area_lost"), list(either(text("power.area_lost"), object(causeKeys()))))},
		{name: "settle", zh: "本规则恢复后,被它静默的规则再静默多久", en: "what it silenced stays silent this long after its return", form: length("30s")},
		{name: "actions", zh: "做什么", en: "what is done", form: list(actionForm())},
	}
}

func onKeys() keys {
	return append(watchKeys(),
		key{name: "kind", zh: "设备种类;不写为全部", en: "kinds of devices; every kind where it is left out", form: words(kinds()...)},
		key{name: "zone", zh: "区域及其内部;不写为全部", en: "zones and what lies within; everywhere where it is left out", form: words()},
		key{name: "where", zh: "进一步筛选(CEL)", en: "a further filter (CEL)", form: text("part == \"7\"", "device.startsWith(\"charger-b\")")},
	)
}

func watchKeys() keys {
	return keys{
		{name: "type", zh: "事件类型", en: "types of events", form: words()},
		{name: "channel", zh: "通道", en: "a channel", form: word(channels()...)},
	}
}

func clearKeys() keys {
	return append(watchKeys(), key{name: "when", zh: "恢复条件(CEL)", en: "the condition of the return (CEL)", form: text("data.temp_c < 55", "max(\"noise_db\", \"10m\") < 60")})
}

func incidentKeys() keys {
	return keys{
		{name: "cause", zh: "起因;不写为编号的主题", en: "the cause; the topic of the id where it is left out", form: text("fire", "power")},
		{name: "place", zh: "范围;不写为楼栋", en: "how wide; the building where it is left out", form: word(places()...)},
	}
}

func causeKeys() keys {
	return keys{
		{name: "rule", zh: "规则编号", en: "id of the rule", form: text("power.area_lost"), must: true},
		{name: "scope", zh: "device 同一设备;zone 其区域之内;via 上级设备", en: "device: the same one; zone: what lies in its zone; via: what hangs on its device",
			form: word(string(SameDevice), string(SameZone), string(Upstream))},
	}
}

func quorumKeys() keys {
	return keys{
		{name: "of", zh: "多少台", en: "so many devices", form: number(1, 100_000)},
		{name: "share_pct", zh: "占该组已知设备的百分比", en: "this share of the group's devices that have been heard, %", form: number(1, 100)},
		{name: "by", zh: "按什么分组;via 为上级设备", en: "what the groups are; via: what the devices hang on", must: true,
			form: word(string(Community), string(Court), string(Building), string(Unit), string(ByVia))},
		{name: "clear_below", zh: "少于多少台即恢复;不写为一半", en: "it returns with fewer than this; half of it where it is left out", form: number(1, 100_000)},
	}
}

func places() []string {
	return []string{string(Community), string(Court), string(Building), string(Unit), string(ThisDevice)}
}

func priorities() []string {
	return []string{string(event.Critical), string(event.High), string(event.Medium), string(event.Low)}
}

func channels() []string {
	return []string{string(event.Happening), string(event.Telemetry), string(event.State), string(event.Presence), string(event.Quarantine)}
}
