import { choose, type Choice, type Size } from './choice';
import type { View } from './player';
import type { Told } from './wallsession';

/** What a tile does on the screen. */
export interface TileEnv {
  show(track: MediaStreamTrack | null): void;
  /** Frames shown so far. */
  frames(): number;
  /** Whether frame() is to be called for each frame. */
  watch(on: boolean): void;
  /** Copies what is on the screen: for the moment, or to be remembered as a camera's last picture. */
  copy(camera?: string): void;
  /** Lays something over the picture: nothing, the copy, or what is remembered of a camera. */
  cover(what: 'nothing' | 'copy' | 'remembered', camera?: string): void;
  hidden(): boolean;
  changed(v: View): void;
  now(): number;
}

/** How the tile's wall is connected. */
export interface WallLink {
  changed(): void;
  refresh(tile: WallTile): void;
  kick(): void;
  tick(): void;
  state(): { open: boolean; since: number; retryAt?: number; reason?: View['reason'] };
}

const frozenAfter = 2_400; // a picture older than this is not shown; with the ticks it is less than 3 s
const firstWithin = 3_000; // until it is called "no signal"
const giveUpAfter = 8_000; // until the hub is asked for the picture anew
const coverAtMost = 1_000; // a copy that stands longer is said to be one
const badFor = 60_000; // a stream that gives no picture is tried again after this
const guessAfter = 400; // where frames bear no time: a replay is over by then

/** Causes that lie in one stream of a camera, so that the other is worth a try. */
const ofStream = new Set(['camera.path', 'camera.codec', 'camera.no_params', 'camera.silent', 'camera.refused']);

const notBefore = (a: number, b: number) => ((a - b) | 0) >= 0; // RTP time is modulo 2^32

/**
 * One picture of a wall: what it wants, what the hub says of it, and what is really
 * seen. The short fast-forward at the start of a picture is covered: by the last
 * picture of that camera, or by its newest key frame. Knows no DOM.
 */
export class WallTile {
  readonly #env: TileEnv;
  readonly #link: WallLink;
  #camera = '';
  #choice: Choice | undefined;
  #place: Size = { width: 0, height: 0 };
  #sub: Partial<Size> | null | undefined;
  #bad = new Map<string, number>(); // streams without a picture, and until when
  #told: Told | undefined;
  #toldAt = 0;
  #seen: number | null | undefined; // begun_rtp of the picture that is seen live
  #first = false; // a frame of the new picture has been copied
  #covered = 0; // since when a copy covers a change of stream; 0: it does not
  #width = 0;
  #state: View['state'] = 'idle';
  #since = 0;
  #asked = 0;
  #frames = 0;
  #moved = 0;
  #last = '';

  constructor(env: TileEnv, link: WallLink) {
    this.#env = env;
    this.#link = link;
  }

  /** What the hub is asked for; camera '' is nothing. */
  get wish(): { camera: string; stream: string } {
    return { camera: this.#camera, stream: this.#camera ? (this.#choice?.stream ?? 'sub') : '' };
  }

  play(camera: string): void {
    if (camera === this.#camera) return;
    if (this.#camera && this.#state === 'live') this.#env.copy(this.#camera);
    this.#camera = camera;
    this.#bad.clear();
    this.#choice = undefined;
    this.#anew();
    this.#choose();
    this.#env.cover(camera ? 'remembered' : 'nothing', camera);
    this.#set(camera ? 'connecting' : 'idle');
    this.#link.changed();
  }

  /** The place's size in pixels of the screen, and that of the camera's sub stream. */
  fit(place: Size, sub: Partial<Size> | null | undefined): void {
    this.#place = place;
    this.#sub = sub;
    if (this.#camera && this.#choose()) this.#link.changed();
  }

  show(track: MediaStreamTrack | null): void {
    if (!track && this.#state === 'live') this.#env.copy(this.#camera);
    this.#anew();
    this.#env.show(track);
    this.#frames = this.#env.frames();
  }

  /** What the hub says of this tile. */
  told(s: Told): void {
    if (s.camera !== this.#camera) return; // it does not know yet
    const turned = s.begun_rtp !== this.#told?.begun_rtp;
    if (s.state !== this.#told?.state || turned) this.#toldAt = this.#env.now();
    this.#told = s;
    if (turned && this.#seen !== undefined && s.begun_rtp !== this.#seen) this.#turned();
    else if (s.begun_rtp === this.#seen && !this.#coming()) this.#env.watch(false);
    this.#fallBack(s);
    this.judge();
  }

  /** A frame is on the screen; rtp is undefined where the browser does not tell. */
  frame(rtp: number | undefined, width: number): void {
    const s = this.#told;
    if (!s) return;
    if (this.#seen !== undefined && s.begun_rtp === this.#seen) { // another stream is on its way
      if (this.#covered) return;
      if (this.#width && width !== this.#width) return this.#turned(); // it is here before the hub has said so
      this.#width = width;
      this.#env.copy();
      return;
    }
    if (rtp === undefined || s.begun_rtp === null || !notBefore(rtp, s.begun_rtp)) return;
    if (s.live_rtp !== null && notBefore(rtp, s.live_rtp)) return this.#live();
    if (this.#first || this.#covered) return;
    this.#first = true;
    this.#env.copy();
    this.#env.cover('copy');
  }

  /** A quarter of a second has passed, or there is news. */
  judge(): void {
    if (!this.#camera) return;
    const t = this.#env.now();
    const f = this.#env.frames();
    if (f !== this.#frames || this.#env.hidden()) {
      this.#frames = f;
      this.#moved = t;
    }
    for (const [stream, until] of this.#bad) if (t > until && this.#bad.delete(stream) && this.#choose()) this.#link.changed();
    if (this.#covered && t - this.#covered > frozenAfter && this.#told?.begun_rtp === this.#seen) this.#live(); // it was not what it seemed
    const link = this.#link.state();
    const s = this.#told;
    if (!link.open || !s) return this.#waiting(t, link.retryAt !== undefined ? 0 : firstWithin);
    if (s.state === 'no_signal') return this.#set('nosignal', this.#state === 'live' ? this.#moved : this.#asked);
    if (this.#guess(t)) this.#live();
    if (this.#seen === undefined) return this.#waiting(t, firstWithin);
    if (t - this.#moved > frozenAfter) {
      this.#set('nosignal', this.#moved);
      if (s.state === 'live' && t - Math.max(this.#moved, this.#asked) > giveUpAfter) {
        this.#asked = t;
        this.#link.refresh(this);
      }
      return;
    }
    this.#set(this.#covered && t - this.#covered > coverAtMost ? 'connecting' : 'live');
  }

  tick(): void {
    this.#link.tick();
    this.judge();
  }

  kick(): void {
    this.#link.kick();
    if (this.#told?.problem === 'camera.unknown') this.#link.refresh(this);
  }

  view(): View {
    const link = this.#link.state();
    const s = this.#told;
    return {
      state: this.#state,
      since: this.#since,
      retryAt: link.retryAt,
      stream: s?.stream || this.wish.stream,
      reason: link.reason ?? (s?.problem === 'camera.unknown' ? 'unknown' : undefined),
      why: this.#why(),
      problem: s?.problem ? s.problem_text : undefined,
      code: s?.problem || undefined,
    };
  }

  #why(): View['why'] {
    const s = this.#told;
    if (s?.reason === 'h265' || s?.reason === 'b_frames') return s.reason;
    if (!s || s.stream === this.#choice?.stream) return this.#choice?.why;
    return s.wanted !== this.#choice?.stream || this.#state !== 'live' ? 'changing' : s.problem ? 'fallback' : s.stream === 'main' ? 'only' : 'changing';
  }

  #waiting(t: number, within: number): void {
    const quiet = this.#state === 'nosignal' || t - this.#asked >= within;
    this.#set(quiet ? 'nosignal' : 'connecting', quiet ? this.#asked : undefined);
  }

  /** Where frames bear no time, a picture that moves a while after the hub called it live is live. */
  #guess(t: number): boolean {
    const s = this.#told;
    if (!s || s.state !== 'live' || this.#seen === s.begun_rtp) return false;
    return this.#moved > this.#toldAt && t - this.#toldAt > (s.live_rtp === null ? guessAfter : 4 * guessAfter);
  }

  #live(): void {
    this.#seen = this.#told?.begun_rtp;
    this.#covered = 0;
    this.#width = 0;
    this.#frames = this.#env.frames();
    this.#moved = this.#env.now();
    this.#env.watch(this.#coming());
    this.#env.cover('nothing');
    this.#set('live');
  }

  /** Whether another stream of the camera is still to come. */
  #coming(): boolean {
    const s = this.#told;
    return !!s && !s.reason && this.#sub !== null && (this.wish.stream !== s.stream || s.wanted !== this.wish.stream);
  }

  /** The picture goes on in another stream, which begins a little in the past. */
  #turned(): void {
    if (this.#covered) return;
    this.#covered = this.#env.now();
    if (!this.#width) this.#env.copy(); // there was no time for one
    this.#env.watch(true);
    this.#env.cover('copy');
  }

  #anew(): void {
    this.#told = undefined;
    this.#seen = undefined;
    this.#first = false;
    this.#covered = 0;
    this.#width = 0;
    this.#asked = this.#moved = this.#env.now();
    this.#env.watch(!!this.#camera);
  }

  /** Notes streams that give no picture, so that the other one is tried. */
  #fallBack(s: Told): void {
    if (!ofStream.has(s.problem) || this.#sub === null) return;
    const stream = s.state === 'no_signal' ? s.stream : s.wanted;
    if (this.#bad.has(stream)) return;
    this.#bad.set(stream, this.#env.now() + badFor);
    if (this.#choose()) this.#link.changed();
  }

  #choose(): boolean {
    const before = this.#choice;
    this.#choice = choose(this.#place, this.#sub, before, new Set(this.#bad.keys()));
    if (before && this.#seen !== undefined && before.stream !== this.#choice.stream) this.#env.watch(true);
    return before?.stream !== this.#choice.stream;
  }

  #set(state: View['state'], since = this.#env.now()): void {
    if (state !== this.#state) {
      if (this.#state === 'live' && state === 'nosignal') this.#env.copy(this.#camera);
      this.#state = state;
      this.#since = since;
    }
    const v = this.view();
    const key = `${v.state} ${v.stream} ${v.why} ${v.reason} ${v.retryAt} ${v.problem?.en} ${this.#camera}`;
    if (key === this.#last) return;
    this.#last = key;
    this.#env.changed(v);
  }
}
