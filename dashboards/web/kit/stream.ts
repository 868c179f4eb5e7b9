import { SseParser } from './sse';

/**
 * How fresh the screen is: live; stale, when the hub has been silent for longer
 * than its heartbeat; down, when the connection is gone and is being made again.
 */
export type LinkState = 'connecting' | 'live' | 'stale' | 'down';

export interface StreamOptions {
  url: string;
  topics: string[];
  /** An event; transient ones have no id of their own. */
  event(topic: string, data: unknown): void;
  /** The hub no longer holds what came since: load the lists afresh. */
  reset(): void;
  state(s: LinkState, since: number): void;
  /** The session has ended. */
  denied(): void;
  fetch?: typeof fetch;
  now?: () => number;
}

const staleAfter = 14_000; // the hub says something at least every 10 s
const deadAfter = 25_000;
const longestPause = 10_000;

/**
 * Follows the hub's stream of changes. It reads the response body itself,
 * because EventSource hides the heartbeats, and without those a cut cable looks
 * like a quiet night for minutes.
 */
export class Stream {
  readonly #o: StreamOptions;
  readonly #now: () => number;
  #parser = new SseParser();
  #abort: AbortController | undefined;
  #watch: ReturnType<typeof setInterval> | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #heard = 0;
  #failures = 0;
  #state: LinkState = 'connecting';
  #stopped = true;

  constructor(o: StreamOptions) {
    this.#o = o;
    this.#now = o.now ?? Date.now;
  }

  start(): void {
    if (!this.#stopped) return;
    this.#stopped = false;
    this.#set('connecting');
    this.#watch = setInterval(() => this.#check(), 1000);
    void this.#connect();
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#watch);
    clearTimeout(this.#retry);
    this.#abort?.abort();
  }

  /** Tries again at once, e.g. when the network is back. */
  kick(): void {
    if (this.#stopped || this.#state === 'live') return;
    clearTimeout(this.#retry);
    this.#abort?.abort();
    void this.#connect();
  }

  async #connect(): Promise<void> {
    const abort = new AbortController();
    this.#abort = abort;
    this.#heard = this.#now();
    try {
      const res = await (this.#o.fetch ?? fetch)(this.#url(), {
        headers: this.#parser.lastId ? { 'Last-Event-ID': this.#parser.lastId } : {},
        credentials: 'same-origin',
        cache: 'no-store',
        signal: abort.signal,
      });
      if (res.status === 401) {
        this.stop();
        this.#o.denied();
        return;
      }
      if (!res.ok || !res.body) throw new Error(`stream: ${res.status}`);
      await this.#read(res.body);
    } catch {
      // told by the state below
    }
    if (this.#abort === abort) this.#again();
  }

  #url(): string {
    return `${this.#o.url}?topics=${this.#o.topics.join(',')}`;
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
    const lastId = this.#parser.lastId;
    this.#parser = new SseParser();
    this.#parser.lastId = lastId;
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      this.#heard = this.#now();
      this.#failures = 0;
      this.#set('live');
      for (const e of this.#parser.push(value)) this.#deliver(e.event, e.data);
    }
  }

  #deliver(topic: string, data: string): void {
    if (topic === 'hello') return;
    if (topic === 'reset') return this.#o.reset();
    try {
      this.#o.event(topic, JSON.parse(data));
    } catch (err) {
      console.warn('stream: event not understood', topic, err);
    }
  }

  #check(): void {
    const silent = this.#now() - this.#heard;
    if (this.#state === 'live' && silent > staleAfter) this.#set('stale', this.#heard);
    if (this.#state !== 'down' && silent > deadAfter) this.#abort?.abort();
  }

  #again(): void {
    if (this.#stopped) return;
    this.#set('down', this.#heard);
    const pause = Math.min(longestPause, 500 * 2 ** this.#failures++) * (0.8 + 0.4 * Math.random());
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => void this.#connect(), pause);
  }

  #set(s: LinkState, since = this.#now()): void {
    if (s === this.#state && s !== 'connecting') return;
    this.#state = s;
    this.#o.state(s, since);
  }
}
