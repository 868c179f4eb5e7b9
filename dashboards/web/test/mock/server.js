// The hub's API for the development server and the browser tests. It is no part
// of the product: it knows one password, forgets everything and decides nothing.
import { createReadStream, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { alarmDesk } from './alarmdesk.js';
import { cameras, devices, incidents, text, zones } from './estate.js';
import { evidence } from './evidence.js';
import { manage } from './manage.js';
import { scenes, standing } from './scenes.js';

const dist = new URL('../../dist/', import.meta.url).pathname;
const types = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.webmanifest': 'application/manifest+json' };
// as in handler.go, so that what the policy forbids fails here too
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; media-src 'self' blob:; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const users = { operator: ['陈静', 'operator'], admin: ['管理员', 'admin'], crew: ['王师傅', 'crew'], resident: ['陈建国', 'resident'] };

/** Starts a hub of its own; close() ends it and its streams. */
export function start(port = 0) {
  const zs = zones();
  const s = { zones: zs, devices: devices(zs), cameras: cameras(zs), alarms: [], orders: [], commands: [], broadcasts: [], badges: [], requests: [], readers: new Set(), seq: 1, mute: false };
  const find = (id) => s.devices.find((d) => d.id === id);
  const door = s.devices.filter((d) => d.kind === 'door');
  const hot = find('charger-east-b02-s2');
  const order = (id, number, priority, title, zone, source, due) => ({ id, number, priority, title, device: '', zone, state: 'open', assignee: '', assignee_name: '', source, due_at: new Date(Date.now() + due * 1000).toISOString(), created_at: new Date().toISOString(), log: [] });
  s.orders.push(
    order('wo-1', 1182, 'critical', text('东苑2栋2号车棚 充电口过热检查', 'Inspect charger port, East Court 2 shed 2'), 'east/b02/s2', 'alarm', 200),
    order('wo-2', 1181, 'low', text('北苑9栋 同一线路 12 盏灯', 'North Court 9: 12 lamps on one feeder'), 'north/b09', 'alarm', 30000),
    order('wo-3', 1180, 'medium', text('三楼楼道灯不亮', '三楼楼道灯不亮'), 'east/b01/u1', 'request', 7200),
  );
  for (let i = 0; i < 6; i++) s.badges.push({ id: 6 - i, at: new Date(Date.now() - i * 5400e3).toISOString(), door: door[0].id, door_name: door[0].name, person_name: '陈建国', type: 'card', side: 'in', decision: i === 3 ? 'denied' : 'granted', by: 'hub' });

  const emit = (topic, data, keep = true) => {
    const frame = `${keep ? `id: ${++s.seq}\n` : ''}event: ${topic}\ndata: ${JSON.stringify(data)}\n\n`;
    for (const r of s.readers) r.write(frame);
  };
  const desk = alarmDesk(s, emit, list, problem);
  standing(s, desk, find, door);
  const run = (device, type, args) => {
    const c = { id: `c-${s.commands.length + 1}`, device, type, args, status: 'queued', at: new Date().toISOString(), error: '', actor: 'operator' };
    s.commands.push(c);
    const d = find(device);
    for (const [i, status] of (d?.online ? ['sent', 'accepted', 'done'] : ['expired']).entries()) {
      setTimeout(() => emit('command', Object.assign(c, { status })), 120 * (i + 1));
    }
    return c;
  };
  const demo = scenes(s, { desk, emit, run, find, door, hot });

  const routes = [
    ...manage({ state: s, emit, list, problem }),
    ...evidence({ state: s, list, problem }),
    ...desk.routes,
    ['GET', /^\/zones$/, () => list(s.zones)],
    ['GET', /^\/devices$/, () => list(s.devices)],
    ['GET', /^\/cameras$/, () => list(s.cameras)],
    ['GET', /^\/alarms$/, (_, q) => list(s.alarms.filter((a) => q.get('state') === 'all' || (!a.closed_at && a.state !== 'normal')))],
    ['GET', /^\/alarms\/([^/]+)$/, ([id]) => s.alarms.find((a) => a.id === id)],
    ['GET', /^\/demo\/incidents$/, () => list(incidents)],
    ['POST', /^\/demo\/incidents\/(\w+)$/, ([id]) => (demo[id]?.(), {})],
    ['POST', /^\/devices\/([^/]+)\/commands$/, ([id], _q, b) => run(id, b.type, b.args)],
    ['GET', /^\/devices\/([^/]+)\/series$/, (_, q) => ({ points: series(q) })],
    ['POST', /^\/doors\/([^/]+)\/unlock$/, ([id], _q, b) => (b.reason ? { ...run(id, 'unlock', {}), status: 'sent' } : problem(422, 'request.invalid', 'say why'))],
    ['GET', /^\/badges$/, () => list(s.badges)],
    ['POST', /^\/broadcasts$/, (_, _q, b) => broadcast(b)],
    ['GET', /^\/broadcasts\/([^/]+)$/, ([id]) => s.broadcasts.find((x) => x.id === id)],
    ['GET', /^\/work-orders$/, () => list(s.orders)],
    ['GET', /^\/work-orders\/staff$/, () => list([{ id: 'u-crew', name: '王师傅' }, { id: 'u-2', name: '刘师傅' }])],
    ['POST', /^\/work-orders\/([^/]+)\/(\w+)$/, ([id, what], _q, b, who) => {
      const o = s.orders.find((x) => x.id === id);
      o.state = what === 'take' ? 'taken' : 'done';
      Object.assign(o, { assignee: who.id, assignee_name: who.name });
      o.log.push({ at: new Date().toISOString(), actor: who.id, actor_name: who.name, what: what === 'take' ? 'taken' : 'done', text: b.text ?? '' });
      emit('order', o);
      return o;
    }],
    ['GET', /^\/home$/, () => ({ person: 'p-0001', name: '陈建国', unit: 'east/b01/u1', doors: [{ id: door[0].id, name: door[0].name, online: true }] })],
    ['GET', /^\/home\/badges$/, () => list(s.badges)],
    ['GET', /^\/home\/(calls|passes|phones)$/, () => list([])],
    ['GET', /^\/home\/data$/, () => ({ credentials: [], passes: [], badges: s.badges, erasures: [], kept: [{ what: 'badges', days: 180, then: 'pseudonymised' }] })],
    ['GET', /^\/home\/requests$/, () => list(s.requests)],
    ['POST', /^\/home\/requests$/, (_, _q, b) => (s.requests.unshift({ id: `r-${s.requests.length}`, text: b.text, zone: b.zone, state: 'open', created_at: new Date().toISOString() }), s.requests[0])],
    ['POST', /^\/home\/doors\/([^/]+)\/open$/, ([id]) => run(id, 'unlock', {})],
    ['GET', /^\/home\/commands\/([^/]+)$/, ([id]) => s.commands.find((c) => c.id === id)],
  ];

  function broadcast(b) {
    const targets = s.devices.filter((d) => d.kind === 'speaker' && b.zones.some((z) => z === 'dongyue' || d.zone === z || d.zone.startsWith(`${z}/`)));
    const x = { id: `b-${s.broadcasts.length + 1}`, ...b, targets: targets.length, queued: targets.length, accepted: 0, playing: 0, done: 0, failed: 0, nodes: targets.map((d) => ({ device: d.id, state: 'queued', at: '', error: '' })) };
    s.broadcasts.push(x);
    x.nodes.forEach((n, i) => setTimeout(() => {
      n.state = i === 4 ? 'failed' : 'playing';
      n.error = i === 4 ? 'no power' : '';
      x.playing = x.nodes.filter((m) => m.state === 'playing').length;
      x.failed = x.nodes.filter((m) => m.state === 'failed').length;
      emit('broadcast', x);
    }, 150 + i * 90));
    return x;
  }

  const server = createServer(async (req, res) => {
    const url = new URL(req.url, 'http://x');
    const login = /dongyue_session=(\w+)/.exec(req.headers.cookie ?? '')?.[1];
    const who = users[login] && { id: `u-${login}`, login, name: users[login][0], role: users[login][1] };
    const answer = (status, body, headers = {}) => {
      res.writeHead(status, { 'Content-Type': status >= 400 ? 'application/problem+json' : 'application/json', ...headers });
      res.end(body === undefined ? undefined : JSON.stringify(body));
    };
    if (!url.pathname.startsWith('/api/v1')) return page(url.pathname, res);
    const path = url.pathname.slice(7);
    let raw = '';
    for await (const chunk of req) raw += chunk;
    const body = raw ? JSON.parse(raw) : {};
    if (path === '/session') {
      if (req.method === 'POST') {
        if (!users[body.username] || body.password !== 'dongyue-demo') return answer(401, problem(401, 'auth.refused', 'wrong').body);
        return answer(200, { user: { id: `u-${body.username}`, login: body.username, name: users[body.username][0], role: users[body.username][1] } }, { 'Set-Cookie': `dongyue_session=${body.username}; Path=/; HttpOnly; SameSite=Lax` });
      }
      if (req.method === 'DELETE') return answer(204, undefined, { 'Set-Cookie': 'dongyue_session=; Path=/; Max-Age=0' });
      return who ? answer(200, { user: who }) : answer(401, problem(401, 'auth.required', 'sign in').body);
    }
    if (!who) return answer(401, problem(401, 'auth.required', 'sign in').body);
    if (path === '/stream' || path === '/home/stream') return stream(req, res);
    for (const [method, pattern, f] of routes) {
      const m = method === req.method && pattern.exec(path);
      if (!m) continue;
      const out = f(m.slice(1).map(decodeURIComponent), url.searchParams, body, who);
      if (out === null) continue; // another's
      if (out === undefined) return answer(404, problem(404, 'not_found', 'no such thing').body);
      if (out.file) return res.writeHead(200, { 'Content-Type': out.type, 'Content-Length': out.file.length }).end(out.file);
      return out.problem === true ? answer(out.status, out.body) : answer(200, out);
    }
    answer(404, problem(404, 'not_found', 'no such route').body);
  });

  function stream(req, res) {
    res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    res.write(`retry: 1000\nid: ${s.seq}\nevent: hello\ndata: {"seq":${s.seq}}\n\n`);
    s.readers.add(res);
    const beat = setInterval(() => s.mute || res.write(': alive\n\n'), 5000);
    req.on('close', () => (clearInterval(beat), s.readers.delete(res)));
  }

  return new Promise((done) => {
    server.listen(port, '127.0.0.1', () => {
      const at = server.address().port;
      done({
        url: `http://127.0.0.1:${at}`, port: at, state: s, demo, emit,
        desk,
        raise: (priority, i) => desk.raise(desk.make(priority, i)),
        close: () => new Promise((r) => (server.close(r), server.closeAllConnections())),
      });
    });
  });
}

const list = (items) => ({ items, next: '' });
const problem = (status, code, detail) => ({ problem: true, status, body: { title: code, status, code, detail } });

function series(q) {
  const from = Date.parse(q.get('from'));
  const n = 180;
  const step = (Date.now() - from) / n;
  return Array.from({ length: n }, (_, i) => {
    const avg = 34 + 6 * Math.sin(i / 14) + (i > 150 ? (i - 150) * 1.5 : 0);
    return { at: new Date(from + i * step).toISOString(), min: avg - 1.6, max: avg + 2.1, avg };
  });
}

function page(path, res) {
  const name = { '/': 'dispatch.html', '/dispatch': 'dispatch.html', '/crew': 'crew.html', '/home': 'home.html' }[path] ?? path.slice(1);
  const file = join(dist, name);
  if (name.includes('..') || !existsSync(file)) return res.writeHead(404).end();
  res.writeHead(200, { 'Content-Type': types[extname(file)] ?? 'application/octet-stream', 'Content-Security-Policy': policy });
  createReadStream(file).pipe(res);
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const hub = await start(Number(process.env.PORT ?? 8080));
  console.log(`a stand-in for the hub: ${hub.url}/dispatch, password dongyue-demo`);
}
