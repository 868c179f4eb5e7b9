import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';
import { worker } from './scripts/worker.js';

const apps = ['dispatch', 'crew']; // the residents' pages are built by vite.phone.config.js

// The hub serves /dispatch for dispatch.html; the development server does the same.
const pages = {
  name: 'dongyue-pages',
  configureServer(server) {
    server.middlewares.use((req, _res, next) => {
      const path = (req.url ?? '').split('?')[0];
      if (path === '/' || path === '/login') req.url = '/dispatch.html';
      else if ([...apps, 'home'].includes(path.slice(1))) req.url = `${path}.html`;
      else if (/^\/visit\/[a-z0-9]+$/.test(path)) req.url = '/visit.html';
      next();
    });
  },
};

const hub = process.env.DONGYUE_HUB ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [svelte(), pages, worker('crew')],
  server: { port: 5173, proxy: { '/api': hub, '/whep': hub } },
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: ['chrome107', 'safari16', 'firefox104'],
    assetsInlineLimit: 0, // the content security policy allows no data: scripts or styles
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rollupOptions: { input: Object.fromEntries(apps.map((a) => [a, `${a}.html`])) },
  },
  test: { include: ['test/unit/**/*.test.ts'], environment: 'node', testTimeout: 60_000 }, // a busy machine fails no test
});
