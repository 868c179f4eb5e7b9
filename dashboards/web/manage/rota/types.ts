import type { Priority, Role, Text } from '../../kit/types';

export interface Shift {
  id: string;
  name: Text;
  /** Time of day, HH:MM, on the site's clock; a shift that ends before it begins goes over midnight. */
  from: string;
  to: string;
  /** 1 Monday … 7 Sunday: the day on which it begins. */
  days: number[];
  /** User ids. */
  team: string[];
  supervisor: string;
}

/** For a time one person stands in for another; without `out` one comes besides, without `in` one is away. */
export interface Override {
  id: string;
  from: string;
  to: string;
  out: string;
  in: string;
  reason: string;
}

export interface Person {
  id: string;
  name: string;
  role?: Role | string;
}

export interface RotaBook {
  shifts: Shift[] | null;
  overrides: Override[] | null;
  /** Who can be put on duty. */
  people?: Person[] | null;
  /** Who is called when nobody else answers, in this order. */
  lists?: CallList[] | null;
  time_zone?: string;
}

export interface CallList {
  name: string;
  people: Person[];
}

export interface OnDuty {
  shift: string;
  name?: Text;
  from?: string | null;
  to?: string | null;
  people: Person[] | null;
  supervisor: Person | string | null;
  /** The plan has nobody: these are all who could be. */
  fallback?: boolean;
}

export interface Policy {
  name: string;
  priorities: string[] | null;
  steps: { after_s: number; to: string[] }[] | null;
  /** How often it begins again after the last step. */
  repeat: number;
}

/** Where a person is reached. */
export interface Contacts {
  language?: 'zh' | 'en' | '';
  channels: Channel[] | null;
}

export interface Channel {
  type: string;
  address: string;
}

/** A way by which the hub can reach people. */
export interface ChannelType {
  type: string;
  configured?: boolean;
}

/** A notification's way to one person by one channel. */
export interface Delivery {
  letter?: string;
  alarm?: string;
  user?: string;
  name?: string;
  channel: string;
  address: string;
  state: 'waiting' | 'sending' | 'sent' | 'failed' | 'expired' | 'duplicate' | string;
  subject?: Text;
  priority?: Priority;
  attempts?: number;
  created_at: string;
  ended_at?: string | null;
  /** Why it failed, or why it waits. */
  problem?: string;
}
