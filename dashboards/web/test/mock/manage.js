// The management pages' part of the stand-in hub: the shipped rule files, a week
// of a rota, figures of a shift. It checks, tests and replays nothing: it answers
// by marks in the text, so that the pages can be seen and driven.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';

const folder = new URL('../../../../configs/rules/', import.meta.url).pathname;
const hash = (t) => createHash('sha256').update(t).digest('hex').slice(0, 12);
const text = (zh, en) => ({ zh, en });
const minute = 60e3;
const hour = 60 * minute;
const iso = (at) => new Date(at).toISOString();
const ago = (ms) => iso(Date.now() - ms);

const people = [['u-operator', '陈静', 'operator'], ['u-li', '李明辉', 'operator'], ['u-zhao', '赵敏', 'operator'], ['u-qian', '钱伟', 'operator'], ['u-admin', '管理员', 'admin'], ['u-sun', '孙国强', 'supervisor']].map(([id, name, role]) => ({ id, name, role }));

function files() {
  return readdirSync(folder).filter((n) => n.endsWith('.yaml')).sort().map((name) => ({ name, text: readFileSync(folder + name, 'utf8') }));
}

/** The rules of the files, read by their look: one key a line. */
function rules(fs) {
  const out = [];
  const words = (x) => (x ?? '').replace(/[[\]\s]/g, '').split(',').filter(Boolean);
  for (const f of fs.filter((x) => !x.name.endsWith('.test.yaml'))) {
    const lines = f.text.split('\n');
    for (const [i, l] of lines.entries()) {
      const id = /^ {2}- id: ([\w.]+)/.exec(l)?.[1];
      if (!id) continue;
      const end = lines.findIndex((x, n) => n > i && /^ {2}- id:/.test(x));
      const body = lines.slice(i, end < 0 ? undefined : end).join('\n');
      const field = (name) => new RegExp(`^ {4}${name}: (.*)$`, 'm').exec(body)?.[1];
      const [, zh = id, en = id] = /title: \{zh: "([^"]*)", en: "([^"]*)"/.exec(body) ?? [];
      const seconds = (x) => { const [, n, u] = /(\d+)([smh])/.exec(x ?? '') ?? []; return n ? Number(n) * { s: 1, m: 60, h: 3600 }[u] : 0; };
      const n = out.length;
      out.push({
        id, title: text(zh, en), priority: field('priority') ?? 'low', file: f.name, line: i + 1,
        kinds: words(/kind: (\[[^\]]*\]|\w+)/.exec(body)?.[1]), channel: /channel: (\w+)/.exec(body)?.[1] ?? 'event', types: words(/type: (\[[^\]]*\]|\w+)/.exec(body)?.[1]), zones: [],
        when: field('when'), for_s: seconds(field('for')), latch: /^ {4}latch: true/m.test(body), life_safety: /life_safety: true/.test(body) || /smoke|sos|duress/.test(id), silent: /silent: true/.test(body),
        procedure: field('procedure') ?? '', depends_on: words(/depends_on: \[([\w., ]*)\]/.exec(body)?.[1]), actions: [...body.matchAll(/- (command: \w+|broadcast|work_order|clip|notify)/g)].map((m) => m[1].replace(':', '')),
        pending: n % 7 === 3 ? 2 : 0, firing: n % 5 === 1 ? 1 + (n % 3) : 0, raised: (n * 37) % 58, last_raised_at: n % 4 === 3 ? null : ago((n * n * 11 + 3) * minute), errors: 0, last_error: '', disabled: null,
      });
    }
  }
  const offline = out.find((r) => r.id === 'device.offline');
  for (const id of ['door.held_open', 'door.lock_fault', 'charger.hot_plug', 'charger.fault', 'lamp.failure']) {
    const r = out.find((x) => x.id === id);
    if (r && offline && !r.depends_on.includes(offline.id)) r.depends_on.push({ rule: offline.id, scope: 'via' });
  }
  const spent = out.find((r) => r.id === 'sensor.noise') ?? out.at(-1);
  Object.assign(spent, { disabled: { since: ago(26 * minute), reason: 'cost 4.1 ms an event, the budget is 0.2 ms' }, errors: 3, last_error: 'when: cost limit exceeded' });
  return out;
}

const verdict = (name, value, limit, zh, en) => ({ name, value, limit, ok: value <= limit, text: text(zh, en) });
const verdicts = (k) => [
  verdict('per_10min_avg', k.avg, 2, `每名值班员平均每 10 分钟 ${k.avg} 次呼叫，以不超过 2 次为宜`, `${k.avg} calls for one operator in ten minutes on average; up to 2 can be dealt with`),
  verdict('per_10min_max', k.max, 10, `最忙的 10 分钟每名值班员 ${k.max} 次呼叫，超过 10 次即为报警泛滥`, `${k.max} calls for one operator in the worst ten minutes; more than 10 are a flood`),
  verdict('flood_share_pct', k.flood, 1, `报警泛滥占时 ${k.flood} %，应低于 1 %`, `${k.flood} % of the time in a flood; it should be below 1 %`),
  verdict('stale', k.stale, 4, `${k.stale} 条报警持续超过一天，应少于 5 条`, `${k.stale} alarms have stood for more than a day; there should be fewer than 5`),
  verdict('chattering', k.chattering, 0, `${k.chattering} 个反复跳变的报警，应为 0`, `${k.chattering} alarms chatter; there should be none`),
  verdict('top_share_pct', k.top, 5, `最多的十个来源占 ${k.top} %，应不超过 5 %`, `the ten most frequent make ${k.top} %; it should be at most 5 %`),
];
const hours = (from, to, f) => Array.from({ length: Math.ceil((to - from) / hour) }, (_, i) => ({ at: iso(from + i * hour), ...f(i) }));

function kpi(q) {
  const now = Date.now();
  const shift = q.get('shift');
  const length = shift ? 12 * hour : Date.parse(q.get('to')) - Date.parse(q.get('from'));
  const to = shift === 'previous' ? now - 6 * hour : shift ? now + 6 * hour : now;
  const from = shift ? to - length : now - length;
  const calm = shift === 'previous' ? 0 : 1;
  const top = [['charger.fault', 'charger-east-b02-s2', '东苑2栋2号充电棚', '充电口故障', 31], ['door.held_open', 'door-west-b07-u10', '西苑7栋10单元门', '长时间未关', 18], ['device.offline_minor', 'speaker-west-b06-1', '西苑6栋2号广播', '离线', 9], ['lamp.failure', 'lamp-north-b09-3', '北苑9栋4号灯杆', '不亮', 6], ['door.held_open', 'door-east-b01-u3', '东苑1栋3单元门', '长时间未关', 4], ['sensor.noise', 'sensor-east-b01', '东苑1栋烟感', '噪声超标', 3]];
  const max = calm ? 14 : 6;
  return {
    unacked: 3, standing: 7, per_10min: 4, ack_median_s: 42, open: { critical: 1, high: 2, medium: 4, low: 6 },
    from: iso(from), to: iso(to), shift: shift ? (calm ? '白班' : '夜班') : '', shift_name: shift ? (calm ? text('白班', 'Day') : text('夜班', 'Night')) : text('', ''), raised: 212, annunciated: 96, stale: 2, shelved: 2, out_of_service: 2,
    per_10min_avg: calm ? 1.3 : 0.6, per_10min_max: max, flood_share_pct: calm ? 2.8 : 0, floods: calm, ack_p90_s: 185, close_median_s: 640, close_p90_s: 5400,
    top: top.map(([rule, device, name, zh, count]) => ({ rule, device, device_name: name, title: text(`${name}${zh}`, `${device}: ${rule}`), count, share_pct: Math.round((count / 96) * 1000) / 10 })),
    mix: { critical: 6.2, high: 17.7, medium: 31.3, low: 44.8 }, chattering: calm, fleeting: 2,
    hours: hours(from, Math.min(to, now), (i) => ({ count: calm && i % 12 === 4 ? 71 : (i * 7 + 3) % 13 })),
    verdicts: verdicts({ avg: calm ? 1.3 : 0.6, max, flood: calm ? 2.8 : 0, top: 74, stale: 2, chattering: calm, critical: 6.2 }),
  };
}

function report(days, changed) {
  const to = Date.now();
  const from = to - days * 24 * hour;
  const per = changed ? 0.8 : 1.6;
  return {
    from: iso(from), to: iso(to), events: 171_400 * days, seconds: 0.8 * days, raised: 118 * days, live_raised: 190 * days, per_day: 118, per_10min: { avg: per, max: 9 }, flood_share_pct: 0.4,
    mix: { critical: 4.1, high: 14.6, medium: 29, low: 52.3 },
    rules: [
      { rule: 'charger.fault', priority: 'medium', raised: 44 * days, live_raised: 112 * days, subjects: 9, noisiest: [{ device: 'charger-east-b02-s2', part: '7', count: 21 * days }, { device: 'charger-east-b02-s2', part: '3', count: 9 * days }, { device: 'charger-west-b05-s1', part: '1', count: 4 * days }] },
      { rule: 'door.held_open', priority: 'medium', raised: 38 * days, live_raised: 38 * days, subjects: 22, noisiest: [{ device: 'door-west-b07-u10', part: '', count: 11 * days }, { device: 'door-east-b01-u3', part: '', count: 6 * days }] },
      { rule: 'device.offline', priority: 'medium', raised: 12 * days, live_raised: 16 * days, subjects: 8, noisiest: [{ device: 'charger-north-b10-s4', part: '', count: 5 * days }] },
      { rule: 'charger.hot_plug', priority: 'high', raised: 2 * days, live_raised: 0, subjects: 2, noisiest: [{ device: 'charger-east-b01-s3', part: '5', count: 2 * days }] },
    ],
    diff: Array.from({ length: 24 }, (_, i) => ({ change: i % 6 === 5 ? 'added' : 'removed', at: iso(to - i * 37 * minute), rule: i % 6 === 5 ? 'charger.hot_plug' : 'charger.fault', device: i % 6 === 5 ? 'charger-east-b01-s3' : 'charger-east-b02-s2', part: String(1 + (i % 9)), priority: i % 6 === 5 ? 'high' : 'medium' })),
    diff_more: 46 * days, hours: hours(from, to, (i) => ({ count: (i * 5 + 2) % 9, live: (i * 7 + 3) % 15 + (i % 17 === 4 ? 22 : 0) })),
    verdicts: verdicts({ avg: per, max: 9, flood: 0.4, top: 4.2, stale: 1, chattering: 0, critical: 4.1 }),
  };
}

/** What is checked is looked for by its mark: a key that no rule has. */
function problems(name, t) {
  return t.split('\n').flatMap((l, i) => {
    const m = /(^|\s)(wehn|priorty|dependson):/.exec(l);
    return m ? [{ file: name, line: i + 1, col: m.index + m[1].length + 1, path: `rules[${i}].${m[2]}`, what: `unknown key "${m[2]}"`, hint: 'did you mean "when"?' }] : [];
  });
}

function tests(all) {
  return all.filter((f) => f.name.endsWith('.test.yaml')).flatMap((f) => {
    const ruleFile = all.find((x) => x.name === f.name.replace('.test.yaml', '.yaml'));
    const lines = f.text.split('\n');
    return lines.flatMap((l, i) => {
      const name = /^ {2}- name: (.*)$/.exec(l)?.[1];
      if (!name) return [];
      const end = lines.findIndex((x, n) => n > i && /^ {2}- name:/.test(x));
      const want = lines.slice(i, end < 0 ? undefined : end).map((x) => /^ {6}- ['"](@.*)['"]$/.exec(x)?.[1]).filter(Boolean);
      const bad = /temp_c >= 9\d/.test(ruleFile?.text ?? '') && /82 °C|temp_c: 82/.test(name + lines[i + 3]);
      return [{ file: f.name, line: i + 1, name: name.replace(/^"|"$/g, ''), ok: !bad, want, ...(bad ? { got: want.slice(1).concat('@5s raised charger.hot_plug high charger-e01/7') } : {}) }];
    });
  });
}

/** The routes; state.manage holds what they change, for tests to look at. */
export function manage({ state, emit, list, problem }) {
  const m = (state.manage = {
    readOnly: false, files: files(), replays: new Map(), deliveries: [], contacts: new Map(), tried: [], contact: (id) => ({ language: 'zh', channels: m.contacts.get(id) ?? [] }),
    shifts: [
      { id: 'day', name: text('白班', 'Day'), from: '07:00', to: '19:00', days: [1, 2, 3, 4, 5, 6, 7], team: ['u-operator', 'u-li'], supervisor: 'u-sun' },
      { id: 'night', name: text('夜班', 'Night'), from: '19:00', to: '07:00', days: [1, 2, 3, 4, 5, 6], team: ['u-zhao', 'u-qian'], supervisor: 'u-sun' },
    ],
    lists: [{ name: 'fire', people: ['u-sun', 'u-admin', 'u-li'] }], overrides: [], policies: [
      { name: 'life_safety', priorities: ['critical'], steps: [{ after_s: 0, to: ['on_duty'] }, { after_s: 45, to: ['next_on_duty'] }, { after_s: 90, to: ['supervisor'] }, { after_s: 180, to: ['list:fire', 'user:u-admin'] }], repeat: 2 },
      { name: 'standard', priorities: ['high', 'medium'], steps: [{ after_s: 0, to: ['on_duty'] }, { after_s: 300, to: ['next_on_duty'] }, { after_s: 900, to: ['supervisor'] }], repeat: 0 },
    ],
  });
  let rs = rules(m.files);
  const today = new Date();
  today.setHours(0, 0, 0, 0);
  m.overrides.push({ id: 'ov-1', from: iso(+today + 21 * hour), to: iso(+today + 27 * hour), out: 'u-zhao', in: 'u-admin', reason: '赵敏 病假' });
  m.contacts.set('u-operator', [{ type: 'wecom', address: 'chenjing' }, { type: 'ntfy', address: 'dongyue-chenjing' }]);
  m.contacts.set('u-sun', [{ type: 'webhook', address: 'https://example.org/hook' }]);
  const deliver = (user, c, more = {}) => {
    const bad = c.address.includes('fail');
    const d = { letter: `nd-${m.deliveries.length + 1}`, created_at: iso(Date.now()), alarm: '', user, name: people.find((p) => p.id === user)?.name ?? user, channel: c.type, address: c.address, state: bad ? 'failed' : 'sent', attempts: bad ? 3 : 1, problem: bad ? 'connection refused' : '', subject: text('试发', 'A test'), ...more };
    m.deliveries.unshift(d);
    return d;
  };
  deliver('u-sun', { type: 'webhook', address: 'https://example.org/fail' }, { created_at: ago(50 * minute), alarm: state.alarms[0].id, subject: state.alarms[0].title });
  deliver('u-operator', { type: 'wecom', address: 'chenjing' }, { created_at: ago(49 * minute), alarm: state.alarms[0].id, subject: state.alarms[0].title });

  const may = (who, f) => (['admin', 'supervisor'].includes(who.role) ? f() : problem(403, 'auth.forbidden', 'your role may not do this'));
  const overlay = (fs) => [...m.files.filter((f) => !(f.name in (fs ?? {}))), ...Object.entries(fs ?? {}).map(([name, t]) => ({ name, text: t }))];
  const dir = () => (m.readOnly ? problem(409, 'rules.read_only', 'rules.dir is not set: the built-in rules are in force') : undefined);
  const version = () => hash(m.files.map((f) => f.name + f.text).join(''));
  const adopt = (next) => {
    m.files = next;
    rs = rules(next);
    emit('rules', { change: 'swapped', set_version: version() });
    return { changed: true, set_version: version(), rules: rs.length, still_ms: 4.1 };
  };
  const replay = (r) => {
    if (r.state === 'running') r.progress = Math.min(1, (Date.now() - r.began) / r.takes);
    if (r.state === 'running' && r.progress === 1) Object.assign(r, { state: 'done', report: report(r.days, r.changed) });
    r.events = Math.round(r.progress * 171_400 * r.days);
    const { began: _b, takes: _t, days: _d, changed: _c, ...shown } = r;
    return shown;
  };
  const onDuty = (at) => {
    const h = at.getHours();
    const s = m.shifts[h >= 7 && h < 19 ? 0 : 1];
    return { shift: s.id, from: iso(at), to: iso(+at + 6 * hour), people: s.team.map((id) => people.find((p) => p.id === id)), supervisor: people.find((p) => p.id === s.supervisor) };
  };

  return [
    ['GET', /^\/rules$/, () => ({ set_version: version(), writable: !m.readOnly, disk: m.disk ?? 'same', problems: m.diskProblems ?? [], ...list(rs) })],
    ['POST', /^\/rules\/reload$/, () => ((m.disk = 'same'), adopt(m.files))],
    ['GET', /^\/rules\/files$/, () => ({ set_version: version(), writable: !m.readOnly, ...list(m.files.map((f) => ({ ...f, hash: hash(f.text), rules: [] }))) })],
    ['POST', /^\/rules\/check$/, (_, _q, b) => { const ps = problems(b.file, b.text); return { ok: !ps.length, rules: [...b.text.matchAll(/- id: ([\w.]+)/g)].map((x) => x[1]), problems: ps }; }],
    ['POST', /^\/rules\/test$/, (_, _q, b) => {
      const all = overlay(b.files);
      const ps = all.flatMap((f) => problems(f.name, f.text));
      const results = ps.length ? [] : tests(all);
      return { ok: !ps.length && results.every((r) => r.ok), problems: ps, results };
    }],
    ['POST', /^\/rules\/replay$/, (_, _q, b) => {
      const r = { id: `rp-${m.replays.size + 1}`, state: 'running', progress: 0, events: 0, error: '', report: null, began: Date.now(), takes: m.slow ?? 900, days: Math.max(1, Math.round((Date.now() - Date.parse(b.since)) / 864e5)), changed: Object.keys(b.files ?? {}).length > 0 };
      m.replays.set(r.id, r);
      return { id: r.id };
    }],
    ['GET', /^\/rules\/replays\/([^/]+)$/, ([id]) => m.replays.get(id) && replay(m.replays.get(id))],
    ['DELETE', /^\/rules\/replays\/([^/]+)$/, ([id]) => replay(Object.assign(m.replays.get(id), { state: 'cancelled' }))],
    ['PUT', /^\/rules\/files\/([^/]+)$/, ([name], _q, b, who) => may(who, () => {
      if (dir()) return dir();
      const ps = problems(name, b.text);
      if (ps.length) return problem(422, 'rules.bad_files', `nothing was changed: ${ps.length} mistakes; errors says where`, ps.map((p) => ({ message: p.what, location: `${p.file}:${p.line}:${p.col}` })));
      return adopt(overlay({ [name]: b.text }).sort((x, y) => (x.name < y.name ? -1 : 1)));
    })],
    ['DELETE', /^\/rules\/files\/([^/]+)$/, ([name], _q, _b, who) => may(who, () => {
      if (dir()) return dir();
      return adopt(m.files.filter((f) => f.name !== name));
    })],
    ['GET', /^\/alarms\/kpi$/, (_, q) => kpi(q)],
    ['GET', /^\/devices\/([^/]+)$/, ([id]) => state.devices.find((d) => d.id === id)],
    ['GET', /^\/rota$/, () => ({ time_zone: 'Asia/Shanghai', shifts: m.shifts, overrides: m.overrides, lists: m.lists.map((l) => ({ ...l, people: l.people.map((id) => people.find((p) => p.id === id)) })), people })],
    ['PUT', /^\/rota\/lists\/([^/]+)$/, ([name], _q, b, who) => may(who, () => ((m.lists = [...m.lists.filter((l) => l.name !== name), ...(b.people.length ? [{ name, people: b.people }] : [])]), {}))],
    ['PUT', /^\/rota\/shifts$/, (_, _q, b, who) => may(who, () => ((m.shifts = b.shifts), emit('rota', {}), { shifts: m.shifts }))],
    ['POST', /^\/rota\/overrides$/, (_, _q, b, who) => may(who, () => { const o = { id: `ov-${m.overrides.length + 1}`, ...b }; m.overrides.push(o); return o; })],
    ['DELETE', /^\/rota\/overrides\/([^/]+)$/, ([id], _q, _b, who) => may(who, () => ((m.overrides = m.overrides.filter((o) => o.id !== id)), {}))],
    ['GET', /^\/rota\/on-duty$/, (_, q) => onDuty(new Date(q.get('at') ?? Date.now()))],
    ['GET', /^\/escalations\/policies$/, () => list(m.policies)],
    ['PUT', /^\/escalations\/policies\/([^/]+)$/, ([name], _q, b, who) => may(who, () => {
      m.policies = [...m.policies.filter((p) => p.name !== name), { ...b, name }];
      return m.policies.at(-1);
    })],
    ['GET', /^\/notify\/channels$/, () => list(['desk', 'webhook', 'wecom', 'dingtalk', 'feishu', 'ntfy', 'smtp'].map((type) => ({ type })).map((c) => ({ ...c, configured: c.type !== 'feishu' })))],
    ['GET', /^\/notify\/contacts\/([^/]+)$/, ([id], _q, _b, who) => (who.id === id ? m.contact(id) : may(who, () => m.contact(id)))],
    ['PUT', /^\/notify\/contacts\/([^/]+)$/, ([id], _q, b, who) => may(who, () => (m.contacts.set(id, b.channels), m.contact(id)))],
    ['GET', /^\/notify\/deliveries$/, () => list(m.deliveries)],
    ['POST', /^\/notify\/test$/, (_, _q, b) => (m.tried.push(b), deliver(b.user ?? '', b))],
  ];
}
