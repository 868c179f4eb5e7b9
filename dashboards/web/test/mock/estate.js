// A small estate for the development server and the browser tests: the shapes of
// the API, the places of the real plan, and things that go wrong.
const text = (zh, en) => ({ zh, en });

export function zones() {
  const zs = [{ id: 'dongyue', kind: 'community', name: text('东岳花苑', 'Dongyue Garden'), parent: '', shape: [0, 0, 500, 390] }];
  const courts = [
    ['east', 'e', text('东苑', 'East Court'), [312, 150, 178, 212], [[317, 154], [405, 154], [317, 258], [405, 258]]],
    ['west', 'w', text('西苑', 'West Court'), [10, 150, 178, 212], [[15, 154], [103, 154], [15, 258], [103, 258]]],
    ['north', 'n', text('北苑', 'North Court'), [120, 14, 260, 108], [[125, 18], [210, 18], [295, 18]]],
  ];
  let n = 0;
  for (const [id, letter, name, shape, at] of courts) {
    zs.push({ id, kind: 'court', name, parent: 'dongyue', shape });
    for (const [x, y] of at) {
      n++;
      const zh = `${name.zh}${n}栋`;
      const en = `${name.en} building ${n}`;
      const g = `${id}/b${String(n).padStart(2, '0')}`;
      zs.push({ id: g, kind: 'group', name: text(zh, en), parent: id, shape: [x, y, 80, 100], letter, number: n });
      for (let u = 1; u <= 12; u++) {
        const row = Math.floor((u - 1) / 4);
        zs.push({ id: `${g}/u${u}`, kind: 'unit', name: text(`${zh}${u}单元`, `${en} unit ${u}`), parent: g, shape: [x + 10 + ((u - 1) % 4) * 15, y + 8 + row * 36, 15, 12] });
      }
      for (let s = 1; s <= 5; s++) {
        const yard = Math.floor((s - 1) / 3);
        zs.push({ id: `${g}/s${s}`, kind: 'shed', name: text(`${zh}${s}号车棚`, `${en} shed ${s}`), parent: g, shape: [x + 12 + ((s - 1) % 3) * 20, y + 30 + yard * 36, 16, 4] });
      }
    }
  }
  const place = (id, kind, zh, en, shape) => zs.push({ id, kind, name: text(zh, en), parent: 'dongyue', shape });
  place('plaza', 'plaza', '中心广场', 'Central Plaza', [202, 150, 96, 150]);
  place('centre', 'building', '党群服务中心', 'Service Centre', [212, 306, 76, 44]);
  place('sports', 'plaza', '健身场', 'Sports Ground', [10, 14, 102, 108]);
  place('garden', 'plaza', '花园', 'Garden', [388, 14, 102, 108]);
  place('road-main', 'road', '东岳大道', 'Dongyue Avenue', [8, 128, 484, 14]);
  place('road-west', 'road', '西环路', 'West Lane', [190, 144, 8, 220]);
  place('road-east', 'road', '东环路', 'East Lane', [302, 144, 8, 220]);
  place('road-south', 'road', '南环路', 'South Lane', [10, 366, 480, 10]);
  place('gate-east', 'road', '东门', 'East Gate', [492, 128, 8, 14]);
  return zs;
}

export function devices(zs) {
  const ds = [];
  const add = (id, kind, name, zone, x, y, more = {}) =>
    ds.push({ id, kind, name, zone, labels: {}, x, y, online: true, last_seen: new Date().toISOString(), fw: '1.4.2', boot: 'b7', health: 'ok', state: {}, values: {}, ...more });
  const v = (n) => ({ v: n, at: new Date().toISOString() });
  for (const z of zs) {
    const [x, y, w, h] = z.shape;
    const code = z.id.replace(/[^a-z0-9]/g, '-');
    if (z.kind === 'unit') add(`door-${code}`, 'door', `${z.name.zh}门`, z.id, x + w / 2, y + h);
    if (z.kind === 'shed') {
      const values = {};
      for (let p = 1; p <= 10; p++) {
        values[p] = { temp_c: v(26 + ((p * 7) % 14)), power_w: v(p % 3 ? 0 : 180 + p * 11), current_a: v(p % 3 ? 0 : 0.9), voltage_v: v(228), state: { v: 0, text: p % 3 ? 'idle' : 'charging', at: new Date().toISOString() } };
      }
      add(`charger-${code}`, 'charger', z.name.zh.replace('车棚', '充电棚'), z.id, x + w / 2, y + h / 2, { values });
    }
    if (z.kind === 'group') {
      for (let i = 0; i < 9; i++) add(`lamp-${code}-${i}`, 'lamp', `${z.name.zh}${i + 1}号灯杆`, z.id, x + 3 + (i % 3) * 37, y + 3 + Math.floor(i / 3) * 46, { values: { '': { power_w: v(62), dim_pct: v(30), lux: v(8), temp_c: v(21) } } });
      for (let i = 0; i < 3; i++) add(`speaker-${code}-${i}`, 'speaker', `${z.name.zh}${i + 1}号广播`, z.id, x + 40, y + 24 + i * 36, { values: { '': { level_db: v(0), volume_pct: v(60) } } });
      add(`sensor-${code}`, 'sensor', `${z.name.zh}烟感`, `${z.id}/u2`, x + 32, y + 14);
    }
  }
  ds[37].online = ds[200].online = false;
  ds[90].health = 'fault';
  return ds;
}

export function cameras(zs) {
  const cs = [];
  const add = (name, zone, x, y, heading) =>
    cs.push({ id: `cam-${String(cs.length + 1).padStart(2, '0')}`, name, zone, x, y, heading, fov: 70, state: 'live', since: new Date().toISOString(), viewers: 0, error: '' });
  add('东门', 'gate-east', 488, 126, 135);
  add('西门', 'road-main', 12, 126, 225);
  add('南门', 'road-south', 250, 365, 180);
  add('北门', 'north', 250, 13, 0);
  add('中心广场 北', 'plaza', 250, 152, 180);
  add('中心广场 南', 'plaza', 250, 298, 0);
  for (const z of zs.filter((x) => x.kind === 'shed' && x.id.endsWith('/s2'))) add(z.name.zh, z.id, z.shape[0] - 2, z.shape[1] - 6, 120);
  for (const z of zs.filter((x) => x.kind === 'unit' && x.id.endsWith('/u7')).slice(0, 4)) add(`${z.name.zh}门`, z.id, z.shape[0] + 4, z.shape[1] + 17, 20);
  add('东岳大道', 'road-main', 330, 135, 270);
  add('南环路', 'road-south', 170, 371, 90);
  add('服务中心大厅', 'centre', 250, 310, 180);
  cs[3].state = 'no_signal';
  return cs;
}

export const incidents = [
  { id: 'charger_hot', title: text('充电口过热', 'Charger port too hot'), text: text('东苑2栋车棚一个充电口升温到 80 °C，系统切断并告警。', 'A port in a shed of East Court 2 heats up to 80 °C; it is cut and an alarm is raised.') },
  { id: 'door_forced', title: text('门被强行打开', 'Door forced open'), text: text('西苑7栋单元门在没有刷卡时被打开。', 'A unit door of West Court 7 is opened without a badge.') },
  { id: 'sos', title: text('灯杆求助', 'Lamp-pole SOS'), text: text('有人按下中心广场灯杆上的求助按钮。', 'Someone presses the SOS button of a lamp pole.') },
  { id: 'camera_off', title: text('摄像机断线', 'Camera off'), text: text('北门摄像机断线十秒。', 'The north gate’s camera is gone for ten seconds.') },
];

const step = (id, zh, en, next, answers = [], more = {}) => ({ id, text: text(zh, en), next, ...more, answers: answers.map(([a, azh, aen, to]) => ({ id: a, label: text(azh, aen), next: to })) });
export const procedures = [
  {
    id: 'charger_thermal',
    title: text('充电口过热', 'Charger port too hot'),
    caution: text('不要触碰或移动正在发热的电瓶车与电池', 'Do not touch or move a vehicle or battery that is getting hot'),
    steps: [
      step('cut', '确认该充电口已断电；没有断开就切断整条线路', 'See that the port is cut; if it is not, cut the whole feeder', 'look'),
      step('look', '看画面：有明火或浓烟吗？', 'Look at the picture: is there flame or thick smoke?', '', [['yes', '有', 'Yes', 'call'], ['no', '没有', 'No', 'guard']], { do: { open: 'camera' } }),
      step('call', '拨打 119，报地点、通道和水源', 'Call 119; tell the place, the way in and the hydrant', 'speak', [], { do: { open: 'phone', to: '119' } }),
      step('speak', '广播疏散车棚和相邻单元', 'Clear the shed and the units beside it by loudspeaker', 'guard', [], { do: { open: 'broadcast' } }),
      step('guard', '派就近的人带灭火器到场', 'Send the nearest guard with an extinguisher', 'after'),
      step('after', '现场查明原因并复位后才恢复供电，开检查工单', 'Restore power only after the cause is found and reset on site; open an inspection order', ''),
    ],
  },
];

let number = 0;
export function alarm(d, cams, priority, title, ago, more = {}) {
  const at = new Date(Date.now() - ago * 1000).toISOString();
  return {
    id: `al-${String(++number).padStart(4, '0')}`, seq: number, rule: 'x', device: d.id, part: '', priority, state: 'unacked_active', title, silent: false, count: 1,
    raised_at: at, active: true, latched: false, life_safety: false, drill: false, cause: '', escalation: null, suppressed_by: '', acked_at: null, acked_by: '', returned_at: null, closed_at: null, zone: d.zone, device_name: d.name, kind: d.kind, procedure: '', assignee: '', incident: '',
    cameras: [...cams].sort((a, b) => Math.hypot(a.x - d.x, a.y - d.y) - Math.hypot(b.x - d.x, b.y - d.y)).slice(0, 2).map((c) => c.id),
    journal: [{ at, actor: 'hub', actor_id: '', what: 'raise', text: '' }],
    ...more,
  };
}
export { text };
