import type { Page } from './types';

/** One of the mistakes that a problem lists, and where it is: a field, or file:line:col. */
export interface Mistake {
  message: string;
  location?: string;
}

/** What the hub, or the way to it, answered instead of a result. */
export class ApiError extends Error {
  constructor(
    /** HTTP status; 0 when there was no answer. */
    readonly status: number,
    /** Stable code of the problem, such as "alarm.already_closed". */
    readonly code: string,
    /** The hub's own sentence. */
    readonly detail: string,
    /** All that is wrong with what was sent, where the hub says so. */
    readonly mistakes: Mistake[] = [],
  ) {
    super(detail || code);
  }
}

const base = '/api/v1';
const patience = 15_000; // ms
const longPatience = 300_000; // a recording is made ready first

let signedOut: () => void = () => {};

/** Names who is told when the hub no longer knows the session. */
export function onSignedOut(f: () => void): void {
  signedOut = f;
}

export interface Options {
  /** Makes a repeated command one command. */
  key?: string;
  /** Hash of what is to be replaced: refused when it is another by now. */
  match?: string;
  /** A 401 is this call's own answer, not the end of the session. */
  quiet401?: boolean;
}

/** Calls the hub and returns its JSON; throws ApiError. */
export async function call<T>(method: string, path: string, body?: unknown, o: Options = {}): Promise<T> {
  const res = await ask(method, path, body, o, patience);
  const text = await res.text();
  return (text ? JSON.parse(text) : undefined) as T;
}

/** Posts, and saves the file that the hub answers under a name. */
export async function download(path: string, body: unknown, name: string): Promise<void> {
  const blob = await (await ask('POST', path, body, {}, longPatience)).blob();
  const a = document.createElement('a');
  a.href = URL.createObjectURL(blob);
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 60_000);
}

async function ask(method: string, path: string, body: unknown, o: Options, ms: number): Promise<Response> {
  const headers: Record<string, string> = { Accept: 'application/json' };
  const raw = body instanceof Blob; // a picture goes as it is
  if (body !== undefined) headers['Content-Type'] = raw ? body.type || 'application/octet-stream' : 'application/json';
  if (o.key) headers['Idempotency-Key'] = o.key;
  if (o.match) headers['If-Match'] = `"${o.match}"`;
  let res: Response;
  let late = false;
  const abort = new AbortController(); // old phones have no AbortSignal.timeout
  const timer = setTimeout(() => ((late = true), abort.abort()), ms);
  try {
    res = await fetch(base + path, {
      method,
      headers,
      body: body === undefined ? undefined : raw ? body : JSON.stringify(body),
      credentials: 'same-origin',
      signal: abort.signal,
    });
  } catch {
    throw new ApiError(0, late ? 'timeout' : 'network', '');
  } finally {
    clearTimeout(timer);
  }
  if (!res.ok) throw await problem(res, o);
  return res;
}

async function problem(res: Response, o: Options): Promise<ApiError> {
  let code = '';
  let detail = '';
  let mistakes: Mistake[] = [];
  try {
    const p = (await res.json()) as { code?: string; detail?: string; title?: string; errors?: Mistake[] | null };
    code = p.code ?? '';
    detail = p.detail ?? p.title ?? '';
    mistakes = p.errors ?? [];
  } catch {
    // not a problem document: a proxy, or a hub that is just starting
  }
  if (res.status === 401 && !o.quiet401) signedOut();
  return new ApiError(res.status, code || `http.${res.status}`, detail, mistakes);
}

export const get = <T>(path: string) => call<T>('GET', path);
export const put = <T>(path: string, body: unknown) => call<T>('PUT', path, body);
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
