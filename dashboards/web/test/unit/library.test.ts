import { describe, expect, it } from 'vitest';
import { missing, times } from '../../manage/broadcasts/schedule';
import { ahead, freeID, isMoment, lastHolds, momentAt, preview, usedBy, withOne, type Plan } from '../../manage/lighting/plan';

describe('times of a schedule as somebody types them', () => {
  it('are taken in any of their forms, sorted, each once', () => {
    expect(times('18：00, 7:30 07:30、19.15')).toEqual(['07:30', '18:00', '19:15']);
    expect(times('')).toEqual([]);
  });
  it('are none when one of them is none', () => {
    for (const bad of ['24:00', '7:60', 'noon', '7', '07:3']) expect(times(bad), bad).toBeUndefined();
  });
  it('are among what a schedule needs', () => {
    const s = { name: 'a', enabled: true, zones: ['east'], text: 'x', priority: 5, times: [] };
    expect(missing({ ...s, name: ' ' }, '7:30')).toBe('name');
    expect(missing({ ...s, zones: [] }, '7:30')).toBe('zones');
    expect(missing({ ...s, text: ' ' }, '7:30')).toBe('what');
    expect(missing(s, 'x')).toBe('times');
    expect(missing({ ...s, text: '', recording: 'r' }, '7:30')).toBe('');
  });
});

const night = { date: '2026-11-28', begins: '2026-11-28T04:00:00Z', sunset: '2026-11-28T10:00:00Z', dusk: '2026-11-28T10:24:00Z', dawn: null, sunrise: '2026-11-28T23:24:00Z' };

describe('a lighting plan in the form', () => {
  it('knows the times that the hub takes', () => {
    for (const good of ['23:00', '00:05', 'sunset', 'dusk+15m', 'sunrise-180m']) expect(isMoment(good), good).toBe(true);
    for (const bad of ['24:00', '9:00', 'noon', 'sunset+15', 'dusk+181m', '']) expect(isMoment(bad), bad).toBe(false);
  });
  it('puts them into the night on the community clock', () => {
    expect(ahead('Asia/Shanghai', Date.parse(night.begins))).toBe(480);
    const at = (s: string) => new Date(momentAt(s, night, 480)!).toISOString();
    expect(at('23:00')).toBe('2026-11-28T15:00:00.000Z');
    expect(at('05:00')).toBe('2026-11-28T21:00:00.000Z');
    expect(at('sunset-10m')).toBe('2026-11-28T09:50:00.000Z');
    expect(momentAt('dawn', night, 480)).toBeUndefined();
  });
  it('draws what is right and leaves out what is being typed', () => {
    const points = preview([{ at: '23:00', pct: 60 }, { at: 'sunset', pct: 100 }, { at: 'sun', pct: 5 }, { at: 'dusk', pct: 500 }], night, 'Asia/Shanghai');
    expect(points.map((p) => p.pct)).toEqual([0, 100, 60]);
  });
  it('lights nothing by the clock behind the sunrise that ends the night', () => {
    const june = { ...night, sunset: '2026-06-21T11:01:00Z', sunrise: '2026-06-21T20:51:00Z', begins: '2026-06-21T04:00:00Z' };
    const points = preview([{ at: 'sunset', pct: 100 }, { at: '23:00', pct: 60 }, { at: '05:00', pct: 100 }, { at: 'sunrise-10m', pct: 0 }], june, 'Asia/Shanghai');
    expect(points.map((p) => p.pct)).toEqual([0, 100, 60, 0]);
  });
  it('keeps what is used, names what is new and wants a rule for every night', () => {
    const plan: Plan = {
      programmes: [{ id: 'night', name: { zh: '', en: '' } }, { id: 'programme-1', name: { zh: '', en: '' } }],
      calendars: [{ id: 'paths', name: { zh: '', en: '' }, rules: [{ programme: 'night' }] }],
      groups: [{ id: 'all', name: { zh: '', en: '' }, calendar: 'paths' }],
    };
    expect([usedBy(plan, 'programmes', 'night'), usedBy(plan, 'programmes', 'programme-1'), usedBy(plan, 'calendars', 'paths')]).toEqual([true, false, true]);
    expect(freeID('programme', plan.programmes)).toBe('programme-2');
    expect(withOne(plan.programmes, { id: 'x', name: { zh: '', en: '' } })).toHaveLength(3);
    expect(withOne(plan.programmes, { id: 'night', name: { zh: 'n', en: '' } })[0]!.name.zh).toBe('n');
    expect([lastHolds([{ programme: 'a', from: '10-01' }]), lastHolds([]), lastHolds([{ programme: 'a', weekdays: [] }])]).toEqual([false, false, true]);
  });
});
