import { describe, expect, it } from 'vitest';
import type { Override, Shift } from '../../manage/rota/types';
import { lengthOf, minutesOf, monday, onSite, plusDays, rows, timeOf, week, type Piece } from '../../manage/rota/week';

const all = [1, 2, 3, 4, 5, 6, 7];
const shift = (id: string, from: string, to: string, days = all, team = [`u-${id}`]): Shift => ({ id, name: { zh: id, en: id }, from, to, days, team, supervisor: 'boss' });
const start = monday(new Date(2026, 10, 25, 12).getTime()); // Monday, 23 November 2026
const at = (day: number, hhmm: string) => new Date(plusDays(start, day).getTime() + minutesOf(hhmm) * 60_000).toISOString();
const swap = (from: string, to: string, out: string, into: string): Override => ({ id: 'o', from, to, out, in: into, reason: 'ill' });
const show = (p: Piece) => `${p.day} ${timeOf(p.from)}-${timeOf(p.to)} ${p.shift || '–'}${p.shift ? `: ${p.people.join(' ')}` : ''}`;

describe('a week', () => {
  it('begins on a Monday', () => {
    expect([start.getDay(), start.getDate(), start.getHours()]).toEqual([1, 23, 0]);
    expect(monday(new Date(2026, 10, 29, 23, 59).getTime()).getDate()).toBe(23);
    expect(monday(new Date(2026, 10, 30).getTime()).getDate()).toBe(30);
  });

  it('is covered by a day and a night, the night in two pieces', () => {
    const w = week([shift('day', '07:00', '19:00'), shift('night', '19:00', '07:00')], [], start);
    expect(w.filter((p) => p.day === 3).map(show)).toEqual(['3 00:00-07:00 night: u-night', '3 07:00-19:00 day: u-day', '3 19:00-24:00 night: u-night']);
    expect(w.filter((p) => !p.shift)).toEqual([]);
    expect(w.filter((p) => p.day === 0)[0]).toMatchObject({ before: true, after: false }); // Sunday's night
    expect(w.at(-1)).toMatchObject({ day: 6, before: false, after: true });
  });

  it('shows the times that nobody covers', () => {
    const w = week([shift('day', '08:00', '20:00', [1, 2, 3, 4, 5]), shift('nobody', '20:00', '24:00', [1], [])], [], start);
    expect(w.filter((p) => !p.shift).map(show).slice(0, 3)).toEqual(['0 00:00-08:00 –', '0 20:00-24:00 –', '1 00:00-08:00 –']);
    expect(w.filter((p) => p.day === 6).map(show)).toEqual(['6 00:00-24:00 –']);
  });

  it('is cut where somebody stands in, across midnight too', () => {
    const w = week([shift('night', '19:00', '07:00', [1], ['chen', 'li'])], [swap(at(0, '22:00'), at(1, '03:00'), 'chen', 'wang')], start).filter((p) => p.shift);
    expect(w.map(show)).toEqual(['0 19:00-22:00 night: chen li', '0 22:00-24:00 night: li wang', '1 00:00-03:00 night: li wang', '1 03:00-07:00 night: chen li']);
    expect(w[1]?.swaps).toEqual([{ out: 'chen', in: 'wang', reason: 'ill' }]);
    expect(w[0]?.swaps).toEqual([]);
  });

  it('leaves other people’s stand-ins alone, replaces the supervisor, and names nobody twice', () => {
    const s = shift('day', '07:00', '19:00', [1], ['chen', 'li']);
    expect(week([s], [swap(at(0, '07:00'), at(0, '19:00'), 'zhao', 'wang')], start).filter((p) => p.shift)).toHaveLength(1);
    expect(week([s], [swap(at(0, '00:00'), at(1, '00:00'), 'boss', 'wang')], start).find((p) => p.shift)?.supervisor).toBe('wang');
    expect(week([s], [swap(at(0, '00:00'), at(1, '00:00'), 'chen', 'li')], start).find((p) => p.shift)?.people).toEqual(['li']);
  });

  it('with nobody in the place of the only one is a gap', () => {
    const w = week([shift('day', '00:00', '24:00', [1], ['chen'])], [swap(at(0, '06:00'), at(0, '08:00'), 'chen', '')], start);
    expect(w.filter((p) => p.day === 0 && !p.shift).map(show)).toEqual(['0 06:00-08:00 –']);
  });

  it('takes stand-ins one after the other, as they were written', () => {
    const w = week([shift('day', '00:00', '00:00', [1], ['chen'])], [swap(at(0, '00:00'), at(1, '00:00'), 'chen', 'li'), swap(at(0, '12:00'), at(1, '00:00'), 'li', 'wang')], start);
    expect(w.filter((p) => p.day === 0).map(show)).toEqual(['0 00:00-12:00 day: li', '0 12:00-24:00 day: wang']);
  });

  it('has those who come besides, who fill a gap too', () => {
    const w = week([shift('day', '00:00', '12:00', [1])], [swap(at(0, '18:00'), at(1, '02:00'), '', 'wang')], start);
    expect(w.filter((p) => p.day < 2).map((p) => `${show(p)} ${p.people.join()}`)).toEqual([
      '0 00:00-12:00 day: u-day u-day', '0 12:00-18:00 – ', '0 18:00-24:00 – wang', '1 00:00-02:00 – wang', '1 02:00-24:00 – ',
    ]);
  });

  it('without shifts is seven empty days', () => expect(week([], [], start)).toHaveLength(7));

  it('puts overlapping shifts into rows of their own', () => {
    const w = week([shift('a', '08:00', '16:00', [1]), shift('b', '12:00', '20:00', [1]), shift('c', '16:00', '18:00', [1])], [], start).filter((p) => p.day === 0 && p.shift);
    const r = rows(w);
    expect(w.map((p) => [p.shift, r.row.get(p)])).toEqual([['a', 0], ['b', 1], ['c', 0]]);
    expect([r.of, rows([]).of]).toEqual([2, 1]);
  });
});

it.each([['07:00', '19:00', 720], ['19:00', '07:00', 720], ['08:00', '08:00', 1440], ['00:00', '24:00', 1440], ['23:59', '00:00', 1]])('%s to %s lasts %i minutes', (from, to, want) =>
  expect(lengthOf({ from, to })).toBe(want));

it('shows a time by the site’s clock', () => {
  const noon = Date.parse('2026-11-23T04:00:00Z'); // 12:00 in Shanghai
  const d = new Date(onSite(noon, 'Asia/Shanghai'));
  expect([d.getDate(), d.getHours(), d.getMinutes()]).toEqual([23, 12, 0]);
  expect([onSite(noon, undefined), onSite(noon, 'Moon/Sea')]).toEqual([noon, noon]);
});
