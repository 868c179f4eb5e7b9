import { IntlMessageFormat } from 'intl-messageformat';
import zhHans from '../i18n/zh-Hans.json';
import type { Label } from './types';
import { toTraditional, type CharTable } from './hant';

export type Lang = 'zh-Hans' | 'zh-Hant' | 'en';
/** A message's name; the base language says which exist. */
export type Key = keyof typeof zhHans;
export type Args = Record<string, string | number | boolean | null | undefined>;

export const langs: Lang[] = ['zh-Hans', 'zh-Hant', 'en'];
const htmlLang: Record<Lang, string> = { 'zh-Hans': 'zh-CN', 'zh-Hant': 'zh-TW', en: 'en' };
const store = 'dongyue.lang';

const state = $state({ lang: 'zh-Hans' as Lang });
let messages = $state.raw<Record<string, string>>(zhHans);
let table: CharTable | undefined;
let formats = new Map<string, IntlMessageFormat>();

/** The language of the screen. */
export const lang = (): Lang => state.lang;
/** Its BCP 47 tag for Intl. */
export const locale = (): string => htmlLang[state.lang];

/** The message of a key. */
export function t(key: Key, args?: Args): string {
  const text = messages[key] ?? zhHans[key];
  if (!text.includes('{')) return text;
  let f = formats.get(key);
  if (!f) formats.set(key, (f = new IntlMessageFormat(text, locale())));
  return f.format(args) as string;
}

/** Whether a key exists; for codes that the server chooses. */
export const known = (key: string): key is Key => key in zhHans;

/** The message of a key that a server's word makes, or the word itself. */
export function word(prefix: string, value: string | undefined): string {
  const key = `${prefix}.${value}`;
  return known(key) ? t(key) : (value ?? '');
}

/** A name or sentence of the server in the language of the screen. */
export function label(x: Label | null | undefined): string {
  if (!x) return '';
  const l = state.lang; // read first, so that a plain string follows the language too
  const text = typeof x === 'string' ? x : l === 'en' ? x.en || x.zh : x.zh || x.en;
  return l === 'zh-Hant' && table ? toTraditional(text, table) : text;
}

/** Changes the language and remembers it. */
export async function setLang(l: Lang): Promise<void> {
  await load(l);
  try {
    localStorage.setItem(store, l);
  } catch {
    // private mode: the choice lasts as long as the page
  }
}

/** Takes the remembered language, else the browser's. Call before mounting. A page for
 * strangers follows English wishes, too. */
export async function startLang(english = false): Promise<void> {
  let l: string | null = null;
  try {
    l = localStorage.getItem(store);
  } catch {
    // as above
  }
  await load(pick(l, navigator.languages ?? [navigator.language], english));
}

/** The language for a remembered choice and the browser's wishes; Chinese is the first language here. */
export function pick(remembered: string | null, wishes: readonly string[], english = false): Lang {
  if (langs.includes(remembered as Lang)) return remembered as Lang;
  for (const w of wishes) {
    if (/^zh-(hant|tw|hk|mo)/i.test(w)) return 'zh-Hant';
    if (/^zh/i.test(w)) return 'zh-Hans';
    if (english && w) return 'en'; // whoever reads no Chinese reads that rather
  }
  return 'zh-Hans';
}

async function load(l: Lang): Promise<void> {
  let next: Record<string, string> = zhHans;
  if (l === 'en') next = (await import('../i18n/en.json')).default;
  if (l === 'zh-Hant') {
    const [m, chars] = await Promise.all([import('../i18n/zh-Hant.json'), import('./hant-table')]);
    next = m.default;
    table = chars.table();
  }
  formats = new Map();
  messages = next;
  state.lang = l;
  document.documentElement.lang = htmlLang[l];
}
