import { describe, expect, it } from 'vitest';
import { around, box, clamp, cone, dots, fit, nearest, zoom } from '../../dispatch/plan';

describe('the plan', () => {
  it('takes only zones with a shape', () => {
    const z = { id: 'z', kind: 'unit', name: 'z' };
    expect(box({ ...z, shape: [1, 2, 3, 4] })).toEqual({ x: 1, y: 2, w: 3, h: 4 });
    for (const shape of [undefined, null, [], [0, 0, 0, 0], [1, 2, 3]]) expect(box({ ...z, shape })).toBeUndefined();
  });

  it('shows all of a box in a view of any shape, and survives a hidden one', () => {
    const b = { x: 10, y: 20, w: 100, h: 50 };
    for (const [w, h] of [[400, 400], [900, 100], [100, 900], [0, 0]] as const) {
      const v = fit(b, w, h);
      expect(v.x).toBeLessThanOrEqual(10);
      expect(v.y).toBeLessThanOrEqual(20);
      expect(v.x + v.w).toBeGreaterThanOrEqual(110);
      expect(v.y + v.h).toBeGreaterThanOrEqual(70);
      expect(v.w / v.h).toBeCloseTo(Math.max(w, 1) / Math.max(h, 1));
    }
    expect(around([], 5)).toMatchObject({ w: 100 });
  });

  it('zooms about the pointer and within its limits', () => {
    const v = { x: 0, y: 0, w: 100, h: 50 };
    const z = zoom(v, 0.5, 20, 10, 10, 1000);
    expect(z).toEqual({ x: 10, y: 5, w: 50, h: 25 });
    expect(zoom(v, 0.001, 0, 0, 10, 1000).w).toBe(10);
    expect(zoom(v, 1000, 0, 0, 10, 1000).w).toBe(1000);
  });

  it('keeps the estate in sight', () => {
    const plan = { x: 0, y: 0, w: 500, h: 390 };
    const v = clamp({ x: 9000, y: -9000, w: 100, h: 100 }, plan);
    expect(v.x + v.w / 2).toBe(500);
    expect(v.y + v.h / 2).toBe(0);
  });

  it('looks north at 0 degrees, clockwise', () => {
    expect(cone(0, 0, 0, 0, 10)).toBe('M0 0L0.0 -10.0A10 10 0 0 1 0.0 -10.0Z');
    expect(cone(0, 0, 90, 0, 10)).toMatch(/^M0 0L10\.0 -?0\.0A/);
  });

  it('draws only what has a place, and finds the nearest in reach', () => {
    const things = [{ id: 1, x: 0, y: 0 }, { id: 2, x: 5, y: 0 }, { id: 3 }];
    expect(dots(things)).toBe('M0 0h0M5 0h0');
    expect(nearest(things, 4, 0, 3)?.id).toBe(2);
    expect(nearest(things, 50, 50, 3)).toBeUndefined();
  });
});
