import { describe, expect, it } from 'vitest';
import { pageIn } from '../../kit/route.svelte';
import { at, tops } from '../../kit/virtual';

describe('a list of which only the rows in sight are drawn', () => {
  const ends = tops([60, 60, 40, 100]);

  it('knows where each row begins, and where it ends itself', () => expect([...ends]).toEqual([0, 60, 120, 160, 260]));
  it.each([[0, 0], [59, 0], [60, 1], [119.5, 1], [159, 2], [160, 3], [9999, 3], [-5, 0]])('%d px is row %d', (y, row) => expect(at(ends, y)).toBe(row));
  it('may be empty', () => expect([at(tops([]), 0), [...tops([])]]).toEqual([0, [0]]));
});

describe('a page in the address', () => {
  it.each([['#/rules', 'rules'], ['#/shift-report', 'shift-report'], ['', ''], ['#', ''], ['#rules', ''], ['#/a/b', '']])('%s', (hash, page) => expect(pageIn(hash)).toBe(page));
});
