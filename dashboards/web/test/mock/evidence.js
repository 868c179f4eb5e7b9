// Recordings and clips of the stand-in hub: a day with gaps, alarms and clips.
import { readFileSync } from 'node:fs';
import { text } from './estate.js';

const film = readFileSync(new URL('clip.mp4', import.meta.url));
const minute = 60_000;

export function evidence({ state, list, problem }) {
  const e = (state.evidence = { empty: false, fail: false, made: [], kept: new Set(), deleted: new Set(), setting: new Map(), altered: new Set(), exports: [] });
  const iso = (ms) => new Date(ms).toISOString();
  const clip = (id, camera, at, more = {}) => ({
    id, camera, camera_name: camera, zone: 'east', alarm: '', reason: '', by: 'hub', state: 'complete', wanted_from: iso(at), wanted_to: iso(at + 40_000), from: iso(at), to: iso(at + 40_000),
    duration_ms: 40_000, bytes: 2_400_000, frames: 480, codec: 'avc1.4d4016', width: 640, height: 360, gaps: [], problem: '', problem_text: text('', ''), ...more,
  });
  const clips = () => {
    const now = Date.now();
    const [a, b] = state.cameras;
    return [
      ...e.made,
      clip('ev-1', a.id, now - 50 * minute, { alarm: 'a1', reason: '东苑2栋2号充电棚 7 号口过热 / port 7 overheats' }),
      clip('ev-2', b.id, now - 80 * minute, { reason: '派出所调取', state: 'interrupted', problem: 'clip.disk_full', problem_text: text('磁盘空间不足，录像提前结束：请清理磁盘，或调低 clips.max_gb。', 'The disk is full, so the clip ends early.') }),
      clip('ev-3', a.id, now - 90 * minute, { state: 'failed', from: null, to: null, duration_ms: 0, bytes: 0, problem_text: text('这段时间没有任何画面。', 'There was no picture in this time.') }),
    ].filter((c) => !e.deleted.has(c.id)).map((c) => ({ ...c, kept: e.kept.has(c.id) }));
  };
  const taping = (camera) => {
    const set = e.setting.get(camera) ?? { mode: 'config' };
    return { camera, ...set, state: set.mode === 'off' ? 'off' : 'recording', problem: '', problem_text: text('', ''), from: iso(Date.now() - 26 * 60 * minute), to: iso(Date.now()), bytes: 5.4e9 };
  };
  const timeline = (camera, q) => {
    if (e.fail) return problem(503, 'internal', 'the hub could not do this');
    const from = Date.parse(q.get('from')), to = Date.parse(q.get('to')), now = Math.min(Date.now(), to);
    const gap = (a, b, reason, zh, en) => ({ from: iso(a), to: iso(b), reason, text: text(zh, en) });
    const cuts = [now - 70 * minute, now - 58 * minute, now - 20 * minute, now - 19 * minute].map((x) => Math.max(x, from));
    if (e.empty) return { camera, from: iso(from), to: iso(to), spans: [], gaps: [gap(from, now, 'recording.off', '这段时间没有开启连续录像。', 'Continuous recording was not switched on.')], alarms: [], clips: [], recording: { ...taping(camera), state: 'off', mode: 'off', bytes: 0, from: null, to: null } };
    return {
      camera, from: iso(from), to: iso(to),
      spans: [[from, cuts[0]], [cuts[1], cuts[2]], [cuts[3], now]].filter(([a, b]) => b > a).map(([a, b]) => ({ from: iso(a), to: iso(b), bytes: 1e8 })),
      gaps: [gap(cuts[0], cuts[1], 'camera.unreachable', '摄像机无法连接。', 'The camera can’t be reached.'), gap(cuts[2], cuts[3], 'clip.hub_stopped', '枢纽在这段时间停机。', 'The hub was not running.')].filter((g) => g.to > g.from),
      alarms: [{ id: 'a1', at: iso(now - 50 * minute), title: text('东苑2栋2号充电棚 7 号口过热', 'Port 7 overheats'), priority: 'critical', open: true }],
      clips: clips().filter((c) => c.camera === camera && c.from), recording: taping(camera),
    };
  };
  const find = (id) => clips().find((c) => c.id === id);

  return [
    ['GET', /^\/cameras\/([^/]+)\/recordings$/, ([id], q) => timeline(id, q)],
    ['GET', /^\/cameras\/([^/]+)\/recordings\/play$/, () => ({ file: film, type: 'video/mp4' })],
    ['POST', /^\/cameras\/([^/]+)\/recordings\/export$/, ([id], _q, b) => {
      const c = clip(`ev-${10 + e.made.length}`, id, Date.parse(b.from), { reason: b.reason });
      e.made.unshift(c);
      return { items: [c] };
    }],
    ['PUT', /^\/cameras\/([^/]+)\/recording$/, ([id], _q, b) => (e.setting.set(id, b), taping(id))],
    ['GET', /^\/clips$/, (_, q) => q.get('alarm') ? null : list(e.empty ? [] : clips().filter((c) => (!q.get('camera') || c.camera === q.get('camera')) && (!q.get('state') || (q.get('state') === 'kept' ? c.kept : c.state === q.get('state')))))],
    ['GET', /^\/clips\/(ev-\d+)$/, ([id]) => find(id)],
    ['GET', /^\/clips\/(ev-\d+)\/check$/, ([id]) => (e.altered.has(id) ? { ok: false, key_expected: true, fragments: 53, findings: [{ code: 'fragment', text: 'fragment 7 (bytes 81,204 to 93,100) was changed' }] } : { ok: true, key_expected: true, fragments: 53, findings: [] })],
    ['POST', /^\/clips\/(ev-\d+)\/export$/, ([id], _q, b) => (e.exports.push({ id, ...b }), { file: film, type: 'application/zip' })],
    ['PUT', /^\/clips\/(ev-\d+)\/keep$/, ([id], _q, b) => (b.keep ? e.kept.add(id) : e.kept.delete(id), find(id))],
    ['DELETE', /^\/clips\/(ev-\d+)$/, ([id]) => (e.deleted.add(id), {})],
  ];
}
