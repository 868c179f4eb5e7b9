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
}

export type PassState = 'early' | 'good' | 'used_up' | 'expired' | 'revoked' | 'left' | 'host_left';

export interface Pass {
  id: string;
  name: string;
  doors: string[];
  from: string;
  to: string;
  uses?: number;
  used: number;
  end_on_leave: boolean;
  state: PassState;
  plate?: string;
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
  kept: { what: string; days: number; then: string }[] | null;
  erasures: { id: string; asked_at: string; done_at?: string | null; answer?: string }[] | null;
}
