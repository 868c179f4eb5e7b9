import { all, get } from '../kit/api';
import { label } from '../kit/i18n.svelte';
import type { Device, Label, Zone } from '../kit/types';

/** Names of devices, zones and people, asked for when one of them is shown. */
export class Places {
  #names = $state.raw<ReadonlyMap<string, Label>>(new Map());
  #asked = new Set<string>();

  /** The name of a device, its id until it is known. */
  device(id: string): string {
    return this.#name(`device ${id}`, id, async () => new Map([[`device ${id}`, (await get<Device>(`/devices/${encodeURIComponent(id)}`)).name]]));
  }

  zone(id: string): string {
    return this.#name(`zone ${id}`, id, async () => new Map((await all<Zone>('/zones')).map((z) => [`zone ${z.id}`, z.name])));
  }

  /** The name of a person; whoever was erased has none. */
  person(id: string): string {
    return this.#name(`person ${id}`, id, async () => new Map([[`person ${id}`, (await get<{ name: string }>(`/people/${encodeURIComponent(id)}`)).name]]));
  }

  #name(key: string, id: string, ask: () => Promise<Map<string, Label>>): string {
    const known = this.#names.get(key);
    if (known === undefined && !this.#asked.has(key)) {
      this.#asked.add(key);
      ask().then(
        (names) => (this.#names = new Map([...this.#names, ...names])),
        () => {}, // the id says it too
      );
    }
    return label(known) || id;
  }
}
