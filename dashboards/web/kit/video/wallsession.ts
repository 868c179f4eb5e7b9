import { browser, negotiate, WhepError, type Session, type WhepEnv } from './whep';

/** What the hub says of a tile (GET /whep/wall/{session}/tiles). */
export interface Told {
  mid: string;
  camera: string;
  /** The stream that flows, or is waited for where none does. */
  stream: string;
  wanted: string;
  /** Why the one that flows is not the one that was asked for: h265, b_frames. */
  reason?: string;
  state: 'empty' | 'connecting' | 'replay' | 'live' | 'no_signal';
  problem: string;
  problem_text?: { zh: string; en: string };
  /** RTP timestamps of the first frame of this picture, and of the one from which on it is live. */
  begun_rtp: number | null;
  live_rtp: number | null;
}

/** What it says of all, and when, in microseconds of the session: answers may cross on their way. */
export interface News {
  as_of_us: number;
  tiles: Told[];
}

export interface Change {
  mid: string;
  camera: string;
  stream?: string;
}

export interface WallEvents {
  /** What the tiles show has changed. */
  told(news: News): void;
  /** The connection, or the session, is gone for good. */
  lost(status: number): void;
}

/** One connection with many pictures. */
export interface WallSession extends Session {
  tracks: MediaStreamTrack[];
  /** The name of each section, in the order of tracks. */
  mids: string[];
  put(changes: Change[]): Promise<News>;
}

const waitSeconds = 20;
const pauseAfterError = 1_000;

/** Opens a wall; list is what its sections show at first: cam-1:sub,,cam-2:main. */
export async function openWall(sections: number, list: string, on: WallEvents, signal: AbortSignal, env: WhepEnv = browser): Promise<WallSession> {
  const pc = env.connection();
  for (let i = 0; i < sections; i++) prefer(pc.addTransceiver('video', { direction: 'recvonly' }));
  let over = false;
  const lost = (status: number) => {
    if (!over) on.lost(status);
    over = true;
  };
  const session = await negotiate(pc, `/whep/wall?tiles=${encodeURIComponent(list)}`, () => lost(0), signal, env);
  const url = `${session.resource ?? ''}/tiles`;
  const news = new AbortController();
  const ask = async (init: RequestInit, query = ''): Promise<Response> => {
    const res = await env.fetch(url + query, { ...init, credentials: 'same-origin', signal: news.signal });
    if (!res.ok && res.status !== 304) throw new WhepError(res.status);
    return res;
  };
  void follow(ask, on, lost, news.signal);
  const transceivers = pc.getTransceivers();
  return {
    tracks: transceivers.map((x) => x.receiver.track),
    mids: transceivers.map((x) => x.mid ?? ''),
    put: async (changes) => {
      const res = await ask({ method: 'PUT', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ tiles: changes }) });
      return (await res.json()) as News;
    },
    close: () => {
      over = true;
      news.abort();
      session.close();
    },
  };
}

/** Tells what the tiles show whenever it changes: each question waits for news. */
async function follow(ask: (init: RequestInit, query: string) => Promise<Response>, on: WallEvents, lost: (status: number) => void, signal: AbortSignal): Promise<void> {
  let tag = '';
  while (!signal.aborted) {
    try {
      const res = await ask({ headers: tag ? { 'If-None-Match': tag } : {}, cache: 'no-store' }, `?wait=${waitSeconds}`);
      tag = res.headers.get('ETag') ?? tag;
      if (res.status === 200) on.told((await res.json()) as News);
    } catch (err) {
      if (signal.aborted) return;
      const status = err instanceof WhepError ? err.status : 0;
      if (status >= 400 && status < 500) return lost(status);
      await new Promise((done) => setTimeout(done, pauseAfterError)); // the pictures may flow on meanwhile
    }
  }
}

/** Offers what cameras send and nothing else: sixteen sections with all codecs are a long text. */
function prefer(x: RTCRtpTransceiver): void {
  const codecs = globalThis.RTCRtpReceiver?.getCapabilities?.('video')?.codecs.filter((c) => /\/(h264|h265)$/i.test(c.mimeType)) ?? [];
  if (codecs.some((c) => /h264/i.test(c.mimeType))) x.setCodecPreferences?.(codecs);
}
