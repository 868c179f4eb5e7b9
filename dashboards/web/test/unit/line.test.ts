import { describe, expect, test } from 'vitest';
import { around, dayOf, dayText, hour, minute, place, playable, portionFrom, recorded, stretch, ticks, wrong } from '../../manage/evidence/line';

const day = dayOf('2026-11-28');
const at = (h: number) => day.from + h * hour;
const spans = [
  { from: at(1), to: at(3) },
  { from: at(5), to: at(5) + 10 * minute },
];

describe('the time line', () => {
  test('a day is one of the browser’s clock', () => {
    expect(dayText(day.from)).toBe('2026-11-28');
    expect(dayText(day.to - 1)).toBe('2026-11-28');
    expect(dayText(day.to)).toBe('2026-11-29');
  });
  test('what is not in view has no place', () => {
    expect(place(at(6), day)).toBeCloseTo(25);
    expect(place(at(-1), day)).toBe(0);
    expect(stretch({ from: at(-2), to: at(-1) }, day)).toBeUndefined();
    expect(stretch({ from: at(-2), to: at(12) }, day)).toEqual({ left: 0, width: 50 });
    expect(stretch({ from: at(1), to: at(1) + 1 }, day)?.width).toBeGreaterThan(0); // a moment can be seen
  });
  test('a view stays within its day', () => {
    expect(around(at(0), hour, day)).toEqual({ from: at(0), to: at(1) });
    expect(around(at(24), hour, day)).toEqual({ from: at(23), to: at(24) });
    expect(around(at(12), 48 * hour, day)).toEqual({ from: day.from, to: day.to });
  });
  test('marks are whole moments, never more than asked for', () => {
    const m = ticks(day, 13);
    expect(m.length).toBeLessThanOrEqual(13);
    expect(m.every((x) => new Date(x).getMinutes() === 0)).toBe(true);
    expect(ticks({ from: at(1), to: at(1) + 10 * minute }, 12).length).toBeGreaterThan(5);
  });
  test('playing goes over gaps to what is recorded', () => {
    expect(playable(spans, at(2))).toBe(at(2));
    expect(playable(spans, at(0))).toBe(at(1));
    expect(playable(spans, at(3))).toBe(at(5));
    expect(playable(spans, at(6))).toBeUndefined();
    expect(portionFrom(spans, at(2))).toEqual({ from: at(2), to: at(2) + 30 * minute });
    expect(portionFrom(spans, at(5) + 9 * minute)).toEqual({ from: at(5) + 9 * minute, to: at(5) + 10 * minute });
    expect(portionFrom(spans, at(7))).toBeUndefined();
  });
  test('a choice that can’t be exported says why', () => {
    expect(recorded(spans, { from: at(2), to: at(6) })).toBe(hour + 10 * minute);
    expect(wrong(spans, { from: at(2), to: at(2) })).toBe('order');
    expect(wrong(spans, { from: at(2), to: NaN })).toBe('order');
    expect(wrong(spans, { from: at(2), to: at(3) })).toBe('long');
    expect(wrong(spans, { from: at(4), to: at(4) + minute })).toBe('empty');
    expect(wrong(spans, { from: at(2), to: at(2) + minute })).toBe('');
  });
});
