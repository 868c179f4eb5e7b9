import { afterEach, describe, expect, it, vi } from 'vitest';
import { byUrgency, mineIs } from '../../crew/crew.svelte';
import { open } from '../../home/opening';
import { all, ApiError, call, onSignedOut } from '../../kit/api';
import { span } from '../../kit/format';
import { metric } from '../../kit/metrics';
import { mayUse, pageOf } from '../../kit/session.svelte';
import type { Order, Role, User } from '../../kit/types';

afterEach(() => void vi.unstubAllGlobals());
const json = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status });

describe('calls', () => {
  it('follows cursors to the end', async () => {
    const asked: string[] = [];
    vi.stubGlobal('fetch', async (u: string) => (asked.push(u), json(asked.length < 3 ? { items: [asked.length], next: `c/${asked.length}` } : { items: null })));
    expect(await all('/devices?kind=door')).toEqual([1, 2]);
    expect(asked[1]).toBe('/api/v1/devices?kind=door&limit=500&cursor=c%2F1');
  });

  it('turns problems into errors, and tells when the session is over', async () => {
    const out = vi.fn();
    onSignedOut(out);
    vi.stubGlobal('fetch', async () => json({ code: 'alarm.closed', detail: 'it is closed' }, 409));
    await expect(call('POST', '/x')).rejects.toMatchObject({ status: 409, code: 'alarm.closed', detail: 'it is closed' });
    vi.stubGlobal('fetch', async () => new Response('<html>', { status: 502 }));
    await expect(call('GET', '/x')).rejects.toMatchObject({ status: 502, code: 'http.502' });
    vi.stubGlobal('fetch', async () => Promise.reject(new TypeError('failed')));
    await expect(call('GET', '/x')).rejects.toMatchObject({ status: 0, code: 'network' });
    expect(out).not.toHaveBeenCalled();
    vi.stubGlobal('fetch', async () => json({ code: 'auth.required' }, 401));
    await expect(call('GET', '/x', undefined, { quiet401: true })).rejects.toBeInstanceOf(ApiError);
    expect(out).not.toHaveBeenCalled();
    await expect(call('GET', '/x')).rejects.toBeInstanceOf(ApiError);
    expect(out).toHaveBeenCalledOnce();
  });

  it('takes an empty answer', async () => {
    vi.stubGlobal('fetch', async () => new Response(null, { status: 204 }));
    expect(await call('DELETE', '/session')).toBeUndefined();
  });
});

describe('opening one’s door', () => {
  const hub = (states: (object | number)[]) => {
    const answers = [...states];
    vi.stubGlobal('fetch', async () => {
      const a = answers.length > 1 ? answers.shift() : answers[0];
      return typeof a === 'number' ? json({ code: 'x' }, a) : json(a);
    });
  };
  const now = () => Promise.resolve();

  it.each<[string, (object | number)[], string]>([
    ['the door says done', [{ id: 'c', status: 'sent' }, { id: 'c', status: 'accepted' }, { id: 'c', status: 'done' }], 'opened'],
    ['it is done at once', [{ id: 'c', status: 'done' }], 'opened'],
    ['the door refuses', [{ id: 'c', status: 'sent' }, { id: 'c', status: 'failed' }], 'failed'],
    ['the deadline passes', [{ id: 'c', status: 'sent' }, { id: 'c', status: 'expired' }], 'failed'],
    ['nothing is ever heard', [{ id: 'c', status: 'sent' }], 'failed'],
    ['the hub does not tell', [{ id: 'c', status: 'sent' }, 404], 'sent'],
    ['the command has no id', [{}], 'sent'],
  ])('%s', async (_, states, want) => {
    hub(states);
    expect(await open('door-1', now)).toBe(want);
  });

  it('throws what the hub refused', async () => {
    hub([403]);
    await expect(open('door-1', now)).rejects.toMatchObject({ status: 403 });
  });
});

describe('small things', () => {
  it.each<[Role, string | undefined]>([
    ['admin', 'dispatch'], ['supervisor', 'dispatch'], ['operator', 'dispatch'], ['crew', 'crew'], ['resident', 'home'], ['integrator', undefined],
  ])('%s works on %s', (role, page) => {
    expect(pageOf(role)).toBe(page);
    if (page) expect(mayUse(page as 'crew', role)).toBe(true);
  });

  it('keeps residents out of the desk', () => expect(mayUse('dispatch', 'resident') || mayUse('crew', 'resident')).toBe(false));

  it.each([[0, '0:00'], [12_400, '0:12'], [725_000, '12:05'], [11_110_000, '3:05:10'], [-5, '0:00'], [2 * 86_400_000, '2天']])('%i ms is %s', (ms, want) =>
    expect(span(ms).replace(/\s/g, '')).toBe(want));

  it.each([['temp_c', 'temp', '°C'], ['pm25_ug_m3', 'pm25', 'µg/m³'], ['leakage_ma', 'leakage', 'mA'], ['state', 'state', '']])('%s', (name, what, unit) =>
    expect(metric(name)).toEqual({ what, unit }));

  it('orders work by urgency', () => {
    const o = (id: string, priority: string, due: string | null, created: string): Order => ({ id, priority, title: id, state: 'open', due_at: due, created_at: created });
    const list = [o('low', 'low', null, '2026-01-01'), o('later', 'high', '2026-01-03', '2026-01-01'), o('soon', 'high', '2026-01-02', '2026-01-01'), o('crit', 'critical', null, '2026-01-09')];
    expect(list.sort(byUrgency).map((x) => x.id)).toEqual(['crit', 'soon', 'later', 'low']);
    const me: User = { id: 'u1', name: '王师傅', login: 'crew', role: 'crew' };
    expect(mineIs({ ...o('x', 'low', null, ''), assignee: 'u1' }, me)).toBe(true);
    expect(mineIs(o('x', 'low', null, ''), me)).toBe(false);
  });
});
