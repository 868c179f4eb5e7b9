import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Player, type View } from '../../kit/video/player';
import { WhepError, type SessionEvents } from '../../kit/video/whep';

interface Opened {
  url: string;
  on: SessionEvents;
  closed: boolean;
  ok(): Promise<void>;
  no(status: number): Promise<void>;
}

let now = 0;
let frames = 0;
let hidden = false;
let opened: Opened[] = [];
let shown: unknown[] = [];
let views: View[] = [];
let player: Player;

const picture = (muted = false) => ({ getVideoTracks: () => [{ muted, onunmute: null as null | (() => void) }] }) as unknown as MediaStream;
const tick = (ms: number) => {
  for (let t = 0; t < ms; t += 500) {
    now += 500;
    player.tick();
  }
};
/** Half a second with a new frame, again and again. */
const play = (ms: number) => {
  for (let t = 0; t < ms; t += 500) {
    frames++;
    tick(500);
  }
};

beforeEach(() => {
  [now, frames, hidden, opened, shown, views] = [100_000, 0, false, [], [], []];
  player = new Player({
    open: (url, on) =>
      new Promise((res, rej) => {
        const o: Opened = {
          url, on, closed: false,
          ok: async () => (res({ close: () => void (o.closed = true) }), void (await Promise.resolve())),
          no: async (status) => (rej(new WhepError(status)), await Promise.resolve(), void (await Promise.resolve())),
        };
        opened.push(o);
      }),
    show: (s) => shown.push(s),
    frames: () => frames,
    hidden: () => hidden,
    changed: (v) => views.push(v),
    now: () => now,
    random: () => 0.5,
  });
});
const last = () => opened[opened.length - 1] as Opened;

async function live(camera = 'cam-1', stream = 'sub') {
  player.play(camera, stream);
  last().on.track(picture());
  await last().ok();
  play(500);
  expect(player.view().state).toBe('live');
}

describe('the player', () => {
  it('asks for the camera and says live with the first frame', async () => {
    player.play('cam 1', 'sub');
    expect(last().url).toBe('/whep/cam%201?stream=sub');
    expect(player.view().state).toBe('connecting');
    last().on.track(picture());
    await last().ok();
    tick(1000);
    expect(player.view().state).toBe('connecting');
    play(500);
    expect(views.map((v) => v.state)).toEqual(['connecting', 'live']);
  });

  it('never shows a frozen picture: no signal within three seconds, counted from the last frame', async () => {
    await live();
    const lastFrame = now;
    tick(3000);
    expect(player.view()).toMatchObject({ state: 'nosignal', since: lastFrame });
    play(500);
    expect(player.view().state).toBe('live');
  });

  it('makes the session anew when nothing comes back, and closes the old one', async () => {
    await live();
    const first = last();
    tick(8500);
    expect(first.closed).toBe(true);
    expect(player.view().retryAt).toBeDefined();
    tick(1000);
    expect(opened.length).toBe(2);
    expect(player.view()).toMatchObject({ state: 'nosignal', retryAt: undefined });
  });

  it('waits longer with each failure, and short again after a picture', async () => {
    player.play('c', 'sub');
    const pauses: number[] = [];
    for (let i = 0; i < 8; i++) {
      await last().no(503);
      pauses.push((player.view().retryAt ?? 0) - now);
      const n = opened.length;
      while (opened.length === n) tick(500);
    }
    expect(pauses).toEqual([500, 1000, 2000, 3000, 5000, 8000, 8000, 8000]);
    last().on.track(picture());
    await last().ok();
    play(1000);
    last().on.lost();
    expect((player.view().retryAt ?? 0) - now).toBe(500);
  });

  it.each([[403, 'denied'], [404, 'unknown']] as const)('is patient with %i: %s', async (status, reason) => {
    player.play('c', 'sub');
    await last().no(status);
    expect(player.view()).toMatchObject({ state: 'nosignal', reason });
    expect((player.view().retryAt ?? 0) - now).toBe(30_000);
  });

  it('tries at once when it is kicked', async () => {
    player.play('c', 'sub');
    await last().no(503);
    await last().no(503);
    player.kick();
    player.tick();
    expect(opened.length).toBe(2);
  });

  it('changes to the large stream without a gap', async () => {
    await live();
    const small = last();
    player.play('cam-1', 'main');
    expect(last().url).toContain('stream=main');
    expect(small.closed).toBe(false);
    const track = { muted: true, onunmute: null as null | (() => void) };
    last().on.track({ getVideoTracks: () => [track] } as unknown as MediaStream);
    await last().ok();
    expect(player.view().stream).toBe('sub');
    track.onunmute?.();
    expect(small.closed).toBe(true);
    expect(player.view()).toMatchObject({ stream: 'main', state: 'live' });
  });

  it('goes on with the small one when the large one fails', async () => {
    await live();
    const small = last();
    player.play('cam-1', 'main');
    await last().no(503);
    play(500);
    expect(small.closed).toBe(false);
    expect(player.view()).toMatchObject({ state: 'live', stream: 'sub' });
  });

  it('changes the camera at once and forgets what was said of the other', async () => {
    await live();
    const first = last();
    tick(4000);
    player.play('cam-2', 'sub');
    expect(first.closed).toBe(true);
    expect(player.view()).toMatchObject({ state: 'connecting', since: now });
  });

  it('closes a session that came too late', async () => {
    player.play('cam-1', 'sub');
    const first = last();
    player.play('', 'sub');
    await first.ok();
    expect(first.closed).toBe(true);
    expect(player.view().state).toBe('idle');
    expect(shown.at(-1)).toBeNull();
  });

  it('blames no camera while the page is hidden', async () => {
    await live();
    hidden = true;
    tick(60_000);
    hidden = false;
    tick(1000);
    expect(player.view().state).toBe('live');
  });

  it('says no signal when a first picture does not come', () => {
    vi.spyOn(console, 'warn');
    player.play('c', 'sub');
    const asked = now;
    tick(3500);
    expect(player.view()).toMatchObject({ state: 'nosignal', since: asked });
  });
});
