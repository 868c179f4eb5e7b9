import type { Night, Point } from './types';
import type { Text } from '../../kit/types';

export interface Switch {
  at: string;
  pct: number;
}
export interface Programme {
  id: string;
  name: Text;
  switches?: Switch[] | null;
  /** Periods in which the lamp's own photocell decides; shown, and kept as they are. */
  sensor?: { from: string; to: string; on_below_lux: number; off_above_lux: number; pct: number }[] | null;
}
export interface Rule {
  programme: string;
  from?: string;
  to?: string;
  weekdays?: string[] | null;
}
export interface Calendar {
  id: string;
  name: Text;
  rules: Rule[];
}
export interface DimGroup {
  id: string;
  name: Text;
  calendar: string;
  zones?: string[] | null;
  lamps?: string[] | null;
}
export interface Plan {
  programmes: Programme[];
  calendars: Calendar[];
  groups: DimGroup[];
}

const form = /^(?:([01]\d|2[0-3]):([0-5]\d)|(dawn|sunrise|sunset|dusk)(?:([+-]\d{1,3})m)?)$/;

/** Whether the hub would take a time: 23:00, sunset, dusk+15m. */
export function isMoment(text: string): boolean {
  const m = form.exec(text);
  return !!m && Math.abs(Number(m[4] ?? 0)) <= 180;
}

/** When a moment is in a night from noon to noon; undefined where the sun does not do it. */
export function momentAt(text: string, night: Night, offsetMinutes: number): number | undefined {
  const m = form.exec(text);
  if (!m) return undefined;
  if (m[3]) {
    const sun = night[m[3] as 'dawn' | 'sunrise' | 'sunset' | 'dusk'];
    return sun ? Date.parse(sun) + Number(m[4] ?? 0) * 60_000 : undefined;
  }
  // By the clock: hours after noon, on the community's clock.
  const noon = Date.parse(night.begins);
  const local = new Date(noon + offsetMinutes * 60_000).getUTCHours() * 60 + new Date(noon + offsetMinutes * 60_000).getUTCMinutes();
  return noon + (((Number(m[1]) * 60 + Number(m[2]) - local + 1440) % 1440) * 60_000);
}

/** Minutes that a time zone is ahead of UTC at a time. */
export function ahead(zone: string, at: number): number {
  const p = Object.fromEntries(new Intl.DateTimeFormat('en-US', { timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' }).formatToParts(at).map((x) => [x.type, Number(x.value)]));
  return Math.round((Date.UTC(p.year!, p.month! - 1, p.day!, p.hour!, p.minute!) - Math.floor(at / 60_000) * 60_000) / 60_000);
}

/** Whether a moment is a time by the clock, in the morning. */
const byClockInTheMorning = (text: string): boolean => Number(form.exec(text)?.[1] ?? 12) < 12;

/** The night of a programme as points, for the picture; it begins dark. As the hub does it,
 *  the clock lights nothing behind the sun's end of the night. */
export function preview(switches: readonly Switch[], night: Night, zone: string): Point[] {
  const off = ahead(zone, Date.parse(night.begins));
  const ends = switches.flatMap((s) => (/^(dawn|sunrise)/.test(s.at) && s.pct === 0 ? (momentAt(s.at, night, off) ?? []) : []));
  const points = switches.flatMap((s) => {
    const at = momentAt(s.at, night, off);
    if (at === undefined || !(s.pct >= 0 && s.pct <= 100) || (byClockInTheMorning(s.at) && at >= Math.min(...ends))) return [];
    return [{ at: new Date(at).toISOString(), pct: s.pct }];
  });
  points.sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  return [{ at: night.begins, pct: 0 }, ...points];
}

/** An id that is free: prefix-1, prefix-2 … */
export function freeID(prefix: string, taken: readonly { id: string }[]): string {
  let n = 1;
  while (taken.some((x) => x.id === `${prefix}-${n}`)) n++;
  return `${prefix}-${n}`;
}

/** Both languages are wanted; one stands for the other. */
export const bothNames = (n: Text): Text => ({ zh: n.zh.trim() || n.en.trim(), en: n.en.trim() || n.zh.trim() });

/** A list with one of its things put in: in place of the one with its id, else at the end. */
export const withOne = <T extends { id: string }>(list: readonly T[], x: T): T[] => (list.some((y) => y.id === x.id) ? list.map((y) => (y.id === x.id ? x : y)) : [...list, x]);

/** Which calendars use a programme, or which groups a calendar: what is used is not removed. */
export function usedBy(p: Plan, kind: 'programmes' | 'calendars', id: string): boolean {
  return kind === 'programmes' ? p.calendars.some((c) => c.rules.some((r) => r.programme === id)) : p.groups.some((g) => g.calendar === id);
}

/** A calendar as it may be stored: the last rule always holds, so that no night is dark by omission. */
export const lastHolds = (rules: readonly Rule[]): boolean => {
  const last = rules[rules.length - 1];
  return !!last && !last.from && !last.to && !last.weekdays?.length;
};
