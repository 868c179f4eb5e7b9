import { describe, expect, it } from 'vitest';
import zhHans from '../../i18n/zh-Hans.json';
import { within } from '../../manage/doors/areas';
import { spread } from '../../manage/people/spread';
import { address, homes, tree, way } from '../../manage/people/tree';
import type { Opener, Person } from '../../manage/people/types';
import { between, months } from '../../manage/rights/months';
import { bands, days, fault, format, parse } from '../../manage/rights/schedule';

const zone = (id: string, zh = id) => ({ id, kind: 'unit', name: { zh, en: id } });
const person = (name: string, household: string, active = true) => ({ id: name, name, household, active, unit: 'east/b01/u1', kind: 'resident', groups: [], created_at: '' }) as Person;

describe('the tree of people', () => {
  it('hangs a zone below the one that its id lies in, and counts as people do', () => {
    const t = tree([zone('east/b01/u10', '10单元'), zone('east'), zone('east/b01'), zone('east/b01/u2', '2单元'), zone('lost/b9')]);
    expect(t.map((n) => n.zone.id)).toEqual(['east', 'lost/b9']);
    expect(t[0]?.below[0]?.below.map((n) => n.zone.id)).toEqual(['east/b01/u2', 'east/b01/u10']);
  });

  it('gathers homes; who has left stands last', () => {
    const h = homes([person('甲', '1002', false), person('乙', '1002'), person('丙', '302')]);
    expect(h.map((x) => [x.number, x.people.map((p) => p.name).join('')])).toEqual([
      ['302', '丙'],
      ['1002', '乙甲'],
    ]);
  });

  it('writes an address without saying a name twice', () => {
    expect(way('east/b01/u1')).toEqual(['east', 'east/b01', 'east/b01/u1']);
    expect(way('')).toEqual([]);
    expect(address(['东苑', '东苑1栋', '东苑1栋1单元'], '0302')).toBe('东苑1栋1单元 0302');
    expect(address(['East', 'Building 1'])).toBe('East Building 1');
  });
});

describe('a schedule', () => {
  it('is read and written in the words of the hub', () => {
    for (const s of ['always', 'mon-fri 07:00-19:00', 'mon-fri 07:00-19:00; sat,sun,holiday 08:00-12:00', 'fri 22:00-06:00', 'mon-sun,holiday 06:00-22:00']) {
      expect(format(parse(s) ?? [{ days: [], from: 'x', to: 'x' }])).toBe(s);
    }
    expect(parse('fri-mon 08:00-09:00')?.[0]?.days).toEqual(['mon', 'fri', 'sat', 'sun']);
    expect(parse('')).toEqual([]);
  });

  it('that cannot be read is told from one that always holds', () => {
    for (const s of ['mon', 'xyz 07:00-08:00', 'mon 07:00-07:00', 'mon 24:00-08:00', 'mon 07:00-25:00', 'mon-holiday 07:00-08:00', 'mon 7-8', ';']) expect(parse(s), s).toBeUndefined();
    expect(fault([{ days: [], from: '07:00', to: '08:00' }])).toBe('days');
    expect(fault([{ days: ['mon'], from: '07:0', to: '08:00' }])).toBe('hours');
    expect(fault([{ days: ['mon'], from: '07:00', to: '08:00' }])).toBe('');
  });

  it('is drawn over midnight, and holidays as Sundays where it names none', () => {
    expect(bands(parse('sun 22:00-06:00') ?? [])).toEqual([
      { row: 6, from: 1320, to: 1440 },
      { row: 0, from: 0, to: 360 },
      { row: 7, from: 1320, to: 1440 },
    ]);
    expect(bands(parse('holiday 08:00-24:00') ?? [])).toEqual([{ row: 7, from: 480, to: 1440 }]);
    expect(bands([])).toHaveLength(days.length);
  });
});

it('a year has its months, blanks before the first, and what the calendar says', () => {
  const m = months(2026, [{ day: '2026-10-01', kind: 'holiday', name: '国庆节' }, { day: '2026-10-10', kind: 'workday', name: '' }])[9];
  expect(m?.blanks).toBe(3); // 1 October 2026 is a Thursday
  expect(m?.days).toHaveLength(31);
  expect(m?.days[0]?.kind).toBe('holiday');
  expect(m?.days[9]).toEqual({ day: '2026-10-10', n: 10, kind: 'workday', weekend: true });
  expect(months(2028, [])[1]?.days).toHaveLength(29);
});

it('a span of days has both ends, and never more than a month', () => {
  expect(between('2026-12-31', '2027-01-02')).toEqual(['2026-12-31', '2027-01-01', '2027-01-02']);
  expect(between('2026-01-01', '')).toEqual(['2026-01-01']);
  expect(between('', '')).toEqual([]);
  expect(between('2026-01-02', '2026-01-01')).toEqual([]);
  expect(between('2026-01-01', '2030-01-01')).toHaveLength(31);
});

it('doors with the new list are counted among those that keep lists', () => {
  const o = (list: Opener['list']) => ({ list }) as Opener;
  expect(spread([o('current'), o('old'), o('none'), o('unsupported'), o('')])).toEqual({ all: 3, have: 1, without: 2 });
});

it('a door lies in a zone, in the community, or is named itself', () => {
  const d = { id: 'door-1', zone: 'east/b01/u1' };
  for (const a of ['', 'east', 'east/b01/u1', 'door:door-1']) expect(within([a], d), a).toBe(true);
  for (const a of ['eas', 'east/b01/u10', 'door:door-10', 'west']) expect(within([a], d), a).toBe(false);
});

it('every reason of a refusal has a plain sentence', () => {
  for (const r of ['unknown_credential', 'inactive', 'expired', 'not_yet_valid', 'lost_stolen', 'wrong_door', 'outside_schedule', 'pin_wrong', 'too_many_tries', 'clock_untrusted', 'device_untrusted', 'credential_class', 'credential_replay', 'qr_expired', 'consent_missing', 'lockdown', 'used_up', 'phone_unproven', 'interlock', 'first_person_missing', 'escort_missing', 'passback', 'two_person_incomplete', 'too_old', 'door_offline', 'other'])
    expect(zhHans).toHaveProperty([`explain.why.${r}`]);
});
