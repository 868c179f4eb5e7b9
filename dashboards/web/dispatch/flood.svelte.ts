import { get } from '../kit/api';
import type { Flood, FloodSpan } from '../kit/types';

const lookEvery = 20_000; // the rate changes without an event of its own

/** Whether more alarms come than an operator can take in, and that it is over. */
export class FloodWatch {
  now = $state.raw<Flood | undefined>(undefined);
  /** The flood that ended while this screen was open, until the operator has read it. */
  ended = $state.raw<FloodSpan | undefined>(undefined);
  #timer: ReturnType<typeof setInterval> | undefined;

  active = $derived(this.now?.active ?? false);

  start(): () => void {
    void this.load();
    this.#timer = setInterval(() => void this.load(), lookEvery);
    return () => clearInterval(this.#timer);
  }

  /** Asks the hub. What the stream says meanwhile wins. */
  async load(): Promise<void> {
    const before = this.now;
    try {
      const f = await get<Flood>('/alarms/flood');
      if (this.now === before) this.apply(f);
    } catch {
      // the desk works without; the rate is then counted here
    }
  }

  apply(f: Flood): void {
    if (this.now?.active && !f.active) this.ended = over(this.now, f);
    if (f.active) this.ended = undefined;
    this.now = { ...this.now, ...f };
  }

  read(): void {
    this.ended = undefined;
  }
}

/** What the hub wrote down of the flood, or what this screen knows of it. */
export function over(was: Flood, is: Flood, now = new Date()): FloodSpan {
  const began = was.since ?? now.toISOString();
  const kept = is.history?.find((h) => h.began_at === began);
  return { began_at: began, ended_at: now.toISOString(), ...kept };
}
