// The shapes of alarms and of what is around them: incidents, procedures, drills,
// evidence. As in types.ts, more fields may stand beside these.
import type { Label, Text } from './types';

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

/** Whom the hub asks because nobody has acknowledged: on_duty, next_on_duty, supervisor, list:NAME, user:ID. */
export interface Escalation {
  policy: string;
  /** How many steps have been taken. */
  step: number;
  /** Who is asked now, and who that is. */
  to?: string[] | null;
  names?: string[] | null;
  /** When the next one is asked; null when there is none. */
  next_at?: string | null;
  next_to?: string[] | null;
}

/** What an alarm and an incident have in common: what the queue goes by. */
export interface Standing {
  id: string;
  seq?: number;
  priority: Priority;
  state: AlarmState;
  raised_at: string;
  acked_at?: string | null;
  acked_by?: string | null;
  closed_at?: string | null;
  /** Lives may depend on it: never put aside. */
  life_safety?: boolean;
  /** It did not happen: people practise. */
  drill?: boolean;
}

/** What the stream says beside an alarm or an incident that changed. */
export interface Changed {
  change?: string;
  /** The operators are called. */
  annunciate?: boolean;
}

/** By whom and until when something was put aside. */
export interface Aside {
  shelved_until?: string | null;
  shelved_by?: string;
  shelve_reason?: string;
  shelve_kind?: 'timed' | 'one_shot' | '';
  suppressed_by?: string;
}

export interface Alarm extends Standing, Aside, Changed {
  rule: string;
  device: string;
  part?: string;
  title: Text;
  returned_at?: string | null;
  cameras?: string[] | null;
  incident?: string;
  zone?: string;
  device_name?: Label;
  kind?: string;
  procedure?: string | null;
  assignee?: string;
  assignee_id?: string;
  journal?: JournalEntry[] | null;
  count?: number;
  /** The condition holds. */
  active?: boolean;
  /** Stays until a person closes it. */
  latched?: boolean;
  /** The hub will hear of the end. */
  measured?: boolean;
  /** Duress: nothing may sound. */
  silent?: boolean;
  cause?: string;
  rule_version?: string;
  realarm_at?: string | null;
  escalation?: Escalation | null;
}

/** Alarms with one cause, place and time. */
export interface Incident extends Standing, Aside, Changed {
  cause?: string;
  zone?: string;
  zone_name?: Label;
  title: Text;
  /** The alarm that the others come from. */
  root: string;
  rule?: string;
  device?: string;
  device_name?: Label;
  /** How many alarms it has. */
  alarms: number;
  /** How often they were raised. */
  raw?: number;
  last_at?: string;
  assignee?: string;
  assignee_id?: string;
  cameras?: string[] | null;
  procedure?: string | null;
  /** The incident that its alarms are in now. */
  merged_into?: string;
  timeline?: IncidentEntry[] | null;
}
/** What an action on all of an incident's alarms answers: some of them may not allow it. */
export interface IncidentDone extends Incident {
  changed?: number;
  refused?: { alarm: string; code: string; detail: string }[] | null;
}
export interface IncidentEntry extends JournalEntry {
  alarm?: string;
  device_name?: Label;
  title?: Label;
}

/** The card that a guard follows. */
export interface Procedure {
  id?: string;
  title?: Label;
  /** What must not be done. */
  caution?: Label;
  steps: Step[];
}
/** A step; with answers it is a question, and the answer decides what comes next. */
export interface Step {
  id: string;
  text: Label;
  answers?: Answer[] | null;
  /** Empty: the card ends here. */
  next?: string;
  /** What the desk opens for it; `to` is whom to telephone. */
  do?: { open: string; to?: string };
}
export interface Answer {
  id: string;
  label: Label;
  next: string;
}
export interface StepDone {
  step: string;
  at: string;
  actor: string;
  answer?: string;
  text?: string;
}
/** How far a card has been followed for an alarm. */
export interface Progress {
  card: Procedure;
  done: StepDone[] | null;
  next: string;
  finished: boolean;
}

export interface FloodSpan {
  began_at: string;
  ended_at?: string | null;
  peak_10min?: number;
  annunciations?: number;
}
export interface Flood {
  active: boolean;
  /** At its end: incidents that were held back and that nobody has seen. */
  waiting?: number;
  annunciate?: boolean;
  since?: string | null;
  per_operator_10min?: number;
  history?: FloodSpan[] | null;
}

export interface BadActor {
  rule: string;
  device: string;
  device_name?: Label;
  zone?: string;
  kind: 'chattering' | 'fleeting' | 'frequent' | string;
  count: number;
  cycles_per_min?: number;
  first_at: string;
  last_at?: string;
  /** The work order that was made of it. */
  order?: string | null;
}

/** Maintenance: its alarms are kept, but annunciate nothing. */
export interface OutOfService {
  id: string;
  device?: string;
  device_name?: Label;
  zone?: string;
  zone_name?: Label;
  rule?: string;
  until: string;
  reason?: string;
  by?: string;
}

/** An action of an alarm, and what became of it. */
export interface ActionDone {
  type: string;
  text?: Label;
  state: string;
  result?: string;
  at?: string | null;
  device?: string;
  command?: string | { device: string; type: string } | null;
  replies?: { at?: string; status?: string; error?: string }[] | null;
}
export interface Drill {
  id: string;
  rule?: string;
  device?: string;
  alarms: string[] | null;
  actions: ActionDone[] | null;
  began_at: string;
  ended_at?: string | null;
  by?: string;
  reason?: string;
}

/** One link between an event and what came of it, or why nothing did. */
export interface Because {
  what: string;
  ok: boolean;
  text: Label;
  expr?: string;
  value?: string;
  at?: string | null;
  seq?: number;
}
export interface Explanation {
  rule: string;
  rule_version?: string;
  current_version?: string;
  /** In one sentence. */
  conclusion?: Label;
  why: Because[] | null;
  event?: { seq?: number; at?: string; device?: string; type?: string; channel?: string; data?: unknown } | null;
  actions?: ActionDone[] | null;
}

/** A piece of a camera's picture that was kept as evidence. */
export interface Clip {
  id: string;
  camera: string;
  alarm?: string;
  camera_name?: Label;
  state: 'recording' | 'complete' | 'interrupted' | 'failed' | string;
  from?: string | null;
  to?: string | null;
  /** Why it ends early. */
  problem_text?: Label;
  reason?: string;
  wanted_from?: string;
  wanted_to?: string;
  duration_ms?: number;
  bytes?: number;
  /** Neither age nor space deletes it. */
  kept?: boolean;
}

export interface RuleView {
  id: string;
  title?: Label;
  kinds?: string[] | null;
  priority?: Priority;
}
