/** A door as GET /doors has it (docs/protocol.md, "Doors"). */
export interface DoorView {
  id: string;
  name: string;
  zone: string;
  online: boolean;
  rung: Rung;
  cause: string;
  mode: string;
  order: '' | ProofState;
  error: string;
  lock: 'secured' | 'unlocked' | 'fault' | 'unknown';
  position: 'closed' | 'open' | 'fault' | 'unknown';
  secure: 'yes' | 'no' | 'unknown';
  alarm: string;
  open_for_s: number;
  /** When it is free by the clock; an empty schedule is never. */
  hours?: { schedule: string; first_in: boolean };
}

export type Rung = 'controlled' | 'schedule_free' | 'manual_override' | 'maintenance' | 'lockdown' | 'fire_release';
export type ProofState = 'sent' | 'confirmed' | 'failed' | 'offline' | 'would';

export interface Proof {
  door: string;
  state: ProofState;
  at: string;
  error: string;
}

/** What keeps doors on a rung, with the proof of each door. */
export interface Standing {
  id: string;
  kind: 'hand' | 'lockdown' | 'fire' | 'hours';
  rung: Rung;
  areas: string[];
  plan: string;
  drill: boolean;
  source: string;
  by: string;
  reason: string;
  began_at: string;
  until?: string | null;
  ended_at: string | null;
  targets: number;
  sent: number;
  confirmed: number;
  failed: number;
  offline: number;
  would: number;
  doors: Proof[];
}

export interface LockdownPlan {
  id: string;
  name: { zh: string; en: string };
  areas: string[];
  rung: Rung;
}

export type MusterState = '' | 'safe' | 'missing' | 'away';

export interface MusterEntry {
  person: string;
  name: string;
  unit: string;
  flat: string;
  basis: 'inside' | 'home' | 'out';
  essential: boolean;
  seen_at: string | null;
  seen_door: string;
  state: MusterState;
  marked_at: string | null;
  marked_by: string;
  note: string;
}

export interface Muster {
  id: string;
  area: string;
  reason: string;
  drill: boolean;
  by: string;
  began_at: string;
  ended_at: string | null;
  expected: number;
  safe: number;
  away: number;
  missing: number;
  unaccounted: number;
  unaccounted_flats: { unit: string; flat: string; names: string[] }[];
  people: MusterEntry[];
}

/** By which list of rights a door would decide alone. */
export interface DoorList {
  door: string;
  name: string;
  zone: string;
  online: boolean;
  state: 'current' | 'old' | 'none' | 'unsupported';
  version: number;
  entries: number;
  issued_at?: string;
  has: number;
  has_issued_at?: string;
  expires_at?: string;
  since?: string;
  revoked: number;
  narrowed: number;
  until?: string;
  refused?: string;
  refused_at?: string;
}
