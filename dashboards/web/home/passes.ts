import type { MadePass, Pass, PassKind } from './types';

/** How long a pass is given for, by word. */
export const spans = ['2h', 'today', '1d', '7d', 'own'] as const;
/** The same of a courier, whose way is short. */
const shortSpans = ['30m', '1h'] as const;
export type Span = (typeof spans)[number] | (typeof shortSpans)[number];

export const spansOf = (kind: PassKind): readonly Span[] => (kind === 'courier' ? shortSpans : spans);

export const hour = 3_600_000;

/** The window that a word means; own is what was typed. */
export function windowOf(span: Span, now: Date, own: { from: string; to: string }): { from?: string; to: string } | undefined {
  const at = (ms: number) => ({ to: new Date(now.getTime() + ms).toISOString() });
  switch (span) {
    case '30m':
      return at(hour / 2);
    case '1h':
      return at(hour - 60_000); // this clock may be a little ahead of the hub's
    case '2h':
      return at(2 * hour);
    case '1d':
      return at(24 * hour);
    case '7d':
      return at(7 * 24 * hour);
    case 'today': {
      const end = new Date(now);
      end.setHours(23, 59, 59, 0);
      return { to: (end.getTime() - now.getTime() < hour / 2 ? new Date(now.getTime() + hour) : end).toISOString() };
    }
    case 'own': {
      const from = new Date(own.from);
      const to = new Date(own.to);
      if (isNaN(from.getTime()) || isNaN(to.getTime()) || to <= from || to <= now) return undefined;
      return { from: from.toISOString(), to: to.toISOString() };
    }
  }
}

/** A time as <input type="datetime-local"> takes it. */
export function local(d: Date): string {
  const two = (n: number) => String(n).padStart(2, '0');
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}T${two(d.getHours())}:${two(d.getMinutes())}`;
}

/** A plate as one reads it: with a dot behind the letter of the authority, where there is one. */
export const plateWords = (plate: string): string => (/^.[A-Z].{5,}$/u.test(plate) ? `${plate.slice(0, 2)}·${plate.slice(2)}` : plate);

/** Whether somebody can still come in by it. */
export const alive = (p: Pass): boolean => p.state === 'good' || p.state === 'early';

/** What is left of a counted pass; undefined when it is not counted. */
export const usesLeft = (p: { uses?: number; used: number; doors: unknown[] }): number | undefined =>
  p.uses ? Math.max(0, p.uses * p.doors.length - p.used) : undefined;

/** The whole address for the visitor. */
export const addressOf = (p: MadePass, origin: string): string => p.url || origin + p.link;
