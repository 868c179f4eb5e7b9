import type { CalendarDay } from './types';

export interface Cell {
  day: string; // 2026-10-01
  n: number;
  kind: '' | 'holiday' | 'workday';
  weekend: boolean;
}

export interface Month {
  at: string; // 2026-10-01
  blanks: number; // before the first, in a week that begins on Monday
  days: Cell[];
}

/** The months of a year with what the calendar says of their days. */
export function months(year: number, calendar: readonly CalendarDay[]): Month[] {
  const kinds = new Map(calendar.map((d) => [d.day, d.kind]));
  return Array.from({ length: 12 }, (_, m) => {
    const first = new Date(Date.UTC(year, m, 1));
    const count = new Date(Date.UTC(year, m + 1, 0)).getUTCDate();
    const iso = (n: number) => new Date(Date.UTC(year, m, n)).toISOString().slice(0, 10);
    return {
      at: iso(1),
      blanks: (first.getUTCDay() + 6) % 7,
      days: Array.from({ length: count }, (_, i) => {
        const w = (first.getUTCDay() + i) % 7;
        return { day: iso(i + 1), n: i + 1, kind: kinds.get(iso(i + 1)) ?? '', weekend: w === 0 || w === 6 };
      }),
    };
  });
}

/** Days from one to another, both included; at most a month of them. */
export function between(from: string, to: string): string[] {
  const out: string[] = [];
  const end = Date.parse(to || from);
  for (let at = Date.parse(from); at <= end && out.length < 31; at += 86_400_000) out.push(new Date(at).toISOString().slice(0, 10));
  return out;
}
