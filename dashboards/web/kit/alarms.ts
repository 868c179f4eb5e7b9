import type { Alarm, Priority } from './types';

export const priorities: Priority[] = ['critical', 'high', 'medium', 'low'];

/** 0 critical … 3 low, 4 anything else. */
export const rank = (p: string): number => {
  const i = priorities.indexOf(p as Priority);
  return i < 0 ? priorities.length : i;
};

/** Whether a person still has something to do with it. */
export const isOpen = (a: Alarm): boolean => !a.closed_at && (a.state.startsWith('unacked') || a.state === 'acked_active');
export const isUnacked = (a: Alarm): boolean => !a.closed_at && a.state.startsWith('unacked');

const raised = (a: Alarm): number => Date.parse(a.raised_at) || 0;

/** The queue's order: priority, then what nobody has acknowledged, then the newest; the id settles ties, so that rows never swap without a reason. */
export function compare(a: Alarm, b: Alarm): number {
  return (
    rank(a.priority) - rank(b.priority) ||
    Number(isUnacked(b)) - Number(isUnacked(a)) ||
    raised(b) - raised(a) ||
    (a.id < b.id ? -1 : 1)
  );
}

export function queue(alarms: Iterable<Alarm>): Alarm[] {
  return [...alarms].filter(isOpen).sort(compare);
}

/**
 * The order while the pointer is over the list: rows that were there keep their
 * places, what is new comes after them. So nothing moves under the pointer.
 */
export function hold(order: readonly string[], sorted: readonly Alarm[]): Alarm[] {
  const place = new Map(order.map((id, i) => [id, i]));
  const of = (a: Alarm) => place.get(a.id) ?? order.length;
  return sorted.map((a, i) => ({ a, i })).sort((x, y) => of(x.a) - of(y.a) || x.i - y.i).map((x) => x.a);
}

export interface Kpis {
  unacked: number;
  perTenMinutes: number;
  /** Median time to acknowledge in ms over the last eight hours; undefined when nothing was. */
  medianAck: number | undefined;
  /** The most urgent priority that nobody has acknowledged. */
  worst: Priority | undefined;
  /** The oldest unacknowledged alarm of that priority. */
  oldest: Alarm | undefined;
}

const shift = 8 * 3600_000;

export function kpis(alarms: Iterable<Alarm>, now: number): Kpis {
  const k: Kpis = { unacked: 0, perTenMinutes: 0, medianAck: undefined, worst: undefined, oldest: undefined };
  const waits: number[] = [];
  for (const a of alarms) {
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
