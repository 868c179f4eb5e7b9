import { explain } from '../kit/errors';

/** Something that a page shows and asks the hub for, again and again. */
export class Answer<T> {
  value = $state.raw<T | undefined>(undefined);
  /** Why the last asking failed; with a value there, the value is old. */
  trouble = $state('');
  /** When the value came, in ms. */
  at = $state(0);

  readonly #ask: () => Promise<T>;
  #turn = 0;

  constructor(ask: () => Promise<T>) {
    this.#ask = ask;
  }

  get phase(): 'loading' | 'ready' | 'failed' {
    return this.value !== undefined ? 'ready' : this.trouble ? 'failed' : 'loading';
  }

  /** Asks; an answer that a later asking has overtaken is dropped. */
  readonly load = async (): Promise<void> => {
    const turn = ++this.#turn;
    try {
      const value = await this.#ask();
      if (turn !== this.#turn) return;
      this.value = value;
      this.trouble = '';
      this.at = Date.now();
    } catch (err) {
      if (turn === this.#turn) this.trouble = explain(err);
    }
  };

  /** Forgets the value, so that the place shows that another one is on its way. */
  again(): void {
    this.value = undefined;
    this.trouble = '';
    void this.load();
  }
}
