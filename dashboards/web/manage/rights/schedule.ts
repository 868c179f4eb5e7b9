/** The words of a schedule, as the hub and the doors read them: "mon-fri 07:00-19:00; holiday 09:00-12:00". */
export const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun', 'holiday'] as const;
export type Day = (typeof days)[number];

/** Hours of some days; an end that is not behind the beginning is on the next day. */
export interface Window {
  days: Day[];
  from: string; // 07:00
  to: string; // 24:00 at most
}

const clock = /^([01]?\d|2[0-4]):([0-5]\d)$/;

/** Minutes since midnight; undefined for what is no time of day. */
export function minutes(text: string): number | undefined {
  const m = clock.exec(text);
  const n = m ? Number(m[1]) * 60 + Number(m[2]) : -1;
  return n >= 0 && n <= 24 * 60 ? n : undefined;
}

/** Reads a schedule; [] is always, undefined one that can't be read. */
export function parse(text: string): Window[] | undefined {
  const s = text.trim().toLowerCase();
  if (s === '' || s === 'always') return [];
  const windows: Window[] = [];
  for (const part of s.split(';')) {
    const m = /^(\S+)\s+(\S+)-(\S+)$/.exec(part.trim());
    const on = m ? daysOf(m[1] ?? '') : undefined;
    const [from, to] = [m?.[2] ?? '', m?.[3] ?? ''];
    const [a, b] = [minutes(from), minutes(to)];
    if (!on || a === undefined || b === undefined || a === b || a === 24 * 60) return undefined;
    windows.push({ days: on, from, to });
  }
  return windows;
}

function daysOf(text: string): Day[] | undefined {
  const on = new Set<Day>();
  for (const part of text.split(',')) {
    if (part === 'holiday') {
      on.add(part);
      continue;
    }
    const [first = '', last = first] = part.split('-');
    const a = days.indexOf(first as Day);
    const b = days.indexOf(last as Day);
    if (a < 0 || b < 0 || a > 6 || b > 6) return undefined;
    for (let d = a; ; d = (d + 1) % 7) {
      on.add(days[d] as Day);
      if (d === b) break;
    }
  }
  return days.filter((d) => on.has(d));
}

/** Writes it; days that follow each other as a range. */
export function format(windows: readonly Window[]): string {
  return windows.length ? windows.map((w) => `${runs(w.days)} ${w.from}-${w.to}`).join('; ') : 'always';
}

function runs(on: readonly Day[]): string {
  const out: string[] = [];
  for (let i = 0; i < 7; ) {
    let j = i;
    while (j < 7 && on.includes(days[j] as Day)) j++;
    if (j - i > 2) out.push(`${days[i]}-${days[j - 1]}`);
    else for (let k = i; k < j; k++) out.push(days[k] as string);
    i = Math.max(j, i + 1);
  }
  if (on.includes('holiday')) out.push('holiday');
  return out.join(',');
}

/** What is wrong with windows that somebody is writing; '' when nothing is. */
export function fault(windows: readonly Window[]): '' | 'days' | 'hours' {
  for (const w of windows) {
    if (!w.days.length) return 'days';
    const [a, b] = [minutes(w.from), minutes(w.to)];
    if (a === undefined || b === undefined || a === b || a === 24 * 60) return 'hours';
  }
  return '';
}

export interface Band {
  row: number;
  from: number; // minutes of the day
  to: number;
}

/** The bars of the drawn week, a row a day, holidays last. Without windows of their own holidays are like a Sunday. */
export function bands(windows: readonly Window[]): Band[] {
  if (!windows.length) return days.map((_, row) => ({ row, from: 0, to: 1440 }));
  const out: Band[] = [];
  const put = (d: Day, a: number, b: number) => {
    const row = days.indexOf(d);
    out.push({ row, from: a, to: b > a ? b : 1440 });
    if (b < a && b > 0 && row < 7) out.push({ row: (row + 1) % 7, from: 0, to: b });
  };
  for (const w of windows) {
    const [a, b] = [minutes(w.from) ?? 0, minutes(w.to) ?? 0];
    for (const d of w.days) put(d, a, b);
  }
  if (!out.some((b) => b.row === 7)) out.push(...out.filter((b) => b.row === 6).map((b) => ({ ...b, row: 7 })));
  return out;
}
