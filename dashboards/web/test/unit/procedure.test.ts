import { afterEach, describe, expect, it, vi } from 'vitest';
import { asked, target } from '../../dispatch/escalation';
import { FloodWatch, over } from '../../dispatch/flood.svelte';
import { said as sentence } from '../../dispatch/log';
import { answered, path } from '../../dispatch/procedure';
import type { Answer, Procedure, Progress, Step } from '../../kit/types';

const step = (id: string, next: string, answers: Answer[] = []): Step => ({ id, text: id, next, answers });
const answer = (id: string, next: string): Answer => ({ id, label: id, next });
/** cut → look? yes → call → guard → after; no → guard → after */
const card: Procedure = {
  title: 'hot',
  steps: [step('cut', 'look'), step('look', '', [answer('yes', 'call'), answer('no', 'guard')]), step('call', 'guard'), step('guard', 'after'), step('after', '')],
};
const progress = (next: string, done: [string, string?][] = [], more: Partial<Progress> = {}): Progress => ({
  card, next, finished: false, done: done.map(([s, a]) => ({ step: s, at: `t-${s}`, actor: '陈静', answer: a ?? '' })), ...more,
});
const said = (p: Progress) => path(p).map((l) => `${l.at} ${l.step.id}${l.when ? ` if ${l.when.map((a) => a.id)}` : ''}`);

describe('the way through a card', () => {
  it('begins with its first step; what only one answer leads to says so', () => {
    expect(said(progress('cut'))).toEqual(['now cut', 'ahead look', 'ahead call', 'ahead guard', 'ahead after']);
    expect(said(progress('look', [['cut']]))).toEqual(['done cut', 'now look', 'ahead call if yes', 'ahead guard', 'ahead after']);
  });

  it('follows the answer', () => {
    expect(said(progress('call', [['cut'], ['look', 'yes']]))).toEqual(['done cut', 'done look', 'now call', 'ahead guard', 'ahead after']);
    expect(said(progress('guard', [['cut'], ['look', 'no']]))).toEqual(['done cut', 'done look', 'now guard', 'ahead after']);
    expect(answered(path(progress('guard', [['cut'], ['look', 'no']]))[1]!)?.id).toBe('no');
  });

  it('ends, and a card that has been changed meanwhile does not break it', () => {
    expect(said(progress('', [['cut'], ['look', 'no'], ['guard'], ['after']], { finished: true }))).toEqual(['done cut', 'done look', 'done guard', 'done after']);
    expect(said(progress('removed', [['gone'], ['cut']]))).toEqual(['done cut']);
    expect(said({ ...progress('cut'), done: null })[0]).toBe('now cut');
  });

  it('survives a card that leads back to itself', () => {
    const loop: Procedure = { steps: [step('a', 'b'), step('b', '', [answer('again', 'a'), answer('on', 'c')]), step('c', '')] };
    expect(path({ card: loop, done: [], next: 'a', finished: false }).map((l) => l.step.id)).toEqual(['a', 'b', 'c']);
  });
});

describe('escalation', () => {
  const now = Date.parse('2026-11-23T03:00:00Z');
  const at = (s: number) => new Date(now + s * 1000).toISOString();

  it.each<[string, number, number]>([['to come', 12, 12], ['a part of a second', 11.2, 12], ['due', 0, 0], ['late', -3, 0]])('counts down: %s', (_, s, want) =>
    expect(asked({ policy: 'life_safety', step: 1, to: ['on_duty'], names: ['陈静'], next_at: at(s), next_to: ['supervisor'] }, now)).toEqual({ to: ['on_duty'], names: ['陈静'], next: { to: ['supervisor'], inS: want } }));

  it('has no next one after the last step', () => {
    expect(asked({ policy: 'life_safety', step: 2, to: ['supervisor'], next_at: null }, now)).toEqual({ to: ['supervisor'], names: [] });
    expect(asked({ policy: 'life_safety', step: 0, to: null, next_at: at(5) }, now)).toEqual({ to: [], names: [], next: { to: [], inS: 5 } });
  });

  it.each([['on_duty', 'on_duty', ''], ['list:fire', 'list', 'fire'], ['user:u-1', 'user', 'u-1']])('%s', (to, sort, name) => expect(target(to)).toEqual({ sort, name }));
});

describe('the end of a flood', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('is not told by an answer that the stream has overtaken', async () => {
    const w = new FloodWatch();
    let answer: (r: Response) => void = () => {};
    vi.stubGlobal('fetch', () => new Promise<Response>((r) => (answer = r)));
    const asked = w.load();
    w.apply({ active: true, since: '2026-11-23T03:12:00Z' });
    answer(new Response(JSON.stringify({ active: false })));
    await asked;
    expect([w.active, w.ended]).toEqual([true, undefined]);
    w.apply({ active: false });
    expect(w.ended?.began_at).toBe('2026-11-23T03:12:00Z');
    w.read();
    expect(w.ended).toBeUndefined();
  });

  it('is told as the hub wrote it down, else as it was seen here', () => {
    const was = { active: true, since: '2026-11-23T03:12:00Z' };
    const end = new Date('2026-11-23T03:31:00Z');
    expect(over(was, { active: false, history: [{ began_at: was.since, ended_at: '2026-11-23T03:30:00Z', annunciations: 480 }] }, end)).toMatchObject({ ended_at: '2026-11-23T03:30:00Z', annunciations: 480 });
    expect(over(was, { active: false }, end)).toEqual({ began_at: was.since, ended_at: end.toISOString() });
  });
});

describe('a line of the journal', () => {
  const named: Procedure = { ...card, id: 'hot' };
  it.each([
    ['step', 'hot/look=yes', 'look yes'],
    ['step', 'hot/look=no: the smoke is steam', 'look no the smoke is steam'],
    ['step', 'hot/!look: the wrong picture', '撤回： look the wrong picture'],
    ['step', 'other/look=yes', 'other/look=yes'],
    ['step', 'hot/gone', 'hot/gone'],
    ['close', 'handled: 已换锁', '已处理 · 已换锁'],
    ['close', 'returned', 'returned'],
    ['shelve', 'timed: 等待维修: 周三', '定时 · 等待维修: 周三'],
    ['annunciate', 'new: held back by the flood', '新事件 · 洪水中未响铃'],
    ['escalate', 'life_safety 2/3: supervisor: 李明辉', '第 2/3 步：李明辉'],
    ['escalate', 'life_safety 3/3: list:fire, on_duty: 张, 王', '第 3/3 步：张, 王'],
    ['comment', 'handled: no', 'handled: no'],
  ])('%s %s', (what, text, want) => expect(sentence({ at: 't', actor: 'a', what, text }, named)).toBe(want));
});
