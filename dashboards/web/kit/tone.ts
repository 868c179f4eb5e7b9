import type { Priority } from './types';

// Frequencies and rhythm per priority: told apart without looking, and none of
// them like a telephone. [Hz, start s, length s]
const patterns: Record<Priority, [number, number, number][]> = {
  critical: [[988, 0, 0.14], [740, 0.18, 0.14], [988, 0.36, 0.14], [740, 0.54, 0.14]],
  high: [[784, 0, 0.16], [784, 0.26, 0.16]],
  medium: [[587, 0, 0.2]],
  low: [[440, 0, 0.12]],
};
const repeatEvery: Partial<Record<Priority, number>> = { critical: 4_000, high: 12_000 };
const rank: Priority[] = ['critical', 'high', 'medium', 'low'];

/**
 * The desk's tone: one per new alarm, and again for critical and high ones until
 * someone acknowledges. Muting is not acknowledging. Browsers allow sound only
 * after a gesture, so `unlock` is called from the first click or key.
 */
export class Tone {
  #ctx: AudioContext | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pending: Priority | undefined;
  on = true;

  /** Call from a gesture. */
  unlock(): void {
    this.#ctx ??= new AudioContext();
    if (this.#ctx.state === 'suspended') void this.#ctx.resume();
  }

  get ready(): boolean {
    return this.#ctx?.state === 'running';
  }

  /** A new alarm. */
  announce(p: Priority): void {
    if (this.on) this.#play(p);
  }

  /** The most urgent unacknowledged priority; undefined silences the repeats. */
  pending(p: Priority | undefined): void {
    if (p === this.#pending) return;
    this.#pending = p;
    clearTimeout(this.#timer);
    this.#schedule();
  }

  stop(): void {
    clearTimeout(this.#timer);
    void this.#ctx?.close();
    this.#ctx = undefined;
  }

  #schedule(): void {
    const every = this.#pending && repeatEvery[this.#pending];
    if (!every) return;
    this.#timer = setTimeout(() => {
      if (this.on && this.#pending) this.#play(this.#pending);
      this.#schedule();
    }, every);
  }

  #play(p: Priority): void {
    const ctx = this.#ctx;
    if (!ctx || ctx.state !== 'running') return;
    const loud = 0.22 - rank.indexOf(p) * 0.04;
    for (const [hz, at, len] of patterns[p]) {
      const o = ctx.createOscillator();
      const g = ctx.createGain();
      const t0 = ctx.currentTime + at;
      o.type = 'triangle';
      o.frequency.value = hz;
      g.gain.setValueAtTime(0, t0);
      g.gain.linearRampToValueAtTime(loud, t0 + 0.012); // a ramp, not a click
      g.gain.setValueAtTime(loud, t0 + len - 0.03);
      g.gain.linearRampToValueAtTime(0, t0 + len);
      o.connect(g).connect(ctx.destination);
      o.start(t0);
      o.stop(t0 + len + 0.02);
    }
  }
}
