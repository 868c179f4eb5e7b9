import type { Act } from './outbox';

// What waits for a network, on the phone's disk: photos are too large for localStorage.
// Where the browser keeps nothing, it lasts as long as the page.
const name = 'dongyue-crew';
const table = 'acts';

function open(): Promise<IDBDatabase> {
  return new Promise((done, fail) => {
    const r = indexedDB.open(name, 1);
    r.onupgradeneeded = () => r.result.createObjectStore(table, { keyPath: 'id' });
    r.onsuccess = () => done(r.result);
    r.onerror = () => fail(r.error);
  });
}

async function run<T>(mode: IDBTransactionMode, f: (s: IDBObjectStore) => IDBRequest<T>): Promise<T | undefined> {
  try {
    const db = await open();
    const r = f(db.transaction(table, mode).objectStore(table));
    return await new Promise<T>((done, fail) => {
      r.onsuccess = () => done(r.result);
      r.onerror = () => fail(r.error);
    }).finally(() => db.close());
  } catch {
    return undefined; // private mode or a full disk
  }
}

export const keep = (a: Act) => run('readwrite', (s) => s.put(a));
export const drop = (id: string) => run('readwrite', (s) => s.delete(id));
/** All that waits, as it was done. */
export const kept = async (): Promise<Act[]> => ((await run('readonly', (s) => s.getAll() as IDBRequest<Act[]>)) ?? []).sort((a, b) => a.at.localeCompare(b.at));
