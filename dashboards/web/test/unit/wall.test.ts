import { describe, expect, it } from 'vitest';
import { area, assign, bring, claim, empty, fill, layouts, lead, release, side, tiles, type Slot } from '../../dispatch/wall';

const slots = (...cameras: (string | null)[]): Slot[] => [...cameras.map((camera) => ({ camera })), ...empty()].slice(0, 16);
const seen = (s: Slot[], n = 6) => s.slice(0, n).map((x) => (x.alarm ? `${x.camera}!` : x.camera));

describe('the wall', () => {
  it('gives every tile of a layout its own place', () => {
    for (const l of layouts) {
      const places = Array.from({ length: tiles[l] }, (_, i) => area(l, i));
      expect(new Set(places).size, l).toBe(tiles[l]);
      for (const p of places) for (const n of p.split(' / ')) expect(Number(n)).toBeLessThanOrEqual(side(l) + 1);
    }
  });

  it('fills free tiles in order, and drops cameras that are gone', () => {
    expect(seen(fill(slots('b', null, 'gone'), ['a', 'b', 'c']), 4)).toEqual(['b', 'a', 'c', null]);
  });

  it('swaps when the camera is already there', () => {
    expect(seen(assign(slots('a', 'b', 'c'), 0, 'c'), 3)).toEqual(['c', 'b', 'a']);
    expect(seen(assign(slots('a', 'b'), 1, 'x'), 3)).toEqual(['a', 'x', null]);
    expect(seen(assign(slots('a', 'b'), 0, null), 2)).toEqual([null, 'b']);
    expect(seen(assign(slots('a', 'b'), 0, 'a'), 2)).toEqual(['a', 'b']);
  });

  it('brings an alarm’s cameras to the front, the nearest first', () => {
    expect(seen(bring(slots('a', 'b', 'c', 'd'), 'A', ['x', 'c'], () => true, 6), 5)).toEqual(['x!', 'c!', 'b', 'd', null]);
  });

  it('leaves the tiles of an alarm that still stands', () => {
    const one = bring(slots('a', 'b', 'c', 'd'), 'A', ['a', 'b'], () => true, 6);
    const two = bring(one, 'B', ['x', 'a'], () => true, 6);
    expect(seen(two, 4)).toEqual(['a!', 'b!', 'x!', 'd']);
    expect(two[2]?.alarm).toBe('B');
    const later = bring(two, 'C', ['y'], (id) => id !== 'A', 6); // A is over: its tile is free
    expect(later[0]).toEqual({ camera: 'y', alarm: 'C' });
  });

  it('always shows a new alarm, however many stand', () => {
    let s = slots('a', 'b', 'c', 'd', 'e', 'f', 'g');
    for (let n = 1; n <= 9; n++) {
      s = bring(s, `A${n}`, [`x${n}`, `y${n}`], () => true, 6);
      expect(s.slice(0, 6).filter((t) => t.alarm === `A${n}`).map((t) => t.camera).sort()).toEqual([`x${n}`, `y${n}`]);
    }
    expect(s[0]?.alarm).toBe('A1');
    expect(new Set(s.map((t) => t.camera).filter(Boolean)).size).toBe(s.filter((t) => t.camera).length);
  });

  it('lets a grave alarm have the large tile of a lesser one, and nobody else', () => {
    const lesser = bring(slots('a', 'b', 'c'), 'high', ['x'], () => true, 6);
    const both = bring(lesser, 'critical', ['y'], () => true, 6);
    expect(seen(both, 3)).toEqual(['x!', 'y!', 'c']);
    expect(seen(lead(both, 'y', (other) => other === 'high', 6), 3)).toEqual(['y!', 'x!', 'c']);
    expect(lead(both, 'y', () => false, 6)).toBe(both);
    expect(lead(both, 'x', () => true, 6)).toBe(both); // it has it
    expect(lead(both, 'unseen', () => true, 6)).toBe(both);
  });

  it('marks a picture that two alarms share for the graver one', () => {
    const lesser = bring(slots('a', 'b', 'c'), 'high', ['a', 'b'], () => true, 6);
    const shared = claim(lesser, 'critical', ['b'], (other) => other === 'high', 6);
    expect(shared.slice(0, 3).map((s) => s.alarm)).toEqual(['high', 'critical', undefined]);
    expect(claim(lesser, 'other', ['b'], () => false, 6)).toEqual(lesser);
  });

  it('takes marks away when alarms are over, and nothing else', () => {
    const s = bring(slots('a', 'b'), 'A', ['a'], () => true, 6);
    expect(release(s, () => true)).toBe(s);
    expect(seen(release(s, () => false), 2)).toEqual(['a', 'b']);
  });
});
