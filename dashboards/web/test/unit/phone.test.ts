import { describe, expect, it } from 'vitest';
import zhHans from '../../i18n/zh-Hans.json';
import { pick } from '../../kit/i18n.svelte';
import { due, hold, isHeld, left } from '../../kit/rotating';
import { mineNow } from '../../home/calls.svelte';
import { addressOf, alive, local, plateWords, spansOf, usesLeft, windowOf } from '../../home/passes';
import { toBytes, toText } from '../../home/phones';
import type { Call, MadePass, Pass } from '../../home/types';
// @ts-expect-error the build's own script has no types
import { kept } from '../../scripts/i18n-part.js';
import { minutesLeft, steps, tokenIn, type Visit } from '../../visit/visit';

const t0 = Date.parse('2026-11-28T12:00:00Z');

describe('a rotating code', () => {
  const code = { qr: 'DY1.x', step_s: 30, until: '2026-11-28T12:00:50Z', server: '2026-11-28T12:00:00Z' };
  it('counts by the hub’s clock, whatever the phone’s says', () => {
    for (const skew of [0, 3_600_000, -86_400_000]) {
      const h = hold(code, t0 + skew);
      expect(left(h, t0 + skew)).toBe(50);
      expect(left(h, t0 + skew + 49_500)).toBe(1);
      expect(left(h, t0 + skew + 60_000)).toBe(0);
    }
  });
  it('is renewed a step before its end', () => {
    const h = hold(code, t0);
    expect(due(undefined, t0)).toBe(true);
    expect(due(h, t0 + 10_000)).toBe(false);
    expect(due(h, t0 + 20_000)).toBe(true);
  });
  it('is taken from memory only when it is one', () => {
    expect(isHeld(hold(code, t0))).toBe(true);
    for (const x of [null, 1, {}, { skew: 0 }, { skew: 0, code: { qr: 7 } }]) expect(isHeld(x)).toBe(false);
    expect(left({ code: { ...code, until: 'x' }, skew: 0 }, t0)).toBe(0);
  });
});

describe('a pass', () => {
  const none = { from: '', to: '' };
  it('has the window that its word means', () => {
    const now = new Date(t0);
    expect(windowOf('2h', now, none)).toEqual({ to: '2026-11-28T14:00:00.000Z' });
    const late = new Date(2026, 10, 28, 23, 50);
    expect(Date.parse(windowOf('today', late, none)?.to ?? '') - late.getTime()).toBe(3_600_000); // not ten minutes
    const noon = new Date(2026, 10, 28, 12, 0);
    expect(local(new Date(windowOf('today', noon, none)?.to ?? ''))).toBe('2026-11-28T23:59');
  });
  it('takes no window that is over or turned round', () => {
    const now = new Date(2026, 10, 28, 12, 0);
    const own = (from: string, to: string) => windowOf('own', now, { from, to });
    expect(own('2026-11-28T13:00', '2026-11-28T15:00')).toBeDefined();
    expect(own('2026-11-28T15:00', '2026-11-28T13:00')).toBeUndefined();
    expect(own('2026-11-28T09:00', '2026-11-28T11:00')).toBeUndefined();
    expect(own('', '2026-11-28T13:00')).toBeUndefined();
  });
  it('of a courier lasts an hour at most', () => {
    expect(spansOf('visitor')).toContain('7d');
    for (const s of spansOf('courier')) expect(Date.parse(windowOf(s, new Date(t0), none)?.to ?? '') - t0).toBeLessThan(3_600_000);
  });
  it('reads plates as they stand on cars', () => {
    expect(['川A12345', '川AD12345', '使014578'].map(plateWords)).toEqual(['川A·12345', '川A·D12345', '使014578']);
  });
  it('says how many minutes a guest has left, by the hub’s clock', () => {
    const v = (server: string) => minutesLeft({ to: '2026-11-28T12:10:00Z', server } as Visit);
    expect([v('2026-11-28T12:00:00Z'), v('2026-11-28T12:09:01Z'), v('2026-11-28T12:11:00Z')]).toEqual([10, 1, 0]);
  });
  it('counts at each door', () => {
    expect(usesLeft({ uses: 2, used: 1, doors: ['a', 'b'] })).toBe(3);
    expect(usesLeft({ used: 9, doors: ['a'] })).toBeUndefined();
    expect(alive({ state: 'early' } as Pass)).toBe(true);
    expect(alive({ state: 'left' } as Pass)).toBe(false);
  });
  it('has the configured address, else the one that is open', () => {
    const p = { link: '/visit/abc' } as MadePass;
    expect(addressOf(p, 'http://10.0.0.2:8080')).toBe('http://10.0.0.2:8080/visit/abc');
    expect(addressOf({ ...p, url: 'https://hub.example.com/visit/abc' }, 'http://10.0.0.2')).toBe('https://hub.example.com/visit/abc');
  });
});

describe('a visitor’s page', () => {
  it('takes its token from the address and nothing else', () => {
    expect(tokenIn('/visit/abc123')).toBe('abc123');
    for (const bad of ['/visit/', '/visit/a/b', '/visit/a%2Fb', '/home', '/visit/../x']) expect(tokenIn(bad)).toBe('');
  });
  it('follows English wishes, which the residents’ pages don’t', () => {
    expect(pick(null, ['en-GB'], true)).toBe('en');
    expect(pick(null, ['fr'], true)).toBe('en');
    expect(pick(null, ['zh-TW', 'en'], true)).toBe('zh-Hant');
    expect(pick(null, ['en-GB'])).toBe('zh-Hans');
    expect(pick('zh-Hant', ['en'], true)).toBe('zh-Hant');
    expect(pick(null, [], true)).toBe('zh-Hans');
  });
  it('says the way without repeating', () => {
    expect(steps(['东苑', '东苑1栋', '东苑1栋1单元'])).toEqual(['东苑', '1栋', '1单元']);
    expect(steps(['East', 'East, Block 1'])).toEqual(['East', 'Block 1']);
    expect(steps(['东苑', '东苑'])).toEqual(['东苑', '东苑']);
  });
});

describe('a call', () => {
  const c = (x: Partial<Call>): Call => ({ id: 'c', door: 'd', door_name: '', state: 'ringing', rung_at: '', server: '', mine: false, until: '2026-11-28T12:00:45Z', ...x });
  it('concerns who is rung, then who answered, until it is over', () => {
    expect(mineNow(c({}), t0)).toBe(true);
    expect(mineNow(c({}), t0 + 46_000)).toBe(false);
    expect(mineNow(c({ state: 'answered' }), t0)).toBe(false);
    expect(mineNow(c({ state: 'answered', mine: true }), t0)).toBe(true);
    expect(mineNow(c({ state: 'opened', mine: true }), t0)).toBe(false);
  });
});

it('bytes go through base64url and back', () => {
  const all = Uint8Array.from({ length: 256 }, (_, i) => i);
  const text = toText(all.buffer);
  expect(text).not.toMatch(/[+/=]/);
  expect(new Uint8Array(toBytes(text))).toEqual(all);
});

describe('the messages of the phones’ build', () => {
  const pages = import.meta.glob('../../{home,visit}/**/*.{ts,svelte}', { query: '?raw', import: 'default', eager: true }) as Record<string, string>;
  const kit = import.meta.glob('../../kit/{Gate,SignIn,Lang,State,Notices,Qr,api,errors,format,session.svelte}.{svelte,ts}', { query: '?raw', import: 'default', eager: true }) as Record<string, string>;
  it('hold all that the pages can say', () => {
    const named = Object.values({ ...pages, ...kit }).flatMap((s) => [...s.matchAll(/\bt\('([\w.]+)'/g)].map((m) => m[1] ?? ''));
    expect(named.length).toBeGreaterThan(100);
    expect(named.filter((k) => !(k in zhHans) || !kept(k))).toEqual([]);
  });
  it('say every reason of the doors', () => {
    for (const r of ['expired', 'wrong_door', 'outside_schedule', 'lockdown', 'passback', 'used_up', 'qr_expired', 'credential_replay', 'pin_wrong', 'inactive']) expect(zhHans).toHaveProperty([`home.why.${r}`]);
  });
  it('leave the desk’s out', () => {
    expect(['rules.', 'rota.', 'evidence.', 'alarm.'].every((p) => !kept(`${p}x`))).toBe(true);
  });
});
