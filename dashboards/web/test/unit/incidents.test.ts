import { describe, expect, it } from 'vitest';
import { compare, shelfOf, sounds } from '../../kit/alarms';
import { aside, byPriority, floodCap, incidents, members, summed } from '../../kit/incidents';
import type { Alarm, AlarmState, Incident, Priority } from '../../kit/types';

const t0 = Date.parse('2026-11-23T03:00:00Z');
const at = (ageS: number) => new Date(t0 - ageS * 1000).toISOString();
const alarm = (id: string, incident: string, priority: Priority = 'low', more: Partial<Alarm> = {}): Alarm => ({
  id, incident, rule: 'r', device: `d-${id}`, priority, state: 'unacked_active', title: { zh: id, en: id }, raised_at: at(10), ...more,
});
const incident = (id: string, more: Partial<Incident> = {}): Incident => ({
  id, root: 'a', title: { zh: id, en: id }, priority: 'high', state: 'unacked_active', alarms: 1, raised_at: at(10), ...more,
});
const map = (...is: Incident[]) => new Map(is.map((i) => [i.id, i]));

describe('incidents', () => {
  it('are the hub’s, and for alarms that it has not grouped yet their own', () => {
    const all = incidents(map(incident('i1')), [alarm('a', 'i1'), alarm('b', 'i2', 'medium'), alarm('c', 'i2', 'critical'), alarm('d', '')]);
    expect(all.map((i) => [i.id, i.root, i.alarms])).toEqual([['i1', 'a', 1], ['i2', 'c', 2], ['d', 'd', 1]]);
  });

  it('that were merged into another are not shown', () =>
    expect(incidents(map(incident('gone', { merged_into: 'i1' }), incident('i1')), [alarm('a', 'i1')]).map((i) => i.id)).toEqual(['i1']));

  it('sum up what their alarms say', () => {
    const i = summed('i', [
      alarm('old', 'i', 'high', { state: 'acked_active', raised_at: at(90), count: 3 }),
      alarm('new', 'i', 'high', { raised_at: at(5), life_safety: true }),
      alarm('gone', 'i', 'critical', { state: 'normal', closed_at: at(1) }),
    ]);
    expect(i).toMatchObject({ root: 'old', state: 'unacked_active', priority: 'high', alarms: 3, raw: 5, life_safety: true, drill: false, closed_at: null });
    expect(summed('i', [alarm('x', 'i', 'low', { state: 'normal', closed_at: at(1) })])).toMatchObject({ state: 'normal', closed_at: at(1) });
    expect(summed('i', [alarm('x', 'i', 'low', { drill: true }), alarm('y', 'i')]).drill).toBe(false);
  });

  it('list their alarms with the root first, the others as they came', () => {
    const all = [alarm('late', 'i', 'critical', { raised_at: at(1) }), alarm('early', 'i', 'low', { raised_at: at(50) }), alarm('root', 'i', 'low', { raised_at: at(20) }), alarm('other', 'x')];
    expect(members(all, 'i', 'root').map((a) => a.id)).toEqual(['root', 'early', 'late']);
    // the hub leaves zeros at the end of a second out
    const second = [alarm('a-later', 'j', 'high', { raised_at: '2026-01-01T03:00:00.05Z' }), alarm('b-first', 'j', 'high', { raised_at: '2026-01-01T03:00:00Z' })];
    expect(members(second, 'j', '').map((a) => a.id)).toEqual(['b-first', 'a-later']);
    expect(members([...all, alarm('put', 'i', 'low', { state: 'shelved' })], 'i', 'root', 'shelved').map((a) => a.id)).toEqual(['put']);
  });

  it('are listed aside with only those alarms that are put aside', () => {
    const known = map(incident('i', { alarms: 3, title: { zh: '停电', en: 'no power' }, root: 'r' }), incident('j', { alarms: 1, title: { zh: '门', en: 'door' }, root: 'c', state: 'shelved' }));
    const rows = aside(known, [alarm('a', 'i'), alarm('b', 'i', 'low', { state: 'shelved', shelved_until: at(-60) }), alarm('c', 'j', 'medium', { state: 'shelved' }), alarm('s', 'k', 'low', { state: 'suppressed' })], 'shelved');
    expect(rows.map((r) => [r.id, r.root, r.alarms, r.title.en])).toEqual([['j', 'c', 1, 'door'], ['i', 'b', 1, 'b']]);
    expect(rows[1]).toMatchObject({ state: 'shelved', shelved_until: at(-60) });
    expect(aside(known, [alarm('s', 'k', 'low', { state: 'suppressed' }), alarm('o', 'l', 'low', { state: 'out_of_service' })], 'out').map((r) => r.id)).toEqual(['k', 'l']);
  });

  it.each<[AlarmState, string | undefined]>([
    ['unacked_active', 'open'], ['acked_active', 'open'], ['unacked_returned', 'open'], ['normal', undefined], ['shelved', 'shelved'], ['suppressed', 'out'], ['out_of_service', 'out'],
  ])('%s stands in the list %s, closed in none', (state, want) => {
    expect(shelfOf({ state })).toBe(want);
    expect(shelfOf({ state, closed_at: at(0) })).toBeUndefined();
  });

  it('come life safety first, drills last', () => {
    const is = [
      incident('drill', { priority: 'critical', drill: true, life_safety: true }),
      incident('critical', { priority: 'critical' }),
      incident('sos', { priority: 'high', life_safety: true }),
      incident('acked', { priority: 'critical', state: 'acked_active' }),
    ];
    expect(is.sort(compare).map((i) => i.id)).toEqual(['sos', 'critical', 'acked', 'drill']);
  });
});

describe('a flood', () => {
  const sorted = Array.from({ length: 14 }, (_, n) => incident(`i${n}`, { priority: n < 3 ? 'high' : 'low' }));

  it('shows no more than so many, and folds the rest', () => {
    const { shown, folded } = floodCap(sorted, 10);
    expect(shown).toHaveLength(10);
    expect(folded.map((i) => i.id)).toEqual(['i10', 'i11', 'i12', 'i13']);
    expect(byPriority(sorted)).toEqual([['high', 3], ['low', 11]]);
  });

  it('never folds life safety, nor what is being looked at', () => {
    const vital = [...sorted.slice(0, 12), incident('sos', { life_safety: true }), ...sorted.slice(12)];
    const { shown, folded } = floodCap(vital, 10, 'i13');
    expect(shown.map((i) => i.id)).toEqual([...sorted.slice(0, 10).map((i) => i.id), 'sos', 'i13']);
    expect(shown.length + folded.length).toBe(vital.length);
  });
});

it.each<[Partial<Alarm>, boolean]>([[{}, true], [{ silent: true }, false], [{ drill: true }, false], [{ state: 'shelved' }, false], [{ state: 'acked_active' }, true]])('an alarm with %j sounds: %s', (more, want) =>
  expect(sounds(alarm('a', 'i', 'high', more))).toBe(want));
