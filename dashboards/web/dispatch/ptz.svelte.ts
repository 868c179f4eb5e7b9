import { get, post } from '../kit/api';
import { explain } from '../kit/errors';

/** A direction: each from -1 to 1. */
export interface Direction {
  pan: number;
  tilt: number;
  zoom: number;
}

export interface Preset {
  token: string;
  name: string;
}

const every = 300; // ms between two words that it goes on
const goesOn = 900; // ms that the hub turns it for after the last word

/** The direction of a key, undefined for keys that are not the pad's. */
export function directionOf(key: string): Direction | undefined {
  const d = (pan: number, tilt: number, zoom: number) => ({ pan, tilt, zoom });
  switch (key) {
    case 'ArrowLeft':
      return d(-0.5, 0, 0);
    case 'ArrowRight':
      return d(0.5, 0, 0);
    case 'ArrowUp':
      return d(0, 0.5, 0);
    case 'ArrowDown':
      return d(0, -0.5, 0);
    case '+':
    case '=':
      return d(0, 0, 0.5);
    case '-':
      return d(0, 0, -0.5);
  }
  return undefined;
}

/** Turns a camera while a button or key is held. When this page dies, the hub stops it. */
export class Turner {
  trouble = $state('');
  moving = $state<Direction | undefined>(undefined);
  presets = $state.raw<Preset[]>([]);

  readonly #path: string;
  #timer: ReturnType<typeof setInterval> | undefined;
  #asking = false;
  #stopping = false;

  constructor(id: string) {
    this.#path = `/cameras/${encodeURIComponent(id)}`;
  }

  hold(d: Direction): void {
    if (this.moving === d) return;
    this.moving = d;
    this.#stopping = false;
    clearInterval(this.#timer);
    this.#timer = setInterval(() => void this.#say(), every);
    void this.#say();
  }

  release(): void {
    if (!this.moving) return;
    this.moving = undefined;
    clearInterval(this.#timer);
    // Behind a word that is on its way, or it would go on after the stop.
    if (this.#asking) this.#stopping = true;
    else void this.#send({ stop: true });
  }

  async load(): Promise<void> {
    try {
      this.presets = (await get<{ items: Preset[] }>(`${this.#path}/presets`)).items;
    } catch {
      this.presets = []; // many cameras have none, and the pad works without
    }
  }

  go(preset: string): Promise<void> {
    return this.#send({ preset });
  }

  async #say(): Promise<void> {
    if (this.#asking || !this.moving) return;
    this.#asking = true;
    await this.#send({ move: { ...this.moving }, for_ms: goesOn });
    this.#asking = false;
    if (this.#stopping) {
      this.#stopping = false;
      await this.#send({ stop: true });
    }
  }

  async #send(body: unknown): Promise<void> {
    try {
      await post(`${this.#path}/ptz`, body);
      this.trouble = '';
    } catch (err) {
      this.trouble = explain(err);
    }
  }
}
