/** A rotating code as the hub makes it. */
export interface Code {
  qr: string;
  /** A fresh one is to be had after so many seconds. */
  step_s: number;
  /** The door refuses it after. */
  until: string;
  /** The hub's clock when it was made. */
  server: string;
}

/** A code with the difference between this clock and the hub's. */
export interface Held {
  code: Code;
  skew: number;
}

/** Takes a code that came just now. */
export const hold = (code: Code, now: number): Held => ({ code, skew: now - Date.parse(code.server) });

/** Seconds for which the door still takes it; 0 when it is over. */
export function left(h: Held | undefined, now: number): number {
  if (!h) return 0;
  const s = Math.ceil((Date.parse(h.code.until) - (now - h.skew)) / 1000);
  return Number.isFinite(s) ? Math.max(0, s) : 0;
}

/** Whether a fresh one should be fetched: in time, so that none is shown at its very end. */
export function due(h: Held | undefined, now: number): boolean {
  return !h || left(h, now) <= h.code.step_s;
}

/** Whether what was remembered is a code that was held. */
export function isHeld(x: unknown): x is Held {
  const h = x as Partial<Held> | null;
  return typeof h === 'object' && h !== null && typeof h.skew === 'number' && typeof h.code?.qr === 'string' && typeof h.code.until === 'string' && typeof h.code.step_s === 'number';
}
