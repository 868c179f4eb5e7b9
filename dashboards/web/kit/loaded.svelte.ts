import { all } from './api';
import { explain } from './errors';

/** A list of the hub's that a screen loads when it is needed, and what became of that. */
export class Loaded<T> {
  items = $state.raw<T[]>([]);
  state = $state<'loading' | 'ready' | 'failed'>('loading');
  trouble = $state('');
  readonly #path: string;
  #asked = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** Loads it anew; what was there stays in sight meanwhile, and when it fails. */
  async load(): Promise<void> {
    const mine = ++this.#asked;
    try {
      const items = await all<T>(this.#path, 2000, 200);
      if (mine !== this.#asked) return;
      this.items = items;
      this.state = 'ready';
    } catch (err) {
      if (mine !== this.#asked) return;
      this.trouble = explain(err);
      if (this.state === 'loading') this.state = 'failed';
    }
  }
}
