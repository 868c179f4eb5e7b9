import { openMse, playsHevc } from './mse';
import { openWhep, WhepError, type Picture, type Session, type SessionEvents } from './whep';

export interface LadderEnv {
  whep: typeof openWhep;
  mse: typeof openMse;
  webrtc(): boolean;
  hevc(): boolean;
  now(): number;
}

const blockedFor = 60_000; // a network that lets no WebRTC through is not tried again for so long
const slow = 5_000; // a connection that does not stand by then never will

/**
 * Always a picture: WebRTC where it works, in the stream that the hub finds fit; else a
 * file over a WebSocket. It says why. What it learns of the network holds for all pictures
 * of a page.
 */
export class Ladder {
  readonly #env: LadderEnv;
  #blocked = 0; // until when

  constructor(env: LadderEnv = browser) {
    this.#env = env;
  }

  /** url is that of WHEP; with audio=1 in it sound is asked for. */
  readonly open = async (url: string, on: SessionEvents, signal: AbortSignal): Promise<Session> => {
    if (!this.#env.webrtc()) return this.#file(url, on, signal, 'no_webrtc');
    if (this.#env.now() < this.#blocked) return this.#file(url, on, signal, 'blocked');
    try {
      return await this.#direct(url, on, signal);
    } catch (err) {
      if (err instanceof WhepError && err.code === 'whep.use_mse') return this.#file(url, on, signal, 'h265');
      throw err;
    }
  };

  async #direct(url: string, on: SessionEvents, signal: AbortSignal): Promise<Session> {
    const began = this.#env.now();
    let connected = false;
    let deaf = false; // the sound that was asked for does not go this way
    let decided = false;
    let early: Picture | undefined; // came before it was decided
    const note = (least: number) => {
      if (!connected && this.#env.now() - began > least) this.#blocked = this.#env.now() + blockedFor;
    };
    const session = await this.#env.whep(
      url,
      {
        track: (p) => (decided ? on.track(p) : (early = p)),
        lost: () => {
          note(0);
          on.lost();
        },
        connected: () => (connected = true),
        chosen: (c) => {
          deaf = c.audio === 'aac' && url.includes('audio=1');
          if (!deaf) on.chosen?.(c);
        },
      },
      signal,
    );
    decided = true;
    if (deaf) {
      session.close();
      return this.#file(url, on, signal, 'aac');
    }
    if (early) on.track(early);
    return {
      close: () => {
        note(slow);
        session.close();
      },
    };
  }

  #file(url: string, on: SessionEvents, signal: AbortSignal, reason: string): Promise<Session> {
    const at = `${url.replace('/whep/', '/mse/')}&h265=${this.#env.hevc() ? 1 : 0}`;
    return this.#env.mse(at, { ...on, chosen: (c) => on.chosen?.({ ...c, reason: c.reason || reason }) }, signal);
  }
}

const browser: LadderEnv = {
  whep: openWhep,
  mse: openMse,
  webrtc: () => 'RTCPeerConnection' in window,
  hevc: playsHevc,
  now: () => Date.now(),
};
