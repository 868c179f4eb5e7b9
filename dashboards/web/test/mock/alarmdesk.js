// The stand-in hub's alarms: incidents, what is put aside, procedures, escalation,
// floods and drills. It plays the routes of docs/protocol.md and forgets everything.
import { readFileSync } from 'node:fs';
import { alarm, procedures, text } from './estate.js';
import { actions, explain, whyNot } from './explain.js';
import { act, detail, newIncident, shown } from './grouping.js';

const order = ['critical', 'high', 'medium', 'low'];
const iso = (ms = 0) => new Date(Date.now() + ms).toISOString();
const video = readFileSync(new URL('./clip.mp4', import.meta.url));
export const rules = [
  { id: 'charger.over_temperature', title: text('{name}[ {part} 号口]过热', '{name}[ port {part}] overheats'), kinds: ['charger'], priority: 'critical' },
  { id: 'charger.hot_plug', title: text('{name}[ {part} 号口]温度偏高', '{name}[ port {part}] is hot'), kinds: ['charger'], priority: 'high' },
  { id: 'door.forced', title: text('{name}被强行打开', '{name} forced open'), kinds: ['door'], priority: 'high' },
  { id: 'lamp.fault', title: text('{name}故障', '{name} has a fault'), kinds: ['lamp'], priority: 'low' },
];

/** The part of the hub that a server of `s` is given; emit tells the stream. */
export function alarmDesk(s, emit, list, problem) {
  const groups = new Map();
  const waiting = new Map(); // incidents whose change is to be told, with its word
  let told;
  Object.assign(s, { groups, flood: { active: false, since: null, operators: 1, per_operator_10min: 2, threshold: { begin: 10, end: 5 }, history: [] }, service: [], drills: [], bad: bad(s), steps: new Map(), exports: [] });
  const find = (id) => s.alarms.find((a) => a.id === id);
  const bare = ({ journal: _, beneath: __, ...a }) => a;

  function tell(g, change) {
    waiting.set(g, change);
    told ??= setTimeout(() => {
      told = undefined;
      const now = [...waiting];
      waiting.clear();
      for (const [x, what] of now) emit('incident', { ...shown(x), change: what });
    }, 25);
  }
  /** Adds an alarm to an incident, or to one of its own. */
  function raise(a, g = newIncident(), change = 'raise') {
    a.seq = s.seq + 1;
    a.incident = g.id;
    g.alarms.push(a);
    groups.set(g.id, g);
    s.alarms.push(a);
    s.byId ??= new Map();
    s.byId.set(a.id, a);
    emit('alarm', { ...bare(a), change, annunciate: calls(g, a) });
    tell(g, change);
    return a;
  }
  /** An incident calls when it is new, graver than before, or about life safety; in a flood only what is grave. */
  function calls(g, a) {
    const grave = a.life_safety || order.indexOf(a.priority) < 2;
    const told = g.told;
    g.told = Math.min(g.told ?? order.length, order.indexOf(a.priority));
    return (told === undefined || g.told < told || a.life_safety) && (grave || !s.flood.active);
  }
  function changed(a, what, who, words = '') {
    a.seq = s.seq + 1;
    a.journal.push({ at: iso(), actor: who, actor_id: '', what, text: words });
    emit('alarm', { ...bare(a), change: what, annunciate: what === 'realarm' });
    const g = groups.get(a.incident);
    if (g) tell(g, what);
    return a;
  }
  const sayWhy = (what, body) => ({ close: `${body.reason ?? 'handled'}${body.text ? `: ${body.text}` : ''}`, shelve: `${body.kind}: ${body.reason}` })[what] ?? body.text ?? body.name ?? '';
  function onAlarm(id, what, body, who) {
    const a = find(id);
    if (!a) return undefined;
    const why = act(a, what, body, who);
    return why ? problem(why[1], why[0], why[2] ?? 'refused') : changed(a, what, who.name, sayWhy(what, body));
  }
  function onIncident(id, what, body, who) {
    const g = groups.get(id);
    if (!g) return problem(404, 'incident.unknown', 'no such incident');
    const open = g.alarms.filter((a) => !a.closed_at && (what !== 'unshelve' || a.state === 'shelved') && (what !== 'ack' || a.state.startsWith('unacked')));
    for (const a of open) {
      const why = act({ ...a }, what, body, who);
      if (why) return problem(why[1], why[0], why[2] ?? 'refused');
    }
    const of = what === 'comment' ? [g.root ?? g.alarms[0]] : open;
    for (const a of of) {
      act(a, what, body, who);
      changed(a, what, who.name, sayWhy(what, body));
    }
    return { ...shown(g), changed: of.length, refused: [] };
  }

  function progress(a) {
    const card = procedures.find((p) => p.id === a.procedure);
    if (!card) return problem(404, 'procedure.unknown', 'no card');
    const done = s.steps.get(a.id) ?? [];
    const last = done.at(-1);
    const step = last && card.steps.find((x) => x.id === last.step);
    const next = last ? (step.answers.find((x) => x.id === last.answer)?.next ?? step.next) : card.steps[0].id;
    return { card, done, next, finished: next === '' };
  }
  function tick(a, body, who) {
    const p = progress(a);
    if (p.problem) return p;
    if (body.undo) {
      s.steps.set(a.id, p.done.filter((d) => d.step !== body.step));
      changed(a, 'step', who.name, `${p.card.id}/!${body.step}: ${body.text}`);
      return progress(a);
    }
    if (p.next !== body.step) return problem(409, 'procedure.conflict', 'another desk was first');
    s.steps.set(a.id, [...p.done, { step: body.step, at: iso(), actor: who.name, actor_id: who.id, answer: body.answer ?? '', text: '' }]);
    changed(a, 'step', who.name, `${p.card.id}/${body.step}${body.answer ? `=${body.answer}` : ''}`);
    return progress(a);
  }

  function drill(body, who) {
    const d = s.devices.find((x) => x.id === body.device);
    const r = rules.find((x) => x.id === body.rule);
    if (!d || !r) return problem(404, 'drill.no_rule', 'no such rule');
    const name = (l) => r.title[l].replace('{name}', d.name).replace(/\[[^\]]*\]/g, '');
    const a = raise(alarm(d, s.cameras, r.priority, text(name('zh'), name('en')), 0, { rule: r.id, drill: true, part: body.part ?? '' }));
    const x = { id: `dr-${s.drills.length + 1}`, rule: r.id, device: d.id, alarms: [a.id], actions: actions(a, true), began_at: iso(), ended_at: null, by: who.name, reason: body.reason };
    s.drills.push(x);
    return x;
  }
  function endDrill(id, who) {
    const x = s.drills.find((y) => y.id === id);
    if (!x) return undefined;
    if (x.ended_at) return problem(409, 'drill.ended', 'it is over');
    x.ended_at = iso();
    for (const a of x.alarms.map(find)) {
      act(a, 'close', {}, who);
      changed(a, 'close', who.name);
    }
    return x;
  }
  const clips = (id) => {
    const a = find(id);
    if (!a || a.priority !== 'critical' || a.drill) return [];
    const at = Date.parse(a.raised_at);
    return a.cameras.map((camera, i) => ({ id: `clip-${a.id}-${i}`, camera, alarm: a.id, camera_name: camera, state: i ? 'recording' : 'complete', from: i ? null : new Date(at - 10_000).toISOString(), to: i ? null : new Date(at + 30_000).toISOString(), problem_text: text('', '') }));
  };
  const setFlood = (active) => {
    const f = s.flood;
    if (active) Object.assign(f, { active, since: iso(), per_operator_10min: 14 });
    else Object.assign(f, { active, waiting: 2, annunciate: true, per_operator_10min: 3, history: [{ began_at: f.since, ended_at: iso(), peak_10min: 480, annunciations: 12 }, ...f.history], since: null });
    emit('flood', f);
  };

  const routes = [
    ['GET', /^\/alarms\/flood$/, () => s.flood],
    ['GET', /^\/alarms\/bad-actors$/, () => list(s.bad)],
    ['POST', /^\/alarms\/bad-actors\/order$/, (_, _q, b) => {
      const x = s.bad.find((y) => y.rule === b.rule && y.device === b.device);
      return x && Object.assign(x, { order: 'wo-9' });
    }],
    ['GET', /^\/alarms\/([^/]+)\/explain$/, ([id]) => find(id) && explain(find(id))],
    ['GET', /^\/alarms\/([^/]+)\/procedure$/, ([id]) => find(id) && progress(find(id))],
    ['POST', /^\/alarms\/([^/]+)\/procedure$/, ([id], _q, b, who) => find(id) && tick(find(id), b, who)],
    ['POST', /^\/alarms\/([^/]+)\/(\w+)$/, ([id, what], _q, b, who) => onAlarm(id, what, b, who)],
    ['GET', /^\/incidents$/, (_, q) => list([...groups.values()].map(shown).filter((i) => q.get('state') === 'all' || !i.closed_at))],
    ['GET', /^\/incidents\/([^/]+)$/, ([id]) => groups.has(id) ? detail(groups.get(id)) : problem(404, 'incident.unknown', 'no such incident')],
    ['POST', /^\/incidents\/([^/]+)\/(\w+)$/, ([id, what], _q, b, who) => onIncident(id, what, b, who)],
    ['GET', /^\/(doors|rungs|lockdown-plans|musters)$/, () => list([])],
    ['GET', /^\/out-of-service$/, () => list(s.service)],
    ['POST', /^\/out-of-service$/, (_, _q, b, who) => {
      const x = { id: `oos-${s.service.length + 1}`, ...b, by: who.name };
      s.service.push(x);
      for (const a of s.alarms) if (a.device === b.device && !a.closed_at && !a.life_safety) changed(Object.assign(a, { beneath: a.state, state: 'out_of_service', suppressed_by: x.id }), 'out_of_service', who.name, b.reason);
      return x;
    }],
    ['DELETE', /^\/out-of-service\/([^/]+)$/, ([id], _q, _b, who) => {
      s.service = s.service.filter((x) => x.id !== id);
      for (const a of s.alarms) if (a.suppressed_by === id) changed(Object.assign(a, { state: a.beneath, suppressed_by: '' }), 'in_service', who.name);
      return {};
    }],
    ['GET', /^\/procedures\/([^/]+)$/, ([id]) => procedures.find((p) => p.id === id)],
    ['GET', /^\/rules$/, () => list(rules)],
    ['GET', /^\/rules\/([^/]+)\/explain$/, ([id], q) => whyNot(id, q.get('device'))],
    ['GET', /^\/drills$/, () => list(s.drills)],
    ['POST', /^\/drills$/, (_, _q, b, who) => drill(b, who)],
    ['POST', /^\/drills\/([^/]+)\/end$/, ([id], _q, _b, who) => endDrill(id, who)],
    ['GET', /^\/clips$/, (_, q) => list(clips(q.get('alarm')))],
    ['GET', /^\/clips\/([^/]+)\/video\.mp4$/, () => ({ file: video, type: 'video/mp4' })],
    ['POST', /^\/clips\/([^/]+)\/export$/, ([id], _q, b) => (s.exports.push({ id, reason: b.reason }), { file: video, type: 'application/zip' })],
  ];

  const make = (priority, i) => alarm(s.devices[i], s.cameras, priority, text(`告警 ${i}`, `alarm ${i}`), 0);
  return { routes, raise, changed, setFlood, make, ...scenes(s, raise, setFlood) };
}

function bad(s) {
  const d = (kind, i) => s.devices.filter((x) => x.kind === kind)[i];
  const one = (device, rule, kind, count, rate, ago) => ({ rule, device: device.id, device_name: device.name, zone: device.zone, kind, count, cycles_per_min: rate, first_at: iso(-ago * 1000), last_at: iso(-20_000), order: '' });
  return [one(d('door', 12), 'door.held_open', 'chattering', 214, 6.5, 5400), one(d('lamp', 40), 'lamp.fault', 'fleeting', 61, 1.2, 28_000), one(d('sensor', 3), 'sensor.smoke_test', 'frequent', 38, 0, 86_000)];
}

/** Things that happen: a power cut with all that hangs on it, and worse. */
function scenes(s, raise, setFlood) {
  /**
   * So many alarms in so many seconds: a power cut in the east court, a few other
   * incidents, and in the middle a door that is really forced.
   */
  function storm(n = 10_000, seconds = 10) {
    const east = s.devices.filter((d) => d.zone.startsWith('east/'));
    const cut = newIncident();
    const others = Array.from({ length: 16 }, newIncident);
    const root = alarm(east[0], s.cameras, 'high', text('东苑停电：馈线 F-03', 'East Court without power: feeder F-03'), 0, { rule: 'power.area_lost', cause: 'power', zone: 'east', device: 'zone:east', device_name: '东苑', kind: '' });
    raise(root, cut);
    let sent = 1;
    const began = Date.now();
    return new Promise((done) => {
      const timer = setInterval(() => {
        const due = Math.min(n, Math.ceil(((Date.now() - began) / (seconds * 1000)) * n));
        for (; sent < due; sent++) one(sent);
        if (sent >= n) {
          clearInterval(timer);
          done();
        }
      }, 20);
    });
    function one(i) {
      if (i === 12) setFlood(true);
      if (i === Math.floor(n / 2)) return raise(alarm(s.devices.find((d) => d.kind === 'door'), s.cameras, 'high', text('东苑1栋1单元门被强行打开', 'East Court 1 unit 1: door forced open'), 0, { rule: 'door.forced' }));
      if (i === Math.floor(n / 2) + 1) return raise(alarm(s.devices.find((d) => d.kind === 'sensor'), s.cameras, 'critical', text('东苑1栋2单元烟雾', 'Smoke at East Court 1 unit 2'), 0, { rule: 'sensor.smoke', life_safety: true, latched: true }));
      const d = east[i % east.length];
      const g = i % 100 === 0 ? others[(i / 100) % others.length] : cut;
      raise(alarm(d, s.cameras, g === cut ? 'low' : 'medium', text(`${d.name}离线`, `${d.id} is offline`), 0, { rule: 'infra.device_offline', part: String(Math.floor(i / east.length)) }), g);
    }
  }
  return { storm };
}
