/** Why a session could not be opened; status 0 when there was no answer. */
export class WhepError extends Error {
  constructor(readonly status: number) {
    super(`whep: ${status}`);
  }
}

export interface SessionEvents {
  /** The picture; it may not have a first frame yet. */
  track(stream: MediaStream): void;
  /** The connection is gone for good. */
  lost(): void;
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
    pc.addTransceiver('video', { direction: 'recvonly' });
    pc.ontrack = (e) => on.track(e.streams[0] ?? new MediaStream([e.track]));
    pc.onconnectionstatechange = () => {
      clearTimeout(timer);
      if (pc.connectionState === 'failed' || pc.connectionState === 'closed') on.lost();
      if (pc.connectionState === 'disconnected') timer = setTimeout(on.lost, disconnectedAtMost);
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
    if (res.status !== 201 && res.status !== 200) throw new WhepError(res.status);
    const location = res.headers.get('Location');
    if (location) resource = new URL(location, new URL(url, document.baseURI)).href;
    const sdp = await res.text();
    if (signal.aborted) throw new WhepError(0);
    await pc.setRemoteDescription({ type: 'answer', sdp });
    return { close };
  } catch (err) {
    close();
    throw err instanceof WhepError ? err : new WhepError(0);
  }
}

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

const browser: WhepEnv = {
  fetch: (...a) => fetch(...a),
  connection: () => new RTCPeerConnection({ bundlePolicy: 'max-bundle' }),
};
