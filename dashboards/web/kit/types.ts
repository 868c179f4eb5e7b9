// The shapes of the hub's HTTP API and of its stream, as far as the screens use
// them. More fields may stand beside these.
import type { Priority } from './types-alarm';

export type * from './types-alarm';

/** A sentence in the languages of the screens; traditional Chinese is made from zh. */
export interface Text {
  zh: string;
  en: string;
}
export type Label = string | Text;

export type Role = 'admin' | 'supervisor' | 'operator' | 'crew' | 'resident' | 'integrator';
export interface User {
  id: string;
  name: string;
  login: string;
  role: Role;
}

export interface Reading {
  v: number;
  /** For values that are words; v is then 0. */
  text?: string;
  at: string;
}
export interface Device {
  id: string;
  kind: string;
  name: Label;
  zone: string;
  labels?: Record<string, string> | null;
  x?: number;
  y?: number;
  online: boolean;
  last_seen?: string | null;
  fw?: string;
  boot?: string;
  health?: 'ok' | 'fault' | 'unknown';
  state?: Record<string, unknown> | null;
  values?: Record<string, Record<string, Reading>> | null;
}

export interface Zone {
  id: string;
  kind: string;
  name: Label;
  parent?: string;
  shape?: number[] | null;
}

export interface Camera {
  id: string;
  name: Label;
  zone?: string;
  x?: number;
  y?: number;
  heading?: number;
  fov?: number;
  state?: 'idle' | 'connecting' | 'live' | 'no_signal';
  since?: string;
  viewers?: number;
  error?: string;
  error_text?: Label;
  ptz?: boolean;
  /** Its smaller stream; null where there is none. */
  main?: { audio?: string };
  sub?: { width?: number; height?: number; audio?: string } | null;
}

export type CommandStatus = 'queued' | 'sent' | 'accepted' | 'done' | 'failed' | 'expired';
export interface Command {
  id: string;
  device: string;
  type: string;
  status: CommandStatus;
  at?: string;
  expires_at?: string;
  error?: string;
  actor?: string;
  args?: unknown;
  updated_at?: string;
}

/** What opening a door answers: the command, or its id. */
export type Opening = Partial<Command> & { command?: string | Command };

export interface BroadcastNode {
  device: string;
  state: string;
  at?: string;
  error?: string;
  path?: string;
  level_db?: number;
  position_ms?: number;
}
export interface Broadcast {
  id: string;
  zones?: string[];
  text?: string;
  mode?: string;
  live?: boolean;
  priority?: number;
  actor?: string;
  at?: string;
  open?: boolean;
  stopped_at?: string;
  paused?: number;
  targets: number;
  queued?: number;
  accepted?: number;
  playing: number;
  done?: number;
  failed: number;
  overridden?: number;
  nodes?: BroadcastNode[] | null;
}

/** A text that can be said without a synthesiser. */
export interface ReadyText {
  id: string;
  zh: string;
  en: string;
}

/** A message of the authorities and what became of it. */
export interface OfficialMessage {
  id: string;
  state: string;
  reason: string;
  detail?: string; // why it is for the whole community, where it was not meant so
  at: string;
  came: string;
  verified: boolean;
  broadcast: string;
  zones: string[];
  message: { sender: string; status: string; msg_type: string } | null;
  gb?: { severity: string; headline: string; description: string; areaDesc: string };
}

export interface Badge {
  id?: string | number;
  at: string;
  door: string;
  door_name?: Label;
  person?: string;
  name?: string;
  person_name?: string;
  decision: string;
  by?: string;
  note?: string;
  reason?: string;
  side?: string;
  late?: boolean;
  type?: string;
}

export interface OrderLog {
  at: string;
  actor?: string;
  actor_name?: string;
  what: string;
  text?: string;
}
export interface Order {
  id: string;
  number?: number | string;
  priority: Priority | string;
  title: Label;
  device?: string;
  part?: string;
  devices?: string[] | null;
  zone?: string;
  state: 'open' | 'taken' | 'done' | string;
  assignee?: string;
  assignee_name?: string;
  due_at?: string | null;
  created_at: string;
  updated_at?: string;
  source?: string;
  alarm?: string;
  log?: OrderLog[] | null;
  photos?: { id: string; when: 'before' | 'after'; taken_at: string; by_name: string }[] | null;
  /** On this phone: so many acts that the hub has not heard of. */
  waiting?: number;
  /** On this phone: it was said to be done, and the hub has not heard of it. */
  claimed?: boolean;
}

/** Something that the demonstration can make happen. */
export interface DemoIncident {
  id: string;
  title: Text;
  text?: Text;
  story?: boolean;
}

export interface Request {
  id: string;
  text: string;
  zone?: string;
  state?: string;
  created_at: string;
  order?: string;
}

export interface Page<T> {
  items: T[] | null;
  next?: string;
}
