package rules

// The keys of a *.test.yaml file, as ruletest.go reads them.

func testFileKeys() keys {
	return keys{{name: "tests", zh: "测试列表", en: "the cases", must: true, form: list(object(keys{
		{name: "name", zh: "说明了什么", en: "what it shows", form: text("one wet blip does not alarm"), must: true},
		{name: "given", zh: "各步共同的设备", en: "the device of every step that names no other", form: object(deviceKeys())},
		{name: "events", zh: "按时间排列的事件", en: "events in the order of time", form: list(object(stepKeys()))},
		{name: "expect", zh: "规则的结论;行尾可省略", en: "what the rules say; the end of a line may be left off", must: true,
			form: list(text("@10s raised charger.over_temperature critical charger-b-1/7", "@10s command cut charger-b-1", "@55s returned charger.over_temperature"))},
	}))}}
}

func deviceKeys() keys {
	return keys{
		{name: "device", zh: "设备编号", en: "id of the device", form: text("charger-e01")},
		{name: "kind", zh: "设备种类", en: "its kind", form: text("charger")},
		{name: "zone", zh: "所在区域", en: "where it stands", form: text("east/b01/s1")},
		{name: "via", zh: "挂接于谁,最外一级在前", en: "what it hangs on, outermost first", form: text("feeder-e/switch-e03")},
		{name: "part", zh: "口、灯头等", en: "port, lamp head …", form: text("7")},
	}
}

func stepKeys() keys {
	return append(deviceKeys(),
		key{name: "at", zh: "从开始算起的时间", en: "time since the beginning", form: length("0s", "1m30s"), must: true},
		key{name: "event", zh: "事件类型", en: "type of an event", form: text("smoke")},
		key{name: "data", zh: "事件的数据", en: "data of the event", form: anything()},
		key{name: "telemetry", zh: "读数", en: "values of a reading", form: anything()},
		key{name: "state", zh: "状态", en: "the reported state", form: anything()},
		key{name: "presence", zh: "在线或离线", en: "online or not", form: anything()},
		key{name: "quarantine", zh: "读不懂的消息", en: "what could not be read", form: anything()},
		key{name: "late", zh: "迟到两分钟", en: "it arrives two minutes after it happened", form: yesOrNo()},
	)
}
