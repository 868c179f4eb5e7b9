import { ApiError, get, post } from '../kit/api';
import { queued, withMarks, type Mark } from '../kit/muster';
import { notices } from '../kit/notices.svelte';
import { recall, remember } from '../kit/stored';
import type { Muster, MusterState } from '../kit/types-doors';
import type { Page } from '../kit/types';

const again = 4000; // ms between attempts without a network

/**
 * The muster that is on, as this phone has it. A mark counts from the tap: it is
 * kept on the phone until the hub has it, with the time of the tap, and the later
 * word about a person counts whoever's network was worse.
 */
export class Roll {
  #got = $state.raw<Muster | undefined>(recall<Muster | undefined>('muster', undefined));
  waiting = $state.raw<Mark[]>(recall<Mark[]>('marks', [], Array.isArray));
  #sending = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  muster = $derived(this.#got && !this.#got.ended_at ? this.#got : undefined);
  people = $derived(this.muster ? withMarks(this.muster.people, this.waiting) : []);

  /** Looks whether a muster is on; without a network the one that was known stays. */
  async load(): Promise<void> {
    try {
      const on = (await get<Page<Muster>>('/musters?limit=20')).items?.find((m) => !m.ended_at);
      if (!on || on.id !== this.#got?.id) this.#keep([]);
      this.#take(on && (await get<Muster>(`/musters/${encodeURIComponent(on.id)}`)));
    } catch (err) {
      if (err instanceof ApiError && err.status === 403) this.#take(undefined);
    }
    void this.send();
  }

  tick(person: string, state: MusterState): void {
    this.#keep(queued(this.waiting, { person, state, at: new Date().toISOString() }));
    navigator.vibrate?.(20);
    void this.send();
  }

  /** Sends what waits; what is ticked meanwhile waits on. */
  async send(): Promise<void> {
    const m = this.muster;
    if (this.#sending || !m || !this.waiting.length) return;
    this.#sending = true;
    clearTimeout(this.#timer);
    const marks = this.waiting;
    try {
      this.#take(await post<Muster>(`/musters/${encodeURIComponent(m.id)}/marks`, { marks }));
      this.#keep(this.waiting.filter((x) => !marks.includes(x)));
    } catch (err) {
      if (err instanceof ApiError && err.status >= 400 && err.status < 500 && err.status !== 401 && err.status !== 429) {
        notices.fail(err); // the hub will not take them: it has ended, or is another's
        this.#keep([]);
        void this.load();
      } else this.#timer = setTimeout(() => void this.send(), again);
    } finally {
      this.#sending = false;
    }
    if (this.waiting.some((x) => !marks.includes(x))) void this.send();
  }

  #take(m: Muster | undefined): void {
    this.#got = m;
    remember('muster', m ?? null);
  }

  #keep(marks: Mark[]): void {
    this.waiting = marks;
    remember('marks', marks);
  }
}
