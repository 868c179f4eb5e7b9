import type { MusterEntry, MusterState } from './types-doors';

/** What somebody found out, at the time of their own clock. */
export interface Mark {
  person: string;
  state: MusterState;
  at: string;
}

/** A household of a list. */
export interface Household {
  key: string;
  unit: string;
  flat: string;
  people: MusterEntry[];
}

/** Whether somebody still has to be found. */
export const wanted = (e: MusterEntry): boolean => e.state !== 'safe' && e.state !== 'away' && (e.state === 'missing' || (!e.essential && e.basis !== 'out'));

/** A list by flat, those first of which somebody has to be found. */
export function households(people: MusterEntry[]): Household[] {
  const all = new Map<string, Household>();
  for (const e of people) {
    const key = `${e.unit}/${e.flat}`;
    const h = all.get(key) ?? { key, unit: e.unit, flat: e.flat, people: [] };
    h.people.push(e);
    all.set(key, h);
  }
  return [...all.values()].sort((a, b) => Number(b.people.some(wanted)) - Number(a.people.some(wanted)) || (a.key < b.key ? -1 : 1));
}

/** The list as it is with marks that the hub has not heard of; the later word counts. */
export function withMarks(people: MusterEntry[], marks: Mark[]): MusterEntry[] {
  const last = new Map(marks.map((m) => [m.person, m]));
  return people.map((e) => {
    const m = last.get(e.person);
    return m && !(e.marked_at && Date.parse(e.marked_at) > Date.parse(m.at)) ? { ...e, state: m.state, marked_at: m.at } : e;
  });
}

/** Adds a mark to those that wait: one for each person, the newest. */
export const queued = (waiting: Mark[], m: Mark): Mark[] => [...waiting.filter((x) => x.person !== m.person), m];
