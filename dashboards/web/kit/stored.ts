/** What this browser remembered, or the fallback. */
export function recall<T>(key: string, fallback: T, good: (x: unknown) => boolean = () => true): T {
  try {
    const text = localStorage.getItem(`dongyue.${key}`);
    if (text === null) return fallback;
    const value: unknown = JSON.parse(text);
    return good(value) ? (value as T) : fallback;
  } catch {
    return fallback;
  }
}

/** Remembers it, where the browser lets us. */
export function remember(key: string, value: unknown): void {
  try {
    localStorage.setItem(`dongyue.${key}`, JSON.stringify(value));
  } catch {
    // private mode or a full store: it lasts as long as the page
  }
}
