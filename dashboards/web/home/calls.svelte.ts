import { get, post } from '../kit/api';
import { session } from '../kit/session.svelte';
import { Stream, type LinkState } from '../kit/stream';
import { Bell } from './bell';
import type { Call, CallState, Warning } from './types';
import { warnings } from './warnings.svelte';

const going = (c: Call): boolean => c.state === 'ringing' || c.state === 'answered';

/** Whether a call concerns this screen: it rings, or was answered by its reader. */
export const mineNow = (c: Call, now: number): boolean => going(c) && (c.state === 'ringing' || c.mine) && Date.parse(c.until) > now;

/** The calls of the home, as the hub tells them; rings while one is unanswered. */
class Calls {
  list = $state.raw<Call[]>([]);
  link = $state<LinkState>('connecting');
  readonly bell = new Bell();
  /** This clock minus the hub's, in ms. */
  skew = $state(0);
  #stream: Stream | undefined;

  /** Begins to listen; gives what ends it. passed is called when a pass of mine needs me. */
  start(passed: () => void = () => {}): () => void {
    const s = new Stream({
      url: '/api/v1/home/stream',
      topics: ['call', 'pass', 'warning'], // one connection for all that a phone is told
      event: (topic, data) => {
        if (topic === 'call') this.apply(data as Call);
        else if (topic === 'warning') warnings.apply(data as Warning);
        else passed();
      },
      reset: () => void Promise.all([this.load(), warnings.load()]),
      state: (link) => {
        if (link === 'live' && this.link !== 'live') void Promise.all([this.load(), warnings.load()]); // what came while nobody listened
        this.link = link;
      },
      denied: () => void session.load(),
    });
    this.#stream = s;
    s.start();
    const back = () => document.visibilityState === 'visible' && s.kick();
    document.addEventListener('visibilitychange', back);
    return () => {
      document.removeEventListener('visibilitychange', back);
      this.bell.stop();
      s.stop();
    };
  }

  kick(): void {
    this.#stream?.kick();
  }

  async load(): Promise<void> {
    try {
      const { items } = await get<{ items: Call[] | null }>('/home/calls?limit=30');
      this.list = items ?? [];
      this.#heard(this.list[0]);
    } catch {
      // what was there stays; the stream tells of the rest
    }
  }

  apply(c: Call): void {
    const i = this.list.findIndex((x) => x.id === c.id);
    this.list = i < 0 ? [c, ...this.list] : this.list.map((x) => (x.id === c.id ? c : x));
    this.#heard(c);
  }

  /** The call that the screen is about now. */
  at(now: number): Call | undefined {
    return this.list.find((c) => mineNow(c, now - this.skew));
  }

  async answer(c: Call): Promise<Call> {
    const now = await post<Call>(`/home/calls/${c.id}/answer`);
    this.apply(now);
    return now;
  }

  async end(c: Call, outcome: CallState): Promise<void> {
    this.apply(await post<Call>(`/home/calls/${c.id}/end`, { outcome }));
  }

  #heard(c: Call | undefined): void {
    if (c) this.skew = Date.now() - Date.parse(c.server);
    this.bell.ring(this.list.some((x) => x.state === 'ringing' && mineNow(x, Date.now() - this.skew)));
  }
}

export const calls = new Calls();
