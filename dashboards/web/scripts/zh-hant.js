// Makes i18n/zh-Hant.json from i18n/zh-Hans.json, and checks that the three
// languages are complete: same keys, same arguments, nothing left simplified.
// With --check nothing is written and a stale file is an error.
import { readFileSync, writeFileSync } from 'node:fs';
import { Converter } from 'opencc-js/cn2t';
import phrases from '../i18n/zh-Hant.phrases.json' with { type: 'json' };

const at = (name) => new URL(`../i18n/${name}.json`, import.meta.url);
const read = (name) => JSON.parse(readFileSync(at(name), 'utf8'));

const toTraditional = Converter({ from: 'cn', to: 'tw' });

// A phrase of ours is put behind a mark, so that the dictionary leaves it alone.
function convert(text) {
  const kept = [];
  let marked = text;
  for (const [hans, hant] of Object.entries(phrases)) {
    marked = marked.replaceAll(hans, () => `\u0001${kept.push(hant) - 1}\u0002`);
  }
  return toTraditional(marked).replace(/\u0001(\d+)\u0002/g, (_, i) => kept[i]);
}

const args = (text) => [...text.matchAll(/\{\s*(\w+)/g)].map((m) => m[1]).sort();

function problems(hans, en, hant) {
  const bad = [];
  for (const key of Object.keys(hans)) {
    if (!en[key]) bad.push(`${key}: missing in en`);
    else if (args(hans[key]).join() !== args(en[key]).join()) bad.push(`${key}: zh-Hans and en have different arguments`);
    if (/[\u4e00-\u9fff]/.test(en[key] ?? '') && !key.startsWith('lang.')) bad.push(`${key}: Chinese text in en`);
  }
  for (const key of Object.keys(en)) if (!(key in hans)) bad.push(`${key}: missing in zh-Hans`);
  for (const [key, text] of Object.entries(hant)) {
    if (!key.startsWith('lang.') && convert(text) !== text) bad.push(`${key}: "${text}" is not fully traditional`);
  }
  return bad;
}

const hans = read('zh-Hans');
const hant = Object.fromEntries(Object.entries(hans).map(([k, v]) => [k, k.startsWith('lang.') ? v : convert(v)]));
const bad = problems(hans, read('en'), hant);
const out = `${JSON.stringify(hant, null, 2)}\n`;
if (process.argv.includes('--check')) {
  if (readFileSync(at('zh-Hant'), 'utf8') !== out) bad.push('zh-Hant.json is not what zh-Hans.json gives: run npm run i18n');
} else {
  writeFileSync(at('zh-Hant'), out);
}
if (bad.length) {
  console.error(bad.join('\n'));
  process.exit(1);
}
