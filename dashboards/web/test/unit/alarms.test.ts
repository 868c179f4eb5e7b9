import { describe, expect, it } from 'vitest';
import { hold, isOpen, isUnacked, kpis, queue } from '../../kit/alarms';
import type { Alarm, AlarmState, Priority } from '../../kit/types';

const t0 = Date.parse('2026-11-23T03:00:00Z');
const alarm = (id: string, priority: Priority, state: AlarmState, ageS: number, more: Partial<Alarm> = {}): Alarm => ({
  id, rule: 'r', device: 'd', priority, state, title: { zh: id, en: id }, raised_at: new Date(t0 - ageS * 1000).toISOString(), ...more,
});

describe('queue', () => {
  it('puts priority first, then what nobody acknowledged, then the newest', () => {
    const q = queue([
      alarm('low', 'low', 'unacked_active', 1),
      alarm('high-old', 'high', 'unacked_active', 60),
      alarm('high-acked', 'high', 'acked_active', 2),
      alarm('crit-acked', 'critical', 'acked_active', 90),
      alarm('high-new', 'high', 'unacked_active', 5),
      alarm('medium', 'medium', 'unacked_returned', 3),
    ]);
    expect(q.map((a) => a.id)).toEqual(['crit-acked', 'high-new', 'high-old', 'high-acked', 'medium', 'low']);
  });

  it.each<[AlarmState, boolean, boolean]>([
    ['unacked_active', true, true],
    ['unacked_returned', true, true],
    ['acked_active', true, false],
    ['normal', false, false],
    ['shelved', false, false],
    ['suppressed', false, false],
    ['out_of_service', false, false],
  ])('%s: open %s, unacknowledged %s', (state, open, unacked) => {
    const a = alarm('a', 'low', state, 0);
    expect([isOpen(a), isUnacked(a)]).toEqual([open, unacked]);
  });

  it('leaves closed alarms out whatever their state', () => {
    expect(queue([alarm('a', 'critical', 'unacked_active', 1, { closed_at: new Date(t0).toISOString() })])).toEqual([]);
  });

  it('settles ties by id, so that rows do not swap', () => {
    const [a, b] = [alarm('a', 'high', 'unacked_active', 5), alarm('b', 'high', 'unacked_active', 5)];
    expect(queue([b, a]).map((x) => x.id)).toEqual(queue([a, b]).map((x) => x.id));
  });

  it('keeps rows under the pointer and adds new ones below', () => {
    const old = [alarm('a', 'high', 'unacked_active', 9), alarm('b', 'low', 'unacked_active', 9)];
    const now = queue([...old, alarm('new', 'critical', 'unacked_active', 0)]);
    expect(now[0]?.id).toBe('new');
    expect(hold(['a', 'b'], now).map((x) => x.id)).toEqual(['a', 'b', 'new']);
  });
});

describe('kpis', () => {
  it('counts, finds the worst and its oldest, and the median', () => {
    const acked = (s: number, ageS: number) => alarm(`k${s}`, 'low', 'acked_active', ageS, { acked_at: new Date(t0 - ageS * 1000 + s * 1000).toISOString() });
    const k = kpis([
      alarm('h1', 'high', 'unacked_active', 50),
      alarm('h2', 'high', 'unacked_active', 500),
      alarm('l', 'low', 'unacked_active', 5000),
      acked(10, 700), acked(30, 800), acked(20, 900),
    ], t0);
    expect(k).toMatchObject({ unacked: 3, perTenMinutes: 2, medianAck: 20_000, worst: 'high' });
    expect(k.oldest?.id).toBe('h2');
  });

  it('has no median when nothing was acknowledged in the shift', () => {
    expect(kpis([alarm('a', 'low', 'acked_active', 9 * 3600, { acked_at: new Date(t0).toISOString() })], t0).medianAck).toBeUndefined();
    expect(kpis([], t0)).toMatchObject({ unacked: 0, worst: undefined });
  });
});
