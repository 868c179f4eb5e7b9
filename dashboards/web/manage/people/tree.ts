import type { Zone } from '../../kit/types';
import type { Person } from './types';

/** A zone with those below it; a household hangs below the last of them. */
export interface Node {
  zone: Zone;
  below: Node[];
}

const order = new Intl.Collator('zh-CN', { numeric: true });
const nameOf = (z: Zone) => (typeof z.name === 'string' ? z.name : z.name.zh || z.name.en) || z.id;

/** Zones in which people live, as a tree: a zone's id says what it lies in. */
export function tree(zones: readonly Zone[]): Node[] {
  const nodes = new Map(zones.map((z) => [z.id, { zone: z, below: [] as Node[] }]));
  const roots: Node[] = [];
  for (const n of nodes.values()) {
    const up = n.zone.parent || n.zone.id.slice(0, Math.max(0, n.zone.id.lastIndexOf('/')));
    (nodes.get(up)?.below ?? roots).push(n);
  }
  const sort = (ns: Node[]) => {
    ns.sort((a, b) => order.compare(nameOf(a.zone), nameOf(b.zone)) || (a.zone.id < b.zone.id ? -1 : 1));
    for (const n of ns) sort(n.below);
  };
  sort(roots);
  return roots;
}

export interface Home {
  number: string;
  people: Person[];
}

/** The homes of a stair with those who live there; who has moved out stands last. */
export function homes(people: readonly Person[]): Home[] {
  const by = new Map<string, Person[]>();
  for (const p of people) by.set(p.household, [...(by.get(p.household) ?? []), p]);
  return [...by]
    .map(([number, ps]) => ({ number, people: ps.sort((a, b) => Number(b.active) - Number(a.active) || order.compare(a.name, b.name)) }))
    .sort((a, b) => order.compare(a.number, b.number));
}

/** The way to a zone, the widest first: east, east/b01, east/b01/u1. */
export function way(zone: string): string[] {
  const parts = zone.split('/');
  return zone ? parts.map((_, i) => parts.slice(0, i + 1).join('/')) : [];
}

/** An address out of the names of the way to it: one that the next begins with is said by it already. */
export function address(names: readonly string[], flat = ''): string {
  return [...names.filter((n, i) => n && !names[i + 1]?.startsWith(n)), flat].filter(Boolean).join(' ');
}
