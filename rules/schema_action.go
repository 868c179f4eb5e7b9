package rules

import "github.com/invopop/jsonschema"

// actionForm has one alternative for each kind of action, with the keys that go
// with it.
func actionForm() *jsonschema.Schema {
	ttl := key{name: "ttl", zh: "过时即放弃", en: "dropped when it could not be done within this time", form: length("30s")}
	return either(
		object(keys{
			{name: CommandAction, zh: "设备指令", en: "a command to a device", form: text("cut", "flash", "unlock"), must: true},
			{name: "device", zh: "哪台设备;不写为本设备", en: "which device; the rule's own where it is left out", form: text("{device}")},
			{name: "args", zh: "参数,可含占位符", en: "its arguments; may have placeholders", form: anything()},
			ttl,
		}),
		object(keys{
			{name: BroadcastAction, zh: "广播", en: "spoken by the loudspeakers", must: true, form: object(keys{
				{name: "zones", zh: "在哪里;{zone} 为设备所在", en: "where; {zone} is where the device stands", form: words(), must: true},
				{name: "text", zh: "说什么", en: "what is said", form: both(), must: true},
				{name: "priority", zh: "1 消防 … 6 音乐;不写为 3", en: "1 fire … 6 music; 3 where it is left out", form: number(1, 6)},
			})},
			ttl,
		}),
		object(keys{
			{name: WorkOrderAction, zh: "工单", en: "a work order", must: true, form: object(keys{
				{name: "title", zh: "标题", en: "its title", form: both(), must: true},
				{name: "priority", zh: "优先级", en: "its priority", form: word(priorities()...), must: true},
			})},
			ttl,
		}),
		object(keys{
			{name: ClipAction, zh: "留存录像", en: "keep a clip of the cameras", must: true, form: object(keys{
				{name: "before", zh: "报警前多久;不写为 10s", en: "this much before the alarm; 10s where it is left out", form: length("10s")},
				{name: "after", zh: "报警后多久;不写为 30s", en: "this much after it; 30s where it is left out", form: length("30s")},
			})},
			ttl,
		}),
		object(keys{
			{name: ReactAction, zh: "充电棚处置阶梯:cut 断该口,neighbours 加左右两口和警告,evacuate 加整棚、广播、门禁、灯", en: "a rung of the chargers' ladder: cut, neighbours or evacuate", form: word(reactions()...), must: true},
			ttl,
		}),
		object(keys{
			{name: NotifyAction, zh: "通知", en: "a message to people", must: true, form: object(keys{
				{name: "to", zh: "给谁", en: "to whom", form: either(addressee(), list(addressee())), must: true},
			})},
			ttl,
		}),
	)
}

func addressee() *jsonschema.Schema {
	return &jsonschema.Schema{
		Type: "string", Pattern: "^(on_duty|next_on_duty|supervisor|(list|user):.+)$", Examples: []any{"on_duty", "list:fire", "user:u7"},
	}
}
