import { call } from '../kit/api';
import type { Code } from '../kit/rotating';
import type { Text } from '../kit/types';
import type { PassKind, PassState } from '../home/types';

/** What the holder of a link sees. */
export interface Visit {
  name: string;
  doors: string[];
  places?: { name: string; way: Text[] | null; vehicles?: boolean }[] | null;
  from: string;
  to: string;
  uses?: number;
  used: number;
  end_on_leave?: boolean;
  state: PassState;
  kind?: PassKind;
  plate?: string;
  /** The host is asked at the door. */
  confirm?: boolean;
  /** When the car came in that is inside now. */
  inside_since?: string | null;
  overstay?: boolean;
  /** With overstay: nobody saw the guest leave. */
  on_foot?: boolean;
  /** The hub's clock. */
  server?: string;
  code?: Code;
}

/** The token of a page's address; '' for none. */
export const tokenIn = (path: string): string => /^\/visit\/([A-Za-z0-9]{1,64})\/?$/.exec(path)?.[1] ?? '';

/** The way as one reads it: a name that repeats the one before says only what is new. */
export const steps = (names: string[]): string[] =>
  names.map((name, i) => {
    const before = names[i - 1] ?? '';
    const rest = before && name.startsWith(before) ? name.slice(before.length).replace(/^[\s,·]+/, '') : name;
    return rest || name;
  });

/** Whole minutes that a guest has left; what has begun counts. */
export const minutesLeft = (v: Visit): number => Math.max(0, Math.ceil((Date.parse(v.to) - Date.parse(v.server ?? new Date().toISOString())) / 60_000));

/** Asks the hub; a 401 of a proxy ends no session here. */
export const fetchVisit = (token: string): Promise<Visit> => call<Visit>('GET', `/visit/${token}`, undefined, { quiet401: true });
