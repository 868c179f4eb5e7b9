/** The last pictures of cameras and when they were taken, in ms. */
export type Pictures = Map<string, { picture: HTMLCanvasElement; at: number }>;

const remembered = 64;
const widest = 640; // pixels; it is shown dim, or for a moment

/** What lies over a video: a copy of one of its frames, or a camera's last picture. */
export class Still {
  readonly #video: HTMLVideoElement;
  readonly #on: HTMLCanvasElement;
  readonly #pictures: Pictures;
  #copy = document.createElement('canvas');
  #at = 0;

  constructor(video: HTMLVideoElement, on: HTMLCanvasElement, pictures: Pictures) {
    this.#video = video;
    this.#on = on;
    this.#pictures = pictures;
  }

  /** Copies the frame that is on the screen; with a camera it is remembered as its last. */
  copy(camera?: string): void {
    if (!this.#video.videoWidth) return;
    const picture = camera === undefined ? this.#copy : document.createElement('canvas');
    draw(picture, this.#video, this.#video.videoWidth, this.#video.videoHeight);
    const at = Date.now();
    if (camera === undefined) {
      this.#at = at;
      return;
    }
    this.#pictures.delete(camera);
    this.#pictures.set(camera, { picture, at });
    const oldest = this.#pictures.keys().next().value;
    if (this.#pictures.size > remembered && oldest !== undefined) this.#pictures.delete(oldest);
  }

  cover(what: 'nothing' | 'copy' | 'remembered', camera = ''): void {
    const kept = what === 'remembered' ? this.#pictures.get(camera) : what === 'copy' && this.#at ? { picture: this.#copy, at: this.#at } : undefined;
    this.#on.hidden = !kept;
    if (!kept) return;
    draw(this.#on, kept.picture, kept.picture.width, kept.picture.height);
    this.#on.dataset.at = String(kept.at);
  }
}

function draw(to: HTMLCanvasElement, from: CanvasImageSource, width: number, height: number): void {
  const scale = Math.min(1, widest / width);
  const [w, h] = [Math.round(width * scale), Math.round(height * scale)];
  if (to.width !== w || to.height !== h) [to.width, to.height] = [w, h];
  to.getContext('2d')?.drawImage(from, 0, 0, w, h);
}
