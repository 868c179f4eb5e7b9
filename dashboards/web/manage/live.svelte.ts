import { Stream, type LinkState } from '../kit/stream';
import { session } from '../kit/session.svelte';

const pause = 600; // ms; a burst of changes asks once
const retry = 30_000; // ms; for what no topic tells of

/** Tells a page that what it shows has changed at the hub. */
export class Live {
  link = $state<LinkState>('connecting');
  since = $state(Date.now());

  readonly #topics: string[];
  readonly #changed: (topics: ReadonlySet<string>) => void;
  #waiting = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(topics: string[], changed: (topics: ReadonlySet<string>) => void) {
    this.#topics = topics;
    this.#changed = changed;
  }

  /** Follows the stream until the returned function is called; asks once at the start. */
  start(): () => void {
    const all = () => this.#tell(...this.#topics);
    const stream = new Stream({
      url: '/api/v1/stream',
      topics: this.#topics,
      event: (topic) => this.#tell(topic),
      reset: all,
      state: (s, since) => {
        if (s === 'live' && this.link === 'down') all();
        this.link = s;
        this.since = since;
      },
      denied: () => (session.user = null),
    });
    stream.start();
    const again = setInterval(all, retry);
    this.#changed(new Set(this.#topics));
    return () => {
      stream.stop();
      clearInterval(again);
      clearTimeout(this.#timer);
      this.#timer = undefined;
    };
  }

  #tell(...topics: string[]): void {
    for (const t of topics) this.#waiting.add(t);
    this.#timer ??= setTimeout(() => {
      const told = this.#waiting;
      this.#waiting = new Set();
      this.#timer = undefined;
      this.#changed(told);
    }, pause);
  }
}
