import { recall, remember } from '../kit/stored';
import { assign, bring, claim, empty, fill, layouts, lead, release, tiles, type Layout, type Slot } from './wall';

interface Kept {
  layout: Layout;
  slots: (string | null)[];
}

const good = (x: unknown): boolean => {
  const k = x as Kept | null;
  return !!k && layouts.includes(k.layout) && Array.isArray(k.slots);
};

/** What the wall shows. It is remembered, but for what an alarm put there. */
export class WallState {
  layout = $state<Layout>('4');
  slots = $state.raw<Slot[]>(empty());
  /** The tile that fills the wall alone. */
  solo = $state<number | undefined>(undefined);
  /** Whole pictures with bars, instead of filled tiles. */
  whole = $state(recall('wall.whole', false));
  /** What was there before an alarm took the wall. */
  before = $state.raw<Kept | undefined>(undefined);
  readonly #held: (alarm: string) => boolean;
  readonly #stands: (alarm: string) => boolean;

  /** held: the operator may be looking at it; stands: it is not over. */
  constructor(held: (alarm: string) => boolean, stands: (alarm: string) => boolean) {
    this.#held = held;
    this.#stands = stands;
    this.#take(recall<Kept>('wall', { layout: '4', slots: [] }, good));
  }

  /** The cameras that exist: unknown ones go, free tiles are filled. */
  known(cameras: string[]): void {
    this.slots = fill(this.slots, cameras);
  }

  setLayout(l: Layout): void {
    this.layout = l;
    this.solo = undefined;
    this.before = undefined;
    this.#keep();
  }

  assign(i: number, camera: string | null): void {
    this.slots = assign(this.slots, i, camera);
    if (!this.before) this.#keep();
  }

  enlarge(i: number): void {
    this.solo = this.solo === i ? undefined : i;
  }

  setWhole(on: boolean): void {
    this.whole = on;
    remember('wall.whole', on);
  }

  /** An alarm's cameras come to the front. */
  bring(alarm: string, cameras: string[], yields: (other: string) => boolean): void {
    this.before ??= this.#now();
    const brought = bring(this.slots, alarm, cameras, this.#held, tiles['1+5']);
    const slots = claim(brought, alarm, cameras, yields, tiles['1+5']);
    this.slots = cameras[0] === undefined ? slots : lead(slots, cameras[0], yields, tiles['1+5']);
    this.layout = '1+5';
    this.solo = undefined;
  }

  /** Marks go when their alarms are over; the pictures stay until the operator restores. */
  release(): void {
    this.slots = release(this.slots, this.#stands);
  }

  restore(): void {
    if (this.before) this.#take(this.before);
    this.before = undefined;
  }

  /** The first tile that shows a camera. */
  tileOf(camera: string): number | undefined {
    const i = this.slots.findIndex((s, n) => s.camera === camera && n < tiles[this.layout]);
    return i < 0 ? undefined : i;
  }

  /** Shows a camera: in the tile that has it, else in the last one. */
  show(camera: string): void {
    if (this.tileOf(camera) !== undefined) return;
    const free = this.slots.findLastIndex((s, n) => n < tiles[this.layout] && !s.alarm);
    if (free >= 0) this.assign(free, camera);
  }

  #now(): Kept {
    return { layout: this.layout, slots: this.slots.map((s) => s.camera) };
  }

  #take(k: Kept): void {
    this.layout = k.layout;
    this.slots = empty().map((s, i) => ({ ...s, camera: k.slots[i] ?? null }));
    this.solo = undefined;
  }

  #keep(): void {
    remember('wall', this.#now());
  }
}
