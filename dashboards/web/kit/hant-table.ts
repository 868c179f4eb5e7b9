// Loaded only when a screen is set to traditional characters.
import chars from 'opencc-js/dict/STCharacters';
import phrases from '../i18n/zh-Hant.phrases.json';
import type { CharTable } from './hant';

export function table(): CharTable {
  const map = new Map<string, string>();
  for (const pair of chars.split('|')) {
    const [from, to] = pair.split(' ');
    if (from && to) map.set(from, to);
  }
  return { chars: map, phrases: Object.entries(phrases) };
}
