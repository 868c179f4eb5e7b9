import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiError } from '../../kit/api';
import { session } from '../../kit/session.svelte';
import type { Alarm } from '../../kit/types';
import { shelved, standing, union } from '../../manage/report/alarms';
import { Drafts } from '../../manage/rules/drafts.svelte';
import { Editor, editor } from '../../manage/rules/editor.svelte';
import { problemsOf } from '../../manage/rules/problems';
import { Replaying } from '../../manage/rules/replay.svelte';
import type { Replay } from '../../manage/rules/types';

const json = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status });
type Route = (body: Record<string, unknown>, headers: Record<string, string>) => Response | Promise<Response>;

/** A hub of some routes: "PUT /rules/files/a.yaml"; what it was asked is in calls. */
function hub(routes: Record<string, Route>): string[] {
  const calls: string[] = [];
  vi.stubGlobal('fetch', async (url: string, o: RequestInit) => {
    const name = `${o.method} ${url.slice('/api/v1'.length)}`;
    calls.push(name);
    const route = routes[name];
    if (!route) return json({ code: 'not_found' }, 404);
    return route(o.body ? (JSON.parse(o.body as string) as Record<string, unknown>) : {}, o.headers as Record<string, string>);
  });
  return calls;
}
const as = (role: 'admin' | 'supervisor' | 'operator') => (session.user = { id: `u-${role}`, name: role, login: role, role });
const settle = () => new Promise((r) => setTimeout(r));

beforeEach(() => void as('supervisor'));
afterEach(() => vi.unstubAllGlobals());

describe('drafts', () => {
  const drafts = () => {
    const d = new Drafts();
    d.inForce([{ name: 'a.yaml', text: 'a', hash: 'h1' }, { name: 'b.yaml', text: 'b' }]);
    return d;
  };
  it('are what differs from the files in force', () => {
    const d = drafts();
    d.edit('a.yaml', 'a2');
    expect([d.text('a.yaml'), d.dirty('a.yaml'), d.dirty('b.yaml'), d.changed]).toEqual(['a2', true, false, { 'a.yaml': 'a2' }]);
    d.edit('a.yaml', 'a');
    expect(d.changed).toEqual({});
    expect(d.hash('a.yaml')).toBe('h1');
  });
  it('know new files, and end when they are in force', () => {
    const d = drafts();
    d.edit('c.yaml', 'c');
    expect([d.names, d.isNew('c.yaml'), d.overtaken('c.yaml')]).toEqual([['a.yaml', 'b.yaml', 'c.yaml'], true, false]);
    d.inForce([{ name: 'c.yaml', text: 'c' }]);
    expect([d.names, d.dirty('c.yaml')]).toEqual([['c.yaml'], false]);
  });
  it('are overtaken when somebody else saves, until that is settled', () => {
    const d = drafts();
    d.edit('a.yaml', 'mine');
    d.inForce([{ name: 'a.yaml', text: 'theirs' }]);
    expect([d.overtaken('a.yaml'), d.text('a.yaml')]).toEqual([true, 'mine']);
    d.keep('a.yaml');
    expect([d.overtaken('a.yaml'), d.dirty('a.yaml')]).toEqual([false, true]);
    d.edit('a.yaml', 'mine 2');
    expect(d.overtaken('a.yaml')).toBe(false);
    d.drop('a.yaml');
    expect(d.text('a.yaml')).toBe('theirs');
  });
});

describe('the editor', () => {
  const files = { items: [{ name: 'a.yaml', text: 'rules:', hash: 'h1' }, { name: 'a.test.yaml', text: 'tests:' }], writable: true };
  const good = { ok: true, problems: [], results: [{ file: 'a.test.yaml', line: 2, name: 'x', ok: true }] };
  const open = async (routes: Record<string, Route> = {}) => {
    const calls = hub({ 'GET /rules/files': () => json(files), 'POST /rules/check': (b) => json({ ok: b.text !== 'bad', problems: b.text === 'bad' ? [{ file: 'a.yaml', line: 3, col: 2, what: 'wrong' }] : [] }), 'POST /rules/test': () => json(good), ...routes });
    const e = new Editor();
    await e.files.load();
    e.open('a.yaml');
    await settle();
    return { e, calls };
  };
  const write = async (e: Editor, text: string) => {
    e.edit(text);
    await vi.waitFor(() => expect(e.checkStep).not.toBe('busy'), 3000);
  };

  it('goes from the check over the tests to saving, and asks for the file that it read', async () => {
    let put: unknown;
    const { e } = await open({ 'PUT /rules/files/a.yaml': (b, h) => ((put = [b.text, h['If-Match']]), json({ changed: true, rules: 3, still_ms: 2.5 })) });
    expect([e.checkStep, e.testStep, e.replayStep, e.maySave]).toEqual(['ok', 'due', 'due', false]);
    await write(e, 'bad');
    expect([e.checkStep, e.problems[0]?.line]).toEqual(['bad', 3]);
    await write(e, 'better');
    await e.test();
    expect([e.testStep, e.maySave]).toEqual(['ok', true]);
    expect(await e.save()).toEqual({ changed: true, rules: 3, still_ms: 2.5 });
    expect(put).toEqual(['better', '"h1"']);
  });
  it('takes results as old when the text changes, and good again when it changes back', async () => {
    const { e } = await open();
    await write(e, 'one');
    await e.test();
    await write(e, 'two');
    expect([e.testsOld, e.testStep, e.maySave]).toEqual([true, 'due', false]);
    await write(e, 'one');
    expect(e.testStep).toBe('ok');
  });
  it('shows what the hub refused, at its place', async () => {
    const { e } = await open({ 'PUT /rules/files/a.yaml': () => json({ code: 'rules.bad_files', detail: 'no', errors: [{ message: 'rules[0]: twice', location: 'a.yaml:7:3' }] }, 422) });
    await write(e, 'one');
    await e.test();
    expect(await e.save()).toBeUndefined();
    expect([e.problems[0], e.checkStep, e.trouble !== '', e.dirty]).toEqual([{ file: 'a.yaml', line: 7, col: 3, what: 'rules[0]: twice' }, 'bad', true, true]);
  });
  it.each([
    ['a hub without a folder', () => as('admin'), false],
    ['an operator', () => as('operator'), true],
  ])('only reads: %s', async (_, who, writable) => {
    who();
    const { e } = await open({ 'GET /rules/files': () => json({ ...files, writable }) });
    await write(e, 'one');
    await e.test();
    expect([e.mayWrite, e.maySave]).toEqual([false, false]);
  });
  it('lets an administrator save a rule before the tests that change with it', async () => {
    const done = () => json({ rules: 1 });
    for (const [role, want] of [['admin', 'PUT /rules/files/a.yaml?force=true'], ['supervisor', 'PUT /rules/files/a.yaml']] as const) {
      as(role);
      const { e, calls } = await open({ 'PUT /rules/files/a.yaml?force=true': done, 'PUT /rules/files/a.yaml': done });
      e.drafts.edit('a.test.yaml', 'tests: x');
      await write(e, 'one');
      await e.test();
      await e.save();
      expect(calls).toContain(want);
    }
  });
  it('is another one for another person', () => {
    const mine = editor();
    expect(editor()).toBe(mine);
    as('admin');
    expect(editor()).not.toBe(mine);
  });
});

describe('the places of a refusal', () => {
  it.each([['a.yaml:7:3', { file: 'a.yaml', line: 7, col: 3, what: 'x' }], ['a.test.yaml:2', { file: 'a.test.yaml', line: 2, col: 1, what: 'x' }], ['body.text', undefined], [undefined, undefined]])('%s', (location, want) =>
    expect(problemsOf(new ApiError(422, 'c', '', [{ message: 'x', location }]))[0]).toEqual(want));
});

describe('a replay', () => {
  const run = (states: Partial<Replay>[]) => {
    const calls = hub({
      'POST /rules/replay': () => json({ id: 'r1' }, 202),
      'GET /rules/replays/r1': () => json({ id: 'r1', state: 'running', progress: 0, ...(states.length > 1 ? states.shift() : states[0]) }),
      'DELETE /rules/replays/r1': () => new Response(null, { status: 204 }),
    });
    return calls;
  };
  it('is followed to its report', async () => {
    run([{ progress: 0.25 }, { progress: 0.5 }, { state: 'done', progress: 1 }]);
    const seen: number[] = [];
    const r: Replaying = new Replaying(async () => void seen.push(r.progress));
    await r.start({ 'a.yaml': 'x' }, 'mark', 7);
    expect([seen, r.run?.state, r.days, r.of, r.busy]).toEqual([[0.25, 0.5], 'done', 7, 'mark', false]);
  });
  it('is called off', async () => {
    const calls = run([{ progress: 0.25 }]);
    const r: Replaying = new Replaying(() => r.cancel());
    await r.start({}, '', 1);
    expect([r.run?.state, r.busy, r.trouble]).toEqual(['cancelled', false, '']);
    expect(calls.filter((c) => c.startsWith('GET'))).toHaveLength(1);
    expect(calls).toContain('DELETE /rules/replays/r1');
  });
  it('tells why it failed', async () => {
    run([{ state: 'failed', error: 'the journal ends in March' }]);
    const r = new Replaying(async () => {});
    await r.start({}, '', 1);
    expect([r.trouble, r.busy]).toEqual(['the journal ends in March', false]);
    hub({});
    await r.start({}, '', 1);
    expect([r.trouble !== '', r.run]).toEqual([true, undefined]);
  });
});

describe('what is handed over', () => {
  const alarm = (id: string, more: Partial<Alarm>): Alarm => ({ id, rule: 'r', device: 'd', priority: 'low', state: 'acked_active', title: { zh: id, en: id }, raised_at: '2026-01-01T00:00:00Z', ...more });
  const all = [
    alarm('old', { raised_at: '2025-01-01T00:00:00Z' }), alarm('grave', { priority: 'critical', state: 'unacked_active' }), alarm('gone', { state: 'unacked_returned' }), alarm('held', { state: 'unacked_active', active: false }),
    alarm('aside', { state: 'shelved', active: true }), alarm('mended', { state: 'out_of_service', active: true }), alarm('closed', { closed_at: '2026-01-01T00:00:00Z' }), alarm('new', {}),
  ];
  it('is what stands, the gravest and oldest first', () => expect(standing(all).map((a) => a.id)).toEqual(['grave', 'old', 'new']));
  it('is what is shelved', () => expect(shelved(all).map((a) => a.id)).toEqual(['aside']));
  it('is told once', () => expect(union(all, all)).toHaveLength(all.length));
});
