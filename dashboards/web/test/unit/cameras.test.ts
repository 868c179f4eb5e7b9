import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { directionOf, Turner } from '../../dispatch/ptz.svelte';
import { compose, freeId, isONVIF } from '../../manage/cameras/address';

test('user and password are put into an address', () => {
  expect(compose(' rtsp://10.1.2.3:554/a?b=1 ', 'admin', "p@ss/#:!'")).toBe('rtsp://admin:p%40ss%2F%23%3A%21%27@10.1.2.3:554/a?b=1');
  expect(compose('http://old:x@10.1.2.3/onvif', 'admin', '1')).toBe('http://admin:1@10.1.2.3/onvif');
  expect(compose('rtsp://u:p@h/x', '', '')).toBe('rtsp://u:p@h/x');
  expect(compose('nonsense', 'u', 'p')).toBe('nonsense');
  expect(isONVIF(' HTTP://h/onvif')).toBe(true);
  expect(isONVIF('rtsp://h/x')).toBe(false);
});

test('an id that nobody has', () => {
  expect(freeId('East Gate 1', new Set())).toBe('east-gate-1');
  expect(freeId('East Gate 1', new Set(['east-gate-1']))).toBe('east-gate-1-02');
  expect(freeId('东门', new Set(['cam-01']))).toBe('cam-02');
});

test('keys of the pad', () => {
  expect(directionOf('ArrowLeft')).toEqual({ pan: -0.5, tilt: 0, zoom: 0 });
  expect(directionOf('+')?.zoom).toBeGreaterThan(0);
  expect(directionOf('a')).toBeUndefined();
});

const sent: { move?: unknown; stop?: boolean }[] = [];
let answer: (() => void) | undefined;

beforeEach(() => {
  sent.length = 0;
  vi.useFakeTimers();
  vi.stubGlobal('fetch', (_: string, o: RequestInit) => {
    sent.push(JSON.parse(String(o.body)));
    return new Promise<Response>((done) => (answer = () => done(new Response(null, { status: 204 }))));
  });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const answered = async () => {
  answer?.();
  await vi.advanceTimersByTimeAsync(1);
};

test('a held button says so again, one word at a time, and the stop comes last', async () => {
  const t = new Turner('cam-1');
  t.hold({ pan: 1, tilt: 0, zoom: 0 });
  await vi.advanceTimersByTimeAsync(1000);
  expect(sent).toHaveLength(1); // the first is not answered
  await answered();
  await vi.advanceTimersByTimeAsync(350);
  expect(sent).toHaveLength(2);
  t.release(); // while the second is on its way
  expect(sent).toHaveLength(2);
  await answered();
  expect(sent.at(-1)).toEqual({ stop: true });
  await answered();
  await vi.advanceTimersByTimeAsync(2000);
  expect(sent).toHaveLength(3);
});

test('a button let go between two words stops at once', async () => {
  const t = new Turner('cam-1');
  t.hold({ pan: 1, tilt: 0, zoom: 0 });
  await answered();
  t.release();
  expect(sent.at(-1)).toEqual({ stop: true });
});
