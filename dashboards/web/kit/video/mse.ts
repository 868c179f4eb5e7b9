import { WhepError, type Session, type SessionEvents } from './whep';

/** What the hub says before each initialisation segment, or instead of one. */
interface Hello {
  mime?: string;
  stream?: string;
  reason?: string;
  audio?: string;
  code?: string;
}

const keep = 20; // s behind the newest picture
const most = 16 << 20; // bytes that wait to be taken; a page that takes none has stopped

/** Whether files with H.265 are played here. */
export const playsHevc = (): boolean => 'MediaSource' in window && MediaSource.isTypeSupported('video/mp4; codecs="hvc1.1.6.L123.B0"');

/**
 * Opens live pictures as a file over a WebSocket. The picture that it hands over is
 * the address of a MediaSource; chase() keeps the video element at its end.
 */
export function openMse(url: string, on: SessionEvents, signal: AbortSignal): Promise<Session> {
  if (!('MediaSource' in window)) return Promise.reject(new WhepError(406, 'mse.unsupported'));
  const at = new URL(url, document.baseURI);
  at.protocol = at.protocol.replace('http', 'ws');
  const ws = new WebSocket(at);
  ws.binaryType = 'arraybuffer';
  return new Promise((done, fail) => {
    let file: LiveFile | undefined;
    let over = false;
    const close = () => {
      over = true;
      signal.removeEventListener('abort', close);
      ws.close();
      file?.close();
    };
    const end = (err: WhepError) => {
      if (over) return;
      close();
      if (file) on.lost();
      else fail(err);
    };
    signal.addEventListener('abort', close);
    ws.onerror = ws.onclose = () => end(new WhepError(0));
    ws.onmessage = (e: MessageEvent<string | ArrayBuffer>) => {
      if (over) return;
      if (typeof e.data !== 'string') return file?.append(e.data);
      const hello = JSON.parse(e.data) as Hello;
      if (!hello.mime || !MediaSource.isTypeSupported(hello.mime)) return end(new WhepError(406, hello.code ?? 'mse.unsupported'));
      if (file) return file.change(hello.mime);
      file = new LiveFile(hello.mime, () => end(new WhepError(0)));
      on.chosen?.({ via: 'mse', stream: hello.stream, reason: hello.reason, audio: hello.audio });
      on.track(file.url);
      done({ close });
    };
  });
}

/** A file that grows at its end and is forgotten at its beginning. */
class LiveFile {
  readonly url: string;
  #source = new MediaSource();
  #buffer: SourceBuffer | undefined;
  #mime: string;
  #queue: (ArrayBuffer | string)[] = []; // a string is the type of what follows
  #bytes = 0;
  #failed: () => void;

  constructor(mime: string, failed: () => void) {
    this.#mime = mime;
    this.#failed = failed;
    this.url = URL.createObjectURL(this.#source);
    this.#source.onsourceopen = () => {
      URL.revokeObjectURL(this.url);
      this.#buffer = this.#source.addSourceBuffer(this.#mime);
      this.#buffer.onupdateend = () => this.#pump();
      this.#buffer.onerror = () => this.#failed();
      this.#pump();
    };
  }

  append(b: ArrayBuffer): void {
    this.#queue.push(b);
    this.#bytes += b.byteLength;
    if (this.#bytes > most) return this.#failed();
    this.#pump();
  }

  change(mime: string): void {
    this.#queue.push(mime);
    this.#pump();
  }

  close(): void {
    this.#queue = [];
    if (this.#buffer) this.#buffer.onupdateend = this.#buffer.onerror = null;
    if (this.#source.readyState === 'open' && !this.#buffer?.updating) this.#source.endOfStream();
  }

  #pump(): void {
    const b = this.#buffer;
    if (!b || b.updating || this.#source.readyState !== 'open') return;
    try {
      if (this.#forget(b)) return;
      for (let x = this.#queue.shift(); x !== undefined; x = this.#queue.shift()) {
        if (typeof x === 'string') {
          b.changeType(x);
          continue;
        }
        this.#bytes -= x.byteLength;
        return b.appendBuffer(x);
      }
    } catch {
      this.#failed(); // full, or broken
    }
  }

  #forget(b: SourceBuffer): boolean {
    const n = b.buffered.length;
    if (!n || b.buffered.end(n - 1) - b.buffered.start(0) < 2 * keep) return false;
    b.remove(0, b.buffered.end(n - 1) - keep);
    return true;
  }
}

const late = 1.5; // s behind the newest picture, from where on it is jumped to
const behind = 0.15; // s, so that the next picture is there in time

/** Keeps a video at the end of its file: live, and neither in a hole nor in the past. */
export function chase(video: Pick<HTMLVideoElement, 'buffered' | 'currentTime' | 'playbackRate'>): void {
  const n = video.buffered.length;
  if (!n) return;
  const end = video.buffered.end(n - 1);
  const lag = end - video.currentTime;
  if (lag > late || video.currentTime < video.buffered.start(n - 1)) video.currentTime = Math.max(video.buffered.start(n - 1), end - behind);
  video.playbackRate = lag > 0.6 && lag <= late ? 1.1 : 1;
}
