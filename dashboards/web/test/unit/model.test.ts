import { describe, expect, it } from 'vitest';
import { Model } from '../../kit/model';
import type { Alarm, Device } from '../../kit/types';

const alarm = (seq: number, state: Alarm['state'], more: Partial<Alarm> = {}): Alarm => ({
  id: 'a1', seq, rule: 'r', device: 'd', priority: 'critical', state, title: { zh: '过热', en: 'hot' }, raised_at: '2026-11-23T03:00:00Z', ...more,
});
const device = (id: string, online = true): Device => ({ id, kind: 'lamp', name: id, zone: 'east', online });

describe('the model', () => {
  it('ignores a change that a later one has overtaken', () => {
    const m = new Model();
    m.apply('alarm', alarm(9, 'acked_active'));
    m.apply('alarm', alarm(8, 'unacked_active'));
    expect(m.alarms.get('a1')?.state).toBe('acked_active');
  });

  it('keeps the journal when a change comes without it', () => {
    const m = new Model();
    m.apply('alarm', alarm(1, 'unacked_active', { journal: [{ at: 't', actor: 'hub', what: 'raise' }] }));
    m.apply('alarm', alarm(2, 'acked_active'));
    expect(m.alarms.get('a1')?.journal).toHaveLength(1);
  });

  it('does not let an older list undo a change', () => {
    const m = new Model();
    m.load(m.devices, [device('x'), device('gone')], m.mark());
    const asked = m.mark();
    m.apply('device', device('x', false)); // while the list is on its way
    m.apply('device', device('fresh'));
    m.load(m.devices, [device('x', true), device('y')], asked);
    expect(m.devices.get('x')?.online).toBe(false);
    expect([...m.devices.keys()].sort()).toEqual(['fresh', 'x', 'y']);
  });

  it('puts telemetry into the twin, per part', () => {
    const m = new Model();
    m.load(m.devices, [{ ...device('c'), values: { 7: { temp_c: { v: 30, at: 'old' }, power_w: { v: 300, at: 'old' } } } }], m.mark());
    m.apply('twin', { device: 'c', at: 'now', values: { 7: { temp_c: 82, state: 'charging' }, 8: { temp_c: { v: 25, at: 'then' } } } });
    expect(m.devices.get('c')?.values).toEqual({
      7: { temp_c: { v: 82, at: 'now' }, power_w: { v: 300, at: 'old' }, state: { v: 0, text: 'charging', at: 'now' } },
      8: { temp_c: { v: 25, at: 'then' } },
    });
    expect(() => m.apply('twin', { device: 'unknown', at: 'now' })).not.toThrow();
  });

  it('bounds what only grows', () => {
    const m = new Model();
    for (let i = 0; i < 500; i++) {
      m.apply('badge', { at: 't', door: 'd', decision: 'granted', id: i });
      m.apply('command', { id: `c${i}`, device: 'd', type: 'unlock', status: 'sent' });
    }
    expect(m.badges).toHaveLength(200);
    expect(m.badges[0]?.id).toBe(499);
    expect(m.commands.size).toBe(300);
    expect(m.commands.has('c499')).toBe(true);
  });

  it('takes incidents, and of two changes the later one', () => {
    const m = new Model();
    m.apply('incident', { id: 'i', seq: 9, state: 'acked_active', alarms: 4 });
    m.apply('incident', { id: 'i', seq: 8, state: 'unacked_active', alarms: 3 });
    expect(m.incidents.get('i')).toMatchObject({ state: 'acked_active', alarms: 4 });
  });

  it('forgets the oldest closed alarms of very many, never an open one', () => {
    const m = new Model();
    for (let i = 0; i < 21_000; i++) m.apply('alarm', { ...alarm(i, 'normal', { closed_at: i % 4 ? 't' : null }), id: `a${i}` });
    expect(m.alarms.size).toBeLessThan(20_300);
    expect([...m.alarms.values()].filter((a) => !a.closed_at)).toHaveLength(5250);
    expect(m.alarms.has('a1')).toBe(false);
  });

  it('survives what it does not know', () => {
    const m = new Model();
    m.apply('weather', { rain: true });
    m.apply('device', {});
    m.apply('alarm', {});
    expect(m.alarms.size).toBe(0);
    expect(m.devices.size).toBe(0);
  });
});
