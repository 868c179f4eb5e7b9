import { locale } from './i18n.svelte';
import type { Label } from './types';

const cache = new Map<string, Intl.DateTimeFormat | Intl.NumberFormat>();

function dates(name: string, o: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `d${name}${locale()}`;
  let f = cache.get(key);
  if (!f) cache.set(key, (f = new Intl.DateTimeFormat(locale(), o)));
  return f as Intl.DateTimeFormat;
}

type When = string | number | Date | null | undefined;
const date = (x: When) => (x === null || x === undefined || x === '' ? undefined : new Date(x));

/** 03:00:12 */
export function clock(x: When): string {
  const d = date(x);
  return d ? dates('c', { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' }).format(d) : '–';
}

/** 03:00 */
export function hhmm(x: When): string {
  const d = date(x);
  return d ? dates('h', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(d) : '–';
}

/** 11月23日 周一 */
export function day(x: When): string {
  const d = date(x);
  return d ? dates('w', { month: 'long', day: 'numeric', weekday: 'short' }).format(d) : '–';
}

/** Time of day today, date and time before. */
export function moment(x: When, now = Date.now()): string {
  const d = date(x);
  if (!d) return '–';
  if (d.toDateString() === new Date(now).toDateString()) return clock(d);
  return dates('m', { month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(d);
}

/** Length of time as 0:12, 12:05, 3:05:10 or 2 d. */
export function span(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (n: number) => String(n).padStart(2, '0');
  if (s < 3600) return `${Math.floor(s / 60)}:${two(s % 60)}`;
  if (s < 86_400) return `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
  return new Intl.NumberFormat(locale(), { style: 'unit', unit: 'day', unitDisplay: 'short' }).format(Math.floor(s / 86_400));
}

/** A number with at most so many decimals. */
export function num(x: number, decimals = 0): string {
  const key = `n${decimals}${locale()}`;
  let f = cache.get(key);
  if (!f) cache.set(key, (f = new Intl.NumberFormat(locale(), { maximumFractionDigits: decimals })));
  return (f as Intl.NumberFormat).format(x);
}

/** 2 minutes ago, in 3 hours. */
export function ago(x: When, now = Date.now()): string {
  const d = date(x);
  if (!d) return '–';
  const s = Math.round((d.getTime() - now) / 1000);
  const f = new Intl.RelativeTimeFormat(locale(), { numeric: 'auto' });
  const a = Math.abs(s);
  if (a < 60) return f.format(s, 'second');
  if (a < 3600) return f.format(Math.round(s / 60), 'minute');
  if (a < 86_400) return f.format(Math.round(s / 3600), 'hour');
  return f.format(Math.round(s / 86_400), 'day');
}

/** By name as a person counts: unit 2 before unit 10. */
export function byName<T extends { id: string; name: Label }>(xs: readonly T[]): T[] {
  const c = new Intl.Collator('zh-CN', { numeric: true });
  const name = (x: T) => (typeof x.name === 'string' ? x.name : x.name.zh || x.name.en) || x.id;
  return [...xs].sort((a, b) => c.compare(name(a), name(b)) || (a.id < b.id ? -1 : 1));
}
