// Debian's Chromium, which decodes H.264 over WebRTC.
import { existsSync, mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { chromium } from 'playwright-core'
import { password } from './hub.mjs'

const out = resolve(import.meta.dirname, '../out')

/** More flags of Chromium may be given. */
export async function launch(flags = []) {
  const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync)
  if (!executablePath) throw new Error('no Chromium here: apt-get install chromium')
  return chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--autoplay-policy=no-user-gesture-required', ...flags],
  })
}

/** A page of an app, signed in. With recordPeers, window.peers has its peer connections. */
export async function open(browser, hub, app, login, { recordPeers, ...context } = {}) {
  const ctx = await browser.newContext({ viewport: { width: 1920, height: 1080 }, locale: 'zh-CN', ...context })
  if (recordPeers) {
    await ctx.addInitScript(() => {
      window.peers = []
      const Plain = window.RTCPeerConnection
      window.RTCPeerConnection = class extends Plain {
        constructor(...a) {
          super(...a)
          window.peers.push(this)
        }
      }
    })
  }
  const page = await ctx.newPage()
  page.errors = []
  page.on('pageerror', (e) => page.errors.push(String(e)))
  page.on('console', (m) => m.type() === 'error' && page.errors.push(m.text()))
  await page.goto(`${hub.url}/${app}`)
  await page.getByTestId('login-user').fill(login)
  await page.getByTestId('login-password').fill(password)
  await page.getByTestId('login-submit').click()
  return page
}

export async function shot(page, name) {
  mkdirSync(out, { recursive: true })
  await page.screenshot({ path: join(out, `${name}.png`) })
}

/** State of the videos on the page: [{camera, width, frames, time}]. */
export const videos = (page) => page.evaluate(() => {
  const find = (root) => [...root.querySelectorAll('*')].flatMap((e) => [...(e.tagName === 'VIDEO' ? [e] : []), ...(e.shadowRoot ? find(e.shadowRoot) : [])])
  return [...document.querySelectorAll('[data-testid="tile"]')].flatMap((tile) =>
    find(tile).map((v) => ({ camera: tile.dataset.camera, width: v.videoWidth, frames: v.getVideoPlaybackQuality().totalVideoFrames, time: v.currentTime })))
})
