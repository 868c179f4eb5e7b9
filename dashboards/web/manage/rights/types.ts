import type { Right } from '../people/types';

export interface DoorGroup {
  name: string;
  doors: string[] | null;
}

export interface CalendarDay {
  day: string;
  kind: 'holiday' | 'workday';
  name: string;
}

/** What a door demands besides a right. */
export interface DoorPolicy {
  door: string;
  refuse_uid?: boolean;
  phone_proof?: boolean;
  first_in?: boolean;
  two_person_s?: number;
  inside?: string;
  outside?: string;
  interlock?: string[] | null;
}

export interface PassbackArea {
  id: string;
  name: string;
  passback: 'none' | 'alert' | 'enforce';
  forget_s?: number;
  by_contact?: boolean;
}

export interface Explanation {
  granted: boolean;
  reason: string;
  alert: string;
  rung: string;
  at: string;
  why: Right[] | null;
}

/** An account, as the hub's administrator sees it. */
export interface Account {
  id: string;
  login: string;
  name: string;
  role: string;
  zones?: string[] | null;
  disabled?: boolean;
}
