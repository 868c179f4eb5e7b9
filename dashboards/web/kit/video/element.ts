import { Player, type View } from './player';
import { openWhep } from './whep';

/** Words of the element; the page may set its own. Times are in ms. */
export interface Labels {
  connecting: string;
  noSignal(forMs: number): string;
  retrying(inMs: number | undefined): string;
  denied: string;
  unknown: string;
}

const chinese: Labels = {
  connecting: '连接中',
  noSignal: (ms) => `无信号 · ${Math.floor(ms / 60_000)}:${String(Math.floor(ms / 1000) % 60).padStart(2, '0')}`,
  retrying: (ms) => (ms === undefined ? '重连中' : `重连中（${Math.ceil(ms / 1000)} s）`),
  denied: '无权查看',
  unknown: '没有这个摄像机',
};

const css = `
:host { display: block; position: relative; background: #05070a; overflow: hidden; contain: strict; }
video { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: cover; opacity: 0; transition: opacity .12s; }
:host([fit=contain]) video { object-fit: contain; }
:host([data-state=live]) video { opacity: 1; }
.say { position: absolute; inset: 0; display: grid; place-content: center; text-align: center; color: #8a95a3; line-height: 1.6; padding: .5em; }
.say small { font-size: .86em; color: #7b8694; }
:host([data-state=live]) .say, :host([data-state=idle]) .say { display: none; }
@media (prefers-reduced-motion: reduce) { video { transition: none; } }`;

/**
 * <dongyue-video camera="cam-1" stream="sub" fit="contain">: a live picture over WHEP that
 * says when there is none. Needs no framework. A frozen picture is never shown:
 * after 2.5 s without a new frame it gives way to "no signal". Fires "view" with
 * the player's View as detail.
 */
export class DongyueVideo extends HTMLElement {
  static observedAttributes = ['camera', 'stream', 'label'];
  labels: Labels = chinese;
  readonly video: HTMLVideoElement;
  #say = document.createElement('div');
  #player: Player;
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
    this.#say.className = 'say';
    root.append(this.video, this.#say);
    this.#player = new Player({
      open: openWhep,
      show: (stream) => this.#show(stream),
      frames: () => this.video.getVideoPlaybackQuality().totalVideoFrames,
      hidden: () => document.hidden,
      changed: (v) => this.#changed(v),
      now: () => Date.now(),
      random: () => Math.random(),
    });
  }

  connectedCallback(): void {
    this.#timer = setInterval(() => this.#tick(), 500);
    this.#play();
  }

  disconnectedCallback(): void {
    clearInterval(this.#timer);
    this.#player.play('', 'sub');
  }

  attributeChangedCallback(name: string): void {
    if (name === 'label') this.video.setAttribute('aria-label', this.getAttribute('label') ?? '');
    else if (this.isConnected) this.#play();
  }

  /** Tries again at once. */
  kick(): void {
    this.#player.kick();
    this.#player.tick();
  }

  view(): View {
    return this.#player.view();
  }

  #play(): void {
    this.#player.play(this.getAttribute('camera') ?? '', this.getAttribute('stream') || 'sub');
  }

  #show(stream: MediaStream | null): void {
    this.video.srcObject = stream;
    if (stream) void this.video.play().catch(() => {}); // autoplay of a muted picture; a pause is noticed as a still one
  }

  #tick(): void {
    this.#player.tick();
    this.#speak(this.#player.view());
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
    if (v.state === 'connecting') return this.#text(l.connecting, '');
    const what = v.reason === 'denied' ? l.denied : v.reason === 'unknown' ? l.unknown : l.noSignal(now - v.since);
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
