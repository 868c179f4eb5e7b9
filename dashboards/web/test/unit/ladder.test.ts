import { beforeEach, describe, expect, it } from 'vitest';
import { Ladder } from '../../kit/video/ladder';
import { chase } from '../../kit/video/mse';
import { WhepError, type Chosen, type Picture, type SessionEvents } from '../../kit/video/whep';

let now = 0;
let webrtc = true;
let whep: (on: SessionEvents) => Promise<void>;
let asked: string[] = [];
let closed: string[] = [];
let chosen: Chosen[] = [];
let shown: Picture[] = [];
let lost = 0;
let ladder: Ladder;

const stream = {} as MediaStream;
const on: SessionEvents = { track: (p) => shown.push(p), lost: () => lost++, chosen: (c) => chosen.push(c) };
const open = (query = '') => ladder.open(`/whep/cam-1?stream=sub${query}`, on, new AbortController().signal);

beforeEach(() => {
  [now, webrtc, asked, closed, chosen, shown, lost] = [0, true, [], [], [], [], 0];
  whep = async (o) => {
    o.track(stream);
    o.connected?.();
    o.chosen?.({ via: 'webrtc', stream: 'sub' });
  };
  ladder = new Ladder({
    whep: async (url, o) => {
      asked.push(url);
      await whep(o);
      return { close: () => closed.push('whep') };
    },
    mse: async (url, o) => {
      asked.push(url);
      o.chosen?.({ via: 'mse', stream: 'main' });
      o.track('blob:1');
      return { close: () => closed.push('mse') };
    },
    webrtc: () => webrtc,
    hevc: () => false,
    now: () => now,
  });
});

describe('the ladder', () => {
  it('takes WebRTC where it works', async () => {
    await open();
    expect(asked).toEqual(['/whep/cam-1?stream=sub']);
    expect(shown).toEqual([stream]);
    expect(chosen).toEqual([{ via: 'webrtc', stream: 'sub' }]);
  });

  it('hands the hub\'s reason on', async () => {
    whep = async (o) => o.chosen?.({ via: 'webrtc', stream: 'sub', reason: 'h265' });
    await open();
    expect(chosen[0]).toMatchObject({ reason: 'h265', stream: 'sub' });
  });

  it('takes the other door when the hub says so, and says why', async () => {
    whep = async () => {
      throw new WhepError(406, 'whep.use_mse');
    };
    await open();
    expect(asked[1]).toBe('/mse/cam-1?stream=sub&h265=0');
    expect(chosen).toEqual([{ via: 'mse', stream: 'main', reason: 'h265' }]);
    expect(shown).toEqual(['blob:1']);
  });

  it('has no other answer to what is no matter of coding', async () => {
    whep = async () => {
      throw new WhepError(404, 'camera.unknown');
    };
    await expect(open()).rejects.toMatchObject({ status: 404 });
    expect(asked.length).toBe(1);
  });

  it('goes round a browser without WebRTC', async () => {
    webrtc = false;
    await open();
    expect(asked).toEqual(['/mse/cam-1?stream=sub&h265=0']);
    expect(chosen[0]?.reason).toBe('no_webrtc');
  });

  it('takes AAC by the other door, and shows no picture twice', async () => {
    whep = async (o) => {
      o.track(stream);
      o.chosen?.({ via: 'webrtc', stream: 'sub', audio: 'aac' });
    };
    await open('&audio=1');
    expect(closed).toEqual(['whep']);
    expect(shown).toEqual(['blob:1']);
    expect(chosen).toEqual([{ via: 'mse', stream: 'main', reason: 'aac' }]);
  });

  it('remembers for a while that a network lets nothing through', async () => {
    let events: SessionEvents | undefined;
    whep = async (o) => {
      events = o;
    };
    const s = await open();
    now += 8_000;
    s.close(); // without a picture
    await open();
    expect(asked[1]).toContain('/mse/');
    expect(chosen[0]?.reason).toBe('blocked');
    now += 61_000;
    await open();
    expect(asked[2]).toContain('/whep/');
    events?.lost();
    expect(lost).toBe(1);
  });

  it('blames no network for a connection that stood', async () => {
    const s = await open();
    now += 60_000;
    s.close();
    await open();
    expect(asked[1]).toContain('/whep/');
  });
});

describe('chase', () => {
  const video = (at: number, ...ranges: [number, number][]) => ({
    currentTime: at,
    playbackRate: 1,
    buffered: { length: ranges.length, start: (i: number) => ranges[i]?.[0] ?? 0, end: (i: number) => ranges[i]?.[1] ?? 0 },
  });

  it.each([
    ['nothing is there yet', video(0), 0, 1],
    ['at the end', video(9.8, [0, 10]), 9.8, 1],
    ['a little late', video(9.1, [0, 10]), 9.1, 1.1],
    ['too late', video(0, [0, 10]), 9.85, 1],
    ['in a hole', video(3, [0, 2], [4, 4.1]), 4, 1.1],
  ])('%s', (_, v, at, rate) => {
    chase(v);
    expect(v.currentTime).toBeCloseTo(at);
    expect(v.playbackRate).toBe(rate);
  });
});
