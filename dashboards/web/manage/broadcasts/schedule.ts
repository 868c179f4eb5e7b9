import type { Schedule } from './types';

/** Times of day out of what somebody typed: 7:30, 18：00 19.15 becomes 07:30 18:00 19:15; undefined when one of them is none. */
export function times(text: string): string[] | undefined {
  const out: string[] = [];
  for (const part of text.split(/[\s,，、;；]+/).filter(Boolean)) {
    const m = /^(\d{1,2})[:：.](\d{2})$/.exec(part);
    if (!m || Number(m[1]) > 23 || Number(m[2]) > 59) return undefined;
    out.push(`${m[1]!.padStart(2, '0')}:${m[2]}`);
  }
  return [...new Set(out)].sort();
}

/** What is still missing in a schedule; '' for nothing. */
export function missing(s: Schedule, typed: string): '' | 'name' | 'zones' | 'what' | 'times' {
  if (!s.name.trim()) return 'name';
  if (!s.zones.length) return 'zones';
  if (!s.recording && !s.text?.trim()) return 'what';
  return times(typed)?.length ? '' : 'times';
}
