import type { Escalation } from '../kit/types';

/** Who is asked, and who will be when nobody answers. */
export interface Asked {
  to: string[];
  names: string[];
  /** Undefined when the last step has been taken. */
  next?: { to: string[]; inS: number };
}

/** Reads an alarm's escalation at a moment. */
export function asked(e: Escalation, now: number): Asked {
  const at = Date.parse(e.next_at ?? '');
  const out: Asked = { to: e.to ?? [], names: e.names ?? [] };
  if (!Number.isNaN(at)) out.next = { to: e.next_to ?? [], inS: Math.max(0, Math.ceil((at - now) / 1000)) };
  return out;
}

/** A target of a policy: its sort, and of a list or a person the name. */
export function target(to: string): { sort: string; name: string } {
  const i = to.indexOf(':');
  return i < 0 ? { sort: to, name: '' } : { sort: to.slice(0, i), name: to.slice(i + 1) };
}
