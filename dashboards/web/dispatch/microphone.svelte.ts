import { ApiError, newKey, post } from '../kit/api';
import { explain } from '../kit/errors';
import { t } from '../kit/i18n.svelte';
import type { Broadcast } from '../kit/types';

export type MicState = 'off' | 'connecting' | 'ready' | 'talking';

/**
 * The operator's microphone. It is connected to the hub once (WHIP, RFC 9725) and heard
 * nowhere; while a button is held it is on the air, as a broadcast of its own.
 */
export class Microphone {
  state = $state<MicState>('off');
  trouble = $state('');
  broadcast = $state.raw<Broadcast | undefined>(undefined);
  /** What is answered, where this microphone also listens. */
  answer = $state.raw<MediaStream | undefined>(undefined);
  readonly #listens: boolean;
  #peer: RTCPeerConnection | undefined;
  #sound: MediaStream | undefined;
  #address = '';
  #held = false;
  #closed = false;

  constructor(listens = false) {
    this.#listens = listens;
  }

  async connect(): Promise<void> {
    if (this.state !== 'off') return;
    this.state = 'connecting';
    this.trouble = '';
    try {
      // A page that is not from this machine or over HTTPS has no microphone.
      if (!navigator.mediaDevices) throw new Error(t('talk.insecure'));
      this.#sound = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true } });
      await this.#join();
      if (this.#closed) return this.#drop();
      this.state = 'ready';
    } catch (e) {
      this.#drop();
      this.trouble = e instanceof ApiError ? explain(e) : e instanceof DOMException ? t('talk.denied') : (e as Error).message;
    }
  }

  async #join(): Promise<void> {
    const peer = (this.#peer = new RTCPeerConnection());
    for (const track of this.#sound?.getAudioTracks() ?? []) peer.addTransceiver(track, { direction: this.#listens ? 'sendrecv' : 'sendonly' });
    peer.addEventListener('track', (e) => (this.answer = new MediaStream([e.track])));
    await peer.setLocalDescription();
    await gathered(peer);
    const res = await fetch('/whip/microphone', { method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: peer.localDescription?.sdp ?? '' });
    if (!res.ok) {
      const p = await res.json().catch(() => ({}));
      throw new ApiError(res.status, p.code ?? '', p.detail ?? '');
    }
    this.#address = res.headers.get('Location') ?? '';
    await peer.setRemoteDescription({ type: 'answer', sdp: await res.text() });
    await connected(peer);
    peer.addEventListener('connectionstatechange', () => {
      if (peer.connectionState === 'failed') {
        this.#drop();
        this.trouble = t('talk.lost');
      }
    });
  }

  /** Puts the voice on the air while it is held. */
  talk(zones: string[], priority: number): Promise<void> {
    return this.#onAir({ zones, priority });
  }

  /** Opens a line to one loudspeaker, both ways, until it is released. */
  call(speaker: string): Promise<void> {
    return this.#onAir({ speaker, priority: 4, two_way: true });
  }

  async #onAir(what: { zones?: string[]; speaker?: string; two_way?: boolean; priority: number }): Promise<void> {
    if (this.#held || this.state !== 'ready') return;
    this.#held = true;
    this.state = 'talking';
    this.trouble = '';
    try {
      this.broadcast = await post<Broadcast>('/broadcasts', { ...what, live: this.#address.split('/').pop(), at_night: what.priority === 4 }, { key: newKey() });
      if (!this.#held) await this.#hush();
    } catch (e) {
      this.#held = false;
      this.trouble = explain(e);
      if (this.state === 'talking') this.state = 'ready';
    }
  }

  async release(): Promise<void> {
    if (!this.#held) return;
    this.#held = false;
    await this.#hush();
  }

  async #hush(): Promise<void> {
    const id = this.broadcast?.id;
    if (!id) return;
    try {
      await post(`/broadcasts/${id}/stop`, undefined);
    } catch (e) {
      this.trouble = explain(e);
    }
    if (this.state === 'talking') this.state = 'ready';
  }

  close(): void {
    this.#closed = true;
    void this.release();
    if (this.#address) void fetch(this.#address, { method: 'DELETE', keepalive: true }).catch(() => {});
    this.#drop();
  }

  #drop(): void {
    this.#peer?.close();
    this.#sound?.getTracks().forEach((x) => x.stop());
    this.#peer = this.#sound = this.answer = undefined;
    this.#held = false;
    this.state = 'off';
  }
}

const patience = 5000; // ms

/** The addresses of this machine, which are found in a moment. */
function gathered(peer: RTCPeerConnection): Promise<void> {
  if (peer.iceGatheringState === 'complete') return Promise.resolve();
  return new Promise((done) => {
    const limit = setTimeout(done, 1000);
    peer.addEventListener('icegatheringstatechange', () => {
      if (peer.iceGatheringState !== 'complete') return;
      clearTimeout(limit);
      done();
    });
  });
}

function connected(peer: RTCPeerConnection): Promise<void> {
  return new Promise((done, fail) => {
    const limit = setTimeout(() => fail(new Error(t('talk.lost'))), patience);
    const look = () => {
      if (peer.connectionState === 'connected') done();
      else if (peer.connectionState === 'failed') fail(new Error(t('talk.lost')));
      else return;
      clearTimeout(limit);
    };
    peer.addEventListener('connectionstatechange', look);
    look();
  });
}
