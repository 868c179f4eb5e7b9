import { describe, expect, it } from 'vitest';
import { areFloors } from '../../manage/doors/floors';

describe('floors of a lift', () => {
  it.each(['', '1-6', '-1,1,3-18', '-2--1', ' 1 , 2 ', '5'])('%j are some', (text) => expect(areFloors(text)).toBe(true));
  it.each(['six', '3-1', '1-x', '1,,2', '1-2-3', '1;2', '1000'])('%j are none', (text) => expect(areFloors(text)).toBe(false));
});
