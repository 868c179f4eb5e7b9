import { describe, expect, it } from 'vitest';
import type { Warning } from '../../home/types';
import { holding, within } from '../../home/warnings.svelte';

const now = Date.parse('2026-07-01T08:00:00Z');
const w = (id: string, more: Partial<Warning> = {}): Warning => ({
  id,
  at: '2026-07-01T07:00:00Z',
  over: false,
  exercise: false,
  colour: 'red',
  headline: id,
  description: '',
  instruction: '',
  sender: '',
  area: '',
  zones: ['east', 'west'],
  until: '2026-07-01T09:00:00Z',
  ...more,
});

describe('warnings at a home', () => {
  it('are those of its place, of what lies around it and of the whole community', () => {
    expect(within('east/b01/u1', 'east')).toBe(true);
    expect(within('eastern', 'east')).toBe(false);
    expect(within('north', '')).toBe(true);
    const all = [w('a'), w('b', { zones: ['north'] }), w('c', { zones: [''] })];
    expect(holding(all, 'east/b01/u1', now).map((x) => x.id)).toEqual(['a', 'c']);
    expect(holding(all, '', now)).toHaveLength(3); // where somebody lives is not known: rather one too many
  });
  it('end when they are cancelled, updated or over', () => {
    expect(holding([w('a', { over: true }), w('b', { until: '2026-07-01T08:00:00Z' })], 'east', now)).toEqual([]);
  });
  it('stand by how grave they are, exercises last', () => {
    const all = [w('x', { exercise: true }), w('y', { colour: 'yellow' }), w('old'), w('new', { at: '2026-07-01T07:30:00Z' })];
    expect(holding(all, 'east', now).map((x) => x.id)).toEqual(['new', 'old', 'y', 'x']);
  });
});
