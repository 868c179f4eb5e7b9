import { compare, isOpen, isUnacked, rank, shelfOf, type Shelf } from './alarms';
import type { Alarm, AlarmState, Incident, Priority } from './types';

/** The incident of an alarm; one that has none is an incident of its own. */
export const incidentOf = (a: Alarm): string => a.incident || a.id;

/**
 * All incidents: as the hub tells them, and for alarms whose incident it has not
 * told yet, what those alarms say. So an alarm has its row at once.
 */
export function incidents(known: ReadonlyMap<string, Incident>, alarms: Iterable<Alarm>): Incident[] {
  const orphans = new Map<string, Alarm[]>();
  for (const a of alarms) if (!known.has(incidentOf(a))) push(orphans, incidentOf(a), a);
  return [...[...known.values()].filter((i) => !i.merged_into), ...[...orphans].map(([id, of]) => summed(id, of))];
}

/** The incidents of what is put aside, of each only the alarms that are. */
export function aside(known: ReadonlyMap<string, Incident>, alarms: Iterable<Alarm>, shelf: Shelf): Incident[] {
  const by = new Map<string, Alarm[]>();
  for (const a of alarms) if (shelfOf(a) === shelf) push(by, incidentOf(a), a);
  return [...by].map(([id, of]) => named(summed(id, of), known.get(id))).sort(compare);
}

/** An incident that is put aside as a whole keeps the name that the hub gave it. */
function named(part: Incident, whole: Incident | undefined): Incident {
  if (!whole || whole.alarms > part.alarms) return part;
  const { title, root, device, device_name, zone, zone_name } = whole;
  return { ...part, title, root, device, device_name, zone, zone_name };
}

/** What some alarms of one incident are together; the most urgent that came first leads them. */
export function summed(id: string, alarms: readonly Alarm[]): Incident {
  const [root] = [...alarms].sort(lead) as [Alarm];
  return {
    ...root,
    ...state(alarms),
    id,
    root: root.id,
    alarms: alarms.length,
    raw: alarms.reduce((n, a) => n + (a.count ?? 1), 0),
    life_safety: alarms.some((a) => a.life_safety),
    drill: alarms.every((a) => a.drill),
    closed_at: alarms.every((a) => a.closed_at) ? root.closed_at : null,
  };
}

/** The alarms of an incident: its root first, the others as they came. */
export function members(alarms: Iterable<Alarm>, id: string, root: string, shelf?: Shelf): Alarm[] {
  const of: Alarm[] = [];
  for (const a of alarms) if (incidentOf(a) === id && (!shelf || shelfOf(a) === shelf)) of.push(a);
  const first = (a: Alarm) => Number(a.id !== root);
  return of.sort((a, b) => first(a) - first(b) || Date.parse(a.raised_at) - Date.parse(b.raised_at) || (a.id < b.id ? -1 : 1));
}

/**
 * A flood shows no more than so many: life safety always, then as the queue has
 * them. The others are folded, not lost.
 */
export function floodCap(sorted: readonly Incident[], most: number, keep?: string): { shown: Incident[]; folded: Incident[] } {
  const shown: Incident[] = [];
  const folded: Incident[] = [];
  for (const i of sorted) (shown.length < most || i.life_safety || i.id === keep ? shown : folded).push(i);
  return { shown, folded };
}

/** How many there are of each priority, the most urgent first. */
export function byPriority(items: readonly { priority: Priority }[]): [Priority, number][] {
  const n = new Map<Priority, number>();
  for (const i of items) n.set(i.priority, (n.get(i.priority) ?? 0) + 1);
  return [...n].sort((a, b) => rank(a[0]) - rank(b[0]));
}

const lead = (a: Alarm, b: Alarm): number =>
  Number(!!a.closed_at) - Number(!!b.closed_at) || rank(a.priority) - rank(b.priority) || Date.parse(a.raised_at) - Date.parse(b.raised_at) || (a.id < b.id ? -1 : 1);

/** The state that asks most of a person speaks for all. */
const weight: AlarmState[] = ['unacked_active', 'unacked_returned', 'acked_active', 'shelved', 'suppressed', 'out_of_service', 'normal'];

function state(alarms: readonly Alarm[]): Pick<Incident, 'state' | 'priority'> {
  const open = alarms.filter((a) => !a.closed_at);
  const of = open.length ? open : alarms;
  const worst = (pick: readonly Alarm[]) => pick.reduce((p, a) => (rank(a.priority) < rank(p) ? a.priority : p), 'low' as Priority);
  const first = weight.find((s) => of.some((a) => a.state === s)) ?? 'normal';
  return { state: first, priority: worst(of.some(isUnacked) ? of.filter(isOpen) : of) };
}

function push(to: Map<string, Alarm[]>, id: string, a: Alarm): void {
  const there = to.get(id);
  if (there) there.push(a);
  else to.set(id, [a]);
}
