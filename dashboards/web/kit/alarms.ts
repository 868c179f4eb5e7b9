import type { Alarm, Priority, Standing } from './types';

export const priorities: Priority[] = ['critical', 'high', 'medium', 'low'];

/** 0 critical … 3 low, 4 anything else. */
export const rank = (p: string): number => {
  const i = priorities.indexOf(p as Priority);
  return i < 0 ? priorities.length : i;
};

type State = Pick<Standing, 'state' | 'closed_at'>;

/** Whether a person still has something to do with it. */
export const isOpen = (a: State): boolean => !a.closed_at && (a.state.startsWith('unacked') || a.state === 'acked_active');
export const isUnacked = (a: State): boolean => !a.closed_at && a.state.startsWith('unacked');

/** Its mark is hollow: the condition is over, or it is put aside. */
export const hollow = (a: State): boolean => a.state === 'unacked_returned' || !isOpen(a);

/** Put aside by a person: shelved; or by design and maintenance: out. */
export type Shelf = 'open' | 'shelved' | 'out';
export const shelfOf = (a: State): Shelf | undefined => {
  if (a.closed_at) return undefined;
  if (a.state === 'shelved') return 'shelved';
  if (a.state === 'suppressed' || a.state === 'out_of_service') return 'out';
  return isOpen(a) ? 'open' : undefined;
};

/** Whether an alarm may make a sound at all: not duress, not a drill, not put aside. */
export const sounds = (a: Alarm): boolean => !a.silent && !a.drill && isOpen(a);

const raised = (a: Standing): number => Date.parse(a.raised_at) || 0;

/**
 * The queue's order: what really happens before what is practised, life safety
 * first, then priority, then what nobody has acknowledged, then the newest; the id
 * settles ties, so that rows never swap without a reason.
 */
export function compare(a: Standing, b: Standing): number {
  return (
    Number(a.drill ?? false) - Number(b.drill ?? false) ||
    Number(b.life_safety ?? false) - Number(a.life_safety ?? false) ||
    rank(a.priority) - rank(b.priority) ||
    Number(isUnacked(b)) - Number(isUnacked(a)) ||
    raised(b) - raised(a) ||
    (a.id < b.id ? -1 : 1)
  );
}

export function queue<T extends Standing>(all: Iterable<T>): T[] {
  return [...all].filter(isOpen).sort(compare);
}

/**
 * The order while the pointer is over the list: rows that were there keep their
 * places, what is new comes after them. So nothing moves under the pointer.
 */
export function hold<T extends { id: string }>(order: readonly string[], sorted: readonly T[]): T[] {
  const place = new Map(order.map((id, i) => [id, i]));
  const of = (a: T) => place.get(a.id) ?? order.length;
  return sorted.map((a, i) => ({ a, i })).sort((x, y) => of(x.a) - of(y.a) || x.i - y.i).map((x) => x.a);
}

export interface Kpis<T extends Standing = Standing> {
  unacked: number;
  perTenMinutes: number;
  /** Median time to acknowledge in ms over the last eight hours; undefined when nothing was. */
  medianAck: number | undefined;
  /** The most urgent priority that nobody has acknowledged. */
  worst: Priority | undefined;
  /** The oldest unacknowledged one of that priority. */
  oldest: T | undefined;
}

const shift = 8 * 3600_000;

/** The figures of what the operator was asked; a drill is not counted. */
export function kpis<T extends Standing>(all: Iterable<T>, now: number): Kpis<T> {
  const k: Kpis<T> = { unacked: 0, perTenMinutes: 0, medianAck: undefined, worst: undefined, oldest: undefined };
  const waits: number[] = [];
  for (const a of all) {
    if (a.drill) continue;
    const at = raised(a);
    if (now - at < 600_000) k.perTenMinutes++;
    if (a.acked_at && now - at < shift) waits.push(Date.parse(a.acked_at) - at);
    if (!isUnacked(a)) continue;
    k.unacked++;
    const d = k.oldest ? rank(a.priority) - rank(k.oldest.priority) || at - raised(k.oldest) : -1;
    if (d < 0) k.oldest = a;
  }
  k.worst = k.oldest?.priority;
  k.medianAck = median(waits);
  return k;
}

function median(xs: number[]): number | undefined {
  if (xs.length === 0) return undefined;
  xs.sort((a, b) => a - b);
  const m = xs.length >> 1;
  return xs.length % 2 ? xs[m] : ((xs[m - 1] ?? 0) + (xs[m] ?? 0)) / 2;
}
