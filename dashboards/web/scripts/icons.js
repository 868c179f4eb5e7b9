// Draws the icons of the installed app out of public/mark.svg: phones want pictures of
// fixed sizes, and one with room around it for masks (W3C manifest, purpose maskable:
// what matters lies within 80 % of the width).
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { chromium } from 'playwright-core';

const at = (name) => new URL(`../public/${name}`, import.meta.url);
const mark = readFileSync(at('mark.svg'), 'utf8');
const browser = await chromium.launch({ executablePath: ['/usr/bin/chromium', '/usr/bin/google-chrome'].find(existsSync), args: ['--no-sandbox'] });
for (const [name, size, part, ground] of [['icon-192', 192, 1, 'transparent'], ['icon-512', 512, 1, 'transparent'], ['icon-mask-512', 512, 0.72, '#14304d']]) {
  const page = await browser.newPage({ viewport: { width: size, height: size } });
  await page.setContent(`<body style="margin:0;display:grid;place-items:center;height:100vh;background:${ground}"><div style="width:${size * part}px;height:${size * part}px;display:grid">${mark}</div>`);
  writeFileSync(at(`${name}.png`), await page.screenshot({ omitBackground: true }));
  await page.close();
}
await browser.close();
