import { describe, expect, it } from 'vitest';
import { households, queued, wanted, withMarks } from '../../kit/muster';
import type { MusterEntry } from '../../kit/types-doors';

const one = (person: string, flat: string, more: Partial<MusterEntry> = {}): MusterEntry => ({
  person, name: person, unit: 'west/b08/u1', flat, basis: 'home', essential: false, seen_at: null, seen_door: '', state: '', marked_at: null, marked_by: '', note: '', ...more,
});

describe('a muster list', () => {
  it('looks for those who are expected and those who are missing', () => {
    expect([one('a', '1'), one('b', '1', { basis: 'out' }), one('c', '1', { essential: true }), one('d', '1', { state: 'safe' }), one('e', '1', { basis: 'out', state: 'missing' })].filter(wanted).map((e) => e.person)).toEqual(['a', 'e']);
  });

  it('puts flats first of which somebody has to be found', () => {
    expect(households([one('a', '0101', { state: 'safe' }), one('b', '0201'), one('c', '0101', { state: 'away' })]).map((h) => h.flat)).toEqual(['0201', '0101']);
  });

  it('shows a mark that waits, unless the hub has a later word', () => {
    const at = '2026-11-28T10:00:01.000Z';
    const mark = { person: 'a', state: 'safe' as const, at };
    expect(withMarks([one('a', '1')], [mark])[0]?.state).toBe('safe');
    expect(withMarks([one('a', '1', { state: 'missing', marked_at: '2026-11-28T10:00:00Z' })], [mark])[0]?.state).toBe('safe');
    expect(withMarks([one('a', '1', { state: 'missing', marked_at: '2026-11-28T10:00:02Z' })], [mark])[0]?.state).toBe('missing');
  });

  it('keeps the newest mark of each person', () => {
    const first = { person: 'a', state: 'missing' as const, at: '2026-11-28T10:00:00.000Z' };
    const second = { person: 'a', state: 'safe' as const, at: '2026-11-28T10:00:05.000Z' };
    expect(queued(queued([], first), second)).toEqual([second]);
  });
});
