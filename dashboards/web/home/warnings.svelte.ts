import { get } from '../kit/api';
import { recall, remember } from '../kit/stored';
import type { Warning } from './types';

/** Whether a zone lies in another, or is it; the empty one is the whole community. */
export const within = (zone: string, outer: string): boolean => outer === '' || zone === outer || zone.startsWith(`${outer}/`);

/** The warnings that hold at a home now, the gravest first, then the newest. */
export function holding(all: readonly Warning[], home: string, now: number): Warning[] {
  const grave = ['red', 'orange', 'yellow', 'blue', 'white'];
  return all
    .filter((w) => !w.over && Date.parse(w.until) > now && (!home || w.zones.some((z) => within(home, z))))
    .sort((a, b) => Number(a.exercise) - Number(b.exercise) || grave.indexOf(a.colour) - grave.indexOf(b.colour) || Date.parse(b.at) - Date.parse(a.at));
}

/**
 * Warnings of the authorities, as the hub tells them. Kept on the phone: one that has
 * lost its network in the storm still says what it knew.
 */
class Warnings {
  list = $state.raw<Warning[]>(recall<Warning[]>('warnings', [], Array.isArray));

  async load(): Promise<void> {
    try {
      this.#keep((await get<{ items: Warning[] | null }>('/home/warnings')).items ?? []);
    } catch {
      // what was there stays
    }
  }

  apply(w: Warning): void {
    const fresh = !w.over && !this.list.some((x) => x.id === w.id);
    this.#keep([w, ...this.list.filter((x) => x.id !== w.id)]);
    if (fresh) navigator.vibrate?.([200, 100, 200]);
  }

  #keep(list: Warning[]): void {
    this.list = list.slice(0, 20);
    remember('warnings', this.list);
  }
}

export const warnings = new Warnings();
