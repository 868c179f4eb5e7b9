import type { Choice } from './choice';
import { WhepError, type Chosen, type Picture, type Session, type SessionEvents } from './whep';

export type PlayerState = 'idle' | 'connecting' | 'live' | 'nosignal';

/** What a viewer is told. */
export interface View {
  state: PlayerState;
  /** Since when, in ms. */
  since: number;
  /** When the next attempt is due; undefined while one is under way. */
  retryAt?: number;
  /** Which stream the picture comes from. */
  stream: string;
  /** Why this stream: by the size of the place, the only one, instead of one that gives no
   * picture, or another is on its way – only walls choose so. Or because of what the browser
   * can show: h265, b_frames; or why it comes over a WebSocket: mse_h265 and the like. */
  why?: Choice['why'] | 'changing' | Forced;
  /** The coding of the camera's sound, if it has any and that is known. */
  audio?: string;
  /** What is wrong, in the hub's words. */
  problem?: { zh: string; en: string };
  /** denied, unknown (no such camera), busy, codec (nothing here shows it), or nothing special. */
  reason?: 'denied' | 'unknown' | 'busy' | 'codec';
  /** The hub's code of the problem. */
  code?: string;
}

export type Forced = 'h265' | 'b_frames' | 'mse_h265' | 'mse_b_frames' | 'mse_no_webrtc' | 'mse_blocked' | 'mse_aac';

export interface PlayerEnv {
  open(url: string, on: SessionEvents, signal: AbortSignal): Promise<Session>;
  /** Shows the stream, or nothing. */
  show(picture: Picture | null): void;
  /** Frames shown so far; a number that stands still is a picture that stands still. */
  frames(): number;
  /** A hidden page draws no frames, so none are missed. */
  hidden(): boolean;
  changed(v: View): void;
  now(): number;
  random(): number;
}

const frozenAfter = 2_400; // a picture older than this is not shown; with the ticks it is less than 3 s
const firstWithin = 3_000; // until it is called "no signal"
const giveUpAfter = 8_000; // until the session is made anew
const pauses = [500, 1_000, 2_000, 3_000, 5_000, 8_000];
const longPause = 30_000; // for what will not change by itself

interface Attempt {
  abort: AbortController;
  session?: Session;
  stream: string;
  sound: boolean;
  media?: Picture;
  chosen?: Chosen;
}

/**
 * Keeps one camera on the screen: opens the session, notices when the picture
 * stands still, opens it again with growing pauses, and changes between the small
 * and the large stream without a gap. Knows no DOM; tick it four times a second.
 */
export class Player {
  readonly #env: PlayerEnv;
  #camera = '';
  #want = 'sub';
  #sound = false;
  #now: Attempt | undefined; // what is shown
  #next: Attempt | undefined; // the other stream, until it has a picture
  #state: PlayerState = 'idle';
  #since = 0;
  #started = 0;
  #frames = 0;
  #moved = 0;
  #failures = 0;
  #retryAt: number | undefined;
  #reason: View['reason'];

  constructor(env: PlayerEnv) {
    this.#env = env;
  }

  /** Plays a camera; an empty one stops. */
  play(camera: string, stream: string, sound = false): void {
    const other = stream !== this.#want || sound !== this.#sound;
    this.#sound = sound;
    if (camera !== this.#camera) {
      this.#drop();
      this.#camera = camera;
      this.#want = stream;
      this.#failures = 0;
      this.#reason = undefined;
      if (camera) {
        this.#state = 'idle'; // what was said of the other camera does not hold for this one
        this.#start();
      } else {
        this.#set('idle');
      }
    } else if (other) {
      this.#want = stream;
      if (camera && this.#now) this.#change();
    }
  }

  /** Tries at once, e.g. because the hub says the camera is back. */
  kick(): void {
    if (this.#retryAt !== undefined) this.#retryAt = this.#env.now();
  }

  tick(): void {
    if (!this.#camera) return;
    const t = this.#env.now();
    if (this.#retryAt !== undefined) {
      if (t >= this.#retryAt) this.#start();
      return;
    }
    if (this.#env.hidden()) {
      this.#moved = t;
      return;
    }
    const f = this.#env.frames();
    if (f !== this.#frames) {
      this.#frames = f;
      this.#moved = t;
      if (f > 0) this.#playing();
      return;
    }
    this.#still(t);
  }

  view(): View {
    const c = this.#now?.chosen;
    const forced = c?.reason && (c.via === 'mse' ? `mse_${c.reason}` : c.reason);
    return {
      state: this.#state,
      since: this.#since,
      retryAt: this.#retryAt,
      stream: c?.stream ?? this.#now?.stream ?? this.#want,
      reason: this.#reason,
      ...(forced && { why: forced as Forced }),
      ...(c?.audio && { audio: c.audio }),
    };
  }

  #playing(): void {
    this.#failures = 0;
    this.#reason = undefined;
    this.#set('live');
  }

  #still(t: number): void {
    if (this.#state === 'live' && t - this.#moved > frozenAfter) this.#set('nosignal', this.#moved);
    if (this.#state === 'connecting' && t - this.#started > firstWithin) this.#set('nosignal', this.#started);
    if (this.#state === 'nosignal' && t - Math.max(this.#moved, this.#started) > giveUpAfter) this.#fail();
  }

  #start(): void {
    this.#retryAt = undefined;
    this.#started = this.#moved = this.#env.now();
    this.#frames = this.#env.frames(); // those of the session before count for nothing
    if (this.#state !== 'nosignal') this.#set('connecting');
    else this.#tell();
    const a = this.#attempt();
    this.#now = a;
    this.#open(a, () => this.#show(a));
  }

  /** Opens the other stream beside the one that plays, and swaps when it has a picture. */
  #change(): void {
    this.#end(this.#next);
    this.#next = undefined;
    if (this.#retryAt !== undefined || (this.#want === this.#now?.stream && this.#sound === this.#now.sound)) return;
    const b = this.#attempt();
    this.#next = b;
    this.#open(b, () => {
      const track = typeof b.media === 'object' ? b.media.getVideoTracks()[0] : undefined;
      const swap = () => {
        if (this.#next !== b) return;
        this.#end(this.#now);
        this.#now = b;
        this.#next = undefined;
        this.#show(b);
        this.#tell();
      };
      if (!track || !track.muted) swap();
      else track.onunmute = swap;
    });
  }

  #attempt(): Attempt {
    return { abort: new AbortController(), stream: this.#want, sound: this.#sound };
  }

  #open(a: Attempt, ready: () => void): void {
    const url = `/whep/${encodeURIComponent(this.#camera)}?stream=${a.stream}${a.sound ? '&audio=1' : ''}`;
    const mine = () => this.#now === a || this.#next === a;
    const on: SessionEvents = {
      track: (media) => {
        a.media = media;
        if (mine()) ready();
      },
      lost: () => {
        if (mine()) this.#lost(a);
      },
      chosen: (c) => {
        a.chosen = c;
        if (this.#now === a) this.#tell();
      },
    };
    this.#env.open(url, on, a.abort.signal).then(
      (session) => {
        a.session = session;
        if (!mine()) session.close();
      },
      (err) => {
        if (mine()) this.#lost(a, err instanceof WhepError ? err.status : 0);
      },
    );
  }

  #lost(a: Attempt, status = 0): void {
    if (a === this.#next) {
      this.#next = undefined; // what plays goes on
      this.#end(a);
      return;
    }
    this.#reason = status === 401 || status === 403 ? 'denied' : status === 404 ? 'unknown' : status === 429 ? 'busy' : status === 406 ? 'codec' : undefined;
    this.#fail();
  }

  #fail(): void {
    this.#drop();
    const patient = this.#reason === 'denied' || this.#reason === 'unknown' || this.#reason === 'codec';
    const pause = patient ? longPause : (pauses[Math.min(this.#failures, pauses.length - 1)] ?? longPause);
    this.#failures++;
    this.#retryAt = this.#env.now() + pause * (0.8 + 0.4 * this.#env.random());
    if (this.#state === 'nosignal') this.#tell();
    else this.#set('nosignal', this.#state === 'live' ? this.#moved : this.#started);
  }

  #show(a: Attempt): void {
    this.#env.show(a.media ?? null);
    this.#frames = this.#env.frames();
  }

  #drop(): void {
    this.#end(this.#next);
    this.#end(this.#now);
    this.#next = this.#now = undefined;
    this.#retryAt = undefined;
    this.#env.show(null);
  }

  #end(a: Attempt | undefined): void {
    a?.abort.abort();
    a?.session?.close();
  }

  #set(s: PlayerState, since = this.#env.now()): void {
    if (s === this.#state) return;
    this.#state = s;
    this.#since = since;
    this.#tell();
  }

  #tell(): void {
    this.#env.changed(this.view());
  }
}
