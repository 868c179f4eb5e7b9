import type { Priority, Text } from '../../kit/types';
import type { Mix, Verdict } from '../verdicts';

/** What a rule waits for: a plain id is for the same device. */
export type Dependence = string | { rule: string; scope?: string };

export interface Rule {
  id: string;
  title: Text;
  priority: Priority;
  file: string;
  line: number;
  kinds: string[] | null;
  channel?: string;
  types: string[] | null;
  zones: string[] | null;
  when?: string;
  absent_s?: number;
  for_s: number;
  keep_firing_s?: number;
  realarm_s?: number;
  latch: boolean;
  life_safety?: boolean;
  silent: boolean;
  procedure?: string;
  escalation?: string;
  depends_on: Dependence[] | null;
  actions: string[] | null;
  pending: number;
  firing: number;
  raised: number;
  last_raised_at?: string | null;
  errors: number;
  last_error?: string;
  /** Taken out because it cost too much; the others run on. */
  disabled?: { since: string; reason: string } | null;
}

export interface RuleFile {
  name: string;
  text: string;
  /** Of the text, for saving over it and nothing else. */
  hash?: string;
}

/** The rules in force, and how the folder stands to them. */
export interface RuleBook {
  items: Rule[] | null;
  disk?: 'same' | 'differs' | 'bad';
  /** Why the files on disk can't be put in force. */
  problems?: Problem[] | null;
}

export interface RuleFiles {
  items: RuleFile[] | null;
  /** The hub has a folder that can be written to. */
  writable?: boolean;
}

/** What a change of the files answers. */
export interface Reloaded {
  changed?: boolean;
  rules?: number;
  /** How long the judgement stood still. */
  still_ms?: number;
}

/** A mistake in a file; line and column count from 1, 0 is the file as a whole. */
export interface Problem {
  file: string;
  line: number;
  col: number;
  path?: string;
  what: string;
  hint?: string;
}

export interface Check {
  ok: boolean;
  rules?: string[] | null;
  problems: Problem[] | null;
}

export interface TestResult {
  file: string;
  line: number;
  name: string;
  ok: boolean;
  want?: string[] | null;
  got?: string[] | null;
}

export interface TestRun {
  ok: boolean;
  problems: Problem[] | null;
  results: TestResult[] | null;
}

export interface Hour {
  at: string;
  count: number;
  live?: number;
}

export interface Noisy {
  device: string;
  part?: string;
  count: number;
}

export interface Change {
  change: 'added' | 'removed';
  at: string;
  rule: string;
  device: string;
  part?: string;
  priority: Priority;
}

export interface ReplayReport {
  from: string;
  to: string;
  events: number;
  seconds: number;
  raised: number;
  live_raised: number;
  per_day: number;
  per_10min: { avg: number; max: number };
  flood_share_pct: number;
  mix: Mix;
  rules: { rule: string; priority: Priority; raised: number; live_raised: number; subjects: number; noisiest: Noisy[] | null }[] | null;
  diff: Change[] | null;
  /** Raised by both, at another time. */
  moved?: number;
  /** What the figures do not say. */
  notes?: Text[] | null;
  diff_more: number;
  hours: Hour[] | null;
  verdicts: Verdict[] | null;
}

export interface Replay {
  id: string;
  state: 'running' | 'done' | 'failed' | 'cancelled';
  /** 0 to 1. */
  progress: number;
  events?: number;
  error?: string;
  report?: ReplayReport | null;
}
