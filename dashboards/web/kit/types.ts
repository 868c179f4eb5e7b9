// The shapes of the hub's HTTP API and of its stream, as far as the screens use
// them. More fields may stand beside these.

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

export type Priority = 'critical' | 'high' | 'medium' | 'low';
export type AlarmState =
  | 'unacked_active'
  | 'acked_active'
  | 'unacked_returned'
  | 'normal'
  | 'shelved'
  | 'suppressed'
  | 'out_of_service';

export interface JournalEntry {
  at: string;
  actor: string;
  what: string;
  text?: string;
}

/** The card that a guard follows. */
export interface Procedure {
  id?: string;
  title?: Label;
  /** What must not be done. */
  caution?: Label;
  steps: Label[];
}

export interface Alarm {
  id: string;
  seq?: number;
  rule: string;
  device: string;
  part?: string;
  priority: Priority;
  state: AlarmState;
  title: Text;
  raised_at: string;
  acked_at?: string | null;
  acked_by?: string | null;
  returned_at?: string | null;
  closed_at?: string | null;
  cameras?: string[] | null;
  incident?: string;
  zone?: string;
  device_name?: Label;
  kind?: string;
  procedure?: string | Procedure | null;
  assignee?: string;
  journal?: JournalEntry[] | null;
  count?: number;
  change?: string;
  /** The condition holds. */
  active?: boolean;
  /** Stays until a person closes it. */
  latched?: boolean;
  /** The hub will hear of the end. */
  measured?: boolean;
  /** Duress: nothing may sound. */
  silent?: boolean;
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
}
export interface Broadcast {
  id: string;
  text?: string;
  mode?: string;
  targets: number;
  queued?: number;
  accepted?: number;
  playing: number;
  done?: number;
  failed: number;
  overridden?: number;
  nodes?: BroadcastNode[] | null;
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
  zone?: string;
  state: 'open' | 'taken' | 'done' | string;
  assignee?: string;
  assignee_name?: string;
  due_at?: string | null;
  created_at: string;
  source?: string;
  alarm?: string;
  log?: OrderLog[] | null;
}

export interface Incident {
  id: string;
  title: Text;
  text?: Text;
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
