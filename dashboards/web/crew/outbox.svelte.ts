import { ApiError, newKey, post, put } from '../kit/api';
import { notices } from '../kit/notices.svelte';
import type { Order } from '../kit/types';
import { refused, without, type Act } from './outbox';
import { drop, keep, kept } from './store';

const again = 4000; // ms between attempts without a network

/**
 * What was done to orders, in its order, until the hub has heard of it. In a cellar that
 * may be an hour; a phone that is switched off meanwhile has it still.
 */
export class Outbox {
  waiting = $state.raw<Act[]>([]);
  #sending = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #done: (o: Order | undefined, a: Act) => void;
  readonly #user: string;

  /** done is told what the hub answered; nothing of an order that it refused. */
  constructor(user: string, done: (o: Order | undefined, a: Act) => void) {
    this.#user = user;
    this.#done = done;
  }

  async load(): Promise<void> {
    const old = (await kept()).filter((a) => a.user === this.#user);
    this.waiting = [...old.filter((a) => !this.waiting.some((x) => x.id === a.id)), ...this.waiting];
    void this.send();
  }

  /** Does something; it is kept before it is sent. */
  async add(a: Omit<Act, 'id' | 'at' | 'user'>): Promise<void> {
    const act: Act = { ...a, id: newKey(), user: this.#user, at: new Date().toISOString() };
    this.waiting = [...this.waiting, act];
    await keep(act);
    await this.send();
  }

  /** Sends what waits, one after the other: an order is taken before it is done. */
  async send(): Promise<void> {
    if (this.#sending) return;
    this.#sending = true;
    clearTimeout(this.#timer);
    try {
      while (this.waiting.length) {
        const a = this.waiting[0]!;
        const o = await deliver(a);
        this.#forget(a, this.waiting.filter((x) => x.id !== a.id));
        this.#done(o, a);
      }
    } catch (err) {
      const a = this.waiting[0]!;
      if (err instanceof ApiError && refused(err.status)) {
        notices.fail(err);
        this.#forget(a, without(this.waiting, a));
        this.#done(undefined, a);
        this.#timer = setTimeout(() => void this.send(), 0);
      } else this.#timer = setTimeout(() => void this.send(), again);
    } finally {
      this.#sending = false;
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #forget(a: Act, rest: Act[]): void {
    const gone = this.waiting.filter((x) => !rest.includes(x));
    this.waiting = rest;
    for (const x of gone) void drop(x.id);
    void drop(a.id);
  }
}

function deliver(a: Act): Promise<Order | undefined> {
  const path = `/work-orders/${encodeURIComponent(a.order)}`;
  if (a.what === 'photo') return put<Order>(`${path}/photos/${a.id}?when=${a.when}&taken_at=${encodeURIComponent(a.at)}`, a.picture!);
  return post<Order | undefined>(`${path}/${a.what}`, a.text ? { text: a.text } : {}, { key: a.id });
}
