import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SseParser } from '../../kit/sse';
import { Stream, type LinkState } from '../../kit/stream';

describe('the parser', () => {
  it('reads events however the bytes are cut', () => {
    const text = 'retry: 1000\nid: 7\nevent: alarm\ndata: {"a":\ndata: 1}\n\n: alive\n\nevent: twin\r\ndata:{}\r\n\r\ndata: x\n\n';
    for (let cut = 0; cut <= text.length; cut++) {
      const p = new SseParser();
      const es = [...p.push(text.slice(0, cut)), ...p.push(text.slice(cut))];
      expect(es, `cut at ${cut}`).toEqual([
        { event: 'alarm', data: '{"a":\n1}', id: '7' },
        { event: 'twin', data: '{}', id: '7' },
        { event: 'message', data: 'x', id: '7' },
      ]);
    }
  });

  it('keeps the id when an event has none, and skips empty ones', () => {
    const p = new SseParser();
    expect(p.push('id: 3\nevent: hello\n\n')).toEqual([]);
    expect(p.lastId).toBe('3');
  });
});

/** A hub's answer whose body the test writes. */
function answer() {
  let out!: ReadableStreamDefaultController<Uint8Array>;
  const body = new ReadableStream<Uint8Array>({ start: (c) => void (out = c) });
  const say = (text: string) => out.enqueue(new TextEncoder().encode(text));
  return { res: new Response(body), say, end: () => out.close(), fail: () => out.error(new Error('cut')) };
}

describe('the stream', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function follow() {
    const hubs: ReturnType<typeof answer>[] = [];
    const asked: (string | null)[] = [];
    const seen = { events: [] as string[], resets: 0, denied: 0, states: [] as LinkState[] };
    const status = { next: 200 };
    const stream = new Stream({
      url: '/s',
      topics: ['alarm', 'device'],
      event: (topic, data) => seen.events.push(`${topic}:${JSON.stringify(data)}`),
      reset: () => seen.resets++,
      state: (s) => seen.states.push(s),
      denied: () => seen.denied++,
      fetch: async (url, init) => {
        expect(url).toBe('/s?topics=alarm,device');
        asked.push(new Headers(init?.headers).get('Last-Event-ID'));
        if (status.next !== 200) return new Response(null, { status: status.next });
        const a = answer();
        init?.signal?.addEventListener('abort', () => {
          try {
            a.fail();
          } catch {
            // it had ended already
          }
        });
        hubs.push(a);
        return a.res;
      },
    });
    return { stream, hubs, asked, seen, status };
  }
  const settle = () => vi.advanceTimersByTimeAsync(0);

  it('goes on from the last id after a cut', async () => {
    const f = follow();
    f.stream.start();
    await settle();
    f.hubs[0]?.say('id: 5\nevent: hello\ndata: {"seq":5}\n\nid: 6\nevent: alarm\ndata: {"id":"a"}\n\n');
    await settle();
    expect(f.seen.events).toEqual(['alarm:{"id":"a"}']);
    expect(f.seen.states).toEqual(['connecting', 'live']);
    f.hubs[0]?.end();
    await settle();
    expect(f.seen.states.at(-1)).toBe('down');
    await vi.advanceTimersByTimeAsync(1000);
    expect(f.asked).toEqual([null, '6']);
    f.hubs[1]?.say('id: 9\nevent: reset\ndata: {"seq":9}\n\n');
    await settle();
    expect(f.seen.resets).toBe(1);
    expect(f.seen.states.at(-1)).toBe('live');
    f.stream.stop();
  });

  it('sees a silent connection: stale first, then made anew', async () => {
    const f = follow();
    f.stream.start();
    await settle();
    f.hubs[0]?.say(': alive\n\n');
    await vi.advanceTimersByTimeAsync(15_500);
    expect(f.seen.states.at(-1)).toBe('stale');
    f.hubs[0]?.say(': alive\n\n');
    await settle();
    expect(f.seen.states.at(-1)).toBe('live');
    await vi.advanceTimersByTimeAsync(27_000);
    expect(f.asked.length).toBe(2);
    expect(f.seen.states).toContain('down');
    f.stream.stop();
  });

  it('ends with the session, and tries on when the hub is ill', async () => {
    const f = follow();
    f.status.next = 503;
    f.stream.start();
    await vi.advanceTimersByTimeAsync(5000);
    expect(f.asked.length).toBeGreaterThan(2);
    expect(f.seen.denied).toBe(0);
    f.status.next = 401;
    await vi.advanceTimersByTimeAsync(15_000);
    expect(f.seen.denied).toBe(1);
    const n = f.asked.length;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(f.asked.length).toBe(n);
  });

  it('passes over an event that is no JSON', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    const f = follow();
    f.stream.start();
    await settle();
    f.hubs[0]?.say('event: alarm\ndata: {oops\n\nevent: device\ndata: {}\n\n');
    await settle();
    expect(f.seen.events).toEqual(['device:{}']);
    expect(warn).toHaveBeenCalledOnce();
    f.stream.stop();
    warn.mockRestore();
  });
});
