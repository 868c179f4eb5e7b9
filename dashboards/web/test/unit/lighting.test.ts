import { describe, expect, it } from 'vitest';
import { across, bands, clockOf, steps } from '../../manage/lighting/curve';

const night = {
  date: '2026-11-28',
  begins: '2026-11-28T04:00:00Z',
  sunset: '2026-11-28T10:00:00Z',
  dusk: '2026-11-28T10:24:00Z',
  dawn: '2026-11-28T23:00:00Z',
  sunrise: '2026-11-28T23:24:00Z',
};

describe('the curve of a night', () => {
  it('runs from noon to noon and is cut at its ends', () => {
    expect(across('2026-11-28T10:00:00Z', night)).toBe(0.25);
    expect(across('2026-11-28T01:00:00Z', night)).toBe(0);
    expect(across('2026-11-30T01:00:00Z', night)).toBe(1);
  });
  it('draws the programme in steps, full brightness on top', () => {
    const points = [
      { at: night.begins, pct: 0 },
      { at: '2026-11-28T10:00:00Z', pct: 100 },
      { at: '2026-11-28T16:00:00Z', pct: 60 },
    ];
    expect(steps(points, night, 1000, 100)).toBe('M0 100H0H250V0H500V40H1000');
    expect(steps([], night, 1000, 100)).toBe('');
  });
  it('has twilight on both sides of the night, and none where the sun does not set', () => {
    expect(bands(night).map((b) => b.kind)).toEqual(['twilight', 'night', 'twilight']);
    expect(bands({ ...night, sunset: null })).toEqual([]);
  });
  it('speaks of times on the community clock', () => {
    expect(clockOf('Asia/Shanghai')('2026-11-28T10:00:00Z')).toBe('18:00');
  });
});
