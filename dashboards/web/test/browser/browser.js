// Debian's Chromium, as in e2e/: what the tests and the picture-taker share.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';
import { pictures } from './pictures.js';

const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--autoplay-policy=no-user-gesture-required'];

export async function launch() {
  const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
  if (!executablePath) throw new Error('no Chromium here: apt-get install chromium');
  return chromium.launch({ executablePath, args: flags });
}

/** A page of an app, signed in, with pictures; page.errors holds what went wrong in it. */
export async function open(browser, hub, app, login, o = {}) {
  const ctx = await browser.newContext({ viewport: { width: 1920, height: 1080 }, locale: 'zh-CN', timezoneId: 'Asia/Shanghai', ...o });
  const page = await ctx.newPage();
  page.setDefaultTimeout(120_000); // the machine may be busy
  page.errors = [];
  page.on('pageerror', (e) => page.errors.push(String(e)));
  page.on('console', (m) => m.type() === 'error' && page.errors.push(m.text()));
  await page.addInitScript(pictures);
  if (o.blind) await page.addInitScript(() => (window.cameras.off.has = () => true)); // pictures cost more than all the rest
  if (o.init) await page.addInitScript(o.init);
  if (o.lang) await page.addInitScript((l) => localStorage.setItem('dongyue.lang', l), o.lang);
  await page.goto(`${hub.url}/${app}`);
  if (login) {
    await page.getByTestId('login-user').fill(login);
    await page.getByTestId('login-password').fill('dongyue-demo');
    await page.getByTestId('login-submit').click();
  }
  return page;
}

export const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };

/** Waits until f gives something, and gives it; the time is only a limit: the machine may be busy. */
export async function until(what, f, ms = 45_000) {
  for (const end = Date.now() + ms; Date.now() < end; await new Promise((r) => setTimeout(r, 40))) {
    const v = await f();
    if (v) return v;
  }
  throw new Error(`not within ${ms} ms: ${what}`);
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** axe finds nothing against WCAG 2.2 AA on the page as it stands. */
export async function clean(page, where) {
  await page.evaluate(axe); // injected over the debugger: the page's own policy would not load it
  const r = await page.evaluate(() => window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }));
  const bad = r.violations.map((v) => `${v.id}: ${v.nodes.slice(0, 4).map((n) => `${n.target} ${n.any[0]?.message ?? ''}`).join(' | ')}`);
  assert.deepEqual(bad, [], where);
}

/** Nothing is wider than the page, and what is pressed is large enough. */
export async function fits(page, where) {
  const r = await page.evaluate(() => ({
    wide: document.documentElement.scrollWidth - innerWidth,
    small: [...document.querySelectorAll('button, a, input, select')].filter((e) => {
      const x = e.getBoundingClientRect();
      return x.width > 0 && getComputedStyle(e).visibility === 'visible' && e.tabIndex >= 0 && !e.closest('.hidden-text') && (x.width < 24 || x.height < 24) && e.getAttribute('type') !== 'checkbox';
    }).map((e) => e.outerHTML.slice(0, 90)),
  }));
  assert.ok(r.wide <= 0, `${where}: ${r.wide} px too wide`);
  assert.deepEqual(r.small, [], where);
}
