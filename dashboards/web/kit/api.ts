import type { Page } from './types';

/** What the hub, or the way to it, answered instead of a result. */
export class ApiError extends Error {
  constructor(
    /** HTTP status; 0 when there was no answer. */
    readonly status: number,
    /** Stable code of the problem, such as "alarm.already_closed". */
    readonly code: string,
    /** The hub's own sentence. */
    readonly detail: string,
  ) {
    super(detail || code);
  }
}

const base = '/api/v1';
const patience = 15_000;

let signedOut: () => void = () => {};

/** Names who is told when the hub no longer knows the session. */
export function onSignedOut(f: () => void): void {
  signedOut = f;
}

export interface Options {
  /** Makes a repeated command one command. */
  key?: string;
  /** A 401 is this call's own answer, not the end of the session. */
  quiet401?: boolean;
}

/** Calls the hub and returns its JSON; throws ApiError. */
export async function call<T>(method: string, path: string, body?: unknown, o: Options = {}): Promise<T> {
  const headers: Record<string, string> = { Accept: 'application/json' };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (o.key) headers['Idempotency-Key'] = o.key;
  let res: Response;
  try {
    res = await fetch(base + path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: 'same-origin',
      signal: AbortSignal.timeout(patience),
    });
  } catch (err) {
    const late = err instanceof DOMException && err.name === 'TimeoutError';
    throw new ApiError(0, late ? 'timeout' : 'network', '');
  }
  if (!res.ok) throw await problem(res, o);
  const text = await res.text();
  return (text ? JSON.parse(text) : undefined) as T;
}

async function problem(res: Response, o: Options): Promise<ApiError> {
  let code = '';
  let detail = '';
  try {
    const p = (await res.json()) as { code?: string; detail?: string; title?: string };
    code = p.code ?? '';
    detail = p.detail ?? p.title ?? '';
  } catch {
    // not a problem document: a proxy, or a hub that is just starting
  }
  if (res.status === 401 && !o.quiet401) signedOut();
  return new ApiError(res.status, code || `http.${res.status}`, detail);
}

export const get = <T>(path: string) => call<T>('GET', path);
export const post = <T>(path: string, body?: unknown, o?: Options) => call<T>('POST', path, body ?? {}, o);

/** Follows a list's cursor to its end, at most so many items. */
export async function all<T>(path: string, max = 20_000, limit = 500): Promise<T[]> {
  const items: T[] = [];
  let cursor = '';
  do {
    const sep = path.includes('?') ? '&' : '?';
    const page = await get<Page<T>>(`${path}${sep}limit=${limit}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    items.push(...(page.items ?? []));
    cursor = page.next ?? '';
  } while (cursor && items.length < max);
  return items;
}

/** A fresh idempotency key. randomUUID exists only in secure contexts, and a hub on the estate's own network may be plain HTTP. */
export function newKey(): string {
  const b = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(b, (x) => x.toString(16).padStart(2, '0')).join('');
}
