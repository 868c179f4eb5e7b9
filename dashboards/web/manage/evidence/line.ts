// The arithmetic of a time line; times are in ms.

export interface View {
  from: number;
  to: number;
}

export interface Piece {
  from: number;
  to: number;
}

export const hour = 3_600_000;
export const minute = 60_000;
/** What a clip lasts at most. */
export const longest = 30 * minute;
/** What is fetched in one piece: the next one follows at its end. */
const portion = 30 * minute;

/** The beginning of a day of the browser's clock, as a date field names it. */
export function dayOf(text: string): View {
  const [y = 1970, m = 1, d = 1] = text.split('-').map(Number);
  return { from: new Date(y, m - 1, d).getTime(), to: new Date(y, m - 1, d + 1).getTime() };
}

const two = (n: number) => String(n).padStart(2, '0');

/** A day as a date field has it. */
export function dayText(at: number): string {
  const d = new Date(at);
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
}

/** The place of a moment in percent, kept on the line. */
export const place = (at: number, v: View): number => Math.min(100, Math.max(0, (100 * (at - v.from)) / (v.to - v.from)));

/** Place and width of a piece in percent; undefined where nothing of it is in view. */
export function stretch(p: Piece, v: View): { left: number; width: number } | undefined {
  if (p.to <= v.from || p.from >= v.to) return undefined;
  const left = place(p.from, v);
  return { left, width: Math.max(place(p.to, v) - left, 0.06) };
}

/** A view of so many ms around a moment, within a day. */
export function around(at: number, width: number, day: View): View {
  const w = Math.min(width, day.to - day.from);
  const from = Math.min(Math.max(at - w / 2, day.from), day.to - w);
  return { from, to: from + w };
}

const steps = [minute, 2 * minute, 5 * minute, 10 * minute, 30 * minute, hour, 2 * hour, 3 * hour, 6 * hour];

/** Whole moments to write on the line, at most so many, none at its very ends. */
export function ticks(v: View, most: number): number[] {
  const step = steps.find((s) => (v.to - v.from) / s <= most) ?? 12 * hour;
  const zone = new Date(v.from).getTimezoneOffset() * minute; // whole hours of the wall's clock
  const out: number[] = [];
  for (let at = Math.ceil((v.from - zone) / step) * step + zone; at <= v.to; at += step) if (place(at, v) > 2 && place(at, v) < 98) out.push(at);
  return out;
}

/** The moment to play from: itself where it is recorded, else the next that is. */
export function playable(spans: readonly Piece[], at: number): number | undefined {
  for (const s of spans) if (at < s.to - 100) return Math.max(at, s.from);
  return undefined;
}

/** What is played in one go from a recorded moment. */
export function portionFrom(spans: readonly Piece[], at: number): Piece | undefined {
  const from = playable(spans, at);
  const s = from === undefined ? undefined : spans.find((x) => from >= x.from && from < x.to);
  return s && from !== undefined ? { from, to: Math.min(s.to, from + portion) } : undefined;
}

/** Recorded ms in a piece. */
export const recorded = (spans: readonly Piece[], p: Piece): number => spans.reduce((n, s) => n + Math.max(0, Math.min(s.to, p.to) - Math.max(s.from, p.from)), 0);

/** What is wrong with a choice, as a word of evidence.wrong; '' when nothing is. */
export function wrong(spans: readonly Piece[], p: Piece): '' | 'order' | 'long' | 'empty' {
  if (!(p.to > p.from)) return 'order';
  if (p.to - p.from > longest) return 'long';
  return recorded(spans, p) > 0 ? '' : 'empty';
}
