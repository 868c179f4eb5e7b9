// The pages for everybody's phone: /home and /visit. A build of its own, so that a
// phone of 2018 understands it and loads nothing of the desk.
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';
import { phoneMessages } from './scripts/i18n-part.js';
import { worker } from './scripts/worker.js';

// Svelte keeps its scopes weightless with :where(), which came in 2021 and voids the
// whole rule in older browsers; as plain classes they weigh the same everywhere.
const plainScopes = {
  name: 'dongyue-plain-scopes',
  generateBundle(_, bundle) {
    for (const f of Object.values(bundle)) {
      if (f.fileName.endsWith('.css')) f.source = String(f.source).replace(/:where\((\.svelte-[\w-]+)\)/g, '$1');
    }
  },
};

export default defineConfig({
  plugins: [phoneMessages, svelte(), plainScopes, worker('home')],
  publicDir: false, // the first build has put it there
  build: {
    outDir: 'dist',
    emptyOutDir: false, // this one goes second
    target: ['es2017', 'chrome64', 'safari12', 'firefox67'], // modules with import(): no older browser has them
    cssTarget: ['chrome64', 'safari12'],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rollupOptions: { input: { home: 'home.html', visit: 'visit.html' } },
  },
});
