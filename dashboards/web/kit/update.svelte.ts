// A page for phones is kept for times without a network by its service worker. A new version of it
// waits until this page says so: what is under way is not torn away, and no page runs
// with half of an old version.

class Update {
  ready = $state(false);
  #waiting: ServiceWorker | undefined;
  #asked = false;

  /** app is home or crew: the page that is kept. */
  start(app: 'home' | 'crew'): void {
    if (!import.meta.env.PROD || !window.isSecureContext || !('serviceWorker' in navigator)) return;
    navigator.serviceWorker.addEventListener('controllerchange', () => this.#asked && location.reload());
    void navigator.serviceWorker.register(`/${app}-sw.js`, { scope: `/${app}` }).then(
      (r) => {
        this.#found(r);
        r.addEventListener('updatefound', () => {
          const w = r.installing;
          w?.addEventListener('statechange', () => w.state === 'installed' && this.#found(r));
        });
        let looked = Date.now();
        document.addEventListener('visibilitychange', () => {
          if (document.visibilityState !== 'visible' || Date.now() - looked < 60_000) return;
          looked = Date.now();
          void r.update().catch(() => {}); // without a network there is none
        });
      },
      () => {}, // it then works with a network only
    );
  }

  #found(r: ServiceWorkerRegistration): void {
    if (!r.waiting || !navigator.serviceWorker.controller) return;
    this.#waiting = r.waiting;
    this.ready = true;
  }

  take(): void {
    this.#asked = true;
    this.#waiting?.postMessage('take over');
  }
}

export const update = new Update();
