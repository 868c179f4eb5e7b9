import type { Label, Text } from '../kit/types';

export interface Door {
  id: string;
  name: Label;
  online: boolean;
  way?: Text[] | null;
  /** Why it does not open now. */
  closed?: string;
  phone_proof?: boolean;
  /** The lift behind it goes to this floor of mine. */
  lift_floor?: number;
  /** A barrier for cars. */
  vehicles?: boolean;
}

export interface Home {
  person: string;
  name: string;
  unit: string;
  way?: Text[] | null;
  flat?: string;
  doors: Door[] | null;
  /** A phone of mine can prove itself. */
  proof?: boolean;
  /** Passes of mine whose car should be gone. */
  overstays?: Pass[] | null;
}

export type PassState = 'early' | 'good' | 'used_up' | 'expired' | 'revoked' | 'left' | 'host_left';

export type PassKind = 'visitor' | 'courier';

export interface Pass {
  id: string;
  kind?: PassKind;
  name: string;
  doors: string[];
  from: string;
  to: string;
  uses?: number;
  used: number;
  end_on_leave: boolean;
  state: PassState;
  plate?: string;
  /** The host is asked at the door. */
  confirm?: boolean;
  /** When the car came in that is inside now. */
  inside_since?: string | null;
  overstay?: boolean;
  /** With overstay: nobody saw the guest leave. */
  on_foot?: boolean;
  created_at: string;
}

/** A pass that was just given; its link is told this once. */
export interface MadePass extends Pass {
  link: string;
  url?: string;
}

export type CallState = 'ringing' | 'answered' | 'opened' | 'refused' | 'ended' | 'missed';

export interface Call {
  id: string;
  door: string;
  door_name: Label;
  /** Whose pass was shown; none: somebody rang. */
  visitor?: string;
  state: CallState;
  rung_at: string;
  until: string;
  server: string;
  picture?: string;
  mine: boolean;
}

/** What the authorities warn of. */
export interface Warning {
  id: string;
  at: string;
  /** Cancelled, or another took its place. */
  over: boolean;
  exercise: boolean;
  colour: 'white' | 'blue' | 'yellow' | 'orange' | 'red';
  headline: string;
  description: string;
  instruction: string;
  sender: string;
  area: string;
  zones: string[];
  until: string;
}

export interface MyData {
  credentials: { id: string; type: string; last4?: string; revoked_at?: string | null }[] | null;
  rights: unknown[] | null;
  passes: unknown[] | null;
  phones: unknown[] | null;
  badges: unknown[] | null;
  calls?: unknown[] | null;
  kept: { what: string; days: number; then: string }[] | null;
  erasures: { id: string; asked_at: string; done_at?: string | null; answer?: string }[] | null;
}
