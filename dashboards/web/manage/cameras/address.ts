/**
 * Puts user and password into an address. They are typed apart, so that nobody has
 * to percent-encode a password; what an address itself has is kept.
 */
export function compose(address: string, user: string, password: string): string {
  const a = address.trim();
  if (!user) return a;
  const m = /^([a-z]+:\/\/)([^/?#]*@)?(.*)$/i.exec(a);
  if (!m) return a;
  return `${m[1]}${escape(user)}:${escape(password)}@${m[3]}`;
}

// encodeURIComponent leaves these, which Go's parser takes for the end of a part.
const escape = (s: string) => encodeURIComponent(s).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

/** Whether an address is that of a device service rather than of a stream. */
export const isONVIF = (address: string): boolean => /^https?:\/\//i.test(address.trim());

/** An id that nobody has yet, made of a name. */
export function freeId(name: string, taken: ReadonlySet<string>): string {
  const base =
    name
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+|-+$/g, '')
      .slice(0, 40) || 'cam';
  for (let n = 1; ; n++) {
    const id = n === 1 && base !== 'cam' ? base : `${base}-${String(n).padStart(2, '0')}`;
    if (!taken.has(id)) return id;
  }
}
