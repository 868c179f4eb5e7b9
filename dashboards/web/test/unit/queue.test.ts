import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { QueueState } from '../../dispatch/queue.svelte';
import { Model } from '../../kit/model';
import type { Alarm, Incident } from '../../kit/types';

const at = (s: number) => new Date(Date.parse('2026-11-23T03:00:00Z') + s * 1000).toISOString();
const alarm = (id: string, incident: string, more: Partial<Alarm> = {}): Alarm => ({
  id, incident, rule: 'r', device: id, priority: 'low', state: 'unacked_active', title: { zh: id, en: id }, raised_at: at(0), ...more,
});
const incident = (id: string, root: string, alarms: number, more: Partial<Incident> = {}): Incident => ({
  id, root, alarms, title: { zh: id, en: id }, priority: 'low', state: 'unacked_active', raised_at: at(0), ...more,
});

let model: Model;
let flooded: boolean;
const make = () => new QueueState(model, () => 0, () => flooded);
const lines = (q: QueueState) => q.lines.map((r) => (r.alarm ? `  ${r.alarm.id}` : r.item.id));

beforeEach(() => {
  vi.useFakeTimers();
  model = new Model();
  flooded = false;
  model.apply('incident', incident('power', 'p1', 3, { priority: 'high' }));
  for (const id of ['p1', 'p2', 'p3']) model.apply('alarm', alarm(id, 'power'));
  model.apply('incident', incident('door', 'd1', 1, { priority: 'medium' }));
  model.apply('alarm', alarm('d1', 'door'));
});
afterEach(() => vi.useRealTimers());

describe('the lines of the queue', () => {
  it('are incidents, and below one that is unfolded its alarms', () => {
    const q = make();
    expect(lines(q)).toEqual(['power', 'door']);
    q.unfold('power');
    q.unfold('door'); // one alarm: nothing to show below it
    expect(lines(q)).toEqual(['power', '  p1', '  p2', '  p3', 'door']);
    q.unfold('power', false);
    expect(lines(q)).toEqual(['power', 'door']);
  });

  it('rest while the pointer moves over them: what is new comes below, and nothing in between', () => {
    const q = make();
    q.unfold('power');
    q.rest();
    model.apply('incident', incident('fire', 'f1', 1, { priority: 'critical' }));
    model.apply('alarm', alarm('f1', 'fire'));
    model.apply('alarm', alarm('p4', 'power'));
    const now = make();
    expect(lines(now)[0]).toBe('fire');
    expect(lines(q)).toEqual(['power', '  p1', '  p2', '  p3', 'door', 'fire']);
    vi.advanceTimersByTime(1000);
    expect(lines(q)).toEqual(['fire', 'power', '  p1', '  p2', '  p3', '  p4', 'door']);
  });

  it('have drills at their end, which are counted apart', () => {
    model.apply('incident', incident('drill', 'x1', 1, { priority: 'critical', drill: true, life_safety: true }));
    model.apply('alarm', alarm('x1', 'drill', { drill: true }));
    const q = make();
    expect(lines(q)).toEqual(['power', 'door', 'drill']);
    expect(q.items).toHaveLength(2);
    expect(q.kpis.unacked).toBe(2);
  });

  it('are few in a flood, until all are asked for', () => {
    for (let i = 0; i < 20; i++) model.apply('alarm', alarm(`s${i}`, ''));
    flooded = true;
    const q = make();
    expect(q.lines).toHaveLength(10);
    expect(q.folded).toHaveLength(12);
    q.showWhole(true);
    expect(q.lines).toHaveLength(22);
  });
});

describe('the selection', () => {
  it('moves over the lines, and says what an action is for', () => {
    const q = make();
    q.unfold('power');
    q.step(1);
    expect(q.target()).toEqual({ kind: 'incidents', id: 'power' });
    q.step(2);
    expect([q.line, q.alarm?.id, q.target()]).toEqual(['power p2', 'p2', { kind: 'alarms', id: 'p2' }]);
    q.step(9);
    expect(q.target()).toEqual({ kind: 'incidents', id: 'door' });
    q.step(-99);
    expect(q.alarm?.id).toBe('p1');
  });

  it('is the incident again when its alarms are folded', () => {
    const q = make();
    q.unfold('power');
    q.select('power', 'p3');
    q.unfold('power', false);
    expect(q.target()).toEqual({ kind: 'incidents', id: 'power' });
  });

  it('is an alarm where the hub has told of no incident', () => {
    model.apply('alarm', alarm('solo', ''));
    const q = make();
    q.selectAlarm('solo');
    expect(q.target()).toEqual({ kind: 'alarms', id: 'solo' });
  });

  it('of an alarm is its incident, and of many alarms that one', () => {
    const q = make();
    q.selectAlarm('p3');
    expect([q.current, q.member]).toEqual(['power', 'p3']);
    q.selectAlarm('p1');
    expect([q.current, q.member]).toEqual(['power', undefined]); // the root speaks for all
    q.selectAlarm('unknown');
    expect(q.current).toBe('power');
  });

  it('follows an alarm that the hub puts into another incident', () => {
    const q = make();
    q.selectAlarm('d1');
    model.apply('incident', incident('door', 'd1', 0, { merged_into: 'power' }));
    model.apply('alarm', alarm('d1', 'power'));
    expect(make().all.map((i) => i.id)).toEqual(['power']);
    expect(q.item?.id).toBe('power');
  });

  it('never stays on what another list does not show', () => {
    model.apply('alarm', alarm('p3', 'power', { state: 'shelved' }));
    const q = make();
    q.select('door');
    q.show('shelved');
    expect([q.current, q.alarm?.id]).toEqual(['power', 'p3']);
    q.show('out');
    expect([q.current, q.target()]).toEqual([undefined, undefined]);
    q.show('open');
    expect(q.current).toBe('power');
  });
});

describe('an acknowledgement', () => {
  it('says how far the incident was seen; one of a single alarm, or of a part, does not', () => {
    model.apply('incident', incident('power', 'p1', 3, { priority: 'high', last_at: at(7) }));
    const q = make();
    q.select('power');
    expect(q.seen()).toEqual({ seen_at: at(7) });
    q.select('power', 'p2');
    expect(q.seen()).toEqual({});
    q.select('power');
    q.list = 'shelved';
    expect(q.seen()).toEqual({});
  });
});
