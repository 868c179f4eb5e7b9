// [Hz, start s, length s]: a doorbell, nothing like the desk's alarms.
const dingDong: [number, number, number][] = [
  [660, 0, 0.5],
  [528, 0.45, 0.9],
];
const every = 3_000; // ms
const longest = 50_000; // ms; then nobody is there

/** Sounds and shakes the phone while somebody rings. Browsers allow both only after a
 * touch, so `unlock` is called from the first one. */
export class Bell {
  #ctx: AudioContext | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #until = 0;

  /** Call from a gesture. */
  unlock(): void {
    if (typeof AudioContext !== 'function') return;
    this.#ctx ??= new AudioContext();
    if (this.#ctx.state === 'suspended') void this.#ctx.resume();
  }

  get ready(): boolean {
    return this.#ctx?.state === 'running';
  }

  ring(on: boolean): void {
    if (!on) return this.stop();
    if (this.#timer !== undefined) return;
    this.#until = Date.now() + longest;
    this.#once();
    this.#timer = setInterval(() => (Date.now() < this.#until ? this.#once() : this.stop()), every);
  }

  stop(): void {
    clearInterval(this.#timer);
    if (this.#timer !== undefined) navigator.vibrate?.(0);
    this.#timer = undefined;
  }

  #once(): void {
    navigator.vibrate?.([350, 150, 350]);
    const ctx = this.#ctx;
    if (!ctx || ctx.state !== 'running') return;
    for (const [hz, at, len] of dingDong) {
      const o = ctx.createOscillator();
      const g = ctx.createGain();
      const t0 = ctx.currentTime + at;
      o.frequency.value = hz;
      g.gain.setValueAtTime(0, t0);
      g.gain.linearRampToValueAtTime(0.35, t0 + 0.01);
      g.gain.exponentialRampToValueAtTime(0.001, t0 + len);
      o.connect(g).connect(ctx.destination);
      o.start(t0);
      o.stop(t0 + len + 0.02);
    }
  }
}
