// Debian's Chromium, as in e2e/: what the tests and the picture-taker share.
import { existsSync } from 'node:fs';
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
  page.errors = [];
  page.on('pageerror', (e) => page.errors.push(String(e)));
  page.on('console', (m) => m.type() === 'error' && page.errors.push(m.text()));
  await page.addInitScript(pictures);
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
