/** Why a session could not be opened; status 0 when there was no answer, code is the hub's. */
export class WhepError extends Error {
  constructor(
    readonly status: number,
    readonly code = '',
  ) {
    super(`whep: ${status} ${code}`);
  }
}

/** A stream, or the address of a file that is played. */
export type Picture = MediaStream | string;

/** How the picture comes, and why so. */
export interface Chosen {
  via: 'webrtc' | 'mse';
  /** Which of the camera's streams it is. */
  stream?: string;
  /** Why it is not the one asked for, or does not come by WebRTC. */
  reason?: string;
  /** The coding of the camera's sound, whether it was asked for or not. */
  audio?: string;
}

export interface SessionEvents {
  /** The picture; it may not have a first frame yet. */
  track(picture: Picture): void;
  /** The connection is gone for good. */
  lost(): void;
  connected?(): void;
  chosen?(c: Chosen): void;
}

/** One viewing of one stream. */
export interface Session {
  close(): void;
}

export interface WhepEnv {
  fetch: typeof fetch;
  connection(): RTCPeerConnection;
}

const gatherAtMost = 100; // ms: host candidates are there in a few; the hub finds us anyway
const disconnectedAtMost = 4_000;

/**
 * Opens a WHEP session (draft-ietf-wish-whep): POST an offer, get an answer and
 * the address at which the session is deleted.
 */
export async function openWhep(url: string, on: SessionEvents, signal: AbortSignal, env: WhepEnv = browser): Promise<Session> {
  const pc = env.connection();
  pc.addTransceiver('video', { direction: 'recvonly' });
  if (url.includes('audio=1')) pc.addTransceiver('audio', { direction: 'recvonly' });
  pc.ontrack = (e) => {
    if (e.track.kind === 'video') on.track(e.streams[0] ?? new MediaStream([e.track])); // sound is in the same stream
  };
  pc.addEventListener('connectionstatechange', () => pc.connectionState === 'connected' && on.connected?.());
  const session = await negotiate(pc, url, on.lost, signal, env);
  const say = (name: string) => session.head.get(`Dongyue-${name}`) ?? undefined;
  on.chosen?.({ via: 'webrtc', stream: say('Stream'), reason: say('Reason'), audio: say('Audio') });
  return session;
}

/** A session that was answered; resource is its address. */
export interface Negotiated extends Session {
  resource: string | undefined;
  head: Headers;
}

/** Offers what the connection has been prepared for. */
export async function negotiate(pc: RTCPeerConnection, url: string, lost: () => void, signal: AbortSignal, env: WhepEnv): Promise<Negotiated> {
  let resource: string | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const close = () => {
    clearTimeout(timer);
    pc.ontrack = pc.onconnectionstatechange = null;
    if (!resource) return pc.close();
    // the session ends by its own rules first; a closed connection would end it
    // behind our back and the DELETE would find nothing
    for (const r of pc.getReceivers()) r.track.stop();
    const end = env.fetch(resource, { method: 'DELETE', keepalive: true, credentials: 'same-origin' });
    resource = undefined;
    void end.catch(() => {}).finally(() => pc.close());
  };
  try {
    pc.onconnectionstatechange = () => {
      clearTimeout(timer);
      if (pc.connectionState === 'failed' || pc.connectionState === 'closed') lost();
      if (pc.connectionState === 'disconnected') timer = setTimeout(lost, disconnectedAtMost);
    };
    await pc.setLocalDescription(await pc.createOffer());
    await gathered(pc);
    const res = await env.fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/sdp', Accept: 'application/sdp' },
      body: pc.localDescription?.sdp ?? '',
      credentials: 'same-origin',
      signal,
    });
    if (res.status !== 201 && res.status !== 200) throw new WhepError(res.status, await codeOf(res));
    const location = res.headers.get('Location');
    if (location) resource = new URL(location, new URL(url, document.baseURI)).href;
    const sdp = await res.text();
    if (signal.aborted) throw new WhepError(0);
    await pc.setRemoteDescription({ type: 'answer', sdp });
    return { close, resource, head: res.headers };
  } catch (err) {
    close();
    throw err instanceof WhepError ? err : new WhepError(0);
  }
}

const codeOf = (res: Response): Promise<string> =>
  res.json().then(
    (p: { code?: string }) => p.code ?? '',
    () => '',
  );

function gathered(pc: RTCPeerConnection): Promise<void> {
  return new Promise((done) => {
    if (pc.iceGatheringState === 'complete') return done();
    const timer = setTimeout(done, gatherAtMost);
    pc.onicegatheringstatechange = () => {
      if (pc.iceGatheringState !== 'complete') return;
      clearTimeout(timer);
      done();
    };
  });
}

export const browser: WhepEnv = {
  fetch: (...a) => fetch(...a),
  connection: () => new RTCPeerConnection({ bundlePolicy: 'max-bundle' }),
};
