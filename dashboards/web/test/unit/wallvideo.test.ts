import { beforeEach, describe, expect, it } from 'vitest';
import { choose } from '../../kit/video/choice';
import type { View } from '../../kit/video/player';
import { Wall } from '../../kit/video/wall';
import { WhepError } from '../../kit/video/whep';
import type { Change, News, Told, WallEvents } from '../../kit/video/wallsession';
import type { WallTile } from '../../kit/video/walltile';

interface Opened {
  list: string;
  on: WallEvents;
  closed: boolean;
  puts: Change[][];
  ok(): Promise<void>;
  no(status: number): Promise<void>;
  failPut?: number;
  /** Tells what the tiles show, as of now or of another time. */
  tell(tiles: Told[], at?: number): void;
  /** What a PUT is answered. */
  answer?: News;
}

let now = 0;
let clock = 0; // of the hub
let opened: Opened[] = [];
let soon: (() => void)[] = [];
let wall: Wall;

/** A tile's screen. */
class Screen {
  shown: unknown[] = [];
  count = 0;
  watching = false;
  hides = false;
  over = 'nothing';
  copies: string[] = [];
  views: View[] = [];
  tile: WallTile;
  constructor() {
    this.tile = wall.join({
      show: (t) => this.shown.push(t),
      frames: () => this.count,
      watch: (on) => (this.watching = on),
      copy: (camera) => this.copies.push(camera ?? ''),
      cover: (what) => (this.over = what),
      hidden: () => this.hides,
      changed: (v) => this.views.push(v),
      now: () => now,
    });
  }
  get state() {
    return this.tile.view().state;
  }
  /** A frame comes on the screen. */
  frame(rtp: number | undefined, width = 640) {
    this.count++;
    if (this.watching) this.tile.frame(rtp, width);
  }
  /** Half a second after the other, with frames or without. */
  pass(ms: number, moving = true, rtp?: number) {
    for (let t = 0; t < ms; t += 500) {
      now += 500;
      if (moving) this.frame(rtp);
      this.tile.tick();
    }
  }
}

const settle = async () => {
  for (let i = 0; i < 8; i++) {
    const due = soon;
    soon = [];
    due.forEach((f) => f());
    await Promise.resolve();
  }
};
const last = () => opened.at(-1) as Opened;
const told = (mid: number, camera: string, more: Partial<Told> = {}): Told => ({
  mid: String(mid), camera, stream: 'sub', wanted: 'sub', state: camera ? 'connecting' : 'empty', problem: '', begun_rtp: null, live_rtp: null, ...more,
});

beforeEach(() => {
  [now, clock, opened, soon] = [100_000, 0, [], []];
  wall = new Wall(3, {
    open: (sections, list, on) =>
      new Promise((res, rej) => {
        const o: Opened = {
          list, on, closed: false, puts: [],
          tell: (tiles, at = ++clock) => on.told({ as_of_us: at, tiles }),
          ok: async () => {
            res({
              tracks: Array.from({ length: sections }, (_, i) => ({ id: `t${i}` }) as MediaStreamTrack),
              mids: Array.from({ length: sections }, (_, i) => String(i)),
              put: async (changes) => {
                o.puts.push(changes);
                if (o.failPut) throw new WhepError(o.failPut);
                return o.answer ?? { as_of_us: 0, tiles: [] };
              },
              close: () => void (o.closed = true),
            });
            await settle();
          },
          no: async (status) => {
            rej(new WhepError(status));
            await settle();
          },
        };
        opened.push(o);
      }),
    now: () => now,
    random: () => 0.5,
    soon: (f) => soon.push(f),
  });
});

/** A wall of three with a live picture in the first tile. */
async function playing() {
  const s = [new Screen(), new Screen(), new Screen()] as const;
  s[0].tile.play('cam-1');
  await settle();
  await last().ok();
  last().tell([told(0, 'cam-1', { state: 'live', begun_rtp: 1000, live_rtp: 2000 }), told(1, ''), told(2, '')]);
  s[0].frame(1000);
  s[0].frame(2000);
  expect(s[0].state).toBe('live');
  return s;
}

describe('which stream', () => {
  const sub = { width: 640, height: 360 };
  const none = new Set<string>();
  it('is the small one until the tile is clearly larger than its picture', () => {
    expect(choose({ width: 320, height: 180 }, sub, undefined, none)).toEqual({ stream: 'sub', why: 'small' });
    expect(choose({ width: 800, height: 450 }, sub, undefined, none)).toEqual({ stream: 'sub', why: 'small' });
    expect(choose({ width: 960, height: 540 }, sub, undefined, none)).toEqual({ stream: 'main', why: 'large' });
    expect(choose({ width: 960, height: 540 }, {}, undefined, none).stream).toBe('main');
  });
  it('stays as it is between the two', () => {
    const at = { width: 768, height: 432 };
    expect(choose(at, sub, { stream: 'main', why: 'large' }, none).stream).toBe('main');
    expect(choose(at, sub, { stream: 'sub', why: 'small' }, none).stream).toBe('sub');
    expect(choose({ width: 640, height: 360 }, sub, { stream: 'main', why: 'large' }, none).stream).toBe('sub');
  });
  it('is what there is', () => {
    expect(choose({ width: 100, height: 100 }, null, undefined, none)).toEqual({ stream: 'main', why: 'only' });
    expect(choose({ width: 1920, height: 1080 }, sub, undefined, new Set(['main']))).toEqual({ stream: 'sub', why: 'fallback' });
    expect(choose({ width: 1920, height: 1080 }, sub, undefined, new Set(['main', 'sub'])).why).toBe('large');
  });
});

describe('the wall', () => {
  it('opens one connection for all tiles and tells later changes in one request', async () => {
    const s = [new Screen(), new Screen(), new Screen()] as const;
    s[0].tile.play('cam-1');
    s[2].tile.play('cam-2');
    await settle();
    expect(opened.map((o) => o.list)).toEqual(['cam-1:sub,,cam-2:sub']);
    s[1].tile.play('cam-3'); // while it opens
    await settle();
    expect(opened.length).toBe(1);
    await last().ok();
    expect(last().puts).toEqual([[{ mid: '1', camera: 'cam-3', stream: 'sub' }]]);
    s[0].tile.play('');
    s[2].tile.fit({ width: 1920, height: 1080 }, undefined);
    await settle();
    expect(last().puts[1]).toEqual([{ mid: '0', camera: '' }, { mid: '2', camera: 'cam-2', stream: 'main' }]);
    expect(s[0].state).toBe('idle');
    expect(opened.length).toBe(1);
  });

  it('opens again with growing pauses when it is lost, and tells the tiles', async () => {
    const [a] = await playing();
    last().on.lost(0);
    expect([a.state, last().closed, a.over]).toEqual(['nosignal', true, 'nothing']);
    expect(a.copies).toContain('cam-1');
    expect(a.tile.view().retryAt).toBe(now + 500);
    now += 500;
    a.tile.tick();
    expect(opened.length).toBe(2);
    await last().no(503);
    expect(a.tile.view().retryAt).toBe(now + 1000);
    a.tile.kick();
    expect(opened.length).toBe(3);
    await last().no(403);
    expect(a.tile.view()).toMatchObject({ reason: 'denied', retryAt: now + 30_000, state: 'nosignal' });
    a.tile.kick();
    await last().ok();
    last().tell([told(0, 'cam-1', { state: 'live', begun_rtp: 7, live_rtp: 9 }), told(1, ''), told(2, '')]);
    a.frame(9);
    expect([a.state, a.tile.view().reason]).toEqual(['live', undefined]);
  });

  it('opens again when a change is refused, and closes with its last tile', async () => {
    const [a, b, c] = await playing();
    last().failPut = 404;
    b.tile.play('cam-2');
    await settle();
    expect([a.state, last().closed]).toEqual(['nosignal', true]);
    now += 1000;
    a.tile.tick();
    expect(last().list).toBe('cam-1:sub,cam-2:sub,');
    await last().ok();
    for (const x of [a, b, c]) wall.leave(x.tile);
    await settle();
    expect([last().closed, opened.length]).toEqual([true, 2]);
  });
});

describe('a tile', () => {
  it('covers the fast-forward: first what is remembered, then the newest key frame, until a frame is live', async () => {
    const [a] = await playing();
    a.tile.play('cam-2');
    expect([a.state, a.over, a.copies.at(-1)]).toEqual(['connecting', 'remembered', 'cam-1']);
    await settle();
    a.frame(5000); // still the other camera's
    last().tell([told(0, 'cam-2', { state: 'replay', begun_rtp: 6000 }), told(1, ''), told(2, '')]);
    a.frame(5900);
    expect([a.state, a.over]).toEqual(['connecting', 'remembered']);
    a.frame(6000);
    expect([a.state, a.over]).toEqual(['connecting', 'copy']);
    a.frame(6200);
    last().tell([told(0, 'cam-2', { state: 'live', begun_rtp: 6000, live_rtp: 6500 }), told(1, ''), told(2, '')]);
    a.frame(6400);
    expect(a.state).toBe('connecting');
    a.frame(6500);
    expect([a.state, a.over, a.watching]).toEqual(['live', 'nothing', false]);
  });

  it('takes no news of the camera before for its own', async () => {
    const [a] = await playing();
    a.tile.play('cam-2');
    last().tell([told(0, 'cam-1', { state: 'live', begun_rtp: 1000, live_rtp: 2000 }), told(1, ''), told(2, '')]);
    a.frame(3000);
    expect(a.state).toBe('connecting');
  });

  it('is never live by what was said before the hub knew of a change', async () => {
    const [a] = await playing();
    a.tile.play('cam-2');
    await settle();
    a.tile.play('cam-1'); // at once back again: frames of the other one may be on their way
    const old = [told(0, 'cam-1', { state: 'live', begun_rtp: 1000, live_rtp: 2000 }), told(1, ''), told(2, '')];
    last().tell(old);
    a.frame(3000);
    expect(a.state).toBe('connecting');
    last().answer = { as_of_us: 50, tiles: [told(0, 'cam-1'), told(1, ''), told(2, '')] };
    await settle();
    expect(last().puts.flat().map((c) => c.camera)).toEqual(['cam-2', 'cam-1']);
    last().tell(old, 49); // crossed the answer
    a.frame(4000);
    expect(a.state).toBe('connecting');
    last().tell([told(0, 'cam-1', { state: 'live', begun_rtp: 5000, live_rtp: 5500 }), told(1, ''), told(2, '')], 51);
    a.frame(4900);
    a.frame(5500);
    expect(a.state).toBe('live');
  });

  it('goes on while the stream changes, under a copy of its last frame', async () => {
    const [a] = await playing();
    a.tile.fit({ width: 1920, height: 1080 }, undefined);
    await settle();
    expect(last().puts.at(-1)).toEqual([{ mid: '0', camera: 'cam-1', stream: 'main' }]);
    const soonMain = { wanted: 'main', state: 'live' as const, begun_rtp: 1000, live_rtp: 2000 };
    last().tell([told(0, 'cam-1', soonMain), told(1, ''), told(2, '')]);
    a.frame(3000);
    expect([a.state, a.over, a.copies.at(-1), a.tile.view().why]).toEqual(['live', 'nothing', '', 'changing']);
    a.frame(3100, 1280); // the large one is here before the hub has said so
    expect([a.state, a.over]).toEqual(['live', 'copy']);
    last().tell([told(0, 'cam-1', { stream: 'main', wanted: 'main', state: 'live', begun_rtp: 3100, live_rtp: 3500 }), told(1, ''), told(2, '')]);
    a.frame(3200, 1280);
    expect([a.state, a.over]).toEqual(['live', 'copy']);
    a.frame(3500, 1280);
    expect([a.state, a.over, a.tile.view().stream, a.tile.view().why]).toEqual(['live', 'nothing', 'main', 'large']);
    expect(a.views.map((v) => v.state)).not.toContain('nosignal');
  });

  it('says no signal within three seconds of the last frame, and asks anew when the hub knows nothing of it', async () => {
    const [a] = await playing();
    const puts = last().puts.length;
    a.pass(3000, false);
    expect([a.state, a.tile.view().since]).toEqual(['nosignal', 100_000]);
    a.pass(6000, false);
    await settle();
    expect(last().puts.slice(puts)).toEqual([[{ mid: '0', camera: '' }], [{ mid: '0', camera: 'cam-1', stream: 'sub' }]]);
    a.pass(500);
    expect(a.state).toBe('live');
  });

  it('says at once what the hub says, with its words', async () => {
    const [a] = await playing();
    const text = { zh: '摄像机没有应答', en: 'The camera does not answer' };
    last().tell([told(0, 'cam-1', { state: 'no_signal', begun_rtp: 1000, live_rtp: 2000, problem: 'camera.unreachable', problem_text: text }), told(1, ''), told(2, '')]);
    expect([a.state, a.tile.view().problem]).toEqual(['nosignal', text]);
    last().tell([told(0, 'cam-1', { state: 'live', begun_rtp: 1000, live_rtp: 2000 }), told(1, ''), told(2, '')]);
    a.pass(500);
    expect([a.state, a.tile.view().problem]).toEqual(['live', undefined]);
  });

  it('takes the other stream when one gives no picture, and tries again after a while', async () => {
    const [a] = await playing();
    a.tile.fit({ width: 1920, height: 1080 }, undefined);
    await settle();
    last().tell([told(0, 'cam-1', { wanted: 'main', state: 'live', problem: 'camera.path', begun_rtp: 1000, live_rtp: 2000 }), told(1, ''), told(2, '')]);
    await settle();
    expect(last().puts.at(-1)).toEqual([{ mid: '0', camera: 'cam-1', stream: 'sub' }]);
    last().tell([told(0, 'cam-1', { state: 'live', begun_rtp: 1000, live_rtp: 2000 }), told(1, ''), told(2, '')]);
    expect(a.tile.view()).toMatchObject({ stream: 'sub', why: 'fallback', state: 'live' });
    a.pass(61_000);
    await settle();
    expect(last().puts.at(-1)).toEqual([{ mid: '0', camera: 'cam-1', stream: 'main' }]);
  });

  it('is live without the time of frames too, a moment after the hub says so', async () => {
    const s = new Screen();
    s.tile.play('cam-1');
    await settle();
    await last().ok();
    last().tell([told(0, 'cam-1', { state: 'live', begun_rtp: 5, live_rtp: 6 }), told(1, ''), told(2, '')]);
    s.pass(1000);
    expect(s.state).toBe('connecting');
    s.pass(1000);
    expect(s.state).toBe('live');
  });

  it('a hidden page draws no frames, so none are missed', async () => {
    const [a] = await playing();
    a.hides = true;
    a.pass(20_000, false);
    expect(a.state).toBe('live');
  });
});
