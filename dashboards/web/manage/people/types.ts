/** The shapes of people and what opens for them (docs/protocol.md, "Doors"). */
export const kinds = ['resident', 'child', 'staff', 'courier', 'visitor'] as const;
export type Kind = (typeof kinds)[number];

export interface Person {
  id: string;
  name: string;
  unit: string;
  household: string;
  groups: string[] | null;
  kind: Kind;
  escort?: string;
  host?: string;
  consent?: boolean;
  active: boolean;
  created_at: string;
  left_at?: string;
  child_until?: string;
}

export interface Credential {
  id: string;
  person: string;
  type: 'card' | 'pin' | 'qr' | 'mobile' | 'plate';
  last4: string;
  class?: string;
  duress?: boolean;
  plate?: string;
  /** Not yet in the lists of doors. */
  show_once?: boolean;
  max_uses?: number;
  state: 'active' | 'revoked' | 'lost';
  valid_from?: string;
  valid_to?: string;
  created_at: string;
  revoked_at?: string;
}

export interface Right {
  id: string;
  person?: string;
  group?: string;
  door?: string;
  door_group?: string;
  zone?: string;
  first?: boolean;
  lockdown?: boolean;
  schedule: string;
  valid_from?: string;
  valid_to?: string;
  created_at: string;
}

export interface PersonFile extends Person {
  credentials: Credential[] | null;
  rights: Right[] | null;
}

/** A person and a door: whether the one opens the other now, and by which rights. */
export interface Opener {
  person: string;
  name: string;
  unit: string;
  household: string;
  kind: Kind;
  door: string;
  door_name: string;
  zone: string;
  open: boolean;
  reason: string;
  why: Right[] | null;
  list: '' | 'current' | 'old' | 'none' | 'unsupported';
}

export interface Receipt {
  at: string;
  credentials: number;
  rights: number;
  passes: number;
  phones: number;
  accounts: number;
  sessions: number;
}

export interface Move {
  id: string;
  at: string;
  actor: string;
  from_unit: string;
  from_household: string;
  to_unit: string;
  to_household: string;
  receipt?: Receipt;
}

export interface Consent {
  id: string;
  child: string;
  guardian: string;
  given_at: string;
  ended_at?: string;
}

export interface Phone {
  id: string;
  name: string;
  created_at: string;
  revoked_at?: string;
}

export interface ImportResult {
  dry_run: boolean;
  added: number;
  changed: number;
  credentials: number;
  rights: number;
  encoding?: string;
  errors: { line: number; column?: string; message: string }[] | null;
}

export interface Items<T> {
  items: T[] | null;
}
