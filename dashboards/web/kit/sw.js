// Keeps the shell of a page for phones, /home or /crew, for times without a network: the
// page, its scripts, styles and pictures. Nothing else: what the hub answers and the pages
// of visitors are never kept. APP, FILES and VERSION are put in at build.
const APP = self.__APP__;
const FILES = self.__FILES__;
const KEPT = 'dongyue-' + APP + '-';
const SHELL = KEPT + self.__VERSION__;
const PATIENCE = 4000; // ms, until the kept page is shown instead

self.addEventListener('install', (e) => {
  e.waitUntil(caches.open(SHELL).then((c) => c.addAll(FILES.map((f) => new Request(f, { cache: 'reload' })))));
});

self.addEventListener('activate', (e) => {
  e.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter((n) => n.startsWith(KEPT) && n !== SHELL).map((n) => caches.delete(n))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener('message', (e) => {
  if (e.data === 'take over') self.skipWaiting();
});

self.addEventListener('fetch', (e) => {
  const url = new URL(e.request.url);
  if (e.request.method !== 'GET' || url.origin !== self.location.origin) return;
  if (e.request.mode === 'navigate') {
    if (url.pathname === '/' + APP || url.pathname === '/' + APP + '/') e.respondWith(page(e.request));
    return;
  }
  if (FILES.includes(url.pathname)) e.respondWith(caches.match(url.pathname, { cacheName: SHELL }).then((kept) => kept || fetch(e.request)));
});

// The newest page where there is a network, so that none is old; else the kept one.
function page(request) {
  const kept = () => caches.match('/' + APP, { cacheName: SHELL });
  return new Promise((show) => {
    const late = setTimeout(() => kept().then((r) => r && show(r)), PATIENCE);
    fetch(request).then(
      (r) => (r.ok ? show(r) : kept().then((k) => show(k || r))),
      () => kept().then((k) => show(k || Response.error())),
    ).then(() => clearTimeout(late));
  });
}
