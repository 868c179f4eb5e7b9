import type { View } from './player';
import type { Pictures } from './still';
import { WhepError } from './whep';
import { openWall, type Change, type News, type WallEvents, type WallSession } from './wallsession';
import { WallTile, type TileEnv } from './walltile';

export interface WallEnv {
  open(sections: number, list: string, on: WallEvents, signal: AbortSignal): Promise<WallSession>;
  now(): number;
  random(): number;
  /** Runs f soon, many calls at once. */
  soon(f: () => void): void;
}

const pauses = [500, 1_000, 2_000, 3_000, 5_000, 8_000];
const longPause = 30_000; // for what will not change by itself

/**
 * Many pictures over one connection: tiles say what they want, and the hub is told
 * without a new negotiation. A connection that is lost is made again, with growing pauses.
 */
export class Wall {
  /** The last pictures of cameras, for the moment until they are live again. */
  readonly pictures: Pictures = new Map();
  readonly #env: WallEnv;
  readonly #tiles: (WallTile | undefined)[];
  #session: WallSession | undefined;
  #abort: AbortController | undefined;
  #sent: string[] = []; // what the hub was asked for, by section
  #stale = new Set<number>(); // sections whose picture is to begin anew
  #putting = false;
  #changing = new Set<number>(); // sections of the request that is on its way: what is told of them may be old
  #news: News | undefined; // the newest
  #planned = false;
  #failures = 0;
  #since = 0;
  #retryAt: number | undefined;
  #reason: View['reason'];

  constructor(sections: number, env: WallEnv = browser) {
    this.#env = env;
    this.#tiles = Array.from({ length: sections }, () => undefined);
  }

  /** A free place on the wall. */
  join(env: TileEnv): WallTile {
    const i = this.#tiles.indexOf(undefined);
    if (i < 0) throw new Error('the wall has no free place');
    const tile: WallTile = new WallTile(env, {
      changed: () => this.#plan(),
      refresh: () => {
        this.#stale.add(i);
        this.#plan();
      },
      kick: () => this.#kick(),
      tick: () => this.tick(),
      state: () => ({ open: this.#session !== undefined, since: this.#since, retryAt: this.#retryAt, reason: this.#reason }),
    });
    this.#tiles[i] = tile;
    if (this.#session) tile.show(this.#session.tracks[i] ?? null);
    return tile;
  }

  leave(tile: WallTile): void {
    const i = this.#tiles.indexOf(tile);
    if (i < 0) return;
    tile.show(null);
    this.#tiles[i] = undefined;
    this.#plan();
  }

  /** Four times a second. */
  tick(): void {
    if (this.#retryAt !== undefined && this.#env.now() >= this.#retryAt) this.#open();
  }

  /** The sections of what is wanted now: cam-1:sub,,cam-2:main. */
  #wishes(): string[] {
    return this.#tiles.map((t) => (t?.wish.camera ? `${t.wish.camera}:${t.wish.stream}` : ''));
  }

  #plan(): void {
    if (this.#planned) return;
    this.#planned = true;
    this.#env.soon(() => {
      this.#planned = false;
      this.#settle();
    });
  }

  #settle(): void {
    if (this.#tiles.every((t) => !t)) return this.#close();
    if (this.#session) void this.#put();
    else if (!this.#abort && this.#retryAt === undefined && this.#wishes().some((w) => w)) this.#open();
  }

  #open(): void {
    this.#retryAt = undefined;
    this.#stale.clear();
    this.#news = undefined;
    this.#sent = this.#wishes();
    const abort = (this.#abort = new AbortController());
    const mine = () => this.#abort === abort;
    let early: News | undefined; // news may come before the session is there
    const on: WallEvents = {
      told: (news) => {
        if (!mine()) return;
        if (this.#session) this.#tell(news);
        else early = news;
      },
      lost: (status) => {
        if (mine()) this.#lost(status);
      },
    };
    this.#env.open(this.#tiles.length, this.#sent.join(','), on, abort.signal).then(
      (session) => {
        if (!mine()) return session.close();
        this.#session = session;
        this.#since = this.#env.now();
        this.#reason = undefined;
        this.#tiles.forEach((t, i) => t?.show(session.tracks[i] ?? null));
        if (early) this.#tell(early);
        void this.#put(); // what has changed meanwhile
      },
      (err) => {
        if (mine()) this.#lost(err instanceof WhepError ? err.status : 0);
      },
    );
  }

  /** Tells the hub what has changed; one request at a time. */
  async #put(): Promise<void> {
    const session = this.#session;
    if (!session || this.#putting) return;
    const want = this.#wishes();
    const all = want.map((_, i) => i);
    const anew = all.filter((i) => this.#stale.has(i) && want[i]);
    const due = all.filter((i) => want[i] !== this.#sent[i] || this.#stale.has(i));
    if (due.length === 0) return;
    this.#putting = true;
    this.#changing = new Set(due);
    this.#stale.clear();
    this.#sent = want;
    const change = (i: number): Change => {
      const [camera = '', stream] = (want[i] ?? '').split(':');
      return stream ? { mid: session.mids[i] ?? '', camera, stream } : { mid: session.mids[i] ?? '', camera };
    };
    try {
      if (anew.length) await session.put(anew.map((i) => ({ mid: session.mids[i] ?? '', camera: '' })));
      const news = await session.put(due.map(change));
      this.#changing.clear();
      if (session === this.#session) this.#tell(news, true);
    } catch (err) {
      if (session === this.#session) this.#lost(err instanceof WhepError ? err.status : 0);
    } finally {
      this.#putting = false;
      this.#changing.clear();
    }
    this.#settle();
  }

  /** Tells the tiles, unless something newer was told; again: what was held back too. */
  #tell(news: News, again = false): void {
    this.#failures = 0;
    const old = this.#news !== undefined && news.as_of_us < this.#news.as_of_us;
    if (!old) this.#news = news;
    else if (!again) return;
    const want = this.#wishes();
    this.#news?.tiles.forEach((s, i) => {
      if (!this.#changing.has(i) && want[i] === this.#sent[i]) this.#tiles[i]?.told(s);
    });
  }

  #lost(status: number): void {
    this.#drop();
    this.#reason = status === 401 || status === 403 ? 'denied' : status === 429 ? 'busy' : undefined;
    const pause = this.#reason === 'denied' ? longPause : (pauses[Math.min(this.#failures, pauses.length - 1)] ?? longPause);
    this.#failures++;
    this.#retryAt = this.#env.now() + pause * (0.8 + 0.4 * this.#env.random());
    for (const t of this.#tiles) {
      t?.show(null);
      t?.judge();
    }
  }

  #kick(): void {
    if (this.#retryAt === undefined) return;
    this.#retryAt = this.#env.now();
    this.tick();
  }

  #drop(): void {
    this.#abort?.abort();
    this.#session?.close();
    this.#abort = this.#session = undefined;
  }

  #close(): void {
    this.#drop();
    this.#retryAt = undefined;
    this.#failures = 0;
    this.#reason = undefined;
  }
}

const browser: WallEnv = {
  open: openWall,
  now: () => Date.now(),
  random: () => Math.random(),
  soon: (f) => void setTimeout(f, 0),
};
