import { IntlMessageFormat } from 'intl-messageformat';
import { describe, expect, it } from 'vitest';
import en from '../../i18n/en.json';
import hans from '../../i18n/zh-Hans.json';
import hant from '../../i18n/zh-Hant.json';
import { toTraditional } from '../../kit/hant';
import { table } from '../../kit/hant-table';
import { label, pick, t, word } from '../../kit/i18n.svelte';

const all = { hans, en, hant } as Record<string, Record<string, string>>;
const sources = import.meta.glob('../../{dispatch,crew,home,visit,manage,kit}/**/*.{ts,svelte}', { query: '?raw', import: 'default', eager: true }) as Record<string, string>;

describe('messages', () => {
  it('are the same in every language', () => {
    for (const m of [en, hant]) expect(Object.keys(m).sort()).toEqual(Object.keys(hans).sort());
  });

  it('are none of them empty, and all can be formatted', () => {
    const args = new Proxy({}, { get: () => 3, has: () => true, getOwnPropertyDescriptor: () => ({ configurable: true, enumerable: true, value: 3 }) });
    for (const [name, m] of Object.entries(all)) {
      for (const [key, text] of Object.entries(m)) {
        expect(text.trim(), `${name} ${key}`).not.toBe('');
        expect(() => new IntlMessageFormat(text, name === 'en' ? 'en' : 'zh').format(args), `${name} ${key}: ${text}`).not.toThrow();
      }
    }
  });

  it('are all used: a message that nobody shows is a message that nobody checks', () => {
    const code = Object.values(sources).join('\n');
    const families = [...code.matchAll(/(?:word\(|t\(|headed\()['`]([\w.]+?)(?:\.\$\{|', )/g)].map((m) => `${m[1]}.`);
    families.push('error.', 'queue.', 'metric.', 'value.');
    const idle = Object.keys(hans).filter((k) => !code.includes(`'${k}'`) && !families.some((f) => k.startsWith(f)));
    expect(idle).toEqual([]);
  });

  it('stand in no component: what a person reads comes from the message files', () => {
    for (const [file, code] of Object.entries(sources)) {
      if (/element\.ts$|Lang\.svelte$|home\/Screen\.svelte$/.test(file)) continue; // own words of the element; names of languages; a door's name
      const text = code.replace(/\/\/.*|\/\*[\s\S]*?\*\/|<!--[\s\S]*?-->/g, '').replace(/11月23日 周一/g, '');
      expect(text.match(/[\u4e00-\u9fff]+/g), file).toBeNull();
    }
  });
});

describe('the language', () => {
  it.each([
    ['en', ['zh-CN'], 'en'],
    [null, ['zh-TW', 'en'], 'zh-Hant'],
    [null, ['zh-Hant-HK'], 'zh-Hant'],
    [null, ['zh'], 'zh-Hans'],
    [null, ['de-DE', 'en-US'], 'zh-Hans'],
    ['klingon', [], 'zh-Hans'],
  ] as const)('%s with %j is %s', (remembered, wishes, want) => expect(pick(remembered, wishes)).toBe(want));

  it('formats, falls back to the server’s own word, and takes labels of both forms', () => {
    expect(t('procedure.step', { n: 2, of: 1234 })).toBe('第 2 / 1,234 步');
    expect(word('kind', 'door')).toBe('门禁');
    expect(word('kind', 'led_screen')).toBe('led_screen');
    expect(word('kind', undefined)).toBe('');
    expect([label('东门'), label({ zh: '东门', en: 'East Gate' }), label({ zh: '', en: 'East Gate' }), label(null)]).toEqual(['东门', '东门', 'East Gate', '']);
  });

  it('turns names of places into traditional characters', () => {
    expect(toTraditional('东岳花苑 东苑2栋2号车棚 充电口过热，广播', table())).toBe('東嶽花苑 東苑2棟2號車棚 充電口過熱，廣播');
    expect(toTraditional('灯杆🚨求助 𠮷', table())).toBe('燈杆🚨求助 𠮷');
  });
});
