import type { Override, Shift } from './types';

const minute = 60_000;
const dayMinutes = 1440;

/** A piece of a day on the grid; minutes count from the day's midnight. */
export interface Piece {
  /** 0 Monday … 6 Sunday. */
  day: number;
  from: number;
  to: number;
  /** '' where no shift is: nobody is on duty, or somebody besides the shifts. */
  shift: string;
  people: string[];
  supervisor: string;
  /** Who stands in for whom here. */
  swaps: { out: string; in: string; reason: string }[];
  /** It goes on from the day before, or to the next. */
  before: boolean;
  after: boolean;
}

/** Monday 00:00 of the week of a time, on the browser's clock. */
export function monday(at: number): Date {
  const d = new Date(at);
  d.setHours(0, 0, 0, 0);
  d.setDate(d.getDate() - ((d.getDay() + 6) % 7));
  return d;
}

/** The day so many days after one; days of 23 and 25 hours count as one. */
export function plusDays(d: Date, days: number): Date {
  const x = new Date(d);
  x.setDate(x.getDate() + days);
  return x;
}

export function minutesOf(hhmm: string): number {
  const m = /^(\d{1,2}):(\d{2})$/.exec(hhmm);
  return m ? Number(m[1]) * 60 + Number(m[2]) : 0;
}

/** How long a shift lasts, in minutes; from 08:00 to 08:00 is a whole day. */
export function lengthOf(s: Pick<Shift, 'from' | 'to'>): number {
  return ((minutesOf(s.to) - minutesOf(s.from) + dayMinutes - 1) % dayMinutes) + 1;
}

/** Minutes of a time on the clock; whole days are 1440 of them, also where clocks change. */
function minutesAt(at: string | Date): number {
  const d = new Date(at);
  return Math.round(Date.UTC(d.getFullYear(), d.getMonth(), d.getDate(), d.getHours(), d.getMinutes()) / minute);
}

/** Who is on duty in the week that begins on a Monday, and where nobody is. */
export function week(shifts: readonly Shift[], overrides: readonly Override[], monday: Date): Piece[] {
  const start = minutesAt(monday);
  const pieces: Piece[] = [];
  for (let day = -1; day < 7; day++) {
    const of = ((day + 7) % 7) + 1;
    for (const s of shifts) if (s.days.includes(of)) pieces.push(...onDays(s, day));
  }
  const split = [...pieces.flatMap((p) => swapped(p, overrides, start)), ...besides(overrides, start)];
  return [...split, ...gaps(split)].sort((a, b) => a.day - b.day || a.from - b.from || (a.shift < b.shift ? -1 : 1));
}

/** The one or two pieces of a shift that begins on a day, as far as they lie in the week. */
function onDays(s: Shift, day: number): Piece[] {
  const from = minutesOf(s.from);
  const to = from + lengthOf(s);
  const piece = { shift: s.id, people: s.team, supervisor: s.supervisor, swaps: [] };
  const out: Piece[] = [{ ...piece, day, from, to: Math.min(to, dayMinutes), before: false, after: to > dayMinutes }];
  if (to > dayMinutes) out.push({ ...piece, day: day + 1, from: 0, to: to - dayMinutes, before: true, after: false });
  return out.filter((p) => p.day >= 0 && p.day < 7);
}

/** A piece cut where somebody begins or ends to stand in. */
function swapped(p: Piece, overrides: readonly Override[], start: number): Piece[] {
  const midnight = start + p.day * dayMinutes;
  const spans = overrides.filter((o) => o.out).map((o) => ({ o, from: minutesAt(o.from) - midnight, to: minutesAt(o.to) - midnight }));
  const cuts = new Set([p.from, p.to]);
  for (const s of spans) for (const t of [s.from, s.to]) if (t > p.from && t < p.to) cuts.add(t);
  const times = [...cuts].sort((a, b) => a - b);
  const out: Piece[] = [];
  for (const [i, to] of times.slice(1).entries()) {
    const from = times[i] as number;
    const piece = except({ ...p, from, to, before: p.before || from > p.from, after: p.after || to < p.to }, spans.filter((s) => s.from <= from && s.to >= to).map((s) => s.o));
    const last = out.at(-1);
    if (last && same(last, piece)) Object.assign(last, { to, after: piece.after });
    else out.push(piece);
  }
  return out;
}

/** Who stands in does so only for somebody who would be there; one after the other, as they were written. */
function except(p: Piece, overrides: readonly Override[]): Piece {
  for (const o of overrides) {
    const there = p.people.includes(o.out);
    if (!there && p.supervisor !== o.out) continue;
    const left = p.people.filter((id) => id !== o.out);
    const people = there && o.in && !left.includes(o.in) ? [...left, o.in] : left;
    p = { ...p, people, supervisor: p.supervisor === o.out ? o.in : p.supervisor, swaps: [...p.swaps, { out: o.out, in: o.in, reason: o.reason }] };
  }
  return p;
}

const same = (a: Piece, b: Piece): boolean => a.supervisor === b.supervisor && a.people.join() === b.people.join() && a.swaps.length === b.swaps.length;

/** Those who come besides, whether there is a shift or not. */
function besides(overrides: readonly Override[], start: number): Piece[] {
  const out: Piece[] = [];
  for (const o of overrides.filter((x) => !x.out && x.in)) {
    const [from, to] = [minutesAt(o.from) - start, minutesAt(o.to) - start];
    for (let day = 0; day < 7; day++) {
      const [a, b] = [Math.max(0, from - day * dayMinutes), Math.min(dayMinutes, to - day * dayMinutes)];
      if (a < b) out.push({ day, from: a, to: b, shift: '', people: [o.in], supervisor: '', swaps: [{ out: '', in: o.in, reason: o.reason }], before: a === 0, after: b === dayMinutes });
    }
  }
  return out;
}

/** The times of each day that nobody covers. */
function gaps(pieces: readonly Piece[]): Piece[] {
  const out: Piece[] = [];
  for (let day = 0; day < 7; day++) {
    let at = 0;
    const gap = (to: number) => {
      if (to > at) out.push({ day, from: at, to, shift: '', people: [], supervisor: '', swaps: [], before: false, after: false });
    };
    const covered = pieces.filter((p) => p.day === day && p.people.length > 0).sort((a, b) => a.from - b.from);
    for (const p of covered) {
      gap(p.from);
      at = Math.max(at, p.to);
    }
    gap(dayMinutes);
  }
  return out;
}

/** Rows within a day for pieces that overlap, so that none covers another; how many there are comes with it. */
export function rows(pieces: readonly Piece[]): { row: Map<Piece, number>; of: number } {
  const ends: number[] = [];
  const row = new Map<Piece, number>();
  for (const p of [...pieces].sort((a, b) => a.from - b.from || a.to - b.to)) {
    let i = ends.findIndex((end) => end <= p.from);
    if (i < 0) i = ends.length;
    ends[i] = p.to;
    row.set(p, i);
  }
  return { row, of: Math.max(1, ends.length) };
}

/** 1425 is 23:45; the end of a day is 24:00. */
export const timeOf = (minutes: number): string => `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;

/** A time moved so that this browser's clock shows for it what the site's clock does. */
export function onSite(at: number, zone: string | undefined): number {
  if (!zone) return at;
  try {
    const parts = new Intl.DateTimeFormat('en-CA', { timeZone: zone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit' }).formatToParts(at);
    const of = (type: string) => Number(parts.find((p) => p.type === type)?.value);
    return new Date(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second')).getTime();
  } catch {
    return at; // a zone that this browser does not know
  }
}
