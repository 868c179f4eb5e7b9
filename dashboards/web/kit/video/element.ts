import { Player, type View } from './player';
import { choose, type Choice, type Size } from './choice';
import { Ladder } from './ladder';
import { chase } from './mse';
import { Still } from './still';
import type { Wall } from './wall';
import type { WallTile } from './walltile';
import type { Picture } from './whep';

/** Words of the element; the page may set its own. Times are in ms. */
export interface Labels {
  connecting: string;
  /** The picture behind it was taken so long ago. */
  before?(ms: number): string;
  noSignal(forMs: number): string;
  retrying(inMs: number | undefined): string;
  denied: string;
  unknown: string;
  /** The camera's coding is not shown by this browser in any way. */
  codec: string;
}

const chinese: Labels = {
  connecting: '连接中',
  before: (ms) => `${Math.max(1, Math.round(ms / 1000))} 秒前的画面`,
  noSignal: (ms) => `无信号 · ${Math.floor(ms / 60_000)}:${String(Math.floor(ms / 1000) % 60).padStart(2, '0')}`,
  retrying: (ms) => (ms === undefined ? '重连中' : `重连中（${Math.ceil(ms / 1000)} s）`),
  denied: '无权查看',
  unknown: '没有这个摄像机',
  codec: '此浏览器无法播放 H.265：请在摄像机上把子码流设为 H.264',
};

const css = `
:host { display: block; position: relative; background: #05070a; overflow: hidden; contain: strict; }
video { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: cover; }
:host([fit=contain]) video { object-fit: contain; }
/* A video that can't be seen at all (opacity 0, or behind something opaque) is not given to the screen, and is black for
   some frames when it is uncovered. So it is always drawn, and what lies over it lets 1/255 through. */
.veil { position: absolute; inset: 0; background: #05070afe; }
:host([data-state=live]) .veil { display: none; }
canvas { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: cover; }
:host([fit=contain]) canvas { object-fit: contain; }
:host([data-state=connecting]) canvas { filter: brightness(.5) saturate(.6); }
:host([data-state=nosignal]) canvas, :host([data-state=idle]) canvas, canvas[hidden] { display: none; }
.say { z-index: 1; position: absolute; inset: 0; display: grid; place-content: center; text-align: center; color: #8a95a3; line-height: 1.6; padding: .5em; }
.say small { font-size: .86em; color: #7b8694; }
:host([data-state=live]) .say, :host([data-state=idle]) .say { display: none; }`;

const tickEvery = 250; // ms: what stands still must be said within 3 s

/**
 * <dongyue-video camera="cam-1" stream="sub" fit="contain">: a live picture over WHEP that
 * says when there is none. Needs no framework. A frozen picture is never shown:
 * after 2.4 s without a new frame it gives way to "no signal". Fires "view" with
 * the player's View as detail.
 *
 * With a wall as its property it is one tile of it: the pictures of all tiles come over
 * one connection, the stream is chosen by the element's size (sub is the size of the
 * camera's sub stream, null where there is none), and the attribute stream counts for nothing.
 * It leaves the wall for what a wall can't do: pictures that come over a WebSocket, and sound.
 *
 * It is mute unless it has the attribute sound; the page must let a gesture set it, since
 * browsers play no sound without one.
 */
export class DongyueVideo extends HTMLElement {
  static #ladder = new Ladder();
  static observedAttributes = ['camera', 'stream', 'label', 'sound'];
  labels: Labels = chinese;
  readonly video: HTMLVideoElement;
  #veil = document.createElement('div');
  #say = document.createElement('div');
  #still = document.createElement('canvas');
  #cover: Still;
  #player: Player;
  #wall: Wall | undefined;
  #tile: WallTile | undefined;
  #sub: Partial<Size> | null | undefined;
  #aside = ''; // the camera that the wall can't show
  #choice: Choice | undefined;
  #track: MediaStreamTrack | null = null; // the tile's, which stays while its camera changes
  #sizes: ResizeObserver | undefined;
  #watching = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open' });
    const sheet = new CSSStyleSheet(); // allowed by a policy without inline styles
    sheet.replaceSync(css);
    root.adoptedStyleSheets = [sheet];
    this.video = document.createElement('video');
    this.video.muted = true;
    this.video.autoplay = true;
    this.video.playsInline = true;
    this.video.disablePictureInPicture = true;
    this.#cover = new Still(this.video, this.#still, new Map());
    this.#veil.className = 'veil';
    this.#say.className = 'say';
    this.video.addEventListener('progress', () => this.video.src && chase(this.video));
    this.#still.hidden = true;
    root.append(this.video, this.#veil, this.#still, this.#say);
    this.#player = new Player({
      open: DongyueVideo.#ladder.open,
      show: (stream) => this.#swap(stream),
      frames: () => this.video.getVideoPlaybackQuality().totalVideoFrames,
      hidden: () => document.hidden,
      changed: (v) => (!this.#wall || this.#alone()) && this.#changed(v),
      now: () => Date.now(),
      random: () => Math.random(),
    });
  }

  set wall(w: Wall | undefined) {
    if (w === this.#wall) return;
    this.#leave();
    this.#wall = w;
    if (this.isConnected) this.#play();
  }

  set sub(size: Partial<Size> | null | undefined) {
    if (size?.width === this.#sub?.width && size?.height === this.#sub?.height && (size === null) === (this.#sub === null)) return;
    this.#sub = size;
    this.#fit();
  }

  connectedCallback(): void {
    this.#timer = setInterval(() => this.#tick(), tickEvery);
    this.#play();
  }

  disconnectedCallback(): void {
    clearInterval(this.#timer);
    this.#leave();
    this.#player.play('', 'sub');
  }

  attributeChangedCallback(name: string): void {
    if (name === 'camera') this.#aside = '';
    if (name === 'label') this.video.setAttribute('aria-label', this.getAttribute('label') ?? '');
    else if (this.isConnected) this.#play();
  }

  /** Tries again at once. */
  kick(): void {
    const p = this.#source();
    p.kick();
    p.tick();
  }

  view(): View {
    return this.#source().view();
  }

  /** Where the picture comes from: the wall, or a session of its own. */
  #source(): WallTile | Player {
    return this.#tile && !this.#alone() ? this.#tile : this.#player;
  }

  #alone(): boolean {
    const camera = this.getAttribute('camera') ?? '';
    return camera !== '' && (this.hasAttribute('sound') || this.#aside === camera || !('RTCPeerConnection' in window));
  }

  #play(): void {
    const camera = this.getAttribute('camera') ?? '';
    const sound = this.hasAttribute('sound');
    this.video.muted = !sound;
    if (!this.#wall) return this.#player.play(camera, this.getAttribute('stream') || 'sub', sound);
    if (this.#alone()) {
      this.#tile?.play('');
      this.#choice = choose(this.#pixels(), this.#sub, this.#choice, new Set());
      return this.#player.play(camera, this.#choice.stream, sound);
    }
    if (this.#player.view().state !== 'idle') {
      this.#player.play('', 'sub');
      this.#showTile();
    }
    this.#tile ??= this.#join(this.#wall);
    this.#fit();
    this.#tile.play(camera);
  }

  #pixels(): Size {
    const dots = window.devicePixelRatio || 1;
    return { width: this.clientWidth * dots, height: this.clientHeight * dots };
  }

  /** Takes a place on the wall. */
  #join(wall: Wall): WallTile {
    const still = (this.#cover = new Still(this.video, this.#still, wall.pictures));
    this.#sizes = new ResizeObserver(() => this.#fit());
    this.#sizes.observe(this);
    return wall.join({
      show: (track) => {
        this.#track = track;
        if (!this.#alone()) this.#showTile();
      },
      frames: () => this.video.getVideoPlaybackQuality().totalVideoFrames,
      watch: (on) => this.#watch(on),
      copy: (camera) => still.copy(camera),
      cover: (what, camera) => still.cover(what, camera),
      hidden: () => document.hidden,
      changed: (v) => this.#told(v),
      now: () => Date.now(),
    });
  }

  /** The wall's view, which is this one's unless the wall can't show it. */
  #told(v: View): void {
    if (this.#alone()) return;
    if (v.code !== 'whep.use_mse') return this.#changed(v);
    this.#aside = this.getAttribute('camera') ?? '';
    this.#play();
  }

  #leave(): void {
    this.#sizes?.disconnect();
    this.#watch(false);
    if (this.#tile) this.#wall?.leave(this.#tile);
    this.#tile = undefined;
  }

  /** Tells the tile how many pixels of the screen it has. */
  #fit(): void {
    if (!this.clientWidth) return;
    this.#tile?.fit(this.#pixels(), this.#sub);
    if (this.#wall && this.#alone()) this.#play();
  }

  /** Has the tile told of each frame, or no longer. */
  #watch(on: boolean): void {
    if (on === this.#watching > 0 || !this.video.requestVideoFrameCallback) return;
    if (!on) {
      this.video.cancelVideoFrameCallback(this.#watching);
      this.#watching = 0;
      return;
    }
    const next = () => {
      this.#watching = this.video.requestVideoFrameCallback((_, m) => {
        next();
        this.#tile?.frame(m.rtpTimestamp, m.width);
      });
    };
    next();
  }

  #showTile(): void {
    this.#show(this.#track && new MediaStream([this.#track]));
  }

  /** Shows the stream of the player; the last picture stays until the new one has one. */
  #swap(stream: Picture | null): void {
    const bridge = !!stream && this.dataset.state === 'live' && !!this.video.requestVideoFrameCallback;
    if (bridge) this.#cover.copy();
    this.#cover.cover(bridge ? 'copy' : 'nothing');
    this.#show(stream);
    if (bridge) this.video.requestVideoFrameCallback(() => this.#cover.cover('nothing'));
  }

  #show(stream: Picture | null): void {
    if (typeof stream === 'string') {
      this.video.srcObject = null;
      this.video.src = stream;
    } else {
      if (this.video.src) this.video.removeAttribute('src');
      this.video.playbackRate = 1;
      this.video.srcObject = stream;
    }
    if (stream) void this.video.play().catch(() => {}); // autoplay of a muted picture; a pause is noticed as a still one
  }

  #tick(): void {
    const p = this.#source();
    p.tick();
    if (this.video.src) chase(this.video);
    this.#speak(p.view());
  }

  #changed(v: View): void {
    this.dataset.state = v.state;
    this.#speak(v);
    this.dispatchEvent(new CustomEvent<View>('view', { detail: v }));
  }

  #speak(v: View): void {
    if (v.state === 'live' || v.state === 'idle') return;
    const l = this.labels;
    const now = Date.now();
    if (v.state === 'connecting') {
      const at = Number(this.#still.dataset.at);
      return this.#text(l.connecting, !this.#still.hidden && at && now - at > 1000 ? (l.before?.(now - at) ?? '') : '');
    }
    const what = v.reason === 'denied' ? l.denied : v.reason === 'unknown' ? l.unknown : v.reason === 'codec' ? l.codec : l.noSignal(now - v.since);
    this.#text(what, l.retrying(v.retryAt === undefined ? undefined : Math.max(0, v.retryAt - now)));
  }

  #text(first: string, second: string): void {
    const key = `${first}\n${second}`;
    if (this.#say.dataset.text === key) return;
    this.#say.dataset.text = key;
    const small = document.createElement('small');
    small.textContent = second;
    this.#say.replaceChildren(first, document.createElement('br'), small);
  }
}

if (!customElements.get('dongyue-video')) customElements.define('dongyue-video', DongyueVideo);
