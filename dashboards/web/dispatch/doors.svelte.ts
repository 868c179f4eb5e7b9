import { all, get } from '../kit/api';
import { Loaded } from '../kit/loaded.svelte';
import type { DoorView, LockdownPlan, Muster, Standing } from '../kit/types-doors';

const settle = 150; // ms; forty doors answer at once, and are asked for once

/** How the doors stand, what keeps them so, and who is looked for. */
export class DoorBook {
  readonly standing = new Loaded<Standing>('/rungs');
  readonly plans = new Loaded<LockdownPlan>('/lockdown-plans');
  readonly musters = new Loaded<Muster>('/musters');
  doors = $state.raw<Map<string, DoorView>>(new Map());
  /** The muster that is open on this screen, with its people. */
  muster = $state.raw<Muster | undefined>(undefined);
  #later: ReturnType<typeof setTimeout> | undefined;
  #due = new Set<string>();

  on = $derived(this.standing.items.filter((s) => s.kind !== 'hours'));

  load(): void {
    this.#soon('rung', 'door', 'muster');
    void this.plans.load();
  }

  event(topic: string, data: unknown): void {
    if (topic === 'door') {
      const v = data as DoorView;
      this.doors = new Map(this.doors).set(v.id, v);
      return;
    }
    this.#soon(topic, ...(topic === 'rung' ? ['door'] : []));
  }

  async open(id: string): Promise<void> {
    this.muster = await get<Muster>(`/musters/${encodeURIComponent(id)}`);
  }

  #soon(...what: string[]): void {
    for (const w of what) this.#due.add(w);
    this.#later ??= setTimeout(() => void this.#fetch(), settle);
  }

  async #fetch(): Promise<void> {
    const due = this.#due;
    this.#due = new Set();
    this.#later = undefined;
    if (due.has('rung')) void this.standing.load();
    if (due.has('muster')) {
      void this.musters.load();
      const m = this.muster;
      if (m) await this.open(m.id).catch(() => {});
    }
    if (due.has('door')) {
      const views = await all<DoorView>('/doors', 5000, 1000).catch(() => undefined);
      if (views) this.doors = new Map(views.map((v) => [v.id, v]));
    }
  }
}
